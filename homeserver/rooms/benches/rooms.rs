//! What an event costs in rooms of 100 to 100,000 members, from the request to the acknowledgement, and what it
//! costs when forks meet: `cargo bench -p hearth-rooms --bench rooms`. Each figure is the lower quartile of many
//! rounds. It writes to the engine in memory, which syncs at no cost: what is measured is our own work.

#![allow(clippy::disallowed_methods, reason = "a benchmark measures real time")]

#[allow(dead_code)]
#[path = "../tests/engine/world.rs"]
mod world;

mod sizes;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::executor::block_on;
use hearth_rooms::{Event, NewEvent, Received, Room};
use hearth_spec::{Pdu, RoomVersion};
use hearth_storage::MemoryEngine;
use ruma::{OwnedUserId, UserId, server_name};
use serde_json::{json, value::to_raw_value};
use sizes::{MEMBERS, compare, lower_quartile};
use world::{Elsewhere, World, far, open_with_cache, say, set, user};

const PASSES: usize = 5;
const ROUNDS: usize = 60;
/// Joins in one commit while a room is built.
const BATCH: usize = 1_000;
/// What the default of `memory_mib` gives to rooms.
const CACHE: u64 = 80 << 20;
/// How many people talk in a room, whatever its size.
const SPEAKERS: u64 = 50;
/// How many of each side's members change their profile in a fork.
const SIDE: usize = 5;

fn main() {
    let mut rooms: Vec<Crowd> = MEMBERS.iter().map(|members| block_on(Crowd::gather(*members))).collect();
    let names = [
        "a message",
        "a state event",
        "a fork of 10 conflicting events",
        "a message of a member long silent",
    ];
    compare(PASSES, &mut rooms, names, |crowd| {
        [
            block_on(crowd.message(Crowd::speaker)),
            block_on(crowd.state_event()),
            block_on(crowd.fork()),
            block_on(crowd.message(Crowd::someone)),
        ]
    });
    assert_eq!(hearth_rooms::check(rooms[0].world.rooms.store(), |_| {}).unwrap().findings, []);
}

/// A public room full of people.
struct Crowd {
    world: World,
    room: Room,
    members: u64,
    /// The rounds so far: no two events are the same.
    rounds: u64,
}

impl Crowd {
    async fn gather(members: u64) -> Self {
        let world = open_with_cache(server_name!("here"), MemoryEngine::new(), CACHE);
        let room = world.public_room(&user("creator"), RoomVersion::V12).await;
        let joins: Vec<u64> = (0..members - 1 - SIDE as u64).collect();
        for joins in joins.chunks(BATCH) {
            let joins = joins.iter().map(|n| join(&member(*n), "first")).collect();
            room.send_many(joins).await.expect("anyone may join");
        }
        for n in 0..SIDE {
            let pdu = Self::elsewhere(&room, &stranger(n), &last(&room), "first");
            let received = room.receive(pdu).await.expect("the room takes events");
            assert!(matches!(received, Received::Accepted(_)));
        }
        Self { world, room, members, rounds: 0 }
    }

    /// A new name for a member of another server, on top of an event.
    fn elsewhere(room: &Room, sender: &UserId, prev: &Event, name: &str) -> Pdu {
        let keys =
            [("m.room.power_levels", ""), ("m.room.join_rules", ""), ("m.room.member", sender.as_str())];
        let auth: Vec<Arc<Event>> = keys
            .into_iter()
            .filter_map(|(kind, key)| room.state_event(kind, key).expect("the state can be read"))
            .collect();
        Elsewhere { room, sender, prev: &[prev], auth: &auth }.make(
            "m.room.member",
            Some(sender.as_str()),
            json!({ "membership": "join", "displayname": name }),
        )
    }

    fn next(&mut self) -> u64 {
        self.rounds += 1;
        self.rounds
    }

    /// One of those who talk, each in turn; they are spread over the room.
    fn speaker(&self, round: u64) -> OwnedUserId {
        let others = self.members - 1 - SIDE as u64;
        member(round % SPEAKERS * (others / SPEAKERS))
    }

    /// Some member, another in each round: one of whom nothing is at hand, where there are enough.
    fn someone(&self, round: u64) -> OwnedUserId {
        member((round * 7_919 + 13) % (self.members - 1 - SIDE as u64))
    }

    async fn message(&mut self, sender: fn(&Self, u64) -> OwnedUserId) -> Duration {
        let mut times = Vec::with_capacity(ROUNDS);
        for _ in 0..ROUNDS {
            let (sender, text) = (sender(self, self.rounds), format!("message {}", self.next()));
            let begun = Instant::now();
            say(&self.room, &sender, &text).await.expect("members may speak");
            times.push(begun.elapsed());
        }
        lower_quartile(ROUNDS, |round| times[round])
    }

    async fn state_event(&mut self) -> Duration {
        let mut times = Vec::with_capacity(ROUNDS);
        for _ in 0..ROUNDS {
            let round = self.next();
            let sender = self.speaker(round);
            let event = join(&sender, &format!("name {round}"));
            let begun = Instant::now();
            self.room.send(event, None).await.expect("members may change their name");
            times.push(begun.elapsed());
        }
        lower_quartile(ROUNDS, |round| times[round])
    }

    /// Five members here and five elsewhere change their names at once: what the last of the events costs, with
    /// which ten pieces of state are in conflict.
    async fn fork(&mut self) -> Duration {
        let rounds = ROUNDS / 10;
        let mut times = Vec::with_capacity(rounds);
        for _ in 0..rounds {
            let mut tip = last(&self.room);
            let name = format!("name {}", self.next());
            for n in 0..SIDE {
                let (sender, round) = (member(n as u64), self.next());
                let content = json!({ "membership": "join", "displayname": format!("name {round}") });
                set(&self.room, &sender, "m.room.member", sender.as_str(), content)
                    .await
                    .expect("members may change their name");
            }
            let mut last = Duration::ZERO;
            for n in 0..SIDE {
                let pdu = Self::elsewhere(&self.room, &stranger(n), &tip, &name);
                let begun = Instant::now();
                let received = self.room.receive(pdu).await.expect("the room takes events");
                last = begun.elapsed();
                let Received::Accepted(event) = received else { panic!("not accepted: {received:?}") };
                tip = event;
            }
            times.push(last);
            say(&self.room, &user("creator"), "together again").await.expect("the creator may speak");
        }
        lower_quartile(rounds, |round| times[round])
    }
}

fn member(n: u64) -> OwnedUserId {
    user(&format!("member{n}"))
}

fn stranger(n: usize) -> OwnedUserId {
    far(&format!("member{n}"))
}

fn join(who: &UserId, name: &str) -> NewEvent {
    let content = to_raw_value(&json!({ "membership": "join", "displayname": name })).expect("JSON");
    NewEvent::state(who, "m.room.member", who.as_str(), content)
}

fn last(room: &Room) -> Arc<Event> {
    let range = hearth_rooms::TimelineRange { backwards: true, limit: 1, ..Default::default() };
    room.timeline(range).expect("the timeline can be read").remove(0)
}
