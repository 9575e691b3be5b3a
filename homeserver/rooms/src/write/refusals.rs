//! What this server does not send for its users, though the rules of their rooms would let it in.

use hearth_storage::{RoomNid, Scan, schema};
use ruma::EventId;
use serde::Deserialize;

use crate::{
    RoomError,
    read::{
        blocked::blocked,
        reading::Reader,
        relations::{Relation, THREAD},
        room::Room,
    },
    write::{staged::Staged, writer::NewEvent},
};

impl Room {
    /// Refuses an event that makes no sense, and could not be taken back by who made the mistake.
    pub(crate) fn refuse(&self, staged: &Staged, event: &NewEvent) -> Result<(), RoomError> {
        self.refuse_own_successor(event)?;
        self.refuse_banned(event)?;
        self.refuse_blocked(staged, event)?;
        if let Some(redacts) = &event.redacts
            && self.is_elsewhere(staged, redacts)?
        {
            return Err(RoomError::Refused("the event to be redacted is in another room"));
        }
        if event.state_key.is_none()
            && let Some(relation) = Relation::of(event.content.get())
        {
            self.refuse_relation(staged, &relation)?;
            if relation.rel_type == "m.annotation" {
                if relation.key.is_none() {
                    return Err(RoomError::Invalid("an annotation needs a `key`".to_owned()));
                }
                refuse_duplicate_annotation(staged, self.nid(), event, &relation)?;
            }
        }
        Ok(())
    }

    /// Who comes into a room that is blocked, or brings others there.
    fn refuse_blocked(&self, staged: &Staged, event: &NewEvent) -> Result<(), RoomError> {
        #[derive(Deserialize)]
        struct Content {
            membership: String,
        }
        if event.event_type != "m.room.member" || !staged.tx.contains(&schema::BLOCKED_ROOMS, (self.id(),))? {
            return Ok(());
        }
        match serde_json::from_str::<Content>(event.content.get()) {
            Ok(content) if matches!(content.membership.as_str(), "leave" | "ban") => Ok(()),
            _ => Err(blocked()),
        }
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

    /// A relation to an event of another room or to one that nobody here can have seen, and a thread that begins at an
    /// event which itself relates to another ("Validation of `m.thread` relationships").
    fn refuse_relation(&self, staged: &Staged, relation: &Relation) -> Result<(), RoomError> {
        if self.is_elsewhere(staged, &relation.parent)? {
            return Err(RoomError::Refused("the event to relate to is in another room"));
        }
        // What others relate to there is, though it may not be here yet.
        if staged.nid(&relation.parent)?.is_none() && !self.is_related_to(staged, &relation.parent)? {
            return Err(RoomError::Refused("the event to relate to is not known"));
        }
        let starts_at_child = relation.rel_type == THREAD
            && staged.event_by_id(&relation.parent)?.is_some_and(|root| relates(root.pdu.content_str()));
        match starts_at_child {
            true => Err(RoomError::Refused("a thread cannot begin at an event that relates to another")),
            false => Ok(()),
        }
    }

    fn is_related_to(&self, staged: &Staged, id: &EventId) -> Result<bool, RoomError> {
        let first = staged.tx.scan(&schema::RELATIONS, Scan::prefix((self.nid(), id))).next().transpose()?;
        Ok(first.is_some())
    }

    /// Whether an event is known to be in another room.
    fn is_elsewhere(&self, staged: &Staged, id: &EventId) -> Result<bool, RoomError> {
        Ok(staged.event_by_id(id)?.is_some_and(|event| event.room != self.nid()))
    }
}

/// An annotation that its sender has made already.
fn refuse_duplicate_annotation(
    staged: &Staged,
    room: RoomNid,
    event: &NewEvent,
    relation: &Relation,
) -> Result<(), RoomError> {
    for row in staged.tx.scan(&schema::RELATIONS, Scan::prefix((room, &relation.parent))) {
        let ((_, _, _, nid), row) = row?;
        let alike = row.sender == event.sender
            && row.rel_type == relation.rel_type
            && row.event_type == event.event_type;
        if !alike {
            continue;
        }
        let child = staged.referred(nid)?;
        let same = Relation::of(child.pdu.content_str()).is_some_and(|other| other.key == relation.key);
        if same && child.redacted_by.is_none() {
            return Err(RoomError::DuplicateAnnotation);
        }
    }
    Ok(())
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
