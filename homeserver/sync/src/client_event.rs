//! Events as a user sees them: the client form with `unsigned` (client-server API, "Room event format").

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use hearth_push::EvaluatedRoom;
use hearth_rooms::{Aggregations, Event, Room, RoomError, Rooms, Viewer};
use hearth_spec::{ClientForm, write_client_event};
use hearth_storage::{StateId, schema::rooms::Membership};
use hearth_users::{Erased, Users, UsersError};
use ruma::{DeviceId, OwnedUserId, UserId};
use serde_json::value::RawValue;

use crate::json::{Array, Object};

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

/// Whom events are written for.
#[derive(Clone)]
pub struct Recipient<'a> {
    pub user: &'a UserId,
    /// The device that asks is told under which transactions it sent.
    pub device: Option<&'a DeviceId>,
    /// Whose events are kept from the user, also within others' `unsigned`.
    pub ignored: Arc<HashSet<OwnedUserId>>,
    /// Whose events are shown as if they were redacted, but to those who could see them before.
    pub erased: Arc<Erased>,
}

impl<'a> Recipient<'a> {
    /// A user as they are now, on `device` if one asks.
    pub fn new(users: &Users, user: &'a UserId, device: Option<&'a DeviceId>) -> Result<Self, UsersError> {
        let (ignored, erased) = (users.account_data.ignored_users(user)?, users.accounts.erased());
        Ok(Self { user, device, ignored, erased })
    }
}

/// Writes events of one room for one user.
pub struct ClientEvents<'a> {
    rooms: &'a Rooms,
    room: &'a Room,
    recipient: Recipient<'a>,
    /// Made when it is first asked what the user may see.
    viewer: Option<Viewer<'a>>,
    now: u64,
    evaluated: Option<&'a EvaluatedRoom>,
    /// The user's membership in the states seen last: mostly one state for many events.
    membership: Option<(StateId, Option<Membership>)>,
}

/// What `unsigned` holds beyond what follows from the event alone. Events are written within others only as deep as
/// this says: who sends events must not decide how deep that is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// All of it.
    Full,
    /// For the latest event of a thread: all but a thread of its own.
    Latest,
    /// For a replacement: no relations.
    Replacement,
    /// For a redaction in `redacted_because`, and for what is shown as if it were redacted: no relations, and not what
    /// redacted it.
    Nothing,
}

impl<'a> ClientEvents<'a> {
    /// A writer of events of `room`.
    pub fn new(rooms: &'a Rooms, room: &'a Room, recipient: Recipient<'a>) -> Self {
        let (viewer, evaluated, membership) = (None, None, None);
        Self { rooms, room, recipient, viewer, now: rooms.now_ms(), evaluated, membership }
    }

    /// Spares looking for relations where the newest events are known to have none.
    pub(crate) fn knowing(mut self, evaluated: &'a EvaluatedRoom) -> Self {
        self.evaluated = Some(evaluated);
        self
    }

    /// Appends an event with all that its `unsigned` should hold: `age`, for how long it is sticky, `transaction_id`,
    /// `membership`, `prev_content`, `replaces_state`, `redacted_because` and `m.relations`.
    pub fn write(&mut self, event: &Arc<Event>, form: EventForm, out: &mut String) -> Result<(), RoomError> {
        self.write_in(event, form, Detail::Full, out)
    }

    /// Appends an event of a room's state, whose `unsigned` holds its age: there may be many.
    pub fn write_state(
        &mut self,
        event: &Arc<Event>,
        form: EventForm,
        out: &mut String,
    ) -> Result<(), RoomError> {
        match self.is_erased(event)? {
            true => write_with_age(&*event.emptied()?, self.now, form, out),
            false => write_with_age(event, self.now, form, out),
        }
        Ok(())
    }

