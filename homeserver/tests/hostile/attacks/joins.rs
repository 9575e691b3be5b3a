//! Joins with lies, in both directions.

use std::sync::{Arc, Mutex};

use hearth_spec::RoomVersion;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    forgery::Forgery,
    lair::Lair,
    peer::{self, Peer, Reply},
    report::Bounds,
    world::World,
};

pub async fn all(world: &World) {
    world.attack("joining what the victim does not serve", Bounds::QUIET, unknown_room).await;
    world.attack("joining where one may not", Bounds::QUIET, private_room).await;
    world.attack("another event as the join", Bounds::QUIET, other_event_as_join).await;
    world.attack("a room of its own, without lies", Bounds::QUIET.requests(6), honest_room).await;
    world.attack("a room of its own, with lies", Bounds::QUIET.requests(60).seconds(20), forged_rooms).await;
    world.attack("a room in another server's name", Bounds::QUIET.requests(6), stolen_room).await;
    world.attack("a draft of another event", Bounds::QUIET.requests(6), other_draft).await;
    world.attack("a room of an unknown version", Bounds::QUIET.requests(6), unknown_version).await;
}

async fn unknown_room(world: &World) -> String {
    let World { hostile, victim, honest, room, bob, .. } = world;
    for id in [format!("!nobody:{}", victim.name), format!("!nobody:{}", honest.name)] {
        let path = format!("/_matrix/federation/v1/make_join/{id}/{}?ver=12", room.mallory);
        let answer = hostile.call(victim, Method::GET, &path, None).await;
        assert_eq!(answer.error(), (404, "M_NOT_FOUND"));
    }
    let path = format!("/_matrix/federation/v1/make_join/{}/{}?ver=12", room.id, bob.id);
    let answer = hostile.call(victim, Method::GET, &path, None).await;
    assert_eq!(answer.error(), (403, "M_FORBIDDEN"));
    "404 M_NOT_FOUND, 403 M_FORBIDDEN".to_owned()
}

async fn private_room(world: &World) -> String {
    let World { hostile, victim, alice, room, .. } = world;
    let body = json!({ "preset": "private_chat", "room_version": "11" });
    let made = victim.ok(Method::POST, "/_matrix/client/v3/createRoom", Some(alice), Some(body)).await;
    let id = made["room_id"].as_str().unwrap();
    let path = format!("/_matrix/federation/v1/make_join/{id}/{}?ver=11", room.mallory);
    let answer = hostile.call(victim, Method::GET, &path, None).await;
    assert_eq!(answer.error(), (403, "M_FORBIDDEN"));
    // Without a draft, on what it can guess.
    let join = json!({
        "type": "m.room.member", "state_key": room.mallory, "sender": room.mallory, "room_id": id,
        "content": { "membership": "join" }, "origin_server_ts": peer::now(), "depth": 9,
        "prev_events": [], "auth_events": [],
    });
    let join = hostile.seal(Forgery::new(RoomVersion::V11, join));
    let path = format!("/_matrix/federation/v2/send_join/{id}/{}", join.id());
    let answer = hostile.call(victim, Method::PUT, &path, Some(join.json())).await;
    assert!([400, 403].contains(&answer.status), "{answer:?}");
    for what in ["state_ids", "state", "backfill"] {
        let path = format!("/_matrix/federation/v1/{what}/{id}?event_id={0}&v={0}&limit=10", join.id());
        let answer = hostile.call(victim, Method::GET, &path, None).await;
        assert!([403, 404].contains(&answer.status), "{path}: {answer:?}");
    }
    "403 M_FORBIDDEN".to_owned()
}

