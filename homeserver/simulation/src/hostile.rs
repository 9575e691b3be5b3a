//! A hostile server: it joins a room as it should, and then sends and answers whatever it likes.

mod wire;

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use hearth_spec::{EventTemplate, Pdu, RoomVersion, SigningKey};
use http::Method;
use rand::{Rng as _, seq::IndexedRandom as _};
use rand_chacha::ChaCha8Rng;
use ruma::{OwnedEventId, OwnedRoomId, OwnedServerName, OwnedUserId, ServerName, UserId};
use serde_json::{Value, json, value::to_raw_value};
use tokio::time::sleep;

use crate::{
    chance,
    host::Host,
    simulation::{World, streams},
};

/// Its address.
pub const ADDRESS: &str = "evil.test";

/// The version of the rooms that are made here.
const VERSION: RoomVersion = RoomVersion::V12;

/// The server, and what it knows of the room that it is in.
struct Hostile {
    world: Arc<World>,
    chance: ChaCha8Rng,
    name: OwnedServerName,
    key: SigningKey,
    user: OwnedUserId,
    room: OwnedRoomId,
    /// What its events may name as allowing them.
    auth_events: Vec<OwnedEventId>,
    /// Events of the room that it knows.
    known: Vec<OwnedEventId>,
    sent: u64,
}

/// Joins the first room, and makes trouble there until all is to be calm.
pub async fn attack(world: Arc<World>) {
    let name = ServerName::parse(format!("{ADDRESS}:8448")).expect("a server name");
    let key = SigningKey::generate([66; 32], "evil").expect("a key");
    let user = UserId::parse(format!("@mallory:{name}")).expect("a user id");
    let listener = wire::listen(&world, &name, &key);
    let room = world.done.rooms.lock()[0].clone();
    let Ok(room) = room.try_into() else { return };
    let chance = chance::source(world.seed, streams::HOSTILE);
    let (auth_events, known) = (Vec::new(), Vec::new());
    let mut hostile = Hostile { world, chance, name, key, user, room, auth_events, known, sent: 0 };
    if hostile.join().await.is_none() {
        hostile.world.trace.note(format_args!("{ADDRESS} does not get in"));
    }
    while !hostile.world.calm.load(Relaxed) {
        let pause = hostile.chance.random_range(0..3_000);
        sleep(Duration::from_millis(pause)).await;
        hostile.send().await;
    }
    // It is gone, as servers are at times.
    listener.abort();
    hostile.world.network.hang_up(ADDRESS);
}

impl Hostile {
    async fn ask(&self, host: &Host, method: Method, path: &str, body: Option<Value>) -> Option<Value> {
        let asking = wire::ask(&self.world, (&self.name, &self.key), host, method.clone(), path, body);
        let answer = tokio::time::timeout(Duration::from_secs(20), asking).await.ok().flatten();
        let told = answer.as_ref().map_or("nothing".to_owned(), |(status, _)| status.to_string());
        self.world.trace.note(format_args!("{ADDRESS} {method} {}{path}: {told}", host.address));
        answer.filter(|(status, _)| status.is_success()).map(|(_, answer)| answer)
    }

    /// Joins by the first host.
    async fn join(&mut self) -> Option<()> {
        let host = self.world.hosts[0].clone();
        let (room, user) = (&self.room, &self.user);
        let path = format!("/_matrix/federation/v1/make_join/{room}/{user}?ver=12");
        let template = self.ask(&host, Method::GET, &path, None).await?;
        let ids = |field: &str| -> Option<Vec<OwnedEventId>> {
            serde_json::from_value(template["event"][field].clone()).ok()
        };
        let join = EventTemplate {
            event_type: "m.room.member".to_owned(),
            state_key: Some(user.to_string()),
            content: to_raw_value(&json!({ "membership": "join" })).ok()?,
            auth_events: ids("auth_events")?,
            prev_events: ids("prev_events")?,
            depth: template["event"]["depth"].as_u64()?,
            ..self.template()
        };
        let join = join.seal(VERSION, &self.name, &self.key).ok()?;
        let path = format!("/_matrix/federation/v2/send_join/{room}/{}", join.event_id());
        let body: Value = serde_json::from_str(join.text()).ok()?;
        let answer = self.ask(&host, Method::PUT, &path, Some(body)).await?;
        let mut auth_events = vec![join.event_id().to_owned()];
        for event in answer["state"].as_array()? {
            let event = Pdu::parse(VERSION, &event.to_string()).ok()?;
            if matches!(event.type_str(), "m.room.power_levels") {
                auth_events.push(event.event_id().to_owned());
            }
            self.known.push(event.event_id().to_owned());
        }
        self.known.push(join.event_id().to_owned());
        self.auth_events = auth_events;
        Some(())
    }

