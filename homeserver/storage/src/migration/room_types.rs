//! From version 11 to 12. Which type a room is of stood in its create event alone; now it stands with each of its users.

use std::collections::HashMap;

use ruma::OwnedUserId;
use serde::{Deserialize, Serialize};

use crate::{
    Access, Batch, EventNid, Keyspace, Position, RoomNid, Scan, StorageError, View,
    keyspace::row,
    schema::{
        self,
        rooms::{Membership, Standing, UserRoomRow},
    },
};

#[derive(Serialize, Deserialize)]
struct OldRow {
    membership: Membership,
    event: EventNid,
    position: Position,
    forgotten: bool,
    stripped_state: Option<String>,
}

row!(OldRow);

const OLD: Keyspace<(OwnedUserId, RoomNid), OldRow> =
    Keyspace::new("USER_ROOMS", Access::Range, schema::USER_ROOMS.raw.index);

/// What is read of a create event, and of one in stripped state.
#[derive(Deserialize)]
struct Create {
    r#type: String,
    content: Content,
}

#[derive(Deserialize)]
struct Content {
    r#type: Option<String>,
}

impl Create {
    fn room_type(self) -> Option<String> {
        self.content.r#type.filter(|room_type| self.r#type == CREATE && room_type.len() <= MAX_ROOM_TYPE)
    }
}

const CREATE: &str = "m.room.create";
/// In bytes; a longer one is not kept, as no room of the specification has it.
const MAX_ROOM_TYPE: usize = 255;

pub(super) fn upgrade(view: &View, batch: &mut Batch) -> Result<(), StorageError> {
    let mut types = HashMap::new();
    for entry in view.scan(&schema::EVENTS, Scan::all()) {
        let (_, event) = entry?;
        // Not every text is worth being parsed.
        if event.standing != Standing::Rejected
            && event.text.contains(CREATE)
            && let Ok(create) = serde_json::from_str::<Create>(&event.text)
            && let Some(room_type) = create.room_type()
        {
            types.insert(event.room, room_type);
        }
    }
    for entry in view.scan(&OLD, Scan::all()) {
        let ((user, room), OldRow { membership, event, position, forgotten, stripped_state }) = entry?;
        let room_type = types.get(&room).cloned().or_else(|| stripped_type(stripped_state.as_deref()?));
        let row = UserRoomRow { membership, event, position, forgotten, stripped_state, room_type };
        batch.put(&schema::USER_ROOMS, (&user, room), &row);
    }
    Ok(())
}

/// The type that stripped state tells.
fn stripped_type(stripped_state: &str) -> Option<String> {
    let events: Vec<serde_json::Value> = serde_json::from_str(stripped_state).ok()?;
    let creates = events.into_iter().filter_map(|event| serde_json::from_value::<Create>(event).ok());
    creates.filter_map(Create::room_type).next()
}

#[cfg(test)]
mod tests {
    use ruma::{owned_event_id, user_id};

    use super::*;
    use crate::{
        Engine, MemoryEngine, TimelineOrder,
        migration::{MIGRATIONS, run},
        schema::rooms::{EventRow, RoomHeadRow},
    };

    #[test]
    fn types_and_spans_are_written_down() {
        let engine = MemoryEngine::new();
        let before = MIGRATIONS.iter().position(|(what, _)| what.starts_with("types of rooms")).unwrap();
        run(&engine.clone().into(), &MIGRATIONS[..before]).unwrap();
        let (user, mut old) = (user_id!("@alice:here"), Batch::default());
        let text =
            |event_type: &str, content: &str| format!(r#"{{"content":{content},"type":"{event_type}"}}"#);
        let texts = [
            text(CREATE, r#"{"type":"m.space"}"#),
            text(CREATE, "{}"),
            text("m.room.message", r#"{"body":"m.room.create","type":"no"}"#),
        ];
        for (room, text) in (1..).zip(texts) {
            let event = EventRow {
                room: RoomNid(room),
                event_id: owned_event_id!("$event"),
                standing: Standing::Accepted,
                order: Some(TimelineOrder(0)),
                state: None,
                redacted_by: None,
                sent_by: None,
                text,
            };
            old.put(&schema::EVENTS, (EventNid(room),), &event);
            let position = Position(room * 1_000);
            let head = RoomHeadRow { position, ..RoomHeadRow::default() };
            old.put(&schema::ROOM_HEADS, (RoomNid(room),), &head);
        }
        let stripped = format!("[{}]", text(CREATE, r#"{"type":"m.space"}"#));
        let long = format!("[{}]", text(CREATE, &format!(r#"{{"type":"{}"}}"#, "m".repeat(256))));
        for (room, stripped_state) in [(1, None), (2, None), (3, None), (4, Some(stripped)), (5, Some(long))]
        {
            let (membership, position) = (Membership::Join, Position(1));
            let row = OldRow { membership, event: EventNid(1), position, forgotten: false, stripped_state };
            old.put(&OLD, (user, RoomNid(room)), &row);
        }
        engine.apply([&old].into_iter(), true).unwrap();

        run(&engine.clone().into(), MIGRATIONS).unwrap();
        let view = View::latest(engine.into());
        let rows: Result<Vec<_>, _> = view.scan(&schema::USER_ROOMS, Scan::prefix((user,))).collect();
        let types: Vec<_> = rows.unwrap().into_iter().map(|(_, row)| row.room_type).collect();
        let space = || Some("m.space".to_owned());
        assert_eq!(types, [space(), None, None, space(), None]);
        let spans: Result<Vec<_>, _> = view.scan(&schema::SPAN_ROOMS, Scan::all()).collect();
        let spans: Vec<_> = spans.unwrap().into_iter().map(|((span, room), ())| (span, room.0)).collect();
        assert_eq!(spans, [(0, 1), (1, 2), (2, 3)]);
        assert_eq!(view.get(&schema::ROOM_SPANS, (RoomNid(3),)).unwrap(), Some(2));
    }
}
