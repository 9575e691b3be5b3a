use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::Ordering::Relaxed,
};

use futures::executor::block_on;
use hearth_storage::{EventNid, MemoryEngine, StateId, StateKeyNid, Store, StoreOptions};
use proptest::prelude::*;

use super::{Grown, StateTrees};

type Model = BTreeMap<StateKeyNid, EventNid>;
type Changes = Vec<(StateKeyNid, Option<EventNid>)>;

const CACHE: u64 = 1 << 20;

fn store() -> Store {
    Store::open(MemoryEngine::new(), StoreOptions::default()).unwrap()
}

fn write(store: &Store, trees: &StateTrees, grown: Grown) {
    let mut tx = store.begin().unwrap();
    trees.write(&mut tx, &grown);
    drop(grown);
    block_on(tx.submit()).unwrap();
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
        let trees = StateTrees::new(store.clone(), cache);
        let (mut root, mut model) = (StateId::EMPTY, Model::new());
        let mut known = vec![(root, model.clone())];
        let mut unwritten = Vec::new();
        for (number, step) in steps.iter().enumerate() {
            let grown = trees.set(root, step).unwrap();
            root = grown.root;
            unwritten.push(grown);
            apply(&mut model, step);
            if number % 3 == 2 {
                unwritten.drain(..).for_each(|grown| write(&store, &trees, grown));
                prop_assert_eq!(trees.nodes.pending(), 0);
            }

            let built = trees.build(model.clone().into_iter().rev()).unwrap();
            prop_assert_eq!(root, built.root, "one content has one id");
            prop_assert_eq!(root == StateId::EMPTY, model.is_empty());
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

        unwritten.drain(..).for_each(|grown| write(&store, &trees, grown));
        prop_assert_eq!(trees.nodes.pending(), 0);
        let reopened = StateTrees::new(store, cache);
        for (root, model) in known {
            prop_assert_eq!(&reopened.iter(root).collect::<Result<Model, _>>().unwrap(), &model);
        }
    }
}

#[test]
fn the_last_change_of_a_key_counts() {
    let trees = StateTrees::new(store(), CACHE);
    let (key, one, two) = (StateKeyNid(1), EventNid(1), EventNid(2));
    let twice = trees
        .set(StateId::EMPTY, &[(key, Some(one)), (StateKeyNid(2), Some(one)), (key, Some(two))])
        .unwrap();
    assert_eq!(trees.get(twice.root, key).unwrap(), Some(two));
    let gone = trees.set(twice.root, &[(key, Some(one)), (key, None), (StateKeyNid(2), None)]).unwrap();
    assert_eq!(gone.root, StateId::EMPTY);
    assert_eq!(trees.set(twice.root, &[(key, Some(two))]).unwrap().new_nodes(), 0);
}

#[test]
fn a_change_costs_the_depth_and_a_difference_its_size() {
    let store = store();
    let trees = StateTrees::new(store.clone(), 64 << 20);
    let members = (0..100_000).map(|number| (StateKeyNid(number), EventNid(number)));
    let room = trees.build(members).unwrap();
    let root = room.root;
    write(&store, &trees, room);

    let cold = StateTrees::new(store.clone(), CACHE);
    let one = cold.set(root, &[(StateKeyNid(77), Some(EventNid(1_000_000)))]).unwrap();
    assert!(one.new_nodes() <= 6, "{} nodes", one.new_nodes());
    assert!(cold.nodes.reads.load(Relaxed) <= 6);
    assert_eq!(cold.len(one.root).unwrap(), 100_000);

    let changes: Changes =
        (0..10).map(|number| (StateKeyNid(number * 9_999), Some(EventNid(2_000_000)))).collect();
    let other = cold.set(root, &changes).unwrap();
    let (other_root, _) = (other.root, write(&store, &cold, other));
    let cold = StateTrees::new(store, CACHE);
    assert_eq!(cold.diff(root, other_root).unwrap().len(), 10);
    assert!(cold.nodes.reads.load(Relaxed) <= 2 * 6 * 10);
}

#[test]
fn a_difference_of_close_relatives_needs_no_look_at_the_sets() {
    let store = store();
    let trees = StateTrees::new(store.clone(), CACHE);
    let room = trees.build((0..100_000).map(|number| (StateKeyNid(number), EventNid(number)))).unwrap();
    let root = room.root;
    write(&store, &trees, room);

    // Two forks of five changes each, one after the other: both change one key, and one puts another back.
    let fork = |changes: [(u64, u64); 5]| {
        changes.into_iter().fold(root, |root, (key, event)| {
            let grown = trees.set(root, &[(StateKeyNid(key), Some(EventNid(event)))]).unwrap();
            let made = grown.root;
            write(&store, &trees, grown);
            made
        })
    };
    let one = fork([(1, 900_001), (70_000, 900_002), (3, 900_003), (40_000, 900_004), (70_000, 70_000)]);
    let other = fork([(1, 900_011), (6, 900_012), (7, 900_013), (8, 900_014), (9, 900_015)]);
    let found =
        [trees.diff(one, other), trees.diff(root, other), trees.diff(other, root)].map(Result::unwrap);
    let walked =
        [trees.walk(one, other), trees.walk(root, other), trees.walk(other, root)].map(Result::unwrap);
    assert_eq!(found, walked);
    assert_eq!(found.each_ref().map(Vec::len), [7, 5, 5]);

    let reads = trees.nodes.reads.load(Relaxed);
    for number in 0..100_000 {
        trees.get(root, StateKeyNid(number)).unwrap();
    }
    let after = trees.nodes.reads.load(Relaxed);
    assert!(after - reads > 1_000, "the cache is too small for all nodes");
    assert_eq!(trees.diff(one, other).unwrap(), found[0]);
    assert_eq!(trees.nodes.reads.load(Relaxed), after);
}

#[test]
fn what_is_dropped_unwritten_leaves_nothing() {
    let store = store();
    let trees = StateTrees::new(store.clone(), 0);
    let entries = || (0..1_000).map(|number| (StateKeyNid(number), EventNid(number)));
    let (one, two) = (trees.build(entries()).unwrap(), trees.build(entries()).unwrap());
    let root = one.root;
    drop(one);
    assert_eq!(trees.iter(root).count(), 1_000, "the other still holds the same nodes");
    let mut tx = store.begin().unwrap();
    trees.write(&mut tx, &two);
    drop(tx);
    drop(two);
    assert_eq!(trees.nodes.pending(), 0);
    assert!(trees.get(root, StateKeyNid(1)).is_err());
}

#[test]
fn the_shape_follows_from_the_content_at_every_size() {
    let trees = StateTrees::new(store(), CACHE);
    let entry = |number: u64| (StateKeyNid(number * 31), EventNid(number));
    let mut held = vec![trees.build([]).unwrap()];
    for number in 0..150 {
        let (key, event) = entry(number);
        let grown = trees.set(held[number as usize].root, &[(key, Some(event))]).unwrap();
        assert_eq!(grown.root, trees.build((0..=number).map(entry)).unwrap().root);
        held.push(grown);
    }
    for number in (0..150).rev() {
        let shrunk = trees.set(held[number as usize + 1].root, &[(entry(number).0, None)]).unwrap();
        assert_eq!(shrunk.root, held[number as usize].root);
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
