//! EDUs for users that are not the hostile server's.

use serde_json::{Value, json};

use crate::{report::Bounds, world::World};

pub async fn all(world: &World) {
    world.attack("typing, receipts and presence of others", Bounds::QUIET.requests(4), of_others).await;
    world.attack("messages to devices in the name of others", Bounds::QUIET.requests(4), to_device).await;
    world.attack("a receipt for two million events", Bounds::QUIET.memory_mib(96), large_receipt).await;
    world.attack("EDUs that cannot be read, and 101 of them", Bounds::QUIET, unreadable).await;
}

/// The true ones that come with them are taken in, so all of them were looked at.
async fn of_others(world: &World) -> String {
    let World { hostile, victim, room, alice, bob, .. } = world;
    let event = hostile.message(victim, room, "read this").await;
    world.send(&[&event]).await;
    let mut edus = Vec::new();
    for user in [&*bob.id, &*alice.id, "@nobody:elsewhere.example", &*room.mallory] {
        let receipt = json!({ "event_ids": [event.id()], "data": { "ts": 1_600_000_000_000_u64 } });
        let presence = json!({
            "user_id": user, "presence": "online", "last_active_ago": 1, "status_msg": "forged",
        });
        edus.extend([
            edu("m.typing", json!({ "room_id": room.id, "user_id": user, "typing": true })),
            edu("m.receipt", json!({ &room.id: { "m.read": { user: receipt } } })),
            edu("m.presence", json!({ "push": [presence] })),
        ]);
    }
    let answer = hostile.transaction(victim, &[], &edus).await;
    assert_eq!(answer.status, 200);
    let of_mallory = |told: &Value| {
        let ephemeral = told["rooms"]["join"][&room.id]["ephemeral"].to_string();
        ephemeral.matches(&room.mallory).count() >= 2 && told["presence"].to_string().contains("forged")
    };
    let told = world.told(of_mallory).await;
    let ephemeral = told["rooms"]["join"][&room.id]["ephemeral"]["events"].as_array().unwrap();
    let content =
        |event_type: &str| &ephemeral.iter().find(|event| event["type"] == event_type).unwrap()["content"];
    assert_eq!(content("m.typing")["user_ids"], json!([room.mallory]));
    let readers = content("m.receipt")[event.id()]["m.read"].as_object().unwrap();
    assert_eq!(readers.keys().collect::<Vec<_>>(), [&room.mallory]);
    let presences = told["presence"]["events"].as_array().unwrap().iter();
    let forged = presences.filter(|presence| presence["content"]["status_msg"] == "forged");
    assert_eq!(forged.map(|presence| &presence["sender"]).collect::<Vec<_>>(), [&room.mallory]);
    // It types no longer, so that what comes later is not mixed up with this.
    let silent = json!({ "room_id": room.id, "user_id": room.mallory, "typing": false });
    hostile.transaction(victim, &[], &[edu("m.typing", silent)]).await;
    "200, only its own".to_owned()
}

async fn to_device(world: &World) -> String {
    let World { hostile, victim, room, alice, bob, .. } = world;
    let message = |sender: &str, id: &str| {
        edu(
            "m.direct_to_device",
            json!({
                "sender": sender, "type": "m.test", "message_id": id,
                "messages": { &alice.id: { "*": { "from": sender } }, &bob.id: { "*": { "from": sender } } },
            }),
        )
    };
    let edus = [message(&bob.id, "1"), message(&alice.id, "2"), message(&room.mallory, "3")];
    assert_eq!(hostile.transaction(victim, &[], &edus).await.status, 200);
    let told = world.told(|told| told["to_device"].to_string().contains(&room.mallory)).await;
    let told = told["to_device"]["events"].clone();
    let senders: Vec<&Value> = told.as_array().unwrap().iter().map(|event| &event["sender"]).collect();
    assert_eq!(senders, [&room.mallory], "{told}");
    "200, only its own".to_owned()
}

async fn large_receipt(world: &World) -> String {
    let World { hostile, victim, room, .. } = world;
    let receipt = |events: usize| {
        let receipt = json!({ &room.mallory: { "event_ids": vec!["$a"; events], "data": {} } });
        edu("m.receipt", json!({ &room.id: { "m.read": receipt } }))
    };
    assert_eq!(hostile.transaction(victim, &[], &[receipt(400_000)]).await.status, 200);
    let answer = hostile.transaction(victim, &[], &[receipt(2_000_000)]).await;
    assert_eq!(answer.error(), (400, "M_BAD_JSON"));
    "200, passed over; with more values than a body may have 400 M_BAD_JSON".to_owned()
}

async fn unreadable(world: &World) -> String {
    let World { hostile, victim, .. } = world;
    let nonsense = [
        edu("m.typing", json!("nonsense")),
        edu("m.receipt", json!({ "no room": 1 })),
        edu("m.presence", json!({ "push": {} })),
        edu("m.direct_to_device", json!({})),
        edu("m.device_list_update", json!({ "user_id": "nobody" })),
        json!({ "edu_type": 1 }),
        json!("nonsense"),
    ];
    assert_eq!(hostile.transaction(victim, &[], &nonsense).await.status, 200);
    let answer = hostile.transaction(victim, &[], &vec![nonsense[0].clone(); 101]).await;
    assert_eq!(answer.error(), (413, "M_TOO_LARGE"));
    "200, then 413 M_TOO_LARGE".to_owned()
}

fn edu(edu_type: &str, content: Value) -> Value {
    json!({ "edu_type": edu_type, "content": content })
}
