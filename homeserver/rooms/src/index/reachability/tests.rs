use std::{
    collections::{HashMap, HashSet},
    sync::atomic::Ordering::Relaxed,
};

use futures::executor::block_on;
use hearth_storage::{EventNid, MemoryEngine, Store, StoreOptions, View};
use proptest::{prelude::*, sample::Index};

use super::{AuthGraph, Reachability};

const CACHE: u64 = 1 << 20;

fn store() -> Store {
    Store::open(MemoryEngine::new(), StoreOptions::default()).unwrap()
}

fn write(store: &Store, index: &Reachability, graph: &Graph, events: &[EventNid]) {
    let mut tx = store.begin().unwrap();
    for nid in events {
        index.add(&mut tx, *nid, &graph.auth_events[nid]).unwrap();
    }
    block_on(tx.submit()).unwrap();
}

type Events = HashSet<EventNid>;

/// An auth graph as the specification sees it.
#[derive(Debug, Default)]
struct Graph {
    /// In an order in which they could have come.
    order: Vec<EventNid>,
    auth_events: HashMap<EventNid, Vec<EventNid>>,
    auth_chains: HashMap<EventNid, Events>,
}

impl Graph {
    fn add(&mut self, nid: EventNid, auth_events: Vec<EventNid>) {
        let mut chain: Events = auth_events.iter().copied().collect();
        for auth in &auth_events {
            chain.extend(&self.auth_chains[auth]);
        }
        self.order.push(nid);
        self.auth_events.insert(nid, auth_events);
        self.auth_chains.insert(nid, chain);
    }

    fn full_auth_chain<'a>(&self, set: impl IntoIterator<Item = &'a EventNid>) -> Events {
        set.into_iter().flat_map(|nid| &self.auth_chains[nid]).copied().collect()
    }

    fn auth_difference(&self, sets: &[Vec<EventNid>], unconflicted: &Events) -> Events {
        let chains: Vec<Events> =
            sets.iter().map(|set| self.full_auth_chain(set.iter().chain(unconflicted))).collect();
        let all: Events = chains.iter().flatten().copied().collect();
        all.into_iter().filter(|nid| !chains.iter().all(|chain| chain.contains(nid))).collect()
    }

    fn conflicted_subgraph(&self, conflicted: &[EventNid]) -> Events {
        let below = self.full_auth_chain(conflicted);
        let on_path = |nid: &EventNid| {
            below.contains(nid) && conflicted.iter().any(|end| self.auth_chains[nid].contains(end))
        };
        self.order.iter().copied().filter(|nid| conflicted.contains(nid) || on_path(nid)).collect()
    }
}

/// For each event its auth events among those before it, the nearer the likelier.
fn graph() -> impl Strategy<Value = Graph> {
    let auth = prop::collection::vec((any::<Index>(), any::<Index>()), 0..4);
    let room = prop::collection::vec(auth, 1..60);
    (room, any::<u64>()).prop_map(|(events, seed)| {
        let mut graph = Graph::default();
        let count = events.len() as u64;
        for (number, auth) in events.into_iter().enumerate() {
            // Numbers are not given out in the order of the graph.
            let nid = EventNid((number as u64 * 7 + seed % count) % 61 + (number as u64 % 3) * 61);
            let nid =
                if graph.auth_chains.contains_key(&nid) { EventNid(1_000 + number as u64) } else { nid };
            let mut auth_events: Vec<EventNid> = Vec::new();
            for (near, far) in auth {
                if number > 0 {
                    let place = number - 1 - near.index(number).min(far.index(number));
                    let place = graph.order[place];
                    if !auth_events.contains(&place) {
                        auth_events.push(place);
                    }
                }
            }
            graph.add(nid, auth_events);
        }
        graph
    })
}

