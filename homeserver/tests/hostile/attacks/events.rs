//! Events that are not what they say: checks 1 to 6 on receipt of a PDU.

use hearth_spec::{RoomVersion, SigningKey};
use reqwest::Method;
use ruma::ServerName;
use serde_json::{Value, json};

use crate::{
    forgery::Forgery,
    peer::{self, keys},
    report::Bounds,
    world::{World, outcome},
};

pub async fn all(world: &World) {
    world.attack("an honest message, to compare", Bounds::QUIET, honest).await;
    world.attack("a content that was not hashed", Bounds::QUIET, other_content).await;
    world.attack("no hash at all", Bounds::QUIET, no_hash).await;
    world.attack("no signature", Bounds::QUIET, no_signature).await;
    world.attack("a signature of something else", Bounds::QUIET, other_signature).await;
    world.attack("a signature by a key of the same name", Bounds::QUIET, other_key).await;
    world.attack("a signature by a key that nobody published", Bounds::QUIET, unknown_key).await;
    world.attack("a message in the name of the honest user", Bounds::QUIET, other_sender).await;
    world.attack("a request signed by another server's key", Bounds::QUIET, other_origin).await;
    world.attack("a request for another server", Bounds::QUIET, other_destination).await;
    world.attack("a server whose keys have expired", Bounds::QUIET.requests(0), expired_keys).await;
    world.attack("an event by a key from before", Bounds::QUIET.requests(0), old_key).await;
    world.attack("power that the user does not have", Bounds::QUIET, no_power).await;
    world.attack("a user who is not in the room", Bounds::QUIET, not_joined).await;
    world.attack("a second create event", Bounds::QUIET, second_create).await;
    world.attack("auth events of another room", Bounds::QUIET.requests(4), auth_events_from_elsewhere).await;
    world.attack("auth events without the sender's membership", Bounds::QUIET, too_few_auth_events).await;
    world.attack("the same auth event twice", Bounds::QUIET, doubled_auth_events).await;
}

async fn honest(world: &World) -> String {
    let message = world.hostile.message(&world.victim, &world.room, "good morning").await;
    assert_eq!(world.send(&[&message]).await, ["taken in"]);
    assert!(world.is_shown(&world.room, &message).await);
    "taken in".to_owned()
}

/// The event is good but for what its author did not hash: it goes on redacted.
async fn other_content(world: &World) -> String {
    let message = world.hostile.message(&world.victim, &world.room, "harmless").await;
    let forged = message.with("content", json!({ "msgtype": "m.text", "body": "not what was hashed" }));
    assert_eq!(world.send(&[&forged]).await, ["taken in"]);
    let shown = world.shown(&world.room, &forged.id()).await.unwrap();
    assert_eq!(shown["content"], json!({}), "{shown}");
    "taken in, redacted".to_owned()
}

async fn no_hash(world: &World) -> String {
    let message = world.hostile.draft(&world.victim, &world.room, "m.room.message", spam()).await;
    let unhashed = message.signed(&world.hostile.name, &world.hostile.key);
    let answer = world.hostile.transaction(&world.victim, &[unhashed.json()], &[]).await;
    assert_eq!((answer.status, &answer.body["pdus"]), (200, &json!({})));
    assert!(!world.timeline(&world.room).await.contains(SPAM));
    "left out: it is no event".to_owned()
}

async fn no_signature(world: &World) -> String {
    let message = world.hostile.draft(&world.victim, &world.room, "m.room.message", spam()).await;
    refused(world, message.hashed().with("signatures", json!({})), "not signed by").await
}

async fn other_signature(world: &World) -> String {
    let message = world.hostile.message(&world.victim, &world.room, SPAM).await;
    refused(world, message.with("depth", 1), "signature of").await
}

async fn other_key(world: &World) -> String {
    let imposter = SigningKey::generate([1; 32], world.hostile.key.version()).unwrap();
    let message = world.hostile.draft(&world.victim, &world.room, "m.room.message", spam()).await;
    refused(world, message.hashed().signed(&world.hostile.name, &imposter), "signature of").await
}

async fn unknown_key(world: &World) -> String {
    let unpublished = SigningKey::generate([2; 32], "unpublished").unwrap();
    let message = world.hostile.draft(&world.victim, &world.room, "m.room.message", spam()).await;
    refused(world, message.hashed().signed(&world.hostile.name, &unpublished), "no key of").await
}

async fn other_sender(world: &World) -> String {
    let message = world.hostile.draft(&world.victim, &world.room, "m.room.message", spam()).await;
    let forged = message.with("sender", &*world.bob.id);
    // Signed by itself, it lacks the other's signature; in the other's name, it is not theirs.
    refused(world, world.hostile.seal(forged.clone()), "not signed by").await;
    let honest = <&ServerName>::try_from(&*world.honest.name).unwrap();
    refused(world, forged.hashed().signed(honest, &world.hostile.key), "").await
}

async fn other_origin(world: &World) -> String {
    let body = json!({ "origin": world.honest.name, "origin_server_ts": 1, "pdus": [], "edus": [] });
    let path = "/_matrix/federation/v1/send/forged";
    let own = world.hostile.authorization(&world.victim.name, &Method::PUT, path, Some(&body));
    let forged = own.replace(world.hostile.name.as_str(), &world.honest.name);
    let text = Some(body.to_string());
    let answer = world.hostile.call_as(&world.victim, Method::PUT, path, text.clone(), &forged).await;
    assert_eq!(answer.error(), (401, "M_UNAUTHORIZED"));
    // In its own name, but for the transaction of another.
    let answer = world.hostile.call_as(&world.victim, Method::PUT, path, text, &own).await;
    assert_eq!(answer.error(), (403, "M_FORBIDDEN"));
    "401 M_UNAUTHORIZED".to_owned()
}

