//! The keys in a key backup.

use std::collections::BTreeMap;

use hearth_storage::{
    Scan, View,
    schema::{self, users::BackupRow},
};
use ruma::{OwnedRoomId, RoomId, UInt, UserId, api::client::backup::KeyBackupData, serde::Raw};
use serde::Deserialize;

use crate::{
    KeyBackups, UsersError, json,
    key_backups::{UNKNOWN_BACKUP, find_row, latest_row},
    locks::UserGuard,
    quota::{self, Usage},
};

/// The largest key, and the longest id of its session, in bytes.
const MAX_KEY: usize = 16 << 10;
const MAX_SESSION: usize = 255;

/// Backed up keys by room and session.
pub type BackedUpKeys = BTreeMap<OwnedRoomId, BTreeMap<String, Raw<KeyBackupData>>>;

/// Which keys are meant.
#[derive(Clone, Copy, Debug)]
pub enum KeySelection<'a> {
    All,
    Room(&'a RoomId),
    Session(&'a RoomId, &'a str),
}

/// What a backup is after its keys changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BackupSummary {
    pub etag: String,
    pub count: u64,
}

/// What decides between two keys of one session.
#[derive(Deserialize)]
struct Quality {
    first_message_index: UInt,
    forwarded_count: UInt,
    is_verified: bool,
}

impl Quality {
    fn of(json: &str) -> serde_json::Result<Self> {
        serde_json::from_str(json)
    }

    /// The specification's order: verified, then from an earlier message, then less often forwarded.
    fn is_better_than(&self, other: &Self) -> bool {
        let rank = |key: &Self| (!key.is_verified, key.first_message_index, key.forwarded_count);
        rank(self) < rank(other)
    }
}

