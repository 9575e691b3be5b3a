//! Reading: single keys, several, ranges, snapshots.

use hearth_storage::{EventNid, Position, RoomNid, Scan, StateId, Store, TimelineOrder, View, schema};
use ruma::{event_id, user_id};

use crate::{Disk, commit, on_both_engines};

on_both_engines!(
    single_keys_and_several,
    rows_are_read_back,
    ranges,
    a_prefix_is_of_whole_parts,
    deleting_a_prefix,
    snapshots_do_not_change,
    a_scan_shows_one_state,
);

async fn put_meta(store: &Store, key: &str, value: &str) {
    commit(store, |transaction| transaction.put(&schema::META, (key,), &value.to_owned())).await;
}

async fn single_keys_and_several(disk: Disk) {
    let store = disk.start();
    put_meta(&store, "a", "1").await;
    put_meta(&store, "b", "2").await;
    put_meta(&store, "a", "3").await;
    let view = store.view();
    assert_eq!(view.get(&schema::META, ("a",)).unwrap().as_deref(), Some("3"));
    assert_eq!(view.get(&schema::META, ("c",)).unwrap(), None);
    assert!(view.contains(&schema::META, ("b",)).unwrap());
    assert!(!view.contains(&schema::META, ("c",)).unwrap());
    let several = view.multi_get(&schema::META, ["b", "c", "a", "b"].map(|key| (key,))).unwrap();
    let several: Vec<_> = several.iter().map(Option::as_deref).collect();
    assert_eq!(several, [Some("2"), None, Some("3"), Some("2")]);
    assert_eq!(view.multi_get(&schema::META, [("a",); 0]).unwrap(), []);

    commit(&store, |transaction| transaction.delete(&schema::META, ("a",))).await;
    assert!(!view.contains(&schema::META, ("a",)).unwrap());
}

async fn rows_are_read_back(disk: Disk) {
    let store = disk.start();
    let head = schema::rooms::RoomHeadRow {
        extremities: vec![EventNid(1), EventNid(u64::MAX)],
        position: Position(1 << 40),
        ..Default::default()
    };
    let event = schema::rooms::OwnedEventIdValue(event_id!("$event").to_owned());
    let node: Vec<u8> = (0..20_000).map(|byte| byte as u8).collect();
    let key = (RoomNid(7), TimelineOrder(-3));
    commit(&store, |transaction| {
        transaction.put(&schema::ROOM_HEADS, (RoomNid(7),), &head);
        transaction.put(&schema::THREADS_BY_ACTIVITY, key, &event);
        transaction.put(&schema::STATE_NODES, (StateId([255; 16]),), &node);
    })
    .await;
    assert_eq!(store.view().get(&schema::ROOM_HEADS, (RoomNid(7),)).unwrap(), Some(head));
    assert_eq!(store.view().get(&schema::STATE_NODES, (StateId([255; 16]),)).unwrap(), Some(node));
    let threads: Result<Vec<_>, _> =
        store.view().scan(&schema::THREADS_BY_ACTIVITY, Scan::prefix((RoomNid(7),))).collect();
    assert_eq!(threads.unwrap(), [(key, event)]);
}

/// The rooms and orders of a range of the timelines.
fn orders(view: &View, range: Scan<(RoomNid, TimelineOrder)>) -> Vec<(u64, i64)> {
    view.scan(&schema::TIMELINE, range)
        .map(|row| row.map(|((room, order), _)| (room.0, order.0)).unwrap())
        .collect()
}

async fn ranges(disk: Disk) {
    let store = disk.start();
    commit(&store, |transaction| {
        for room in 1..=3 {
            for order in [-2, -1, 4, 5] {
                transaction.put(&schema::TIMELINE, (RoomNid(room), TimelineOrder(order)), &EventNid(1));
            }
        }
    })
    .await;
    let room = RoomNid(2);
    let key = |order| (room, TimelineOrder(order));
    for view in [store.view(), store.snapshot()] {
        let in_room = |range| {
            orders(&view, range).into_iter().map(|(room, order)| (room == 2, order)).collect::<Vec<_>>()
        };
        let all = [-2, -1, 4, 5].map(|order| (true, order));
        assert_eq!(orders(&view, Scan::all()).len(), 12);
        assert_eq!(in_room(Scan::prefix((room,))), all);
        let mut backwards = all;
        backwards.reverse();
        assert_eq!(in_room(Scan::prefix((room,)).reversed()), backwards);
        assert_eq!(in_room(Scan::prefix((room,)).from(key(-1))), all[1..]);
        assert_eq!(in_room(Scan::prefix((room,)).after(key(-1))), all[2..]);
        assert_eq!(in_room(Scan::prefix((room,)).until(key(4))), all[..2]);
        assert_eq!(in_room(Scan::prefix((room,)).through(key(4))), all[..3]);
        assert_eq!(in_room(Scan::prefix((room,)).after(key(-2)).until(key(5))), all[1..3]);
        assert_eq!(in_room(Scan::prefix((room,)).after(key(-2)).until(key(5)).reversed()), backwards[1..3]);
        assert_eq!(in_room(Scan::prefix((room,)).after(key(3)).until(key(4))), []);
        assert_eq!(in_room(Scan::prefix((room,)).from(key(5)).until(key(-2))), []);
        assert_eq!(in_room(Scan::prefix((room,)).from(key(5)).until(key(-2)).reversed()), []);
        assert_eq!(in_room(Scan::prefix((RoomNid(9),))), []);
        assert_eq!(orders(&view, Scan::all().after(key(5))), [-2, -1, 4, 5].map(|order| (3, order)));
        assert_eq!(orders(&view, Scan::all().until(key(-2)).reversed().reversed()).len(), 4);
    }
}

