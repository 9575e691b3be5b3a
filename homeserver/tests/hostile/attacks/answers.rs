//! Answers that never end, or point elsewhere.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use hearth_spec::RoomVersion;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    common::Process,
    forgery::Forgery,
    peer::{self, Asked, Peer, Reply},
    report::Bounds,
    world::{Room, World, outcome},
};

/// What is read of most answers, and of one with the state of a room, in MiB.
const USUAL_MIB: u64 = 16;
const ROOM_MIB: u64 = 256;

pub async fn all(world: &World) {
    let usual = Bounds::QUIET.requests(8).memory_mib(3 * USUAL_MIB);
    let room = Bounds::QUIET.requests(8).memory_mib(ROOM_MIB + 64).seconds(30);
    world.attack("missing events without end", usual, endless_missing).await;
    world.attack("a state of ids without end", usual.memory_mib(64), endless_state_ids).await;
    world.attack("a million-member state", room, endless_state).await;
    // Each of the eight connections has buffers of its own, and what was taken before may have been given back or not.
    let rooms = room.memory_mib(ROOM_MIB + 8 * USUAL_MIB);
    world.attack("million-member states in eight rooms at once", rooms, endless_states).await;
    world.attack("a million-member room to join", room, endless_join).await;
    world.attack("a room to join of 80 million empty events", room, many_events).await;
    world.attack("media without end", usual.memory_mib(64), endless_media).await;
    world.attack("keys without end", Bounds::QUIET.requests(0), endless_keys).await;
    world.attack("redirects", Bounds::QUIET.requests(20), redirects).await;
    let none = Bounds::QUIET.requests(0).seconds(10);
    world.attack("names of servers in private networks", none, private_networks).await;
}

/// Sends an event after one that is missing into each of the rooms; the script answers what is asked then.
async fn orphans(world: &World, hostile: &Peer, rooms: &[Room]) -> String {
    let mut orphans = Vec::new();
    for room in rooms {
        let draft = hostile.draft(&world.victim, room, "m.room.message", json!({ "body": "orphan" })).await;
        orphans.push(hostile.seal(draft.after(&[format!("${:e>43}", "orphan")])));
    }
    let pdus: Vec<Value> = orphans.iter().map(Forgery::json).collect();
    let answer = hostile.transaction(&world.victim, &pdus, &[]).await;
    for (room, orphan) in rooms.iter().zip(&orphans) {
        assert!(outcome(&answer, &orphan.id()).contains("could be fetched"), "{answer:?}");
        assert!(!world.is_shown(room, orphan).await);
    }
    outcome(&answer, &orphans[0].id())
}

async fn orphan(world: &World) -> String {
    orphans(world, &world.hostile, std::slice::from_ref(&world.room)).await
}

async fn endless_missing(world: &World) -> String {
    world.hostile.answers(|asked| {
        asked.path.contains("get_missing_events").then(|| Reply::Long("{\"events\":[", "{},", None, ""))
    });
    orphan(world).await
}

async fn endless_state_ids(world: &World) -> String {
    world.hostile.answers(|asked| {
        asked.path.contains("/state_ids/").then(|| Reply::Long("{\"pdu_ids\":[", "\"$a\",", None, ""))
    });
    orphan(world).await
}

/// More ids than are fetched one by one; then the state itself never ends.
fn endless(asked: &Asked) -> Option<Reply> {
    if asked.path.contains("/state_ids/") {
        let ids: Vec<String> = (0..1000).map(|number| format!("${number:0>43}")).collect();
        return Some(Reply::Json(json!({ "pdu_ids": ids, "auth_chain_ids": [] })));
    }
    let state = asked.path.contains("/state/");
    state.then(|| Reply::Long("{\"pdus\":[", "{\"type\":\"m.room.member\"},", None, ""))
}

async fn endless_state(world: &World) -> String {
    world.hostile.answers(endless);
    orphan(world).await
}

/// The bound is one for all of them.
async fn endless_states(world: &World) -> String {
    let hostile = world.another_hostile().await;
    let mut rooms = Vec::new();
    for _ in 0..8 {
        rooms.push(world.another_room(&hostile, RoomVersion::V12).await);
    }
    hostile.answers(endless);
    orphans(world, &hostile, &rooms).await
}

/// Alice wants to join a room of the hostile server, which answers so.
async fn join(world: &World, answer: impl Fn() -> Reply + Send + 'static) -> String {
    let World { hostile, victim, alice, .. } = world;
    hostile.answers(move |asked| {
        if asked.path.contains("/make_join/") {
            let event = json!({ "prev_events": [], "auth_events": [], "depth": 9 });
            return Some(Reply::Json(json!({ "room_version": "11", "event": event })));
        }
        asked.path.contains("/send_join/").then(&answer)
    });
    let path = format!("/_matrix/client/v3/join/!large:{0}?via={0}", hostile.name);
    let (status, told) = victim.call(Method::POST, &path, Some(alice), Some(json!({}))).await;
    assert_eq!(status, 502, "{told}");
    told["error"].as_str().unwrap().to_owned()
}