impl KeyBackups {
    /// Stores keys in the current version. A key takes the place of another of its session only if it is
    /// better.
    ///
    /// # Errors
    ///
    /// [`UsersError::NotFound`] for a version that is not there, [`UsersError::WrongBackupVersion`] for one that is not
    /// the current one, [`UsersError::TooLarge`] for a
    /// key, [`UsersError::LimitExceeded`] when there are too many.
    pub async fn put_keys(
        &self,
        user: &UserId,
        version: &str,
        keys: &BackedUpKeys,
    ) -> Result<BackupSummary, UsersError> {
        let guard = self.shared.locks.lock(user).await;
        let view = self.shared.store.written();
        let (version, mut row) = existing_row(&view, user, version)?;
        let (current, _) = latest_row(&view, user)?.ok_or(UNKNOWN_BACKUP)?;
        if current != version {
            return Err(UsersError::WrongBackupVersion { current: current.to_string() });
        }
        let mut usage = quota::BACKUP_KEYS.usage(&view, user)?;
        let mut stored = Vec::new();
        for (room, sessions) in keys {
            for (session, key) in sessions {
                let json = json::well_formed(key.json().get())?;
                if json.len() > MAX_KEY || session.len() > MAX_SESSION {
                    return Err(UsersError::TooLarge(
                        "a key is larger than 16 KiB, or its session's ID too long",
                    ));
                }
                let quality = Quality::of(&json).map_err(UsersError::bad_json)?;
                let here = view.get(&schema::BACKUP_KEYS, (user, current, room, session))?;
                match &here {
                    Some(here)
                        if !quality.is_better_than(&Quality::of(here).map_err(UsersError::corrupt)?) =>
                    {
                        continue;
                    }
                    Some(_) => {}
                    None => row.count += 1,
                }
                usage.replace(here.map(|here| here.len()), Some(json.len()));
                stored.push((room, session, json));
            }
        }
        usage.check()?;
        if stored.is_empty() {
            return Ok(summary(&row));
        }
        row.etag += 1;
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            usage.write(&mut transaction);
            for (room, session, json) in &stored {
                transaction.put(&schema::BACKUP_KEYS, (user, current, *room, *session), json);
            }
            transaction.put(&schema::BACKUPS, (user, current), &row);
            self.shared.submit(transaction, guard)
        };
        commit.await?;
        Ok(summary(&row))
    }

    /// The keys of a version; none is no error.
    pub fn keys(
        &self,
        user: &UserId,
        version: &str,
        which: KeySelection<'_>,
    ) -> Result<BackedUpKeys, UsersError> {
        let view = self.shared.store.view();
        let (version, _) = existing_row(&view, user, version)?;
        let mut keys = BackedUpKeys::new();
        for (room, session, json) in select(&view, user, version, which)? {
            let key = Raw::from_json_string(json).map_err(UsersError::corrupt)?;
            keys.entry(room).or_default().insert(session, key);
        }
        Ok(keys)
    }

    /// Deletes keys of a version; none is no error.
    pub async fn delete_keys(
        &self,
        user: &UserId,
        version: &str,
        which: KeySelection<'_>,
    ) -> Result<BackupSummary, UsersError> {
        let guard = self.shared.locks.lock(user).await;
        let view = self.shared.store.written();
        let (version, mut row) = existing_row(&view, user, version)?;
        let selected = select(&view, user, version, which)?;
        if !selected.is_empty() {
            row.etag += 1;
            row.count = row.count.saturating_sub(selected.len() as u64);
            let mut usage = quota::BACKUP_KEYS.usage(&view, user)?;
            selected.iter().for_each(|(_, _, json)| usage.replace(Some(json.len()), None));
            self.delete_selected(guard, user, version, &row, &selected, &usage).await?;
        }
        Ok(summary(&row))
    }

    async fn delete_selected(
        &self,
        guard: UserGuard,
        user: &UserId,
        version: u64,
        row: &BackupRow,
        selected: &[(OwnedRoomId, String, String)],
        usage: &Usage<'_>,
    ) -> Result<(), UsersError> {
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            usage.write(&mut transaction);
            for (room, session, _) in selected {
                transaction.delete(&schema::BACKUP_KEYS, (user, version, room, session));
            }
            transaction.put(&schema::BACKUPS, (user, version), row);
            self.shared.submit(transaction, guard)
        };
        commit.await?;
        Ok(())
    }
}

fn summary(row: &BackupRow) -> BackupSummary {
    BackupSummary { etag: row.etag.to_string(), count: row.count }
}

fn existing_row(view: &View, user: &UserId, version: &str) -> Result<(u64, BackupRow), UsersError> {
    find_row(view, user, version)?.filter(|(_, row)| !row.deleted).ok_or(UNKNOWN_BACKUP)
}