fn some_of(graph: &Graph, indices: &[Index], except: &Events) -> Vec<EventNid> {
    let mut events: Vec<EventNid> = indices.iter().map(|index| *index.get(&graph.order)).collect();
    events.retain(|nid| !except.contains(nid));
    events
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_index_answers_as_the_graph_does(
        graph in graph(),
        written in any::<Index>(),
        unconflicted in prop::collection::vec(any::<Index>(), 0..8),
        sets in prop::collection::vec(prop::collection::vec(any::<Index>(), 0..5), 0..4),
        cache in prop_oneof![Just(0), Just(CACHE)],
    ) {
        let store = store();
        let index = Reachability::new(cache);
        // Some of it is durable, the rest only a transaction's.
        let (durable, own) = graph.order.split_at(written.index(graph.order.len() + 1));
        write(&store, &index, &graph, durable);
        let mut tx = store.begin().unwrap();
        for nid in own {
            index.add(&mut tx, *nid, &graph.auth_events[nid]).unwrap();
        }
        let unconflicted: Events = some_of(&graph, &unconflicted, &Events::new()).into_iter().collect();
        let sets: Vec<_> = sets.iter().map(|set| some_of(&graph, set, &unconflicted)).collect();
        agree(&graph, index.read(&tx), &sets, &unconflicted)?;

        block_on(tx.submit()).unwrap();
        let view = store.view();
        agree(&graph, index.read(&view), &sets, &unconflicted)?;
        agree(&graph, Reachability::new(cache).read(&view), &sets, &unconflicted)?;
    }
}

fn agree(
    graph: &Graph,
    index: AuthGraph<'_>,
    sets: &[Vec<EventNid>],
    unconflicted: &Events,
) -> Result<(), TestCaseError> {
    for from in &graph.order {
        prop_assert_eq!(&index.auth_events(*from).unwrap(), &graph.auth_events[from]);
        for to in &graph.order {
            let reaches = index.reaches(*from, *to).unwrap();
            prop_assert_eq!(reaches, graph.auth_chains[from].contains(to), "{} to {}", from, to);
        }
    }
    let difference = index.auth_difference(sets, |nid| Ok(unconflicted.contains(&nid))).unwrap();
    let count = difference.len();
    let difference: Events = difference.into_iter().collect();
    prop_assert_eq!(count, difference.len(), "each event once");
    prop_assert_eq!(difference, graph.auth_difference(sets, unconflicted));
    let conflicted: Vec<EventNid> = sets.iter().flatten().copied().collect();
    let expected = graph.conflicted_subgraph(&conflicted);
    // By walking down from what is in conflict, by walking up to it, and by a mixture.
    for most in [0, 5, usize::MAX] {
        let subgraph: Events = index.subgraph(&conflicted, most).unwrap().into_iter().collect();
        prop_assert_eq!(&subgraph, &expected);
    }
    Ok(())
}

/// A public room as it grows: who creates it changes its power levels now and then, users join and change
/// their profiles.
struct Room {
    graph: Graph,
    create: EventNid,
    join_rules: EventNid,
    power_levels: EventNid,
    members: Vec<EventNid>,
}

impl Room {
    fn new(members: usize) -> Self {
        let nid = EventNid;
        let mut graph = Graph::default();
        graph.add(nid(1), vec![]);
        graph.add(nid(2), vec![nid(1)]);
        graph.add(nid(3), vec![nid(1), nid(2)]);
        graph.add(nid(4), vec![nid(1), nid(2), nid(3)]);
        let mut room =
            Self { graph, create: nid(1), join_rules: nid(4), power_levels: nid(3), members: vec![nid(2)] };
        for number in 1..members {
            let join = room.send(vec![room.join_rules, room.power_levels, room.create]);
            room.members.push(join);
            if number % 3 == 0 {
                room.members[number / 2] = room.profile(number / 2);
            }
            if number % 50 == 0 {
                room.power_levels = room.power();
            }
        }
        room
    }

    fn send(&mut self, auth_events: Vec<EventNid>) -> EventNid {
        let nid = EventNid(self.graph.order.len() as u64 + 1);
        // The whole chains would be the square of the room: the oracle is not asked here.
        self.graph.order.push(nid);
        self.graph.auth_events.insert(nid, auth_events);
        nid
    }