async fn a_prefix_is_of_whole_parts(disk: Disk) {
    let store = disk.start();
    let users = [user_id!("@a:b"), user_id!("@a:b.c"), user_id!("@a:b:1")];
    commit(&store, |transaction| {
        for user in users {
            transaction.put(&schema::PROFILES, (user, "displayname"), &"\"x\"".to_owned());
        }
    })
    .await;
    for user in users {
        let view = store.view();
        let found: Vec<_> =
            view.scan(&schema::PROFILES, Scan::prefix((user,))).map(|row| row.unwrap().0.0).collect();
        assert_eq!(found, [user]);
    }
}

async fn deleting_a_prefix(disk: Disk) {
    let store = disk.start();
    commit(&store, |transaction| {
        for room in 1..=3 {
            for order in 1..=100 {
                transaction.put(&schema::TIMELINE, (RoomNid(room), TimelineOrder(order)), &EventNid(1));
            }
        }
    })
    .await;
    commit(&store, |transaction| {
        transaction.delete_prefix(&schema::TIMELINE, (RoomNid(2),)).unwrap();
        transaction.put(&schema::TIMELINE, (RoomNid(2), TimelineOrder(7)), &EventNid(2));
    })
    .await;
    let view = store.view();
    assert_eq!(orders(&view, Scan::prefix((RoomNid(2),))), [(2, 7)]);
    assert_eq!(orders(&view, Scan::all()).len(), 201);
}

async fn snapshots_do_not_change(disk: Disk) {
    let store = disk.start();
    put_meta(&store, "a", "1").await;
    put_meta(&store, "b", "1").await;
    let first = store.snapshot();
    put_meta(&store, "a", "2").await;
    commit(&store, |transaction| transaction.delete(&schema::META, ("b",))).await;
    let second = store.snapshot();
    put_meta(&store, "b", "3").await;
    put_meta(&store, "c", "3").await;

    let read = |view: &View| -> (String, String, String) {
        let key = |key| view.get(&schema::META, (key,)).unwrap().unwrap_or_default();
        let scanned: Vec<_> = view
            .scan(&schema::META, Scan::all().until(("d",)))
            .map(|row| row.map(|((key,), value)| key + &value).unwrap())
            .collect();
        let several = view.multi_get(&schema::META, [("a",), ("b",), ("c",)]).unwrap();
        (key("a") + &key("b") + &key("c"), scanned.join(" "), several.into_iter().flatten().collect())
    };
    for _ in 0..2 {
        assert_eq!(read(&first), ("11".into(), "a1 b1".into(), "11".into()));
        assert_eq!(read(&second), ("2".into(), "a2".into(), "2".into()));
        assert_eq!(read(&store.view()), ("233".into(), "a2 b3 c3".into(), "233".into()));
    }
    // A snapshot reads on when the store is closed, and keeps the engine open.
    drop(store);
    assert_eq!(read(&second), ("2".into(), "a2".into(), "2".into()));
}

async fn a_scan_shows_one_state(disk: Disk) {
    let store = disk.start();
    for key in ["a", "b", "c"] {
        put_meta(&store, key, "old").await;
    }
    let view = store.view();
    let mut scan = view.scan(&schema::META, Scan::all().until(("d",)));
    assert_eq!(scan.next().unwrap().unwrap(), (("a".to_owned(),), "old".to_owned()));
    put_meta(&store, "b", "new").await;
    commit(&store, |transaction| transaction.delete(&schema::META, ("c",))).await;
    let rest: Vec<_> = scan.map(|row| row.unwrap().1).collect();
    assert_eq!(rest, ["old", "old"]);
    assert_eq!(view.get(&schema::META, ("b",)).unwrap().as_deref(), Some("new"));
}