/// What is sent must be the join that was drafted, of a user of the server that sends it.
async fn other_event_as_join(world: &World) -> String {
    let World { hostile, victim, room, alice, bob, .. } = world;
    let member = json!({ "membership": "join" });
    let draft = hostile.draft(victim, room, "m.room.member", member).await.state(&room.mallory);
    let ghost = format!("@ghost:{}", hostile.name);
    let lies = [
        draft.clone().with("content", json!({ "membership": "invite" })),
        draft.clone().with("content", json!({ "membership": "ban" })).state(&alice.id),
        draft.clone().state(&ghost),
        draft.clone().state(&bob.id).with("sender", &*bob.id),
        draft.clone().with("type", "m.room.topic").state(""),
        draft.clone().without("state_key"),
        draft.clone().with("room_id", "!AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        draft.clone().after(&[format!("${:c>43}", "unknown")]),
    ];
    for lie in lies {
        let lie = hostile.seal(lie);
        let path = format!("/_matrix/federation/v2/send_join/{}/{}", room.id, lie.id());
        let answer = hostile.call(victim, Method::PUT, &path, Some(lie.json())).await;
        assert_eq!(answer.error(), (400, "M_INVALID_PARAM"), "{:?}", lie.json());
        assert!(!world.is_shown(room, &lie).await);
    }
    let good = hostile.seal(draft);
    let path = format!("/_matrix/federation/v2/send_join/{}/${:d>43}", room.id, "another");
    let answer = hostile.call(victim, Method::PUT, &path, Some(good.json())).await;
    assert_eq!(answer.error(), (400, "M_INVALID_PARAM"));
    "400 M_INVALID_PARAM".to_owned()
}

/// Alice tries to join a room by the hostile server, which drafts so and answers so. What her client is told, and
/// the join that was sent.
async fn join(
    world: &World,
    id: &str,
    draft: Value,
    answer: impl Fn(&Value) -> Value + Send + 'static,
) -> (u16, Value, Value) {
    let World { hostile, victim, alice, .. } = world;
    let sent = Arc::new(Mutex::new(Value::Null));
    hostile.answers({
        let sent = sent.clone();
        move |asked| {
            if asked.path.contains("/make_join/") {
                return Some(Reply::Json(draft.clone()));
            }
            asked.path.contains("/send_join/").then(|| {
                *sent.lock().unwrap() = asked.body.clone();
                Reply::Json(answer(&asked.body))
            })
        }
    });
    let path = format!("/_matrix/client/v3/join/{id}?via={}", hostile.name);
    let (status, told) = victim.call(Method::POST, &path, Some(alice), Some(json!({}))).await;
    let sent = sent.lock().unwrap().clone();
    (status, told, sent)
}

async fn is_joined(world: &World, id: &str) -> bool {
    let path = "/_matrix/client/v3/joined_rooms";
    let rooms = world.victim.ok(Method::GET, path, Some(&world.alice), None).await;
    rooms["joined_rooms"].as_array().unwrap().iter().any(|room| room == id)
}

/// What the lies are compared with.
async fn honest_room(world: &World) -> String {
    let lair = Lair::new(world, &format!("!honest:{}", world.hostile.name));
    let (id, draft) = (lair.id.clone(), lair.draft());
    let (status, told, _) = join(world, &id, draft, move |join| lair.answer(join)).await;
    assert_eq!(status, 200, "{told}");
    assert!(is_joined(world, &id).await);
    "joined".to_owned()
}

/// What is wrong with a room, and how its answer comes to be so.
type Lie = (&'static str, fn(&Lair, &Peer, &mut Value));

const LIES: [Lie; 10] = [
    ("no create event", |_, _, answer| {
        answer["state"].as_array_mut().unwrap().remove(0);
    }),
    ("no auth chain", |_, _, answer| {
        answer["state"].as_array_mut().unwrap().truncate(1);
        answer["auth_chain"] = json!([]);
    }),
    ("a create event without signature", |_, _, answer| {
        answer["state"][0]["signatures"] = json!({});
        answer["auth_chain"][0]["signatures"] = json!({});
    }),
    ("join rules in the name of another", |lair, _, answer| {
        answer["state"][3] = lair.forged_rules.json();
        answer["auth_chain"][3] = lair.forged_rules.json();
    }),
    ("another event as the join", |lair, _, answer| answer["event"] = lair.rules.json()),
    ("the join with another content", |_, _, answer| {
        answer["event"]["content"]["displayname"] = json!("Mallory");
    }),
    ("two power levels", |lair, hostile, answer| {
        let other = lair.levels.clone().with("content", json!({ "users_default": 100 }));
        answer["state"].as_array_mut().unwrap().push(hostile.seal(other).json());
    }),
    ("a message as state", |lair, hostile, answer| {
        let message = lair.rules.clone().without("state_key").with("type", "m.room.message");
        answer["state"].as_array_mut().unwrap().push(hostile.seal(message).json());
    }),
    ("members left out", |_, _, answer| answer["members_omitted"] = json!(true)),
    ("nothing at all", |_, _, answer| *answer = json!({})),
];

async fn forged_rooms(world: &World) -> String {
    for (at, (name, lie)) in LIES.into_iter().enumerate() {
        let lair = Lair::new(world, &format!("!lie{at}:{}", world.hostile.name));
        let (id, draft) = (lair.id.clone(), lair.draft());
        let hostile = world.hostile.clone();
        let answer = move |join: &Value| {
            let mut answer = lair.answer(join);
            lie(&lair, &hostile, &mut answer);
            answer
        };
        let (status, told, _) = join(world, &id, draft, answer).await;
        assert!(status >= 400, "{name}: {told}");
        assert!(!is_joined(world, &id).await, "{name}");
    }
    format!("{} refused", LIES.len())
}

/// The id of a room says in whose name it is made: before version 12 the create event must be of that server.
async fn stolen_room(world: &World) -> String {
    let lair = Lair::new(world, &format!("!stolen:{}", world.honest.name));
    let (id, draft) = (lair.id.clone(), lair.draft());
    let (status, told, _) = join(world, &id, draft, move |join| lair.answer(join)).await;
    assert!(status >= 400, "{told}");
    assert!(!is_joined(world, &id).await);
    format!("{status} {}", told["error"])
}

/// Whatever is drafted, Alice's server signs nothing but her own join of that room.
async fn other_draft(world: &World) -> String {
    let lair = Lair::new(world, &format!("!draft:{}", world.hostile.name));
    let mut draft = lair.draft();
    let event = &mut draft["event"];
    event["type"] = json!("m.room.power_levels");
    event["sender"] = json!(world.bob.id);
    event["state_key"] = json!("");
    event["room_id"] = json!(world.room.id);
    event["content"] = json!({ "membership": "ban", "users": { &world.room.mallory: 100 } });
    let id = lair.id.clone();
    let (_, _, sent) = join(world, &id, draft, move |join| lair.answer(join)).await;
    let alice = &world.alice.id;
    let content = json!({ "displayname": "alice", "membership": "join" });
    assert_eq!(
        (&sent["type"], &sent["sender"], &sent["state_key"], &sent["room_id"], &sent["content"]),
        (&json!("m.room.member"), &json!(alice), &json!(alice), &json!(id), &content),
    );
    "signed the user's own join, and nothing else".to_owned()
}

async fn unknown_version(world: &World) -> String {
    let lair = Lair::new(world, &format!("!version:{}", world.hostile.name));
    let (id, mut draft) = (lair.id.clone(), lair.draft());
    draft["room_version"] = json!("99");
    let (status, told, sent) = join(world, &id, draft, move |join| lair.answer(join)).await;
    assert!(status >= 400 && sent.is_null(), "{told}");
    format!("{status} {}", told["errcode"].as_str().unwrap())
}
