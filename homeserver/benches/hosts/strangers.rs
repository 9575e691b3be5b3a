//! Servers that were made up: they sign events and some give their keys, but that is all.

use std::collections::HashMap;

use axum::{
    Json, Router,
    http::{HeaderMap, header},
    routing::get,
};
use futures::StreamExt as _;
use hearth::{connections::Connections, listen::secure};
use hearth_rooms::{Received, Room};
use hearth_spec::{EventTemplate, Pdu, SigningKey};
use ruma::{OwnedEventId, OwnedServerName, ServerName, UserId};
use serde_json::{Map, Value, json, value::to_raw_value};

use super::{Certificate, listener, port};

/// So many give their keys.
pub const GIVING_KEYS: usize = 4;
/// So many events are on their way into a room at once.
const AT_ONCE: usize = 64;

/// A server that was made up.
pub struct Stranger {
    name: OwnedServerName,
    key: SigningKey,
}

/// The hosts of those that give their keys.
pub fn hosts() -> impl Iterator<Item = String> {
    (0..GIVING_KEYS).map(host)
}

/// All of them are this machine (RFC 6761).
fn host(number: usize) -> String {
    format!("stranger{number}.localhost")
}

/// Strangers that give their keys.
pub fn serve(certificate: &Certificate) -> Vec<Stranger> {
    let listener = listener();
    let strangers = at(port(&listener), GIVING_KEYS);
    let keys: HashMap<String, Value> =
        strangers.iter().map(|stranger| (stranger.name.to_string(), stranger.keys())).collect();
    let answer = move |headers: HeaderMap| {
        let asked = headers[header::HOST].to_str().unwrap();
        std::future::ready(Json(keys[asked].clone()))
    };
    let app = Router::new().route("/_matrix/key/v2/server", get(answer)).into_make_service();
    tokio::spawn(secure(listener, certificate.tls.clone(), Connections::new(10_000)).unwrap().serve(app));
    strangers
}

/// So many strangers at one port, whoever listens there.
pub fn at(port: u16, count: usize) -> Vec<Stranger> {
    let stranger = |number: usize| Stranger {
        name: ServerName::parse(format!("{}:{port}", host(number))).unwrap(),
        key: SigningKey::generate([number as u8; 32], "stranger").unwrap(),
    };
    (0..count).map(stranger).collect()
}

impl Stranger {
    /// Its keys, signed ("Publishing Keys"); they hold for ever.
    fn keys(&self) -> Value {
        let mut keys = Map::from_iter([
            ("server_name".to_owned(), json!(self.name)),
            ("valid_until_ts".to_owned(), json!(4_000_000_000_000_u64)),
            (
                "verify_keys".to_owned(),
                json!({ self.key.key_id().as_str(): { "key": self.key.public_key_base64() } }),
            ),
        ]);
        self.key.sign_json(&mut keys, &self.name).unwrap();
        Value::Object(keys)
    }
}

/// The events by which so many users of strangers, of each in turn, join a public room, one after the other.
pub fn joins(room: &Room, strangers: &[Stranger], count: usize) -> Vec<Pdu> {
    // The room's id stands for its create event (version 12).
    let auth_events: Vec<OwnedEventId> = ["m.room.power_levels", "m.room.join_rules"]
        .map(|kind| room.state_event(kind, "").unwrap().unwrap().id().to_owned())
        .into();
    let newest = hearth_rooms::TimelineRange { backwards: true, limit: 1, ..Default::default() };
    let last = room.timeline(newest).unwrap().remove(0);
    let (mut prev, mut depth) = (last.id().to_owned(), last.pdu.depth());
    let mut joins = Vec::with_capacity(count);
    for number in 0..count {
        let stranger = &strangers[number % strangers.len()];
        let user = UserId::parse(format!("@user{number}:{}", stranger.name)).unwrap();
        depth += 1;
        let join = EventTemplate {
            event_type: "m.room.member".to_owned(),
            state_key: Some(user.to_string()),
            content: to_raw_value(&json!({ "membership": "join", "displayname": format!("User {number}") }))
                .unwrap(),
            sender: user,
            room_id: Some(room.id().to_owned()),
            origin_server_ts: last.pdu.origin_server_ts().get().into(),
            prev_events: vec![prev],
            auth_events: auth_events.clone(),
            depth,
            redacts: None,
            sticky: None,
            event_id_localpart: None,
        };
        let join = join.seal(room.version(), &stranger.name, &stranger.key).unwrap();
        prev = join.event_id().to_owned();
        joins.push(join);
    }
    joins
}

/// Events come into a room, as if their signatures had been looked at.
pub async fn come_in(room: &Room, events: Vec<Pdu>) {
    let mut received = futures::stream::iter(events).map(|event| room.receive(event)).buffered(AT_ONCE);
    while let Some(received) = received.next().await {
        let received = received.unwrap();
        assert!(matches!(received, Received::Accepted(_)), "{received:?}");
    }
}
