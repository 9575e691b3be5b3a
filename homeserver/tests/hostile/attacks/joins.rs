//! Joins, invites and knocks with lies, in both directions.

use std::sync::{Arc, Mutex};

use hearth_spec::RoomVersion;
use reqwest::Method;
use ruma::ServerName;
use serde_json::{Value, json};

use crate::{
    forgery::Forgery,
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
    world.attack("invites with lies", Bounds::QUIET.requests(4), forged_invites).await;
    world.attack("another event as the answer to an invite", Bounds::QUIET.requests(8), forged_invited).await;
    world.attack("nonsense as the answer to a knock", Bounds::QUIET.requests(8), forged_knock).await;
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

/// A room that the hostile server makes up, of version 11, where its id can be anything.
struct Lair {
    id: String,
    create: Forgery,
    creator: Forgery,
    levels: Forgery,
    rules: Forgery,
    /// The rules in the name of the honest user.
    forged_rules: Forgery,
}

impl Lair {
    fn new(world: &World, id: &str) -> Self {
        let World { hostile, honest, bob, .. } = world;
        let mallory = format!("@mallory:{}", hostile.name);
        let event = |event_type: &str, key: &str, content: Value, auth: &[&Forgery]| {
            let ids: Vec<String> = auth.iter().map(|event| event.id()).collect();
            let event = json!({
                "type": event_type, "state_key": key, "content": content, "room_id": id, "sender": mallory,
                "origin_server_ts": peer::now(), "depth": auth.len() + 1,
            });
            let after = &ids[ids.len().saturating_sub(1)..];
            hostile.seal(Forgery::new(RoomVersion::V11, event).authorised_by(&ids).after(after))
        };
        let create = event("m.room.create", "", json!({ "room_version": "11" }), &[]);
        let creator = event("m.room.member", &mallory, json!({ "membership": "join" }), &[&create]);
        let power = json!({ "users": { &mallory: 100 } });
        let levels = event("m.room.power_levels", "", power, &[&create, &creator]);
        let public = json!({ "join_rule": "public" });
        let rules = event("m.room.join_rules", "", public, &[&create, &creator, &levels]);
        let honest = <&ServerName>::try_from(&*honest.name).unwrap();
        let forged_rules = rules.clone().with("sender", &*bob.id).hashed().signed(honest, &hostile.key);
        Self { id: id.to_owned(), create, creator, levels, rules, forged_rules }
    }

    /// Where a join is to be placed.
    fn draft(&self, event_type: &str) -> Value {
        let ids = [&self.create, &self.levels, &self.rules].map(Forgery::id);
        json!({
            "type": event_type, "room_id": self.id, "content": { "membership": "join" }, "depth": 9,
            "prev_events": [self.rules.id()], "auth_events": ids,
        })
    }

    fn state(&self) -> Vec<Value> {
        [&self.create, &self.creator, &self.levels, &self.rules].map(Forgery::json).to_vec()
    }

    /// The room, as it is answered to a join.
    fn answer(&self, join: &Value) -> Value {
        json!({
            "event": join, "members_omitted": false, "servers_in_room": [],
            "state": self.state(), "auth_chain": self.state(),
        })
    }
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

fn version_11(event: Value) -> Value {
    json!({ "room_version": "11", "event": event })
}

async fn is_joined(world: &World, id: &str) -> bool {
    let path = "/_matrix/client/v3/joined_rooms";
    let rooms = world.victim.ok(Method::GET, path, Some(&world.alice), None).await;
    rooms["joined_rooms"].as_array().unwrap().iter().any(|room| room == id)
}

/// What the lies are compared with.
async fn honest_room(world: &World) -> String {
    let lair = Lair::new(world, &format!("!honest:{}", world.hostile.name));
    let (id, draft) = (lair.id.clone(), version_11(lair.draft("m.room.member")));
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
        let (id, draft) = (lair.id.clone(), version_11(lair.draft("m.room.member")));
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
    let (id, draft) = (lair.id.clone(), version_11(lair.draft("m.room.member")));
    let (status, told, _) = join(world, &id, draft, move |join| lair.answer(join)).await;
    assert!(status >= 400, "{told}");
    assert!(!is_joined(world, &id).await);
    format!("{status} {}", told["error"])
}

/// Whatever is drafted, Alice's server signs nothing but her own join of that room.
async fn other_draft(world: &World) -> String {
    let lair = Lair::new(world, &format!("!draft:{}", world.hostile.name));
    let mut draft = lair.draft("m.room.power_levels");
    draft["sender"] = json!(world.bob.id);
    draft["state_key"] = json!("");
    draft["room_id"] = json!(world.room.id);
    draft["content"] = json!({ "membership": "ban", "users": { &world.room.mallory: 100 } });
    let id = lair.id.clone();
    let (_, _, sent) = join(world, &id, version_11(draft), move |join| lair.answer(join)).await;
    let alice = &world.alice.id;
    assert_eq!(
        (&sent["type"], &sent["sender"], &sent["state_key"], &sent["room_id"], &sent["content"]),
        (&json!("m.room.member"), &json!(alice), &json!(alice), &json!(id), &json!({ "membership": "join" })),
    );
    "signed the user's own join, and nothing else".to_owned()
}

async fn unknown_version(world: &World) -> String {
    let lair = Lair::new(world, &format!("!version:{}", world.hostile.name));
    let (id, draft) = (lair.id.clone(), lair.draft("m.room.member"));
    let draft = json!({ "room_version": "99", "event": draft });
    let (status, told, sent) = join(world, &id, draft, move |join| lair.answer(join)).await;
    assert!(status >= 400 && sent.is_null(), "{told}");
    format!("{status} {}", told["errcode"].as_str().unwrap())
}

async fn forged_invites(world: &World) -> String {
    let World { hostile, victim, alice, bob, room, .. } = world;
    let lair = Lair::new(world, &format!("!invite:{}", hostile.name));
    let mut place = lair.draft("m.room.member");
    place["content"] = json!({ "membership": "invite" });
    place["sender"] = json!(room.mallory);
    place["state_key"] = json!(alice.id);
    place["origin_server_ts"] = json!(peer::now());
    let invite = Forgery::new(RoomVersion::V11, place);
    let honest = <&ServerName>::try_from(&*world.honest.name).unwrap();
    let lies = [
        hostile.seal(invite.clone().with("content", json!({ "membership": "join" }))),
        hostile.seal(invite.clone().state(&bob.id)),
        hostile.seal(invite.clone().state(&format!("@nobody:{}", victim.name))),
        hostile.seal(invite.clone().with("sender", &*bob.id)),
        invite.clone().with("sender", &*bob.id).hashed().signed(honest, &hostile.key),
        invite.clone().hashed().with("signatures", json!({})),
        hostile.seal(invite.clone().with("room_id", "!elsewhere:x")),
        hostile.seal(invite.clone().with("type", "m.room.topic")),
    ];
    for lie in lies {
        let path = format!("/_matrix/federation/v2/invite/{}/{}", lair.id, lie.id());
        let body = json!({ "room_version": "11", "event": lie.json(), "invite_room_state": [] });
        let answer = hostile.call(victim, Method::PUT, &path, Some(body)).await;
        assert!([400, 403, 404].contains(&answer.status), "{answer:?} to {}", lie.json());
    }
    // Of a room that is here, with state that is another room's.
    let good = hostile.seal(invite);
    let path = format!("/_matrix/federation/v2/invite/{}/{}", lair.id, good.id());
    let other = Lair::new(world, &format!("!other:{}", hostile.name));
    let body = json!({ "room_version": "11", "event": good.json(), "invite_room_state": other.state() });
    let answer = hostile.call(victim, Method::PUT, &path, Some(body)).await;
    assert_eq!(answer.error(), (400, "M_INVALID_PARAM"));
    let told = victim.ok(Method::GET, "/_matrix/client/v3/sync", Some(alice), None).await;
    assert_eq!(told["rooms"]["invite"].as_object().map_or(0, |invites| invites.len()), 0, "{told}");
    "400 M_INVALID_PARAM".to_owned()
}

/// Alice invites a user of the hostile server, which signs something else.
async fn forged_invited(world: &World) -> String {
    let World { hostile, victim, room, alice, .. } = world;
    let invited = format!("@invited:{}", hostile.name);
    type Lie = fn(&Peer, Forgery) -> Forgery;
    let lies: [Lie; 4] = [
        |_, invite| invite.with("signatures", json!({})),
        |peer, invite| peer.seal(invite.with("content", json!({ "membership": "join" }))),
        |_, invite| invite.with("content", json!({ "membership": "invite", "displayname": "Bob" })),
        |peer, invite| peer.seal(invite.state(&format!("@other:{}", peer.name))),
    ];
    let mut told = Value::Null;
    for lie in lies {
        let peer = hostile.clone();
        hostile.answers(move |asked| {
            let invite = asked.path.contains("/v2/invite/");
            let event = || Forgery::new(RoomVersion::V12, asked.body["event"].clone());
            invite.then(|| Reply::Json(json!({ "event": lie(&peer, event()).json() })))
        });
        let path = format!("/_matrix/client/v3/rooms/{}/invite", room.id);
        let body = json!({ "user_id": invited });
        let (status, answer) = victim.call(Method::POST, &path, Some(alice), Some(body)).await;
        assert!(status >= 400, "{answer}");
        let path = format!("/_matrix/client/v3/rooms/{}/state/m.room.member/{invited}", room.id);
        assert_eq!(victim.call(Method::GET, &path, Some(alice), None).await.0, 404);
        told = answer;
    }
    told["error"].as_str().unwrap().to_owned()
}

/// What is told of a room that one knocks on reaches clients: it is cut, and what is no state is left out.
async fn forged_knock(world: &World) -> String {
    let World { hostile, victim, alice, .. } = world;
    let lair = Lair::new(world, &format!("!knock:{}", hostile.name));
    let draft = version_11(lair.draft("m.room.member"));
    let mut state =
        vec![json!({ "type": "m.room.message", "content": { "body": "spam" }, "sender": "@a:b" })];
    let topic = json!({ "topic": "a".repeat(1000) });
    state.extend((0..1500).map(|number| {
        json!({ "type": "m.room.topic", "state_key": number.to_string(), "sender": "@a:b", "content": topic })
    }));
    hostile.answers(move |asked| {
        if asked.path.contains("/make_knock/") {
            return Some(Reply::Json(draft.clone()));
        }
        asked.path.contains("/send_knock/").then(|| Reply::Json(json!({ "knock_room_state": state })))
    });
    let path = format!("/_matrix/client/v3/knock/{}?via={}", lair.id, hostile.name);
    let (status, answer) = victim.call(Method::POST, &path, Some(alice), Some(json!({}))).await;
    assert_eq!(status, 200, "{answer}");
    let told = victim.ok(Method::GET, "/_matrix/client/v3/sync", Some(alice), None).await;
    let events = told["rooms"]["knock"][&lair.id]["knock_state"]["events"].as_array().unwrap();
    assert!(events.len() <= 101 && !told.to_string().contains("spam"), "{} events", events.len());
    format!("taken, {} events of it", events.len())
}
