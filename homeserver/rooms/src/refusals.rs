//! What this server does not send for its users, though the rules of their rooms would let it in.

use hearth_storage::{Scan, schema};
use serde::Deserialize;

use crate::{
    RoomError,
    relations::{Relation, THREAD},
    room::Room,
    writer::NewEvent,
};

impl Room {
    /// Refuses an event that makes no sense, and could not be taken back by who made the mistake.
    pub(crate) fn refuse(&self, event: &NewEvent) -> Result<(), RoomError> {
        self.refuse_own_successor(event)?;
        if let Some(redacts) = &event.redacts
            && self.is_elsewhere(redacts)?
        {
            return Err(RoomError::Refused("the event to be redacted is in another room"));
        }
        if event.state_key.is_none()
            && let Some(relation) = Relation::of(event.content.get())
        {
            self.refuse_relation(&relation)?;
            if relation.rel_type == "m.annotation" {
                self.refuse_duplicate_annotation(event, &relation)?;
            }
        }
        Ok(())
    }

    /// A tombstone that leads to the room that it closes.
    fn refuse_own_successor(&self, event: &NewEvent) -> Result<(), RoomError> {
        #[derive(Deserialize)]
        struct Tombstone {
            replacement_room: String,
        }
        if event.event_type != "m.room.tombstone" {
            return Ok(());
        }
        match serde_json::from_str::<Tombstone>(event.content.get()) {
            Ok(content) if content.replacement_room == *self.id() => {
                Err(RoomError::Refused("a room cannot be its own replacement"))
            }
            _ => Ok(()),
        }
    }

    /// A relation to an event of another room, and a thread that begins at an event which itself relates to another
    /// ("Validation of `m.thread` relationships"). Of an event that is not here nothing is known.
    fn refuse_relation(&self, relation: &Relation) -> Result<(), RoomError> {
        if self.is_elsewhere(&relation.parent)? {
            return Err(RoomError::Refused("the event to relate to is in another room"));
        }
        let starts_at_child = relation.rel_type == THREAD
            && self.event(&relation.parent)?.is_some_and(|root| relates(root.pdu.content_str()));
        match starts_at_child {
            true => Err(RoomError::Refused("a thread cannot begin at an event that relates to another")),
            false => Ok(()),
        }
    }

    /// An annotation that its sender has made already.
    fn refuse_duplicate_annotation(&self, event: &NewEvent, relation: &Relation) -> Result<(), RoomError> {
        let scan = Scan::prefix((self.nid(), &relation.parent));
        for row in self.shared().store.view().scan(&schema::RELATIONS, scan) {
            let ((_, _, _, nid), row) = row?;
            let alike = row.sender == event.sender
                && row.rel_type == relation.rel_type
                && row.event_type == event.event_type;
            if !alike {
                continue;
            }
            let child = self.shared().referred(nid)?;
            let same = Relation::of(child.pdu.content_str()).is_some_and(|other| other.key == relation.key);
            if same && child.redacted_by.is_none() {
                return Err(RoomError::DuplicateAnnotation);
            }
        }
        Ok(())
    }

    /// Whether an event is known to be in another room.
    fn is_elsewhere(&self, id: &ruma::EventId) -> Result<bool, RoomError> {
        Ok(self.shared().event_by_id(id)?.is_some_and(|event| event.room != self.nid()))
    }
}

/// Whether a content has `m.relates_to`, of whatever shape.
fn relates(content: &str) -> bool {
    #[derive(Deserialize)]
    struct Content {
        #[serde(rename = "m.relates_to")]
        relates_to: Option<serde::de::IgnoredAny>,
    }
    content.contains("\"m.relates_to\"")
        && serde_json::from_str::<Content>(content).is_ok_and(|content| content.relates_to.is_some())
}
