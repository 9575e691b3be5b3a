use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::Ordering::Relaxed,
};

use futures::executor::block_on;
use hearth_storage::{
    EventNid, MemoryEngine, Scan, StateId, StateKeyNid, Store, StoreOptions, Transaction, schema,
};
use proptest::prelude::*;

use super::StateTrees;

type Model = BTreeMap<StateKeyNid, EventNid>;
type Changes = Vec<(StateKeyNid, Option<EventNid>)>;

const CACHE: u64 = 1 << 20;

fn store() -> Store {
    Store::open(MemoryEngine::new(), StoreOptions::default()).unwrap()
}

/// Commits what is written to a transaction.
fn write<T>(store: &Store, write: impl FnOnce(&mut Transaction) -> T) -> T {
    let mut tx = store.begin().unwrap();
    let written = write(&mut tx);
    block_on(tx.submit()).unwrap();
    written
}

fn apply(model: &mut Model, changes: &Changes) {
    for (key, value) in changes {
        match value {
            Some(event) => model.insert(*key, *event),
            None => model.remove(key),
        };
    }
}

fn model_diff(old: &Model, new: &Model) -> Vec<super::Difference> {
    let keys: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let both = keys.into_iter().map(|key| (*key, old.get(key).copied(), new.get(key).copied()));
    both.filter(|(_, old, new)| old != new).collect()
}

fn changes() -> impl Strategy<Value = Changes> {
    // Few keys, so that they meet again; more of them than a leaf takes; removals often enough to shrink.
    let value = prop_oneof![2 => (0..50_u64).prop_map(|event| Some(EventNid(event))), 1 => Just(None)];
    let few = prop::collection::vec(((0..60_u64).prop_map(StateKeyNid), value.clone()), 0..6);
    let many = prop::collection::vec(((0..400_u64).prop_map(StateKeyNid), value), 0..300);
    let clear = (0..400_u64, 0..400_u64)
        .prop_map(|(from, count)| (from..from + count).map(|key| (StateKeyNid(key), None)).collect());
    prop_oneof![5 => few, 1 => many, 1 => clear]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_tree_is_a_map(steps in prop::collection::vec(changes(), 1..20), cache in prop_oneof![Just(0), Just(CACHE)]) {
        let store = store();
        let trees = StateTrees::new(cache);
        let (mut root, mut model) = (StateId::EMPTY, Model::new());
        let mut known = vec![(root, model.clone())];
        let mut tx = store.begin().unwrap();
        for (number, step) in steps.iter().enumerate() {
            root = trees.set(&mut tx, root, step).unwrap();
            apply(&mut model, step);
            if number % 3 == 2 {
                block_on(tx.submit()).unwrap();
                tx = store.begin().unwrap();
            }

            let built = trees.build(&mut tx, model.clone().into_iter().rev()).unwrap();
            prop_assert_eq!(root, built, "one content has one id");
            prop_assert_eq!(root == StateId::EMPTY, model.is_empty());
            let trees = trees.read(&tx);
            prop_assert_eq!(trees.len(root).unwrap(), model.len() as u64);
            prop_assert_eq!(&trees.iter(root).collect::<Result<Model, _>>().unwrap(), &model);
            let keys: Vec<_> = (0..420).rev().map(StateKeyNid).collect();
            let expected: Vec<_> = keys.iter().map(|key| model.get(key).copied()).collect();
            prop_assert_eq!(&trees.get_many(root, &keys).unwrap(), &expected);
            for (key, value) in keys.iter().zip(&expected).step_by(7) {
                prop_assert_eq!(trees.get(root, *key).unwrap(), *value);
            }
            for (old, before) in &known {
                prop_assert_eq!(trees.diff(*old, root).unwrap(), model_diff(before, &model));
                prop_assert_eq!(trees.diff(root, *old).unwrap(), model_diff(&model, before));
                prop_assert_eq!(trees.diff(*old, root).unwrap(), trees.walk(*old, root).unwrap());
            }
            known.push((root, model.clone()));
        }

        block_on(tx.submit()).unwrap();
        let (reopened, view) = (StateTrees::new(cache), store.view());
        for (root, model) in known {
            prop_assert_eq!(&reopened.read(&view).iter(root).collect::<Result<Model, _>>().unwrap(), &model);
        }
    }
}

#[test]
fn the_last_change_of_a_key_counts() {
    let trees = StateTrees::new(CACHE);
    let mut tx = store().begin().unwrap();
    let (key, one, two) = (StateKeyNid(1), EventNid(1), EventNid(2));
    let changes = [(key, Some(one)), (StateKeyNid(2), Some(one)), (key, Some(two))];
    let twice = trees.set(&mut tx, StateId::EMPTY, &changes).unwrap();
    assert_eq!(trees.read(&tx).get(twice, key).unwrap(), Some(two));
    let gone = trees.set(&mut tx, twice, &[(key, Some(one)), (key, None), (StateKeyNid(2), None)]).unwrap();
    assert_eq!(gone, StateId::EMPTY);
    assert_eq!(trees.set(&mut tx, twice, &[(key, Some(two))]).unwrap(), twice);
}

