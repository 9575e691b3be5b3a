//! Receipts and typing in a response.

use std::collections::BTreeMap;

use hearth_rooms::Room;
use hearth_storage::{
    Position,
    schema::rooms::{ReceiptKeyRow, ReceiptRow},
};
use ruma::{EventId, UserId};

use crate::{
    SyncError,
    filter::EventFilter,
    json::{Array, Events, Object},
    scope::Scope,
};

const PRIVATE: &str = "m.read.private";

/// Receipts of a room.
pub(crate) struct Receipts(Vec<(ReceiptKeyRow, ReceiptRow)>);

impl Receipts {
    /// Those that changed after what was told, or all.
    pub fn read(scope: &Scope<'_>, room: &Room, told: Option<Position>) -> Result<Self, SyncError> {
        Ok(Self(match told {
            None => room.receipts()?,
            Some(told) if scope.hub.has_receipts_after(room.nid(), told) => {
                room.receipts_since(told, scope.upto.log)?
            }
            Some(_) => Vec::new(),
        }))
    }

    /// Whether one of them is the user's own: the user's counts change.
    pub fn has_own(&self, user: &UserId) -> bool {
        self.0.iter().any(|(key, _)| key.user == user)
    }
}

/// What is ephemeral in a room.
pub(crate) struct Ephemeral<'a> {
    pub scope: &'a Scope<'a>,
    pub room: &'a Room,
    /// The client was told of the room before.
    pub told: bool,
}

impl Ephemeral<'_> {
    pub fn write(&self, receipts: &Receipts) -> Events {
        let filter = EventFilter::of(&self.scope.filter().room.ephemeral);
        let mut events = Events::default();
        if filter.takes_room(self.room.id()) {
            if filter.takes_type("m.receipt") {
                self.write_receipts(receipts, filter, &mut events);
            }
            if filter.takes_type("m.typing") {
                self.write_typing(&mut events);
            }
        }
        events
    }

    /// One event for each thread ("Receipts", "Server behaviour").
    fn write_receipts(&self, receipts: &Receipts, filter: EventFilter<'_>, events: &mut Events) {
        type ByEvent<'a> = BTreeMap<&'a EventId, BTreeMap<&'a str, Vec<(&'a UserId, u64)>>>;
        let mut threads: BTreeMap<&str, ByEvent<'_>> = BTreeMap::new();
        for (key, row) in &receipts.0 {
            let user = &*key.user;
            let hidden = key.receipt_type == PRIVATE && user != self.scope.user();
            if hidden || self.scope.ignored.contains(user) || !filter.takes_sender(user) {
                continue;
            }
            let events = threads.entry(&key.thread).or_default();
            let types = events.entry(&row.event_id).or_default();
            types.entry(&key.receipt_type).or_default().push((user, row.ts));
        }
        for (thread, by_event) in threads {
            let mut event = Object::open(events.item());
            event.text("type", "m.receipt");
            let mut content = Object::open(event.key("content"));
            for (event_id, by_type) in by_event {
                let mut types = Object::open(content.key(event_id.as_str()));
                for (receipt_type, users) in by_type {
                    let mut receipts = Object::open(types.key(receipt_type));
                    for (user, ts) in users {
                        let mut receipt = Object::open(receipts.key(user.as_str()));
                        receipt.number("ts", ts);
                        if !thread.is_empty() {
                            receipt.text("thread_id", thread);
                        }
                        receipt.close();
                    }
                    receipts.close();
                }
                types.close();
            }
            content.close();
            event.close();
        }
    }

    fn write_typing(&self, events: &mut Events) {
        let since = self.scope.since.filter(|_| self.told).map(|since| since.upto().ephemeral);
        self.scope.hub.read(|ephemeral| {
            let Some((version, users)) = ephemeral.typing.in_room(self.room.nid()) else { return };
            let users: Vec<&UserId> = users.filter(|user| !self.scope.ignored.contains(*user)).collect();
            let told = since.map_or(users.is_empty(), |since| version <= since);
            if told {
                return;
            }
            let mut event = Object::open(events.item());
            event.text("type", "m.typing");
            let mut content = Object::open(event.key("content"));
            let mut list = Array::open(content.key("user_ids"));
            users.iter().for_each(|user| list.text(user.as_str()));
            list.close();
            content.close();
            event.close();
        });
    }
}
