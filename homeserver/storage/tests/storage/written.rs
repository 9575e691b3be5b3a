//! What writers see: all that is queued in front of what is durable, and their own transaction in front of both.

use std::collections::BTreeMap;

use hearth_storage::{
    EventNid, MemoryEngine, Position, RoomNid, Scan, StateId, Store, StoreOptions, TimelineOrder,
    Transaction, View, schema,
};
use proptest::prelude::*;

use crate::{event, within};

type Model = BTreeMap<(u64, i64), u64>;

/// What a writer does next.
#[derive(Clone, Debug)]
enum Step {
    Begin,
    Put((u64, i64), u64),
    Delete((u64, i64)),
    DeletePrefix(u64),
    Submit,
    Drop,
    /// Keeps the disk from writing, or lets it write all that is queued.
    Hold,
    Release,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = || (0..3_u64, -3..4_i64);
    let step = prop_oneof![
        2 => Just(Step::Begin),
        6 => (key(), 0..1000_u64).prop_map(|(key, value)| Step::Put(key, value)),
        3 => key().prop_map(Step::Delete),
        1 => (0..3_u64).prop_map(Step::DeletePrefix),
        3 => Just(Step::Submit),
        1 => Just(Step::Drop),
        1 => Just(Step::Hold),
        1 => Just(Step::Release),
    ];
    prop::collection::vec(step, 1..80)
}

fn key(key: (u64, i64)) -> (RoomNid, TimelineOrder) {
    (RoomNid(key.0), TimelineOrder(key.1))
}

/// Compares all that can be read with what is expected, whichever way it is read.
fn compare(view: &View, expected: &Model) -> Result<(), TestCaseError> {
    let keys: Vec<_> = (0..3).flat_map(|room| (-3..4).map(move |order| (room, order))).collect();
    let several = view.multi_get(&schema::TIMELINE, keys.iter().map(|it| key(*it))).unwrap();
    for (it, found) in keys.iter().zip(several) {
        let value = expected.get(it).copied().map(EventNid);
        prop_assert_eq!(found, value);
        prop_assert_eq!(view.get(&schema::TIMELINE, key(*it)).unwrap(), value);
        prop_assert_eq!(view.contains(&schema::TIMELINE, key(*it)).unwrap(), value.is_some());
    }
    let ranges = [(0, i64::MIN)..(9, 0), (1, i64::MIN)..(2, i64::MIN), (0, 2)..(2, 0)];
    for (which, range) in ranges.into_iter().enumerate() {
        let scan = || match which {
            0 => Scan::all(),
            1 => Scan::prefix((RoomNid(1),)),
            _ => Scan::all().after(key((0, 1))).until(key((2, 0))),
        };
        let mut rows: Vec<_> =
            expected.range(range).map(|(it, value)| (key(*it), EventNid(*value))).collect();
        let read = |scan| view.scan(&schema::TIMELINE, scan).map(Result::unwrap).collect::<Vec<_>>();
        prop_assert_eq!(&read(scan()), &rows);
        rows.reverse();
        prop_assert_eq!(&read(scan().reversed()), &rows);
    }
    Ok(())
}

fn play(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let engine = MemoryEngine::new();
    let store = Store::open(engine.clone(), StoreOptions::default()).unwrap();
    let (mut written, mut durable) = (Model::new(), Model::new());
    let mut hold = None;
    let mut open: Option<(Transaction, Model)> = None;
    for step in steps {
        match step {
            Step::Begin => open = Some((store.begin().unwrap(), written.clone())),
            Step::Hold if hold.is_none() => {
                // So that nothing is on its way.
                futures::executor::block_on(store.settled()).unwrap();
                durable = written.clone();
                hold = Some(engine.hold());
            }
            Step::Release => hold = None,
            Step::Drop => open = None,
            Step::Submit => {
                if let Some((transaction, model)) = open.take() {
                    let commit = transaction.submit();
                    written = model;
                    if hold.is_none() {
                        futures::executor::block_on(commit).unwrap();
                    }
                }
            }
            _ => {}
        }
        if let Some((transaction, model)) = &mut open {
            match step {
                Step::Put(it, value) => {
                    transaction.put(&schema::TIMELINE, key(it), &EventNid(value));
                    model.insert(it, value);
                }
                Step::Delete(it) => {
                    transaction.delete(&schema::TIMELINE, key(it));
                    model.remove(&it);
                }
                Step::DeletePrefix(room) => {
                    transaction.delete_prefix(&schema::TIMELINE, (RoomNid(room),)).unwrap();
                    model.retain(|(other, _), _| *other != room);
                }
                _ => {}
            }
            compare(transaction, model)?;
        }
        compare(&store.written(), &written)?;
        if hold.is_some() {
            compare(&store.view(), &durable)?;
        }
    }
    drop(hold);
    futures::executor::block_on(store.settled()).unwrap();
    compare(&store.view(), &written)
}

proptest! {
    #[test]
    fn writers_see_what_is_queued_and_readers_what_is_durable(steps in steps()) {
        play(steps)?;
    }
}

#[tokio::test]
async fn a_transaction_reads_its_provisional_positions_as_the_last() {
    let engine = MemoryEngine::new();
    let store = Store::open(engine.clone(), StoreOptions::default()).unwrap();
    let state = |number: u64| StateId([number as u8; 16]);
    let hold = engine.hold();
    for number in 1..=3 {
        let mut transaction = store.begin().unwrap();
        let position = transaction.append(&event(number));
        transaction.put(&schema::STATE_HISTORY, (RoomNid(1), position), &state(number));
        let newest = |view: &View| {
            let scan = Scan::prefix((RoomNid(1),)).reversed();
            view.scan(&schema::STATE_HISTORY, scan).next().unwrap().unwrap()
        };
        assert_eq!(newest(&transaction), ((RoomNid(1), position), state(number)));
        transaction.submit();
        // Queued it has its real one.
        let settled = (RoomNid(1), Position(number));
        assert_eq!(newest(&store.written()), (settled, state(number)));
    }
    assert_eq!(store.view().scan(&schema::STATE_HISTORY, Scan::all()).count(), 0);
    drop(hold);
    within(store.settled()).await.unwrap();
    assert_eq!(store.view().scan(&schema::STATE_HISTORY, Scan::all()).count(), 3);
}

#[tokio::test]
async fn what_is_settled_is_durable_and_stops_with_the_store() {
    let engine = MemoryEngine::new();
    let store = Store::open(engine.clone(), StoreOptions::default()).unwrap();
    within(store.settled()).await.unwrap();
    let hold = engine.hold();
    let mut transaction = store.begin().unwrap();
    transaction.append(&event(1));
    let commit = transaction.submit();
    assert_eq!(store.durable() + 1, commit.number());
    let mut waiting = Box::pin(store.settled());
    assert!(futures::poll!(&mut waiting).is_pending());
    drop(hold);
    within(waiting).await.unwrap();
    assert_eq!(store.published(), Position(1));

    let hold = engine.hold();
    engine.cut_power();
    let commit = store.begin().unwrap().submit();
    let mut waiting = Box::pin(store.settled());
    assert!(futures::poll!(&mut waiting).is_pending());
    drop(hold);
    assert!(within(waiting).await.is_err());
    assert!(within(commit).await.is_err());
}
