//! Redacting what a user sent, because an administrator says so.

use hearth_storage::{RoomNid, TimelineOrder, schema::rooms::Work};
use ruma::{OwnedEventId, OwnedUserId};
use serde_json::{Map, value::to_raw_value};

use crate::{
    RoomError, TimelineRange,
    read::{event::Event, rooms::Rooms},
    write::{works::Left, writer::NewEvent},
};

/// How many events of a room are looked at at once.
const AT_ONCE: usize = 100;
/// Of how many failures it is told.
const MAX_TOLD: usize = 100;

/// How far it is. As [`Work::RedactUser`].
pub(crate) struct Redacting {
    pub user: OwnedUserId,
    pub by: OwnedUserId,
    pub reason: Option<String>,
    pub rooms: Vec<RoomNid>,
    pub before: TimelineOrder,
    pub limit: u64,
    pub left: u64,
    pub failed: Vec<(OwnedEventId, String)>,
}

impl Redacting {
    /// Redacts some, from the newest back.
    pub async fn go_on(mut self, rooms: &Rooms) -> Result<Left, RoomError> {
        let Some(room) = self.rooms.last() else { return Ok(Left::Nothing(self.work())) };
        let room = match rooms.room_by_nid(*room) {
            Err(RoomError::UnknownRoom) => return Ok(self.next_room()),
            room => room?,
        };
        let until = Some(self.before.before());
        let range = TimelineRange { after: None, until, backwards: true, limit: AT_ONCE };
        let events = room.timeline(range)?;
        for event in &events {
            if self.left == 0 {
                return Ok(self.next_room());
            }
            if !self.is_meant(event) {
                continue;
            }
            self.left -= 1;
            let content = self.reason.iter().map(|reason| ("reason".to_owned(), reason.as_str().into()));
            let content = to_raw_value(&content.collect::<Map<_, _>>())
                .map_err(|error| RoomError::Invalid(error.to_string()))?;
            let redaction = NewEvent {
                redacts: Some(event.id().to_owned()),
                ..NewEvent::message(&self.by, "m.room.redaction", content)
            };
            match room.send(redaction, None).await {
                Ok(_) => {}
                Err(error @ (RoomError::Storage(_) | RoomError::Busy)) => return Err(error),
                Err(error) if self.failed.len() < MAX_TOLD => {
                    self.failed.push((event.id().to_owned(), error.to_string()));
                }
                Err(_) => {}
            }
        }
        match events.last().and_then(|event| event.order()).filter(|_| events.len() == AT_ONCE) {
            Some(order) => {
                self.before = order;
                Ok(Left::More(self.work()))
            }
            None => Ok(self.next_room()),
        }
    }

    /// The room's state is not only its sender's.
    fn is_meant(&self, event: &Event) -> bool {
        event.pdu.sender() == self.user
            && !event.pdu.is_state()
            && event.redacted_by.is_none()
            && event.pdu.type_str() != "m.room.redaction"
    }

    fn next_room(mut self) -> Left {
        self.rooms.pop();
        (self.before, self.left) = (TimelineOrder::MAX, self.limit);
        match self.rooms.is_empty() {
            true => Left::Nothing(self.work()),
            false => Left::More(self.work()),
        }
    }

    fn work(self) -> Work {
        let Self { user, by, reason, rooms, before, limit, left, failed } = self;
        Work::RedactUser { user, by, reason, rooms, before, limit, left, failed }
    }
}