    fn write_in(
        &mut self,
        event: &Arc<Event>,
        form: EventForm,
        detail: Detail,
        out: &mut String,
    ) -> Result<(), RoomError> {
        if self.is_erased(event)? {
            return self.write_with(&event.emptied()?, form, Detail::Nothing, out);
        }
        self.write_with(event, form, detail, out)
    }

    fn write_with(
        &mut self,
        event: &Arc<Event>,
        form: EventForm,
        detail: Detail,
        out: &mut String,
    ) -> Result<(), RoomError> {
        let mut unsigned = String::with_capacity(96);
        self.unsigned_for(event, form, detail, &mut unsigned)?;
        write_with(event, form, &unsigned, out);
        Ok(())
    }

    /// Whether the user is shown an event as if it were redacted, because its sender wished to be erased.
    fn is_erased(&mut self, event: &Event) -> Result<bool, RoomError> {
        match self.recipient.erased.get(event.pdu.sender()).copied() {
            Some(position) => Ok(!self.viewer()?.knew(event, position)?),
            None => Ok(false),
        }
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
        if let Some(left) = self.room.sticky_for(event)? {
            unsigned.number("msc4354_sticky_duration_ttl_ms", left);
        }
        if let Some(sent_by) = &event.sent_by
            && self.recipient.device.is_some_and(|device| sent_by.device == device)
            && event.pdu.sender() == self.recipient.user
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
        if let Some(redaction) = event.redacted_by.filter(|_| detail != Detail::Nothing)
            && let Some(redaction) = self.rooms.event(redaction)?
        {
            // Who may not see it knows that the event was redacted, and not why.
            let shown = !self.recipient.ignored.contains(redaction.pdu.sender())
                && self.viewer()?.sees(&redaction)?;
            let redaction = if shown { redaction } else { redaction.emptied()? };
            self.write_in(&redaction, form, Detail::Nothing, unsigned.key("redacted_because"))?;
        }
        if matches!(detail, Detail::Full | Detail::Latest) {
            self.write_relations(event, form, detail, &mut unsigned)?;
        }
        unsigned.close();
        Ok(())
    }

    fn membership_at(&mut self, state: StateId) -> Result<&'static str, RoomError> {
        let membership = match self.membership {
            Some((known, membership)) if known == state => membership,
            _ => {
                let membership = self.room.membership_at(state, self.recipient.user)?;
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

    fn viewer(&mut self) -> Result<&mut Viewer<'a>, RoomError> {
        let viewer = match self.viewer.take() {
            Some(viewer) => viewer,
            None => Viewer::new(self.room, self.recipient.user),
        };
        Ok(self.viewer.insert(viewer))
    }

    /// Writes what relates to an event ("Aggregations of child events"): its newest replacement, its thread,
    /// and references to it, as far as the user may see them.
    fn write_relations(
        &mut self,
        event: &Arc<Event>,
        form: EventForm,
        detail: Detail,
        unsigned: &mut Object<'_>,
    ) -> Result<(), RoomError> {
        let Some(order) = event.order() else { return Ok(()) };
        if self.evaluated.is_some_and(|evaluated| !evaluated.may_have_relations(order)) {
            return Ok(());
        }
        let ignored = self.recipient.ignored.clone();
        let room = self.room;
        let mut told = room.aggregations(event, self.viewer()?, &ignored)?;
        if detail == Detail::Latest {
            told.thread = None;
        }
        if told.is_empty() {
            return Ok(());
        }
        let Aggregations { replacement, thread, references } = told;
        let mut relations = Object::open(unsigned.key("m.relations"));
        if let Some(replacement) = replacement {
            self.write_in(&replacement, form, Detail::Replacement, relations.key("m.replace"))?;
        }
        if let Some(thread) = thread {
            let mut object = Object::open(relations.key("m.thread"));
            self.write_in(&thread.latest, form, Detail::Latest, object.key("latest_event"))?;
            object.number("count", thread.count);
            object.boolean("current_user_participated", thread.participated);
            object.close();
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