#[test]
fn a_change_costs_the_depth_and_a_difference_its_size() {
    let store = store();
    let trees = StateTrees::new(64 << 20);
    let members = (0..100_000).map(|number| (StateKeyNid(number), EventNid(number)));
    let root = write(&store, |tx| trees.build(tx, members).unwrap());
    let nodes = || store.view().scan(&schema::STATE_NODES, Scan::all()).count();

    let (cold, before) = (StateTrees::new(CACHE), nodes());
    let change = [(StateKeyNid(77), Some(EventNid(1_000_000)))];
    let one = write(&store, |tx| cold.set(tx, root, &change).unwrap());
    assert!(nodes() - before <= 6, "{} nodes", nodes() - before);
    assert!(cold.cache.reads.load(Relaxed) <= 6);
    assert_eq!(cold.read(&store.view()).len(one).unwrap(), 100_000);

    let changes: Changes =
        (0..10).map(|number| (StateKeyNid(number * 9_999), Some(EventNid(2_000_000)))).collect();
    let other = write(&store, |tx| cold.set(tx, root, &changes).unwrap());
    let cold = StateTrees::new(CACHE);
    assert_eq!(cold.read(&store.view()).diff(root, other).unwrap().len(), 10);
    assert!(cold.cache.reads.load(Relaxed) <= 2 * 6 * 10);
}

#[test]
fn a_difference_of_close_relatives_needs_no_look_at_the_sets() {
    let (store, state_trees) = (store(), StateTrees::new(CACHE));
    let entries = (0..100_000).map(|number| (StateKeyNid(number), EventNid(number)));
    let root = write(&store, |tx| state_trees.build(tx, entries).unwrap());

    // Two forks of five changes each, one after the other: both change one key, and one puts another back.
    let fork = |changes: [(u64, u64); 5]| {
        changes.into_iter().fold(root, |root, (key, event)| {
            let change = [(StateKeyNid(key), Some(EventNid(event)))];
            write(&store, |tx| state_trees.set(tx, root, &change).unwrap())
        })
    };
    let one = fork([(1, 900_001), (70_000, 900_002), (3, 900_003), (40_000, 900_004), (70_000, 70_000)]);
    let other = fork([(1, 900_011), (6, 900_012), (7, 900_013), (8, 900_014), (9, 900_015)]);
    let (view, reads) = (store.view(), &state_trees.cache.reads);
    let trees = state_trees.read(&view);
    let found =
        [trees.diff(one, other), trees.diff(root, other), trees.diff(other, root)].map(Result::unwrap);
    let walked =
        [trees.walk(one, other), trees.walk(root, other), trees.walk(other, root)].map(Result::unwrap);
    assert_eq!(found, walked);
    assert_eq!(found.each_ref().map(Vec::len), [7, 5, 5]);

    let before = reads.load(Relaxed);
    for number in 0..100_000 {
        trees.get(root, StateKeyNid(number)).unwrap();
    }
    let after = reads.load(Relaxed);
    assert!(after - before > 1_000, "the cache is too small for all nodes");
    assert_eq!(trees.diff(one, other).unwrap(), found[0]);
    assert_eq!(reads.load(Relaxed), after);
}

#[test]
fn the_shape_follows_from_the_content_at_every_size() {
    let trees = StateTrees::new(CACHE);
    let mut tx = store().begin().unwrap();
    let entry = |number: u64| (StateKeyNid(number * 31), EventNid(number));
    let mut roots = vec![StateId::EMPTY];
    for number in 0..150 {
        let (key, event) = entry(number);
        let grown = trees.set(&mut tx, roots[number as usize], &[(key, Some(event))]).unwrap();
        assert_eq!(grown, trees.build(&mut tx, (0..=number).map(entry)).unwrap());
        roots.push(grown);
    }
    for number in (0..150).rev() {
        let shrunk = trees.set(&mut tx, roots[number as usize + 1], &[(entry(number).0, None)]).unwrap();
        assert_eq!(shrunk, roots[number as usize]);
    }
}

proptest! {
    #[test]
    fn a_damaged_node_is_an_error(bytes in prop::collection::vec(any::<u8>(), 0..400), tag in 0..3_u8) {
        let bytes = [&[tag][..], &bytes].concat();
        if let Ok(node) = super::node::Node::decode(&bytes) {
            prop_assert!(node.len() > 0);
        }
    }
}
