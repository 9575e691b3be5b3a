//! Events as a user sees them: the client form with `unsigned` (client-server API, "Room event format").

use std::{collections::BTreeMap, sync::Arc};

use hearth_rooms::{Event, RelationFilter, Room, RoomError, Rooms, TimelineRange};
use hearth_spec::{ClientForm, write_client_event};
use hearth_storage::{StateId, schema::rooms::Membership};
use ruma::{DeviceId, UserId};
use serde_json::value::RawValue;

use crate::{
    json::{Array, Object},
    notices::RoomNotices,
};

/// How many references to an event are told with it.
const MAX_REFERENCES: usize = 100;

/// The form in which events are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EventForm {
    /// As all endpoints but `/sync` tell them.
    WithRoomId,
    /// As `/sync` tells them.
    WithoutRoomId,
    /// As servers tell each other: the filter's `event_format` of `federation`.
    Federation,
}

/// Writes events of one room for one user.
pub struct ClientEvents<'a> {
    rooms: &'a Rooms,
    room: &'a Room,
    user: &'a UserId,
    /// The device that asks is told under which transactions it sent.
    device: Option<&'a DeviceId>,
    now: u64,
    notices: Option<&'a RoomNotices>,
    /// The user's membership in the states seen last: mostly one state for many events.
    membership: Option<(StateId, Option<Membership>)>,
}

/// What `unsigned` holds beyond what follows from the event alone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// All of it.
    Full,
    /// For an event within another's `unsigned`.
    Nested,
}

impl<'a> ClientEvents<'a> {
    /// A writer of events of `room` for `user`, on `device` if one asks.
    pub fn new(rooms: &'a Rooms, room: &'a Room, user: &'a UserId, device: Option<&'a DeviceId>) -> Self {
        Self { rooms, room, user, device, now: rooms.now_ms(), notices: None, membership: None }
    }

    /// Spares looking for relations where the newest events are known to have none.
    pub(crate) fn knowing(mut self, notices: &'a RoomNotices) -> Self {
        self.notices = Some(notices);
        self
    }

    /// Appends an event with all that its `unsigned` should hold: `age`, `transaction_id`, `membership`,
    /// `prev_content`, `replaces_state`, `redacted_because` and `m.relations`.
    pub fn write(&mut self, event: &Arc<Event>, form: EventForm, out: &mut String) -> Result<(), RoomError> {
        let mut unsigned = String::with_capacity(96);
        self.unsigned_for(event, form, Detail::Full, &mut unsigned)?;
        write_with(event, form, &unsigned, out);
        Ok(())
    }

    /// Appends an event of a room's state, whose `unsigned` holds its age: there may be many.
    pub fn write_state(&self, event: &Event, form: EventForm, out: &mut String) {
        write_with_age(event, self.now, form, out);
    }

    fn unsigned_for(
        &mut self,
        event: &Arc<Event>,
        form: EventForm,
        detail: Detail,
        out: &mut String,
    ) -> Result<(), RoomError> {
        let mut unsigned = Object::open(out);
        unsigned.number("age", age(event, self.now));
        if let Some(sent_by) = &event.sent_by
            && self.device.is_some_and(|device| sent_by.device == device)
            && event.pdu.sender() == self.user
        {
            unsigned.text("transaction_id", &sent_by.transaction_id);
        }
        if let Some(state) = event.state {
            unsigned.text("membership", self.membership_at(state.after)?);
            if let Some(state_key) = event.pdu.state_key()
                && let Some(replaced) =
                    self.room.state_event_at(state.before, event.pdu.type_str(), state_key)?
            {
                unsigned.json("prev_content", replaced.pdu.content_str());
                unsigned.text("prev_sender", replaced.pdu.sender().as_str());
                unsigned.text("replaces_state", replaced.id().as_str());
            }
        }
        if let Some(redaction) = event.redacted_by
            && let Some(redaction) = self.rooms.event(redaction)?
        {
            let out = unsigned.key("redacted_because");
            let mut own = String::new();
            self.unsigned_for(&redaction, form, Detail::Nested, &mut own)?;
            write_with(&redaction, form, &own, out);
        }
        if detail == Detail::Full {
            self.write_relations(event, form, &mut unsigned)?;
        }
        unsigned.close();
        Ok(())
    }

