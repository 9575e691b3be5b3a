//! Whether what is stored of relations agrees: threads with their events, redactions with what they redact.

use std::collections::BTreeMap;

use hearth_storage::{Scan, TimelineOrder, View, schema};
use ruma::OwnedEventId;

use super::{Finding, RoomCheck};
use crate::{RoomError, read::relations::THREAD};

impl RoomCheck<'_> {
    /// Each thread counts its events, and stands where its latest one does.
    pub(super) fn threads(&mut self) -> Result<(), RoomError> {
        let mut threads: BTreeMap<OwnedEventId, (u64, TimelineOrder)> = BTreeMap::new();
        for row in self.view.scan(&schema::RELATIONS, Scan::prefix((self.nid,))) {
            let ((_, root, order, _), row) = row?;
            if row.rel_type == THREAD {
                let (count, latest) = threads.entry(root).or_insert((0, order));
                *count += 1;
                *latest = order.max(*latest);
            }
        }
        let mut active: BTreeMap<OwnedEventId, TimelineOrder> = BTreeMap::new();
        for row in self.view.scan(&schema::THREADS_BY_ACTIVITY, Scan::prefix((self.nid,))) {
            let ((_, order), root) = row?;
            active.insert(root.0, order);
        }
        for (root, (count, latest)) in threads {
            let thread = self.view.get(&schema::THREADS, (self.nid, &root))?;
            let found = thread.map(|thread| (thread.count, thread.latest));
            let active = active.remove(&root);
            self.expect(found == Some((count, latest)) && active == Some(latest), || {
                format!("the thread {root} has {count} events up to {latest}, but says {found:?}, {active:?}")
            });
        }
        self.expect(active.is_empty(), || format!("threads without events: {active:?}"));
        Ok(())
    }
}

/// Redactions that wait for an event that is here.
pub(super) fn waiting_redactions(view: &View) -> Result<Vec<Finding>, RoomError> {
    let mut findings = Vec::new();
    for row in view.scan(&schema::PENDING_REDACTIONS, Scan::all()) {
        let ((target, redaction), ()) = row?;
        if view.contains(&schema::EVENT_NIDS, (&target,))? {
            let what = format!("the redaction {redaction} waits for it, and it is here");
            findings.push(Finding { subject: target.to_string(), what });
        }
    }
    Ok(findings)
}
