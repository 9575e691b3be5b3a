//! The version of the schema, and how an older folder is brought up to it.

mod account_data_in_log;
mod delayed_sticky;
mod erased_users;
mod log_marks;
mod members;
mod pushers;
mod receipt_changes;
mod room_for_history;
mod room_spans;
mod room_types;
mod short_tokens;
mod to_device_queues;
mod transactions_by_day;
mod usage;

use crate::{Access, AnyEngine, Batch, Engine, Keyspace, Position, Scan, StorageError, View, schema};

/// One step up: what it does, and the writes that do it. A step and the new version are one atomic batch, so
/// that a crash leaves the folder at one version or the other.
pub(crate) type Migration = (&'static str, fn(&View, &mut Batch) -> Result<(), StorageError>);

/// The steps, oldest first: the first of them leads from version 1 to version 2.
pub(crate) const MIGRATIONS: &[Migration] = &[
    ("room for history in timelines", room_for_history::upgrade),
    ("queues of messages to devices", to_device_queues::upgrade),
    ("what is kept and has a quota", usage::upgrade),
    ("short tokens of devices", short_tokens::upgrade),
    ("members by server", members::upgrade),
    ("erased users", erased_users::upgrade),
    ("the size of the log", log_marks::upgrade),
    ("which account data changed", account_data_in_log::upgrade),
    ("transaction ids by day", transactions_by_day::upgrade),
    ("pushers that can be turned off", pushers::upgrade),
    ("types of rooms in the lists of users", room_types::upgrade),
    ("rooms by what happened last", room_spans::upgrade),
    ("delayed events that are sticky", delayed_sticky::upgrade),
    ("receipts by when they changed", receipt_changes::upgrade),
];

/// The log as bytes: changes have not always looked as they do.
const LOG: Keyspace<(Position,), Vec<u8>> = Keyspace::new("LOG", Access::Append, schema::LOG.raw.index);

/// The key in [`schema::META`].
const VERSION: &str = "schema_version";

/// Brings the folder up to the newest version, or gives it that version if it is new.
pub(crate) fn run(engine: &AnyEngine, migrations: &[Migration]) -> Result<(), StorageError> {
    let newest = newest(migrations);
    let view = View::latest(engine.clone());
    let write = |mut batch: Batch, version: u64| {
        batch.put(&schema::META, (VERSION,), &version.to_string());
        engine.apply([&batch].into_iter(), true)
    };
    let Some(mut version) = version(&view)? else {
        return write(Batch::default(), newest);
    };
    if version > newest {
        return Err(StorageError::TooNew { found: version, known: newest });
    }
    while version < newest {
        let (what, step) = migrations[version as usize - 1];
        tracing::info!(from = version, to = version + 1, "upgrading the database: {what}");
        let mut batch = Batch::default();
        step(&view, &mut batch)?;
        version += 1;
        write(batch, version)?;
    }
    Ok(())
}

/// Refuses a folder that is not of the newest version.
pub(crate) fn check(view: &View) -> Result<(), StorageError> {
    let newest = newest(MIGRATIONS);
    match version(view)? {
        Some(found) if found > newest => Err(StorageError::TooNew { found, known: newest }),
        Some(found) if found == newest => Ok(()),
        _ => Err(StorageError::Engine(
            "the database is of an older version, or empty: start this server on it once".to_owned(),
        )),
    }
}

fn newest(migrations: &[Migration]) -> u64 {
    1 + migrations.len() as u64
}

/// The folder's version, from 1; `None` if nothing was ever written.
fn version(view: &View) -> Result<Option<u64>, StorageError> {
    match view.get(&schema::META, (VERSION,))? {
        Some(text) => match text.parse() {
            Ok(0) | Err(_) => Err(StorageError::corrupt(format!("{text:?} is no schema version"))),
            Ok(version) => Ok(Some(version)),
        },
        None if view.scan(&LOG, Scan::all()).next().is_some() => {
            Err(StorageError::corrupt("there is a log, but no schema version"))
        }
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Faults, MemoryEngine, StoreOptions};

    const STEPS: &[Migration] = &[
        ("one cursor for all", |_, batch| {
            batch.put(&schema::CURSORS, ("all",), &Position(7));
            Ok(())
        }),
        ("its new name", |view, batch| {
            let position = view.get(&schema::CURSORS, ("all",))?.unwrap_or_default();
            batch.delete(&schema::CURSORS, ("all",));
            batch.put(&schema::CURSORS, ("everyone",), &position);
            Ok(())
        }),
    ];

    fn found(engine: &MemoryEngine) -> (Option<String>, Vec<((String,), Position)>) {
        let view = View::latest(engine.clone().into());
        let cursors = view.scan(&schema::CURSORS, Scan::all()).collect::<Result<_, _>>();
        (view.get(&schema::META, (VERSION,)).unwrap(), cursors.unwrap())
    }

    #[test]
    fn a_new_folder_has_the_newest_version() {
        let engine = MemoryEngine::new();
        run(&engine.clone().into(), STEPS).unwrap();
        assert_eq!(found(&engine), (Some("3".to_owned()), vec![]));
    }

    #[test]
    fn an_older_folder_is_brought_up_step_by_step() {
        let engine = MemoryEngine::new();
        run(&engine.clone().into(), &[]).unwrap();
        run(&engine.clone().into(), STEPS).unwrap();
        let after = (Some("3".to_owned()), vec![(("everyone".to_owned(),), Position(7))]);
        assert_eq!(found(&engine), after);
        run(&engine.clone().into(), STEPS).unwrap();
        assert_eq!(found(&engine), after);
    }

    #[test]
    fn a_crash_leaves_it_at_a_version() {
        let engine = MemoryEngine::new();
        run(&engine.clone().into(), &[]).unwrap();
        engine.set_faults(Faults { fail_writes: 2..3, ..Faults::default() });
        assert!(run(&engine.clone().into(), STEPS).is_err());
        let engine = engine.crash();
        assert_eq!(found(&engine), (Some("2".to_owned()), vec![(("all".to_owned(),), Position(7))]));
        run(&engine.clone().into(), STEPS).unwrap();
        assert_eq!(found(&engine).0.as_deref(), Some("3"));
    }

    #[test]
    fn timelines_are_given_room_for_history() {
        use crate::{EventNid, RoomNid, TimelineOrder, schema::rooms::EventRow};

        let engine = MemoryEngine::new();
        run(&engine.clone().into(), &[]).unwrap();
        // The second one's old place is the first one's new one.
        let (room, orders) = (RoomNid(1), [-3, 1, TimelineOrder::APART, 3 * TimelineOrder::APART]);
        let missing = ruma::event_id!("$missing");
        let mut old = Batch::default();
        for order in orders.map(TimelineOrder) {
            let nid = EventNid(order.0.unsigned_abs());
            let event = EventRow {
                room,
                event_id: ruma::owned_event_id!("$event"),
                standing: schema::rooms::Standing::Accepted,
                order: Some(order),
                state: None,
                redacted_by: None,
                sent_by: None,
                text: String::new(),
            };
            old.put(&schema::EVENTS, (nid,), &event);
            old.put(&schema::TIMELINE, (room, order), &nid);
            old.put(&schema::TIMESTAMPS, (room, 7, order), &nid);
        }
        old.put(&schema::MISSING_PREV, (room, missing, EventNid(1)), &());
        engine.apply([&old].into_iter(), true).unwrap();

        run(&engine.clone().into(), MIGRATIONS).unwrap();
        let view = View::latest(engine.into());
        let timeline: Result<Vec<_>, _> = view.scan(&schema::TIMELINE, Scan::all()).collect();
        let timeline = timeline.unwrap();
        let expected =
            [-3, TimelineOrder::APART, TimelineOrder::APART.pow(2), 3 * TimelineOrder::APART.pow(2)];
        assert_eq!(timeline.iter().map(|((_, order), _)| order.0).collect::<Vec<_>>(), expected);
        for ((_, order), nid) in timeline {
            assert_eq!(view.get(&schema::EVENTS, (nid,)).unwrap().unwrap().order, Some(order));
            assert_eq!(view.get(&schema::TIMESTAMPS, (room, 7, order)).unwrap(), Some(nid));
        }
        assert_eq!(view.scan(&schema::TIMESTAMPS, Scan::all()).count(), orders.len());
        let gaps: Result<Vec<_>, _> = view.scan(&schema::GAPS, Scan::all()).collect();
        assert_eq!(gaps.unwrap(), [((room, TimelineOrder(TimelineOrder::APART)), ())]);
    }

    #[test]
    fn members_are_written_down_by_server() {
        use crate::{
            EventNid, RoomNid,
            schema::rooms::{Membership, MembershipRow},
        };

        let engine = MemoryEngine::new();
        run(&engine.clone().into(), &MIGRATIONS[..4]).unwrap();
        let (room, mut old) = (RoomNid(1), Batch::default());
        let members = [
            ("@a:there", Membership::Join),
            ("@b:here", Membership::Ban),
            ("@c:here", Membership::Leave),
            ("@d:here", Membership::Join),
        ];
        for (user, membership) in members {
            let user = ruma::UserId::parse(user).unwrap();
            let row = MembershipRow { membership, event: EventNid(1), position: Position(1) };
            old.put(&schema::MEMBERSHIPS, (room, &user), &row);
        }
        engine.apply([&old].into_iter(), true).unwrap();
        run(&engine.clone().into(), MIGRATIONS).unwrap();
        let view = View::latest(engine.into());
        let rows: Result<Vec<_>, _> = view.scan(&schema::MEMBERS, Scan::prefix((room,))).collect();
        let users: Vec<_> = rows
            .unwrap()
            .into_iter()
            .map(|((_, membership, _, user), ())| (user.to_string(), membership))
            .collect();
        let expected = [
            ("@d:here", Membership::Join),
            ("@a:there", Membership::Join),
            ("@c:here", Membership::Leave),
            ("@b:here", Membership::Ban),
        ];
        assert_eq!(users, expected.map(|(user, membership)| (user.to_owned(), membership)));
    }

    #[test]
    fn erased_users_are_written_down() {
        use crate::schema::users::{AccountKind, AccountRow};

        let engine = MemoryEngine::new();
        run(&engine.clone().into(), &MIGRATIONS[..5]).unwrap();
        let mut old = Batch::default();
        old.put(&LOG, (Position(7),), &vec![0, 1, 1]);
        for (user, erased) in [("@a:here", false), ("@b:here", true)] {
            let account = AccountRow {
                password_hash: None,
                kind: AccountKind::User,
                admin: false,
                deactivated: erased,
                erased,
                suspended: false,
                locked: false,
                created_at: 0,
            };
            old.put(&schema::ACCOUNTS, (&ruma::UserId::parse(user).unwrap(),), &account);
        }
        engine.apply([&old].into_iter(), true).unwrap();
        run(&engine.clone().into(), MIGRATIONS).unwrap();
        let view = View::latest(engine.into());
        let erased: Result<Vec<_>, _> = view.scan(&schema::ERASED_USERS, Scan::all()).collect();
        assert_eq!(erased.unwrap(), [((ruma::owned_user_id!("@b:here"),), Position(7))]);
    }

    #[test]
    fn the_bytes_of_an_older_log_are_counted() {
        use crate::{Change, EventNid, Lag, LogRow, RoomNid, Store};

        let engine = MemoryEngine::new();
        run(&engine.clone().into(), &MIGRATIONS[..1]).unwrap();
        let mut old = Batch::default();
        // Trimmed up to 6. Each change takes eleven bytes.
        for position in 7..=9 {
            let change = Change::Event { room: RoomNid(1), event: EventNid(1) };
            old.put(&schema::LOG, (Position(position),), &LogRow { change, goes_on: false });
        }
        engine.apply([&old].into_iter(), true).unwrap();
        let store = Store::open(engine, StoreOptions::default()).unwrap();
        assert_eq!(store.lag(Position(6)), Lag { changes: 3, bytes: 33 });
    }

    #[test]
    fn the_log_says_which_account_data_changed() {
        use crate::{Change, LogRow, schema::users::AccountDataKeyRow};

        let user = ruma::user_id!("@alice:here");
        let engine = MemoryEngine::new();
        let before = MIGRATIONS.iter().position(|(what, _)| *what == "which account data changed").unwrap();
        run(&engine.clone().into(), &MIGRATIONS[..before]).unwrap();
        let mut old = Batch::default();
        let bytes = [&[3, 11], user.as_bytes()].concat();
        old.put(&LOG, (Position(1),), &bytes);
        old.put(&LOG, (Position(2),), &[&*bytes, &[1]].concat());
        let tags = AccountDataKeyRow { room: "!room:here".to_owned(), data_type: "m.tag".to_owned() };
        old.put(&schema::ACCOUNT_DATA_CHANGES, (user, Position(2)), &tags);
        engine.apply([&old].into_iter(), true).unwrap();

        run(&engine.clone().into(), MIGRATIONS).unwrap();
        let view = View::latest(engine.into());
        let told = |position| view.get(&schema::LOG, (Position(position),)).unwrap().unwrap();
        let changed = |room: Option<&ruma::RoomId>, data_type: &str| Change::AccountData {
            user: user.to_owned(),
            room: room.map(ToOwned::to_owned),
            data_type: data_type.to_owned(),
        };
        assert_eq!(told(1), LogRow { change: changed(None, ""), goes_on: false });
        let tags = changed(Some(ruma::room_id!("!room:here")), "m.tag");
        assert_eq!(told(2), LogRow { change: tags, goes_on: true });
    }

    #[test]
    fn transaction_ids_without_a_day_are_forgotten() {
        use crate::schema::rooms::TransactionRow;

        let engine = MemoryEngine::new();
        let before = MIGRATIONS.iter().position(|(what, _)| *what == "transaction ids by day").unwrap();
        run(&engine.clone().into(), &MIGRATIONS[..before]).unwrap();
        let index = schema::TRANSACTIONS.raw.index;
        let old =
            Keyspace::<(String, String, String), TransactionRow>::new("TRANSACTIONS", Access::Point, index);
        let mut batch = Batch::default();
        for user in ["@alice:here", "@zoe:there"] {
            let row = TransactionRow { event_id: ruma::owned_event_id!("$event") };
            batch.put(&old, (user, "DEVICE", "send\0t1"), &row);
        }
        engine.apply([&batch].into_iter(), true).unwrap();
        run(&engine.clone().into(), MIGRATIONS).unwrap();
        assert!(View::latest(engine.into()).scan(&schema::TRANSACTIONS, Scan::all()).next().is_none());
    }

    #[test]
    fn pushers_are_on_and_active() {
        use crate::schema::users::PusherRow;

        let engine = MemoryEngine::new();
        let before = MIGRATIONS.iter().position(|(what, _)| what.starts_with("pushers")).unwrap();
        run(&engine.clone().into(), &MIGRATIONS[..before]).unwrap();
        let index = schema::PUSHERS.raw.index;
        let old = Keyspace::<(String, String, String), Vec<u8>>::new("PUSHERS", Access::Range, index);
        let mut batch = Batch::default();
        batch.put(&old, ("@alice:here", "app", "key"), &b"\x05PHONE\x02{}".to_vec());
        engine.apply([&batch].into_iter(), true).unwrap();
        run(&engine.clone().into(), MIGRATIONS).unwrap();
        let pusher =
            View::latest(engine.into()).get(&schema::PUSHERS, (ruma::user_id!("@alice:here"), "app", "key"));
        let expected = PusherRow {
            device: "PHONE".into(),
            pusher: "{}".to_owned(),
            set_at: 0,
            enabled: true,
            awaits: None,
        };
        assert_eq!(pusher.unwrap(), Some(expected));
    }

    #[test]
    fn delayed_events_are_not_sticky() {
        let engine = MemoryEngine::new();
        let before = MIGRATIONS.iter().position(|(what, _)| what.starts_with("delayed")).unwrap();
        run(&engine.clone().into(), &MIGRATIONS[..before]).unwrap();
        let (user, mut batch) = (ruma::user_id!("@alice:here"), Batch::default());
        let old = delayed_sticky::OldRow {
            room: crate::RoomNid(7),
            event_type: "m.room.message".to_owned(),
            state_key: None,
            redacts: None,
            content: "{}".to_owned(),
            delay: 1,
            running_since: 2,
            transaction: Some("t".to_owned()),
            ended: None,
        };
        batch.put(&delayed_sticky::OLD, (user, "id"), &old);
        engine.apply([&batch].into_iter(), true).unwrap();
        run(&engine.clone().into(), MIGRATIONS).unwrap();
        let row = View::latest(engine.into()).get(&schema::DELAYED_EVENTS, (user, "id")).unwrap().unwrap();
        assert_eq!((row.due(), row.transaction.as_deref(), row.sticky), (3, Some("t"), None));
    }

    #[test]
    fn a_newer_folder_is_refused() {
        let engine = MemoryEngine::new();
        let newer: Vec<Migration> = MIGRATIONS.iter().chain(STEPS).copied().collect();
        run(&engine.clone().into(), &newer).unwrap();
        let error = crate::Store::open(engine.clone(), StoreOptions::default()).err().unwrap();
        assert!(matches!(error, StorageError::TooNew { found, known } if found == known + 2), "{error}");
        assert!(matches!(View::open(engine), Err(StorageError::TooNew { .. })));
        assert!(matches!(View::open(MemoryEngine::new()), Err(StorageError::Engine(_))));
    }
}
