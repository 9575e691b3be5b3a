//! Invites and knocks with lies, in both directions.

use hearth_spec::RoomVersion;
use reqwest::Method;
use ruma::ServerName;
use serde_json::{Value, json};

use crate::{
    forgery::Forgery,
    lair::Lair,
    peer::{self, Peer, Reply},
    report::Bounds,
    world::World,
};

pub async fn all(world: &World) {
    world.attack("invites with lies", Bounds::QUIET.requests(4), forged_invites).await;
    world.attack("another event as the answer to an invite", Bounds::QUIET.requests(8), forged_invited).await;
    world.attack("nonsense as the answer to a knock", Bounds::QUIET.requests(8), forged_knock).await;
}

async fn forged_invites(world: &World) -> String {
    let World { hostile, victim, alice, bob, room, .. } = world;
    let lair = Lair::new(world, &format!("!invite:{}", hostile.name));
    let mut place = lair.draft()["event"].take();
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
    let draft = lair.draft();
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
    let told = world.told(|told| told["rooms"]["knock"][&lair.id].is_object()).await;
    let events = told["rooms"]["knock"][&lair.id]["knock_state"]["events"].as_array().unwrap();
    assert!(events.len() <= 101 && !told.to_string().contains("spam"), "{} events", events.len());
    format!("taken, {} events of it", events.len())
}
