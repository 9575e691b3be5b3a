//! From version 1 to 2. Orders in timelines were positions of the log, one after the other, so that history had to go
//! to the start wherever it was missing. Now they are [`TimelineOrder::APART`] apart, and the gaps are written down.

use crate::{Batch, Scan, StorageError, TimelineOrder, View, schema};

pub(super) fn upgrade(view: &View, batch: &mut Batch) -> Result<(), StorageError> {
    // A new key can be another's old one: all deletions come first.
    for row in view.scan(&schema::TIMELINE, Scan::all()) {
        batch.delete(&schema::TIMELINE, row?.0);
    }
    for row in view.scan(&schema::TIMESTAMPS, Scan::all()) {
        batch.delete(&schema::TIMESTAMPS, row?.0);
    }
    for row in view.scan(&schema::RELATIONS, Scan::all()) {
        let ((room, parent, order, child), _) = row?;
        batch.delete(&schema::RELATIONS, (room, &parent, order, child));
    }
    for row in view.scan(&schema::THREADS_BY_ACTIVITY, Scan::all()) {
        batch.delete(&schema::THREADS_BY_ACTIVITY, row?.0);
    }

    for row in view.scan(&schema::TIMELINE, Scan::all()) {
        let ((room, order), event) = row?;
        batch.put(&schema::TIMELINE, (room, apart(order)), &event);
    }
    for row in view.scan(&schema::TIMESTAMPS, Scan::all()) {
        let ((room, ts, order), event) = row?;
        batch.put(&schema::TIMESTAMPS, (room, ts, apart(order)), &event);
    }
    for row in view.scan(&schema::RELATIONS, Scan::all()) {
        let ((room, parent, order, child), relation) = row?;
        batch.put(&schema::RELATIONS, (room, &parent, apart(order), child), &relation);
    }
    for row in view.scan(&schema::THREADS_BY_ACTIVITY, Scan::all()) {
        let ((room, order), root) = row?;
        batch.put(&schema::THREADS_BY_ACTIVITY, (room, apart(order)), &root);
    }
    for row in view.scan(&schema::THREADS, Scan::all()) {
        let ((room, root), mut thread) = row?;
        thread.latest = apart(thread.latest);
        batch.put(&schema::THREADS, (room, &root), &thread);
    }
    for row in view.scan(&schema::RECEIPTS, Scan::all()) {
        let ((room, user, kind, thread), mut receipt) = row?;
        receipt.order = apart(receipt.order);
        batch.put(&schema::RECEIPTS, (room, &user, &kind, &thread), &receipt);
    }
    for row in view.scan(&schema::EVENTS, Scan::all()) {
        let (nid, mut event) = row?;
        if let Some(order) = event.order {
            event.order = Some(apart(order));
            batch.put(&schema::EVENTS, nid, &event);
        }
    }
    for row in view.scan(&schema::MISSING_PREV, Scan::all()) {
        let ((room, missing, named_by), ()) = row?;
        let nid = view.get(&schema::EVENT_NIDS, (&missing,))?;
        let found = nid.map(|nid| view.get(&schema::EVENTS, (nid,))).transpose()?.flatten();
        if found.is_some_and(|event| event.state.is_some()) {
            continue;
        }
        let order = view.get(&schema::EVENTS, (named_by,))?.and_then(|event| event.order);
        if let Some(order) = order {
            batch.put(&schema::GAPS, (room, apart(order)), &());
        }
    }
    Ok(())
}

/// History keeps the places that it has.
fn apart(order: TimelineOrder) -> TimelineOrder {
    if order.0 < 0 { order } else { TimelineOrder(order.0.saturating_mul(TimelineOrder::APART)) }
}
