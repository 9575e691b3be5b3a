//! A database on disk that is out of file descriptors. The limit is the process's, so this is alone in its own.

use std::{fs::File, time::Duration};

use hearth_storage::{
    Change, EventNid, Position, RocksEngine, RocksOptions, RoomNid, Store, StoreOptions, Transaction, schema,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// A megabyte in a row of its own, by the position that it is expected to have.
fn write(transaction: &mut Transaction, position: u64) {
    transaction.append(&Change::Event { room: RoomNid(1), event: EventNid(1) });
    transaction.put(&schema::META, (position.to_string(),), &"x".repeat(1 << 20));
}

#[tokio::test]
async fn without_descriptors_reading_goes_on_and_with_them_writing_too() {
    let folder = tempfile::tempdir().unwrap();
    let options = RocksOptions { memory_bytes: 8 << 20, open_files: 64 };
    let engine = RocksEngine::open(folder.path(), &options).unwrap();
    let store = Store::open(engine, StoreOptions::default()).unwrap();
    let mut next = 1;
    while next <= 20 {
        let mut transaction = store.begin().unwrap();
        write(&mut transaction, next);
        next += 1;
        transaction.submit().await.unwrap();
    }

    let limit = getrlimit(Resource::Nofile);
    let mut held = Vec::new();
    setrlimit(Resource::Nofile, Rlimit { current: Some(200), maximum: limit.maximum }).unwrap();
    while let Ok(file) = File::open("/dev/null") {
        held.push(file);
    }
    // A write of this size needs new files soon: of the write-ahead log, and of what is flushed.
    let mut commits = Vec::new();
    let begun = tokio::time::Instant::now();
    while store.is_failing().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it writes without descriptors");
        if let Ok(mut transaction) = store.begin() {
            write(&mut transaction, next);
            commits.push((Position(next), transaction.submit()));
            next += 1;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // What is written is read, or it is said that it cannot be: a file that came last may not be open yet.
    let written = store.published();
    let mut read = 0;
    for position in 1..=written.0 {
        match store.view().get(&schema::META, (position.to_string(),)) {
            Ok(row) => {
                assert_eq!(row.map(|row| row.len()), Some(1 << 20), "{position}");
                read += 1;
            }
            Err(error) => assert!(error.to_string().contains("Too many open files"), "{error}"),
        }
    }
    assert!(read > 0, "nothing is read without descriptors");

    drop(held);
    for position in 1..=written.0 {
        let row = store.view().get(&schema::META, (position.to_string(),)).unwrap();
        assert_eq!(row.map(|row| row.len()), Some(1 << 20), "{position}");
    }
    for (position, commit) in commits {
        assert_eq!(commit.await.unwrap(), position);
    }
    assert_eq!(store.is_failing(), None);
    let mut transaction = store.begin().unwrap();
    write(&mut transaction, next);
    let last = transaction.submit().await.unwrap();
    // All of it is there at the next start, in order.
    store.close();
    drop(store);
    let store =
        Store::open(RocksEngine::open(folder.path(), &options).unwrap(), StoreOptions::default()).unwrap();
    assert_eq!(store.published(), last);
    for position in 1..=last.0 {
        assert!(store.view().contains(&schema::META, (position.to_string(),)).unwrap(), "{position}");
    }
}