async fn endless_join(world: &World) -> String {
    join(world, || Reply::Long("{\"state\":[", "{\"type\":\"m.room.member\"},", None, "")).await
}

/// Each is small, but not to whoever keeps them one by one.
async fn many_events(world: &World) -> String {
    join(world, || Reply::Long("{\"auth_chain\":[],\"state\":[", "{},", Some(240 << 20), "{}]}")).await
}

async fn endless_media(world: &World) -> String {
    let World { hostile, victim, alice, .. } = world;
    hostile.answers(|_| {
        let Reply::Other(mut media) = Reply::multipart(String::new()) else { unreachable!() };
        *media.body_mut() = peer::long("--x\r\n\r\n{}\r\n--x\r\n", "A: b\r\n", None, "");
        Some(Reply::Other(media))
    });
    let path = format!("/_matrix/client/v1/media/download/{}/endless", hostile.name);
    let (status, told) = victim.call(Method::GET, &path, Some(alice), None).await;
    assert!(status >= 400, "{told}");
    told["error"].as_str().unwrap().to_owned()
}

async fn endless_keys(world: &World) -> String {
    let hostile = world.another_hostile().await;
    hostile.answers(|_| Some(Reply::Long("{\"verify_keys\":{", "\"a\":{},", None, "")));
    let answer = hostile.transaction(&world.victim, &[], &[]).await;
    assert_eq!(answer.error(), (401, "M_UNAUTHORIZED"));
    "401 M_UNAUTHORIZED".to_owned()
}

/// What the server-server API asks goes to the server that was asked, and nowhere else. Media may lie elsewhere,
/// but at no address that says whom to connect to, and not without TLS.
async fn redirects(world: &World) -> String {
    let World { hostile, victim, alice, .. } = world;
    let inside = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = inside.local_addr().unwrap();
    hostile.answers(move |_| Some(Reply::redirect(&format!("https://{address}/"))));
    let told = orphan(world).await;
    for location in [format!("http://{address}/"), format!("https://{address}@{}/", hostile.name)] {
        let part = format!("--x\r\n\r\n{{}}\r\n--x\r\nLocation: {location}\r\n\r\n\r\n--x--");
        hostile.answers(move |_| Some(Reply::multipart(part.clone())));
        let path = format!("/_matrix/client/v1/media/download/{}/elsewhere", hostile.name);
        let (status, told) = victim.call(Method::GET, &path, Some(alice), None).await;
        assert!(status >= 400, "{told}");
    }
    // Round and round.
    let asked = hostile.asked("");
    let own = hostile.name.clone();
    hostile.answers(move |asked| {
        let round = format!("https://{own}/round");
        Some(match asked.path.contains("/media/") {
            true => Reply::multipart(format!("--x\r\n\r\n{{}}\r\n--x\r\nLocation: {round}\r\n\r\n\r\n--x--")),
            false => Reply::redirect(&round),
        })
    });
    let path = format!("/_matrix/client/v1/media/download/{}/round", hostile.name);
    let (status, round) = victim.call(Method::GET, &path, Some(alice), None).await;
    assert!(status >= 400, "{round}");
    assert!(hostile.asked("") - asked <= 5, "it went round {} times", hostile.asked("") - asked);
    assert!(is_quiet(&inside).await, "the victim went where it was sent");
    told
}

/// Whether nobody has connected.
async fn is_quiet(listener: &TcpListener) -> bool {
    tokio::time::timeout(std::time::Duration::from_millis(50), listener.accept()).await.is_err()
}

/// Names that anyone can say: a server that is to reach public servers only connects to none of them.
async fn private_networks(world: &World) -> String {
    let folder = tempfile::tempdir().unwrap();
    let guarded = Process::start_federating(folder.path().join("data"), &world.certificate, false).await;
    let inside = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = inside.local_addr().unwrap().port();
    let tried = AtomicUsize::new(0);
    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]"] {
        let body: Value = json!({ "origin": format!("{host}:{port}"), "origin_server_ts": 1, "pdus": [] });
        let origin = format!(r#"X-Matrix origin="{host}:{port}",key="ed25519:a",sig="a""#);
        let path = format!("/_matrix/federation/v1/send/{}", tried.fetch_add(1, Relaxed));
        let answer =
            world.hostile.call_as(&guarded, Method::PUT, &path, Some(body.to_string()), &origin).await;
        assert_eq!(answer.error(), (401, "M_UNAUTHORIZED"), "{host}");
    }
    assert!(is_quiet(&inside).await, "it was connected to");
    "401 M_UNAUTHORIZED, no connection".to_owned()
}
