//! What the state tree and the reachability index cost in rooms of 100 to 100,000 members:
//! `cargo bench -p hearth-rooms --bench state`. Each figure is the lower quartile of many rounds. It writes to the
//! engine in memory: the cost of the disk is not measured here.

#![allow(clippy::disallowed_methods, reason = "a benchmark measures real time")]

mod sizes;

use std::{
    collections::HashSet,
    hint::black_box,
    time::{Duration, Instant},
};

use futures::executor::block_on;
use hearth_rooms::{reachability::Reachability, state_tree::StateTrees};
use hearth_storage::{EventNid, MemoryEngine, StateId, StateKeyNid, Store, StoreOptions};
use sizes::{MEMBERS, compare, lower_quartile};

const CACHE: u64 = 256 << 20;
const PASSES: usize = 20;
const ROUNDS: usize = 200;
/// Events in one commit while a room is built.
const BATCH: usize = 1_000;

const CREATE: EventNid = EventNid(1);
const CREATOR: EventNid = EventNid(2);
const POWER_LEVELS: EventNid = EventNid(3);
const JOIN_RULES: EventNid = EventNid(4);

fn main() {
    let mut rooms: Vec<Room> = MEMBERS.iter().map(|members| Room::new(*members)).collect();
    let names = [
        "one state change: set and write",
        "one event into the reachability index",
        "difference of states, 10 entries",
        "the same, made before the last start",
        "auth difference, 10 conflicting events",
    ];
    compare(PASSES, &mut rooms, names, Room::measure);
}

/// A public room: its members joined one after the other, and some changed their profiles since.
struct Room {
    store: Store,
    trees: StateTrees,
    index: Reachability,
    state: StateId,
    members: Vec<EventNid>,
    events: u64,
}

impl Room {
    fn new(members: u64) -> Self {
        let store = open(MemoryEngine::new());
        let mut room = Self {
            trees: StateTrees::new(CACHE),
            index: Reachability::new(CACHE),
            store,
            state: StateId::EMPTY,
            members: vec![CREATOR],
            events: JOIN_RULES.0,
        };
        let mut events = vec![
            (CREATE, vec![]),
            (CREATOR, vec![CREATE]),
            (POWER_LEVELS, vec![CREATE, CREATOR]),
            (JOIN_RULES, vec![CREATE, CREATOR, POWER_LEVELS]),
        ];
        for member in 1..members as usize {
            let join = room.next();
            room.members.push(join);
            events.push((join, vec![JOIN_RULES, POWER_LEVELS, CREATE]));
            if member % 3 == 0 {
                events.push(room.profile(member / 2));
            }
        }
        for events in events.chunks(BATCH) {
            let mut tx = must(room.store.begin());
            for (event, auth) in events {
                must(room.index.add(&mut tx, *event, auth));
            }
            must(block_on(tx.submit()));
        }
        let entries = room.members.iter().enumerate().map(|(member, event)| (key(member), *event));
        let mut tx = must(room.store.begin());
        room.state = must(room.trees.build(&mut tx, entries));
        must(block_on(tx.submit()));
        room
    }

    fn next(&mut self) -> EventNid {
        self.events += 1;
        EventNid(self.events)
    }

    fn profile(&mut self, member: usize) -> (EventNid, Vec<EventNid>) {
        let replaced = self.members[member];
        self.members[member] = self.next();
        (self.members[member], vec![replaced, JOIN_RULES, POWER_LEVELS, CREATE])
    }

    fn measure(&mut self) -> [Duration; 5] {
        let [known, unknown] = self.difference();
        [self.state_change(), self.event_into_index(), known, unknown, self.auth_difference()]
    }

    fn state_change(&mut self) -> Duration {
        lower_quartile(ROUNDS, |round| {
            let (event, _) = self.profile(spread(round, self.members.len()));
            let start = Instant::now();
            let mut tx = must(self.store.begin());
            let change = (key(spread(round, self.members.len())), Some(event));
            let state = must(self.trees.set(&mut tx, self.state, &[change]));
            let commit = tx.submit();
            let time = start.elapsed();
            self.state = state;
            must(block_on(commit));
            time
        })
    }

    fn event_into_index(&mut self) -> Duration {
        // A chain of its own, so that no later profile refers to what the change of state made.
        let mut last = JOIN_RULES;
        lower_quartile(ROUNDS, |_| {
            let event = self.next();
            let start = Instant::now();
            let mut tx = must(self.store.begin());
            must(self.index.add(&mut tx, event, &[last, JOIN_RULES, POWER_LEVELS, CREATE]));
            let commit = tx.submit();
            let time = start.elapsed();
            last = event;
            must(block_on(commit));
            time
        })
    }

    /// Of two forks, each of five events one after the other.
    fn difference(&mut self) -> [Duration; 2] {
        let forks = [0, 5].map(|first| {
            (first..first + 5).fold(self.state, |state, part| {
                let change = (key(spread(part, self.members.len())), Some(self.next()));
                let mut tx = must(self.store.begin());
                let state = must(self.trees.set(&mut tx, state, &[change]));
                must(block_on(tx.submit()));
                state
            })
        });
        let (restarted, view) = (StateTrees::new(CACHE), self.store.view());
        [&self.trees, &restarted].map(|trees| {
            lower_quartile(ROUNDS, |_| {
                let start = Instant::now();
                assert_eq!(black_box(must(trees.read(&view).diff(forks[0], forks[1]))).len(), 10);
                start.elapsed()
            })
        })
    }

    /// Two forks change the profiles of five members each, so ten pieces of state are in conflict.
    fn auth_difference(&mut self) -> Duration {
        let joined = self.members.clone();
        let mut sets = [Vec::new(), Vec::new()];
        let mut tx = must(self.store.begin());
        for part in 0..10 {
            let join = self.next();
            must(self.index.add(&mut tx, join, &[JOIN_RULES, POWER_LEVELS, CREATE]));
            let changed = self.next();
            must(self.index.add(&mut tx, changed, &[join, JOIN_RULES, POWER_LEVELS, CREATE]));
            sets[part % 2].push(changed);
            sets[(part + 1) % 2].push(join);
        }
        let state: HashSet<EventNid> = joined.into_iter().chain([CREATE, POWER_LEVELS, JOIN_RULES]).collect();
        must(block_on(tx.submit()));
        let view = self.store.view();
        lower_quartile(ROUNDS, |_| {
            let start = Instant::now();
            let difference =
                must(self.index.read(&view).auth_difference(&sets, |event| Ok(state.contains(&event))));
            assert_eq!(black_box(difference).len(), 10);
            start.elapsed()
        })
    }
}

fn open(engine: MemoryEngine) -> Store {
    must(Store::open(engine, StoreOptions::default()))
}

fn key(member: usize) -> StateKeyNid {
    StateKeyNid(member as u64)
}

/// Some member, another in each round.
fn spread(round: usize, members: usize) -> usize {
    (round * 7_919 + 13) % members
}

/// A benchmark ends with the first failure.
fn must<T>(result: Result<T, hearth_storage::StorageError>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}