    fn template(&self) -> EventTemplate {
        EventTemplate {
            event_type: "m.room.message".to_owned(),
            state_key: None,
            content: to_raw_value(&json!({ "body": "boo", "msgtype": "m.text" })).expect("JSON"),
            sender: self.user.clone(),
            room_id: Some(self.room.clone()),
            origin_server_ts: 1_700_000_000_000,
            prev_events: self.known.last().cloned().into_iter().collect(),
            auth_events: self.auth_events.clone(),
            depth: 20,
            redacts: None,
            sticky: None,
            event_id_localpart: None,
        }
    }

    /// Sends a transaction to one of the servers, and to no other.
    async fn send(&mut self) {
        let world = self.world.clone();
        let Some(host) = world.hosts.choose(&mut self.chance) else { return };
        let pdus: Vec<Value> = (0..self.chance.random_range(0..5)).filter_map(|_| self.event()).collect();
        let edus: Vec<Value> = (0..self.chance.random_range(0..3)).map(|_| self.edu()).collect();
        self.sent += 1;
        let body = json!({
            "origin": self.name,
            "origin_server_ts": self.chance.random::<u32>(),
            "pdus": pdus,
            "edus": edus,
        });
        // Some are sent twice under one name, which are then not the same.
        let number = self.sent - u64::from(self.chance.random_range(0..10) == 0);
        self.ask(host, Method::PUT, &format!("/_matrix/federation/v1/send/{number}"), Some(body)).await;
    }

    /// An event: most often one that the rules allow, at a place where it makes a fork.
    fn event(&mut self) -> Option<Value> {
        let mut template = self.template();
        let prev = self.chance.random_range(1..4);
        template.prev_events = self.known.choose_multiple(&mut self.chance, prev).cloned().collect();
        template.depth = self.chance.random_range(1..1_000);
        template.origin_server_ts += self.chance.random_range(0..100_000);
        if self.chance.random_range(0..3) == 0 {
            template.event_type = "test.state".to_owned();
            template.state_key = Some(["", "a", "b"][self.chance.random_range(0..3)].to_owned());
        }
        match self.chance.random_range(0..12) {
            // Named before is what is nowhere.
            0 => template.prev_events.push(OwnedEventId::try_from(format!("${}", "x".repeat(43))).ok()?),
            // By somebody else.
            1 => template.sender = self.world.clients.choose(&mut self.chance)?.user.clone(),
            // Nothing allows it.
            2 => template.auth_events.clear(),
            // What it may not do.
            3 => {
                template.event_type = "m.room.power_levels".to_owned();
                template.state_key = Some(String::new());
            }
            4 => template.redacts = self.known.choose(&mut self.chance).cloned(),
            _ => {}
        }
        let event = template.seal(VERSION, &self.name, &self.key).ok()?;
        let mut value: Value = serde_json::from_str(event.text()).ok()?;
        match self.chance.random_range(0..12) {
            0 => value["content"] = json!({ "body": "another" }),
            1 => value["signatures"] = json!({}),
            2 => value["depth"] = json!(-1.5),
            // It is told of later, or never: what comes after it has to be asked for.
            3 => {
                self.known.push(event.event_id().to_owned());
                return None;
            }
            _ => self.known.push(event.event_id().to_owned()),
        }
        Some(value)
    }

    fn edu(&mut self) -> Value {
        let user = self.world.clients.choose(&mut self.chance).map(|client| client.user.to_string());
        let content = match self.chance.random_range(0..5) {
            0 => json!({ "room_id": self.room, "user_id": user, "typing": true }),
            1 => json!({ self.room.as_str(): { "m.read": { self.user.as_str(): {
                "event_ids": ["$nothing"], "data": { "ts": -1 },
            } } } }),
            2 => json!({ "user_id": self.user, "device_id": "D", "stream_id": 1, "prev_id": [0, 9] }),
            3 => json!({ "sender": self.user, "type": "test.evil", "message_id": "always the same",
                "messages": { user.unwrap_or_default(): { "*": { "n": 1 } } } }),
            _ => json!([[["nonsense"]]]),
        };
        let kinds = ["m.typing", "m.receipt", "m.device_list_update", "m.direct_to_device", "m.presence"];
        json!({ "edu_type": kinds.choose(&mut self.chance), "content": content })
    }
}
