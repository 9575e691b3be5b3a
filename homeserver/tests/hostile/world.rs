//! Three servers in a room: the victim, an honest one, and a hostile one.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures::FutureExt as _;
use hearth_spec::RoomVersion;
use reqwest::Method;
use ruma::OwnedRoomId;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    common::{Certificate, Process, client::User},
    forgery::Forgery,
    peer::{self, Answer, Peer},
    report::{self, Bounds, Cost},
};

/// How long a message between the victim and the honest server may take, whatever else is going on.
const SOON: Duration = Duration::from_secs(5);

pub struct World {
    pub victim: Process,
    pub honest: Process,
    pub hostile: Arc<Peer>,
    /// Of the victim.
    pub alice: User,
    /// Of the honest server.
    pub bob: User,
    pub certificate: Certificate,
    /// The room that all of them are in.
    pub room: Room,
    /// The attacks that were not fended off as they should be.
    pub failed: Mutex<Vec<String>>,
    _folder: TempDir,
}

/// A room of Alice's, with a user of a hostile server in it.
#[derive(Clone)]
pub struct Room {
    pub id: String,
    pub version: RoomVersion,
    /// The user of the hostile server.
    pub mallory: String,
}

impl World {
    pub async fn start() -> Self {
        _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let certificate = Certificate::make(folder.path());
        let (victim, honest, hostile) = tokio::join!(
            Process::start_federating(folder.path().join("victim"), &certificate, true),
            Process::start_federating(folder.path().join("honest"), &certificate, true),
            Peer::start(&certificate),
        );
        let (alice, bob) = tokio::join!(victim.register("alice"), honest.register("bob"));
        let room = meet(&victim, &alice, &honest, &bob, &hostile, RoomVersion::V12).await;
        let (hostile, failed) = (Arc::new(hostile), Mutex::default());
        Self { victim, honest, hostile, alice, bob, certificate, room, failed, _folder: folder }
    }

    /// Another room of that version in which all are, with this hostile server.
    pub async fn another_room(&self, hostile: &Peer, version: RoomVersion) -> Room {
        meet(&self.victim, &self.alice, &self.honest, &self.bob, hostile, version).await
    }

    /// Another hostile server.
    pub async fn another_hostile(&self) -> Peer {
        Peer::start(&self.certificate).await
    }

    /// Runs an attack of the hostile server and judges what it cost the victim. It tells what was answered. If it
    /// fails, the others are run all the same.
    pub async fn attack(&self, name: &str, bounds: Bounds, attack: impl AsyncFnOnce(&Self) -> String) {
        self.attack_by(&self.hostile, name, bounds, attack(self)).await;
    }

    /// The same for an attack of another hostile server.
    pub async fn attack_by(
        &self,
        hostile: &Peer,
        name: &str,
        bounds: Bounds,
        attack: impl Future<Output = String>,
    ) {
        let judged = async {
            let (cost, asked) = (Cost::measure(&self.victim), hostile.asked(""));
            let told = attack.await;
            let (requests, spent) = (hostile.asked("") - asked, cost.so_far());
            hostile.answers(|_| None);
            let heard = self.all_is_well(&self.room).await;
            report::row(name, &told, requests, spent, heard);
            bounds.judge(requests, spent);
        };
        if AssertUnwindSafe(judged).catch_unwind().await.is_err() {
            hostile.answers(|_| None);
            self.failed.lock().unwrap().push(name.to_owned());
        }
    }

    /// All attacks were fended off, and what the victim has stored is sound.
    pub fn judge(mut self) {
        let failed = self.failed.get_mut().unwrap();
        assert!(failed.is_empty(), "{failed:?}");
        self.victim.kill();
        let check = self.victim.check();
        assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
    }

    /// The honest server notices nothing: what either user says, the other hears soon. Says after how long.
    pub async fn all_is_well(&self, room: &Room) -> Duration {
        let begun = Instant::now();
        let from_alice = say(&self.victim, &self.alice, room).await;
        heard(&self.honest, &self.bob, room, &from_alice).await;
        let from_bob = say(&self.honest, &self.bob, room).await;
        heard(&self.victim, &self.alice, room, &from_bob).await;
        begun.elapsed() / 2
    }

    /// Whether Alice's client is shown an event.
    pub async fn is_shown(&self, room: &Room, event: &Forgery) -> bool {
        self.shown(room, &event.id()).await.is_some()
    }

    /// An event as Alice's client is shown it.
    pub async fn shown(&self, room: &Room, id: &str) -> Option<Value> {
        let path = format!("/_matrix/client/v3/rooms/{}/event/{id}", room.id);
        let (status, event) = self.victim.call(Method::GET, &path, Some(&self.alice), None).await;
        assert!([200, 404].contains(&status), "{status}: {event}");
        (status == 200).then_some(event)
    }

    /// The newest events of a room as text, as Alice's client is shown them.
    pub async fn timeline(&self, room: &Room) -> String {
        let path = format!("/_matrix/client/v3/rooms/{}/messages?dir=b&limit=50", room.id);
        self.victim.ok(Method::GET, &path, Some(&self.alice), None).await["chunk"].to_string()
    }