    fn membership_at(&mut self, state: StateId) -> Result<&'static str, RoomError> {
        let membership = match self.membership {
            Some((known, membership)) if known == state => membership,
            _ => {
                let membership = self.room.membership_at(state, self.user)?;
                self.membership = Some((state, membership));
                membership
            }
        };
        Ok(match membership {
            Some(Membership::Join) => "join",
            Some(Membership::Invite) => "invite",
            Some(Membership::Knock) => "knock",
            Some(Membership::Ban) => "ban",
            Some(Membership::Leave) | None => "leave",
        })
    }

    /// Writes what relates to an event ("Aggregations of child events"): its newest replacement, its thread,
    /// and references to it.
    fn write_relations(
        &mut self,
        event: &Arc<Event>,
        form: EventForm,
        unsigned: &mut Object<'_>,
    ) -> Result<(), RoomError> {
        let Some(order) = event.order() else { return Ok(()) };
        if self.notices.is_some_and(|notices| !notices.may_have_relations(order))
            || !self.room.has_relations(event)?
        {
            return Ok(());
        }
        let replacement = self.room.replacement(event)?;
        let thread = self.room.thread_summary(event)?;
        let references = RelationFilter { rel_type: Some("m.reference".to_owned()), event_type: None };
        let range = TimelineRange { limit: MAX_REFERENCES, ..TimelineRange::default() };
        let references = self.room.relations(event.id(), &references, range)?;
        if replacement.is_none() && thread.is_none() && references.is_empty() {
            return Ok(());
        }
        let mut relations = Object::open(unsigned.key("m.relations"));
        if let Some(replacement) = replacement {
            self.write_nested(&replacement, form, relations.key("m.replace"))?;
        }
        if let Some((latest, count)) = thread {
            let participated = self.room.participated(self.user, event)?;
            let mut thread = Object::open(relations.key("m.thread"));
            self.write_nested(&latest, form, thread.key("latest_event"))?;
            thread.number("count", count);
            thread.boolean("current_user_participated", participated);
            thread.close();
        }
        if !references.is_empty() {
            let mut reference = Object::open(relations.key("m.reference"));
            let mut chunk = Array::open(reference.key("chunk"));
            for reference in references {
                let mut item = Object::open(chunk.item());
                item.text("event_id", reference.id().as_str());
                item.close();
            }
            chunk.close();
            reference.close();
        }
        relations.close();
        Ok(())
    }

    fn write_nested(
        &mut self,
        event: &Arc<Event>,
        form: EventForm,
        out: &mut String,
    ) -> Result<(), RoomError> {
        let mut unsigned = String::new();
        self.unsigned_for(event, form, Detail::Nested, &mut unsigned)?;
        write_with(event, form, &unsigned, out);
        Ok(())
    }
}

/// Appends an event of which no more is known than itself.
pub(crate) fn write_with_age(event: &Event, now: u64, form: EventForm, out: &mut String) {
    let mut unsigned = String::with_capacity(24);
    let mut object = Object::open(&mut unsigned);
    object.number("age", age(event, now));
    object.close();
    write_with(event, form, &unsigned, out);
}

fn age(event: &Event, now: u64) -> i64 {
    // Negative where another server's clock is ahead.
    now as i64 - i64::from(event.pdu.origin_server_ts().get())
}

fn write_with(event: &Event, form: EventForm, unsigned: &str, out: &mut String) {
    let with_room_id = match form {
        EventForm::WithRoomId => true,
        EventForm::WithoutRoomId => false,
        EventForm::Federation => return write_federation(event, unsigned, out),
    };
    write_client_event(out, &event.pdu, ClientForm { with_room_id, unsigned: Some(unsigned) });
}

/// Writes an event as it came from its server, with its id and our `unsigned`.
fn write_federation(event: &Event, unsigned: &str, out: &mut String) {
    let fields: BTreeMap<&str, &RawValue> = serde_json::from_str(event.pdu.text()).unwrap_or_default();
    let mut object = Object::open(out);
    for (key, value) in fields.into_iter().filter(|(key, _)| !matches!(*key, "event_id" | "unsigned")) {
        object.json(key, value.get());
    }
    object.text("event_id", event.id().as_str());
    object.json("unsigned", unsigned);
    object.close();
}
