//! Events within the `unsigned` of others.

use std::collections::HashSet;

use hearth_rooms::Viewer;

use super::*;
use crate::{ClientEvents, EventForm, Recipient};

/// As little stack as the threads of some systems have.
const SMALL_STACK: usize = 256 << 10;
/// A chain that a recursion would not survive there.
const LINKS: usize = 6_000;

/// Does something on a thread with a small stack.
fn on_small_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(SMALL_STACK).spawn_scoped(scope, work);
        thread.unwrap().join().unwrap()
    })
}

fn written(world: &World, room: &Room, user: &UserId, event: &Arc<Event>) -> String {
    let mut out = String::new();
    let recipient = Recipient::new(&world.users, user, None).unwrap();
    let mut writer = ClientEvents::new(&world.rooms, room, recipient);
    writer.write(event, EventForm::WithRoomId, &mut out).unwrap();
    out
}

#[tokio::test]
async fn a_chain_of_redactions_is_told_one_link_deep() {
    let world = World::new();
    let alice = world.user("alice").await;
    let room = alice.create(Preset::PublicChat).await;
    let first = alice.say(&room, "gone").await;
    let mut last = first.id().to_owned();
    for _ in 0..LINKS {
        let content = to_raw_value(&json!({})).unwrap();
        let mut event = NewEvent::message(&alice.user, "m.room.redaction", content);
        event.redacts = Some(last);
        last = room.send(event, None).await.unwrap().id().to_owned();
    }
    let first = room.event(first.id()).unwrap().unwrap();
    let text = on_small_stack(|| written(&world, &room, &alice.user, &first));
    let event: Value = serde_json::from_str(&text).unwrap();
    let redaction = &event["unsigned"]["redacted_because"];
    assert_eq!(redaction["type"], "m.room.redaction");
    assert!(redaction["unsigned"]["age"].is_number());
    assert_eq!(redaction["unsigned"].get("redacted_because"), None);
}

#[tokio::test]
async fn a_chain_of_relations_is_told_two_links_deep() {
    let world = World::new();
    let alice = world.user("alice").await;
    let room = alice.create(Preset::PublicChat).await;
    for rel_type in ["m.thread", "m.replace", "m.reference"] {
        let first = alice.say(&room, "first").await;
        let mut last = first.id().to_owned();
        // As another server might send it: nobody here may begin a thread in a thread.
        for _ in 0..LINKS / 10 {
            let relation = json!({ "rel_type": rel_type, "event_id": last });
            let content = json!({
                "msgtype": "m.text", "body": "x", "m.relates_to": relation, "m.new_content": { "body": "y" },
            });
            let event = NewEvent::message(&alice.user, "m.room.message", to_raw_value(&content).unwrap());
            last = room.send_many(vec![event]).await.unwrap()[0].id().to_owned();
        }
        let text = on_small_stack(|| written(&world, &room, &alice.user, &first));
        assert!(text.matches("m.relations").count() <= 2, "{rel_type}: {text}");
        let mut viewer = Viewer::new(&room, &alice.user);
        let told = room.aggregations(&first, &mut viewer, &HashSet::new()).unwrap();
        assert!(!told.is_empty());
    }
}