    fn profile(&mut self, member: usize) -> EventNid {
        self.send(vec![self.members[member], self.create, self.join_rules, self.power_levels])
    }

    fn power(&mut self) -> EventNid {
        self.send(vec![self.power_levels, self.members[0], self.create])
    }
}

#[test]
fn the_cost_follows_the_conflict() {
    let mut reads = Vec::new();
    for members in [200, 20_000] {
        let mut room = Room::new(members);
        // One fork changes the power levels and then some profiles, the other some other profiles.
        let before = room.members.clone();
        let (mut one, mut two) = (Vec::new(), Vec::new());
        let old_power = room.power_levels;
        room.power_levels = room.power();
        one.push(room.power_levels);
        two.push(old_power);
        for (number, member) in (0..10).map(|number| (number, 1 + number * members / 11)) {
            let (this, other) = if number < 5 { (&mut one, &mut two) } else { (&mut two, &mut one) };
            if number == 5 {
                room.power_levels = old_power;
            }
            other.push(before[member]);
            let changed = room.profile(member);
            this.push(changed);
        }
        let sets = [one, two];
        let conflicted: Vec<EventNid> = sets.iter().flatten().copied().collect();

        let store = store();
        write(&store, &Reachability::new(64 << 20), &room.graph, &room.graph.order);
        let mut state: Events = before.iter().copied().collect();
        state.extend([room.create, room.join_rules]);
        state.retain(|nid| !conflicted.contains(nid));

        let view = store.view();
        let cold = Reachability::new(CACHE);
        let asked = std::cell::Cell::new(0);
        let unconflicted = |nid| {
            asked.set(asked.get() + 1);
            Ok(state.contains(&nid))
        };
        let difference = cold.read(&view).auth_difference(&sets, unconflicted).unwrap();
        // All members from before the fork look down on the old power levels; the forks differ in what the
        // changed profiles replace.
        let expected: Events = conflicted.iter().copied().filter(|nid| before.contains(nid)).collect();
        let difference: Events = difference.into_iter().collect();
        assert!(expected.is_subset(&difference) && difference.len() <= 21, "{difference:?}");
        let for_difference = cold.cache.reads.swap(0, Relaxed) + asked.get();

        let cold = Reachability::new(CACHE);
        let subgraph = cold.read(&view).conflicted_subgraph(&conflicted).unwrap();
        assert!(subgraph.len() <= 2 * conflicted.len());
        reads.push((for_difference, cold.cache.reads.load(Relaxed)));
    }
    assert!(reads.iter().all(|(difference, subgraph)| *difference < 300 && *subgraph < 600), "{reads:?}");
}

#[test]
fn what_is_dropped_leaves_nothing() {
    let store = store();
    let index = Reachability::new(CACHE);
    let auth = |index: &Reachability, view: &View, nid| index.read(view).auth_events(EventNid(nid));
    let mut tx = store.begin().unwrap();
    index.add(&mut tx, EventNid(1), &[]).unwrap();
    block_on(tx.submit()).unwrap();
    let mut tx = store.begin().unwrap();
    index.add(&mut tx, EventNid(2), &[EventNid(1)]).unwrap();
    assert_eq!(auth(&index, &tx, 2).unwrap(), [EventNid(1)]);
    drop(tx);
    assert!(auth(&index, &store.written(), 2).is_err());
    // Its place was given back, and an event that comes again is not added again.
    let mut tx = store.begin().unwrap();
    index.add(&mut tx, EventNid(2), &[EventNid(1)]).unwrap();
    index.add(&mut tx, EventNid(2), &[]).unwrap();
    block_on(tx.submit()).unwrap();
    let view = store.view();
    let reopened = Reachability::new(CACHE);
    assert!(reopened.read(&view).reaches(EventNid(2), EventNid(1)).unwrap());
    assert!(!reopened.read(&view).reaches(EventNid(1), EventNid(2)).unwrap());
    assert!(reopened.add(&mut store.begin().unwrap(), EventNid(3), &[EventNid(9)]).is_err());
}
