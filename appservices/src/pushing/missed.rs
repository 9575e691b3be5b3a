//! What the log does not tell a service any more, read from indexes: the timelines of all rooms that are or were its
//! business, merged in the order in which things happened.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap, VecDeque},
    sync::Arc,
};

use hearth_storage::{
    Change, EventNid, Position, RoomNid, Scan, Store, TimelineOrder, UsersFrom, View,
    schema::{self, rooms::Membership},
};

use crate::{AppServices, PushError, Service};

/// So many events of a room are read at once.
const PAGE: usize = 50;

/// The changes between two positions that may concern a service.
pub(super) struct Missed {
    store: Store,
    until: Position,
    /// Where each source has its next change; the earliest first.
    next: BinaryHeap<Reverse<(Position, usize)>>,
    timelines: Vec<Timeline>,
    /// What is in no timeline, in order: the last source.
    others: VecDeque<(Position, Change)>,
}

/// The events of a room that are next.
struct Timeline {
    room: RoomNid,
    page: VecDeque<(Position, EventNid)>,
    /// What was read of it.
    read_to: TimelineOrder,
}

impl Missed {
    pub fn new(
        services: &AppServices,
        service: &Arc<Service>,
        from: Position,
        until: Position,
    ) -> Result<Self, PushError> {
        let store = services.parts().rooms.store().clone();
        let view = store.view();
        let mut rooms = named_rooms(&view, service)?;
        let mut others = Vec::new();
        read_memberships(&view, service, (from, until), &mut rooms, &mut others)?;
        for room in &rooms {
            let within = Scan::prefix((*room,)).after((*room, from)).through((*room, until));
            for entry in view.scan(&schema::RECEIPT_CHANGES, within).take_while(|_| service.ephemeral) {
                let ((_, position), change) = entry?;
                others.push((position, Change::Receipt { room: *room, user: change.key.user }));
            }
        }
        if service.encryption {
            let within = Scan::all().after((from,)).through((until,));
            for entry in view.scan(&schema::DEVICE_LIST_CHANGES, within) {
                let ((position,), user) = entry?;
                others.push((position, Change::DeviceList { user: user.0 }));
            }
        }
        others.sort_by_key(|(position, _)| *position);
        let timelines = rooms
            .into_iter()
            .map(|room| Timeline { room, page: VecDeque::new(), read_to: TimelineOrder::from(from) })
            .collect();
        let mut missed = Self { store, until, next: BinaryHeap::new(), timelines, others: others.into() };
        for source in 0..=missed.timelines.len() {
            missed.queue(&view, source)?;
        }
        Ok(missed)
    }

    /// The next changes, so many at most; none at the end.
    pub fn next_changes(&mut self, limit: usize) -> Result<Vec<(Position, Change)>, PushError> {
        let view = self.store.view();
        let mut changes = Vec::new();
        while changes.len() < limit
            && let Some(Reverse((_, source))) = self.next.pop()
        {
            let change = match self.timelines.get_mut(source) {
                Some(timeline) => timeline
                    .page
                    .pop_front()
                    .map(|(position, event)| (position, Change::Event { room: timeline.room, event })),
                None => self.others.pop_front(),
            };
            changes.extend(change);
            self.queue(&view, source)?;
        }
        Ok(changes)
    }

    /// Notes where a source has its next change, if it has one.
    fn queue(&mut self, view: &View, source: usize) -> Result<(), PushError> {
        let next = match self.timelines.get_mut(source) {
            Some(timeline) => timeline.next(view, self.until)?,
            None => self.others.front().map(|(position, _)| *position),
        };
        self.next.extend(next.map(|position| Reverse((position, source))));
        Ok(())
    }
}

impl Timeline {
    fn next(&mut self, view: &View, until: Position) -> Result<Option<Position>, PushError> {
        let until = TimelineOrder::from(until);
        while self.page.is_empty() && self.read_to < until {
            let scan =
                Scan::prefix((self.room,)).after((self.room, self.read_to)).through((self.room, until));
            let rows = view.scan(&schema::TIMELINE, scan).take(PAGE).collect::<Result<Vec<_>, _>>()?;
            self.read_to = rows.last().map_or(until, |((_, order), _)| *order);
            // History that was fetched meanwhile did not happen meanwhile.
            let came = rows.into_iter().filter(|((_, order), _)| !order.is_history());
            self.page.extend(came.map(|((_, order), event)| (order.position(), event)));
        }
        Ok(self.page.front().map(|(position, _)| *position))
    }
}

/// The rooms that the service named, by their ids or aliases.
fn named_rooms(view: &View, service: &Service) -> Result<BTreeSet<RoomNid>, PushError> {
    let mut rooms = BTreeSet::new();
    if !service.rooms.is_empty() {
        for entry in view.scan(&schema::ROOM_NIDS, Scan::all()) {
            let ((id,), nid) = entry?;
            if service.covers_room(&id) {
                rooms.insert(nid);
            }
        }
    }
    if !service.aliases.is_empty() {
        for entry in view.scan(&schema::ALIASES, Scan::all()) {
            let ((alias,), row) = entry?;
            if service.aliases.contains(alias.as_str()) {
                rooms.extend(view.get(&schema::ROOM_NIDS, (&row.room_id,))?);
            }
        }
    }
    Ok(rooms)
}

/// Adds the rooms in which the service's users are, or of which they heard meanwhile, and what is in no timeline: the
/// invites to rooms that are not here.
fn read_memberships(
    view: &View,
    service: &Service,
    (from, until): (Position, Position),
    rooms: &mut BTreeSet<RoomNid>,
    others: &mut Vec<(Position, Change)>,
) -> Result<(), PushError> {
    for beginning in service.user_beginnings() {
        for entry in view.scan(&schema::USER_ROOMS, Scan::prefix((UsersFrom(&beginning),))) {
            let ((user, room), row) = entry?;
            if !service.covers(&user) {
                continue;
            }
            let meanwhile = row.position > from;
            if meanwhile && row.position <= until {
                others.push((row.position, Change::Membership { room, user, membership: row.membership }));
            }
            if meanwhile || row.membership == Membership::Join {
                rooms.insert(room);
            }
        }
    }
    Ok(())
}