async fn other_destination(world: &World) -> String {
    let path = format!("/_matrix/federation/v1/query/profile?user_id={}", world.alice.id);
    // As the honest server could pass on what it was sent.
    let meant = world.hostile.authorization(&world.honest.name, &Method::GET, &path, None);
    let answer = world.hostile.call_as(&world.victim, Method::GET, &path, None, &meant).await;
    assert_eq!(answer.error(), (401, "M_UNAUTHORIZED"));
    "401 M_UNAUTHORIZED".to_owned()
}

async fn expired_keys(world: &World) -> String {
    let expired = world.another_hostile().await;
    expired.publishes(keys(&expired.name, &[&expired.key], json!({}), peer::now() - 1));
    for _ in 0..3 {
        let answer = expired.transaction(&world.victim, &[], &[]).await;
        assert_eq!(answer.error(), (401, "M_UNAUTHORIZED"));
    }
    assert_eq!(expired.asked("/key/"), 1, "it was asked again at once");
    "401 M_UNAUTHORIZED, keys asked for once".to_owned()
}

/// What was signed while the key was good is good; what was signed later is not.
async fn old_key(world: &World) -> String {
    let renewed = world.another_hostile().await;
    let old = SigningKey::generate([3; 32], "old").unwrap();
    let expired_ts = peer::now() - 1000;
    let published = json!({
        old.key_id().as_str(): { "key": old.public_key_base64(), "expired_ts": expired_ts },
    });
    renewed.publishes(keys(&renewed.name, &[&renewed.key], published, peer::in_a_day()));
    let room = renewed.join(&world.victim, &world.room.id, RoomVersion::V12).await;
    let draft = renewed.draft(&world.victim, &room, "m.room.message", spam()).await;
    let late = draft.clone().hashed().signed(&renewed.name, &old);
    let early = draft.with("origin_server_ts", expired_ts).hashed().signed(&renewed.name, &old);
    let answer = renewed.transaction(&world.victim, &[late.json(), early.json()], &[]).await;
    assert!(outcome(&answer, &late.id()).contains("no key of"), "{answer:?}");
    assert_eq!(outcome(&answer, &early.id()), "taken in");
    assert!(!world.is_shown(&world.room, &late).await);
    outcome(&answer, &late.id())
}

async fn no_power(world: &World) -> String {
    let World { hostile, victim, room, alice, bob, .. } = world;
    let levels = json!({ "users": { &room.mallory: 100 } });
    let coup = hostile.draft(victim, room, "m.room.power_levels", levels).await.state("");
    refused(world, hostile.seal(coup), "").await;
    for user in [alice, bob] {
        let kick = hostile.draft(victim, room, "m.room.member", json!({ "membership": "leave" })).await;
        let target = world.state(room, "m.room.member", &user.id).await;
        assert_eq!(target["membership"], "join");
        refused(world, hostile.seal(kick.state(&user.id)), "").await;
    }
    let topic = hostile.draft(victim, room, "m.room.topic", json!({ "topic": SPAM })).await;
    refused(world, hostile.seal(topic.state("")), "").await
}

async fn not_joined(world: &World) -> String {
    let message = world.hostile.draft(&world.victim, &world.room, "m.room.message", spam()).await;
    let ghost = message.with("sender", format!("@ghost:{}", world.hostile.name));
    refused(world, world.hostile.seal(ghost), "").await
}

async fn second_create(world: &World) -> String {
    let World { hostile, victim, .. } = world;
    let room = world.another_room(hostile, RoomVersion::V11).await;
    let content = json!({ "room_version": "11" });
    let create = hostile.draft(victim, &room, "m.room.create", content).await.state("");
    let create = hostile.seal(create.after(&[]).authorised_by(&[]));
    let told = world.send(&[&create]).await.remove(0);
    assert_ne!(told, "taken in");
    told
}

async fn auth_events_from_elsewhere(world: &World) -> String {
    let World { hostile, victim, room, .. } = world;
    let elsewhere = world.another_room(hostile, RoomVersion::V12).await;
    let there = hostile.draft(victim, &elsewhere, "m.room.message", spam()).await;
    let message = hostile.draft(victim, room, "m.room.message", spam()).await;
    refused(world, hostile.seal(message.authorised_by(&there.auth_events())), "").await
}

async fn too_few_auth_events(world: &World) -> String {
    let message = world.hostile.draft(&world.victim, &world.room, "m.room.message", spam()).await;
    refused(world, world.hostile.seal(message.authorised_by(&[])), "").await
}

async fn doubled_auth_events(world: &World) -> String {
    let message = world.hostile.draft(&world.victim, &world.room, "m.room.message", spam()).await;
    let mut auth_events = message.auth_events();
    auth_events.push(auth_events[0].clone());
    refused(world, world.hostile.seal(message.authorised_by(&auth_events)), "").await
}

const SPAM: &str = "buy now";

fn spam() -> Value {
    json!({ "msgtype": "m.text", "body": SPAM })
}

/// Sends an event that must be refused with an error that says so: which error that is.
async fn refused(world: &World, event: Forgery, because: &str) -> String {
    let told = world.send(&[&event]).await.remove(0);
    assert!(!["taken in", "left out"].contains(&&*told) && told.contains(because), "{told}");
    assert!(!world.is_shown(&world.room, &event).await);
    told
}
