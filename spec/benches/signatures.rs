//! Events a second whose signature and content hash are verified, on one core and on all of them:
//! `cargo bench -p hearth-spec`.

#![allow(clippy::disallowed_methods, reason = "a benchmark measures real time")]

use std::{
    error::Error,
    time::{Duration, Instant},
};

use hearth_spec::{EventTemplate, Pdu, PublicKeys, RoomVersion, SigningKey, verify_many, verify_pdu};
use ruma::{owned_room_id, server_name, user_id};
use serde_json::{json, value::to_raw_value};

const VERSION: RoomVersion = RoomVersion::V11;
const EVENTS: u64 = 10_000;
const PASSES: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let server = server_name!("example.org");
    let key = SigningKey::generate([1; 32], "a")?;
    let mut keys = PublicKeys::default();
    keys.insert_own(server.to_owned(), &key);
    let events = (0..EVENTS)
        .map(|n| {
            let template = EventTemplate {
                event_type: "m.room.message".to_owned(),
                state_key: None,
                content: to_raw_value(&json!({ "msgtype": "m.text", "body": format!("message {n}") }))?,
                sender: user_id!("@alice:example.org").to_owned(),
                room_id: Some(owned_room_id!("!room:example.org")),
                origin_server_ts: 1_700_000_000_000 + n,
                prev_events: Vec::new(),
                auth_events: Vec::new(),
                depth: n,
                redacts: None,
                sticky: None,
                event_id_localpart: None,
            };
            Ok(template.seal(VERSION, server, &key)?)
        })
        .collect::<Result<Vec<Pdu>, Box<dyn Error>>>()?;

    let one = least(|| events.iter().all(|event| verify_pdu(VERSION, event, &keys).is_ok()));
    let all = least(|| verify_many(VERSION, &events, &keys).iter().all(Result::is_ok));
    let cores = std::thread::available_parallelism()?;
    let a_second = |time: Duration| EVENTS as f64 / time.as_secs_f64();
    println!("events verified a second on one core: {:.0}", a_second(one));
    println!("on {cores} cores: {:.0} (×{:.2})", a_second(all), one.as_secs_f64() / all.as_secs_f64());
    Ok(())
}

/// The least time of several passes, each of which must verify everything.
fn least(pass: impl Fn() -> bool) -> Duration {
    let timed = |_| {
        let begun = Instant::now();
        assert!(pass(), "an event was not verified");
        begun.elapsed()
    };
    (0..PASSES).map(timed).min().unwrap_or_default()
}