    /// What Alice's client is told, all of it, as soon as that is among it: what was answered just now may not be yet.
    pub async fn told(&self, that: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let path = "/_matrix/client/v3/sync";
            let told = self.victim.ok(Method::GET, path, Some(&self.alice), None).await;
            if that(&told) {
                return told;
            }
            assert!(begun.elapsed() < SOON, "{told}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Some state of a room, as Alice's client is shown it.
    pub async fn state(&self, room: &Room, event_type: &str, key: &str) -> Value {
        let path = format!("/_matrix/client/v3/rooms/{}/state/{event_type}/{key}", room.id);
        self.victim.ok(Method::GET, &path, Some(&self.alice), None).await
    }

    /// The id of the event by which a user is in a room.
    pub async fn member_event(&self, room: &Room, user: &str) -> String {
        let path = format!("/_matrix/client/v3/rooms/{}/state", room.id);
        let state = self.victim.ok(Method::GET, &path, Some(&self.alice), None).await;
        let member = state.as_array().unwrap().iter().find(|event| event["state_key"] == user);
        member.unwrap()["event_id"].as_str().unwrap().to_owned()
    }

    /// The hostile server sends events of the room all share: what the victim says of each.
    pub async fn send(&self, events: &[&Forgery]) -> Vec<String> {
        let pdus: Vec<Value> = events.iter().map(|event| event.json()).collect();
        let answer = self.hostile.transaction(&self.victim, &pdus, &[]).await;
        events.iter().map(|event| outcome(&answer, &event.id())).collect()
    }
}

/// What the victim says of an event in a transaction: its error, or "taken in".
pub fn outcome(answer: &Answer, id: &str) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    match &answer.body["pdus"][id] {
        Value::Null => "left out".to_owned(),
        told => told["error"].as_str().unwrap_or("taken in").to_owned(),
    }
}

impl Peer {
    /// An event as an honest server would place it: neither hashed nor signed.
    pub async fn draft(&self, victim: &Process, room: &Room, event_type: &str, content: Value) -> Forgery {
        let path = format!("/_matrix/federation/v1/make_leave/{}/{}", room.id, room.mallory);
        let answer = self.call(victim, Method::GET, &path, None).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let place = &answer.body["event"];
        let event = json!({
            "type": event_type, "content": content, "room_id": room.id, "sender": room.mallory,
            "origin_server_ts": peer::now(), "depth": place["depth"],
            "prev_events": place["prev_events"], "auth_events": place["auth_events"],
        });
        match room.version {
            RoomVersion::V1 | RoomVersion::V2 => {
                let id = format!("${}:{}", peer::unique(), self.name);
                Forgery::new(room.version, event).with("event_id", id)
            }
            version => Forgery::new(version, event),
        }
    }

    /// A message that nothing is wrong with yet.
    pub async fn message(&self, victim: &Process, room: &Room, body: &str) -> Forgery {
        let content = json!({ "msgtype": "m.text", "body": body });
        self.seal(self.draft(victim, room, "m.room.message", content).await)
    }

    /// The event with its hash and this server's signature.
    pub fn seal(&self, event: Forgery) -> Forgery {
        event.hashed().signed(&self.name, &self.key)
    }

    /// Joins a room as any server does.
    pub async fn join(&self, victim: &Process, id: &str, version: RoomVersion) -> Room {
        let mallory = format!("@mallory:{}", self.name);
        let path = format!("/_matrix/federation/v1/make_join/{id}/{mallory}?ver={}", version.id());
        let made = self.call(victim, Method::GET, &path, None).await;
        assert_eq!(made.status, 200, "{made:?}");
        let mut join =
            Forgery::new(version, made.body["event"].clone()).with("origin_server_ts", peer::now());
        if version <= RoomVersion::V2 {
            join = join.with("event_id", format!("${}:{}", peer::unique(), self.name));
        }
        let join = self.seal(join);
        let path = format!("/_matrix/federation/v2/send_join/{id}/{}", join.id());
        let sent = self.call(victim, Method::PUT, &path, Some(join.json())).await;
        assert_eq!(sent.status, 200, "{sent:?}");
        Room { id: id.to_owned(), version, mallory }
    }
}

/// Alice makes a room, and the others join it.
async fn meet(
    victim: &Process,
    alice: &User,
    honest: &Process,
    bob: &User,
    hostile: &Peer,
    version: RoomVersion,
) -> Room {
    let body = json!({ "preset": "public_chat", "room_version": version.id() });
    let made = victim.ok(Method::POST, "/_matrix/client/v3/createRoom", Some(alice), Some(body)).await;
    let id = OwnedRoomId::try_from(made["room_id"].as_str().unwrap()).unwrap();
    let path = format!("/_matrix/client/v3/join/{id}?via={}", victim.name);
    honest.ok(Method::POST, &path, Some(bob), Some(json!({}))).await;
    hostile.join(victim, id.as_str(), version).await
}

async fn say(server: &Process, user: &User, room: &Room) -> String {
    let path = format!("/_matrix/client/v3/rooms/{}/send/m.room.message/{}", room.id, peer::unique());
    let body = json!({ "msgtype": "m.text", "body": "all is well" });
    let sent = server.ok(Method::PUT, &path, Some(user), Some(body)).await;
    sent["event_id"].as_str().unwrap().to_owned()
}

async fn heard(server: &Process, user: &User, room: &Room, event: &str) {
    let begun = Instant::now();
    let path = format!("/_matrix/client/v3/rooms/{}/event/{event}", room.id);
    while server.call(Method::GET, &path, Some(user), None).await.0 != 200 {
        assert!(begun.elapsed() < SOON, "{} does not hear {event}", user.id);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