fn select(
    view: &View,
    user: &UserId,
    version: u64,
    which: KeySelection<'_>,
) -> Result<Vec<(OwnedRoomId, String, String)>, UsersError> {
    let scan = match which {
        KeySelection::All => Scan::prefix((user, version)),
        KeySelection::Room(room) => Scan::prefix((user, version, room)),
        KeySelection::Session(room, session) => {
            let key = view.get(&schema::BACKUP_KEYS, (user, version, room, session))?;
            return Ok(key.map(|json| (room.to_owned(), session.to_owned(), json)).into_iter().collect());
        }
    };
    view.scan(&schema::BACKUP_KEYS, scan)
        .map(|entry| {
            let ((_, _, room, session), json) = entry?;
            Ok((room, session, json))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use ruma::{owned_room_id, room_id};
    use serde_json::json;

    use super::*;
    use crate::testing::{World, boxed, raw};

    const ALGORITHM: &str = "m.megolm_backup.v1.curve25519-aes-sha2";

    fn key(is_verified: bool, first_message_index: u32, forwarded_count: u32) -> BackedUpKeys {
        let key = raw(json!({
            "is_verified": is_verified,
            "first_message_index": first_message_index,
            "forwarded_count": forwarded_count,
            "session_data": {"ephemeral": "", "ciphertext": "", "mac": ""},
        }));
        [(owned_room_id!("!room:here"), [("session".to_owned(), key)].into())].into()
    }

    #[tokio::test]
    async fn a_key_gives_way_to_a_better_one_only() {
        let world = World::new();
        let user = world.register("alice").await;
        let backups = &world.users.key_backups;
        let version = backups.create(&user, ALGORITHM, &boxed(json!({}))).await.unwrap();
        let mut etag = "0".to_owned();
        for (new, is_kept) in [
            (key(false, 5, 5), true),
            (key(false, 5, 5), false),
            (key(false, 5, 4), true),
            (key(false, 6, 0), false),
            (key(false, 4, 9), true),
            (key(true, 9, 9), true),
            (key(false, 0, 0), false),
            (key(true, 8, 9), true),
        ] {
            let summary = backups.put_keys(&user, &version, &new).await.unwrap();
            assert_eq!(summary.count, 1);
            assert_eq!(summary.etag != etag, is_kept, "{new:?}");
            etag = summary.etag;
        }
        let stored = backups.keys(&user, &version, KeySelection::All).unwrap();
        let stored = stored[room_id!("!room:here")]["session"].deserialize().unwrap();
        assert_eq!((stored.is_verified, stored.first_message_index), (true, ruma::uint!(8)));
    }

    #[tokio::test]
    async fn keys_go_into_the_current_version_only() {
        let world = World::new();
        let user = world.register("alice").await;
        let backups = &world.users.key_backups;
        let none = backups.put_keys(&user, "1", &key(true, 0, 0)).await;
        assert!(matches!(none, Err(UsersError::NotFound(_))));
        let old = backups.create(&user, ALGORITHM, &boxed(json!({}))).await.unwrap();
        let new = backups.create(&user, ALGORITHM, &boxed(json!({}))).await.unwrap();
        let wrong = backups.put_keys(&user, &old, &key(true, 0, 0)).await;
        assert!(matches!(wrong, Err(UsersError::WrongBackupVersion { current }) if current == new));
        let missing = backups.put_keys(&user, "999", &key(true, 0, 0)).await;
        assert!(matches!(missing, Err(UsersError::NotFound(_))));
        backups.put_keys(&user, &new, &key(true, 0, 0)).await.unwrap();
        assert!(backups.keys(&user, &old, KeySelection::All).unwrap().is_empty());
        assert!(backups.keys(&user, "+2", KeySelection::All).is_err());
    }

    #[tokio::test]
    async fn keys_are_read_and_deleted_by_selection() {
        let world = World::new();
        let user = world.register("alice").await;
        let backups = &world.users.key_backups;
        let version = backups.create(&user, ALGORITHM, &boxed(json!({}))).await.unwrap();
        let mut keys = key(true, 0, 0);
        let one = keys[room_id!("!room:here")]["session"].clone();
        keys.entry(owned_room_id!("!other:here"))
            .or_default()
            .extend([("a".to_owned(), one.clone()), ("b".to_owned(), one)]);
        assert_eq!(backups.put_keys(&user, &version, &keys).await.unwrap().count, 3);
        let count = |which| {
            let keys = backups.keys(&user, &version, which).unwrap();
            keys.values().map(BTreeMap::len).sum::<usize>()
        };
        let other = room_id!("!other:here");
        assert_eq!(count(KeySelection::All), 3);
        assert_eq!(count(KeySelection::Room(other)), 2);
        assert_eq!(count(KeySelection::Session(other, "a")), 1);
        assert_eq!(count(KeySelection::Session(other, "c")), 0);
        let which = KeySelection::Session(other, "a");
        assert_eq!(backups.delete_keys(&user, &version, which).await.unwrap().count, 2);
        assert_eq!(backups.delete_keys(&user, &version, which).await.unwrap().count, 2);
        assert_eq!(backups.delete_keys(&user, &version, KeySelection::All).await.unwrap().count, 0);
    }

    #[tokio::test]
    async fn versions_come_and_go() {
        let world = World::new();
        let user = world.register("alice").await;
        let backups = &world.users.key_backups;
        assert!(backups.latest(&user).unwrap().is_none());
        let first = backups.create(&user, ALGORITHM, &boxed(json!({"a": 1}))).await.unwrap();
        let second = backups.create(&user, ALGORITHM, &boxed(json!({}))).await.unwrap();
        backups.put_keys(&user, &second, &key(true, 0, 0)).await.unwrap();
        let wrong = backups.update(&user, &first, "m.other", &boxed(json!({}))).await;
        assert!(matches!(wrong, Err(UsersError::InvalidParam(_))));
        backups.update(&user, &first, ALGORITHM, &boxed(json!({"a": 2}))).await.unwrap();
        assert_eq!(backups.get(&user, &first).unwrap().unwrap().auth_data.get(), r#"{"a":2}"#);
        for _ in 0..2 {
            backups.delete(&user, &second).await.unwrap();
        }
        assert!(matches!(backups.delete(&user, "9").await, Err(UsersError::NotFound(_))));
        assert!(backups.get(&user, &second).unwrap().is_none());
        assert!(backups.keys(&user, &second, KeySelection::All).is_err());
        assert_eq!(backups.latest(&user).unwrap().unwrap().version, first);
        let third = backups.create(&user, ALGORITHM, &boxed(json!({}))).await.unwrap();
        assert_ne!(third, second);
    }

    #[tokio::test]
    async fn backups_are_bounded() {
        let world = World::new();
        let user = world.register("alice").await;
        let backups = &world.users.key_backups;
        let version = backups.create(&user, ALGORITHM, &boxed(json!({}))).await.unwrap();
        let put = async |keys| backups.put_keys(&user, &version, &keys).await;
        put(key(true, 5, 5)).await.unwrap();

        let mut long = key(true, 1, 1);
        let data = json!({"first_message_index": 1, "forwarded_count": 1, "is_verified": true,
            "session_data": {"ciphertext": "x".repeat(MAX_KEY)}});
        long.get_mut(room_id!("!room:here")).unwrap().insert("other".to_owned(), raw(data));
        assert!(matches!(put(long).await, Err(UsersError::TooLarge(_))));

        let usage = world.store.view().get(&schema::USAGE, (&user, "backup_keys")).unwrap().unwrap();
        assert_eq!(usage.count, 1);
        let full = schema::users::UsageRow { count: 500_000, ..usage };
        let mut transaction = world.store.begin().unwrap();
        transaction.put(&schema::USAGE, (&user, "backup_keys"), &full);
        transaction.submit().await.unwrap();
        let other = |index| {
            let mut keys = key(true, index, 0);
            let session = keys.values_mut().next().unwrap().remove("session").unwrap();
            keys.values_mut().next().unwrap().insert("other".to_owned(), session);
            keys
        };
        assert!(matches!(put(other(1)).await, Err(UsersError::LimitExceeded(_))));
        put(key(true, 4, 5)).await.unwrap();
        backups.delete_keys(&user, &version, KeySelection::All).await.unwrap();
        put(other(1)).await.unwrap();

        for _ in 1..20 {
            backups.create(&user, ALGORITHM, &boxed(json!({}))).await.unwrap();
        }
        let more = backups.create(&user, ALGORITHM, &boxed(json!({}))).await;
        assert!(matches!(more, Err(UsersError::LimitExceeded(_))));
        backups.delete(&user, &version).await.unwrap();
        assert_eq!(
            world.store.view().get(&schema::USAGE, (&user, "backup_keys")).unwrap().unwrap().count,
            499_999
        );
        assert_eq!(backups.create(&user, ALGORITHM, &boxed(json!({}))).await.unwrap(), "21");
    }
}
