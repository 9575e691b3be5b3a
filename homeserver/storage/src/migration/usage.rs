//! What is kept has quotas now: what users keep is counted once, filters are found by their content, and copies of
//! media by their age.

use std::collections::BTreeMap;

use ruma::OwnedUserId;
use sha2::{Digest, Sha256};

use crate::{
    Batch, Scan, StorageError, View,
    schema::{self, users::UsageRow},
};

/// What is kept, by user and kind.
#[derive(Default)]
struct Usage(BTreeMap<(OwnedUserId, &'static str), UsageRow>);

impl Usage {
    fn add(&mut self, user: OwnedUserId, kind: &'static str, bytes: u64) {
        let usage = self.0.entry((user, kind)).or_default();
        usage.count += 1;
        usage.bytes += bytes;
    }
}

pub(super) fn upgrade(view: &View, batch: &mut Batch) -> Result<(), StorageError> {
    let mut usage = Usage::default();
    for row in view.scan(&schema::ACCOUNT_DATA, Scan::all()) {
        let ((user, _, data_type), row) = row?;
        usage.add(user, "account_data", (data_type.len() + row.content.len()) as u64);
    }
    for row in view.scan(&schema::FILTERS, Scan::all()) {
        let ((user, number), json) = row?;
        let hash: [u8; 32] = Sha256::digest(&json).into();
        batch.put(&schema::FILTER_NUMBERS, (&user, hash), &number);
        usage.add(user, "filters", json.len() as u64);
    }
    for row in view.scan(&schema::BACKUP_KEYS, Scan::all()) {
        let ((user, ..), json) = row?;
        usage.add(user, "backup_keys", json.len() as u64);
    }
    for row in view.scan(&schema::MEDIA, Scan::all()) {
        let ((server, id), row) = row?;
        let Some(file) = row.file else { continue };
        match row.uploader {
            Some(user) => usage.add(user, "media", file.size),
            None => batch.put(&schema::MEDIA_COPIES, (row.created_at, &*server, &*id), &file.size),
        }
    }
    for ((user, kind), usage) in usage.0 {
        batch.put(&schema::USAGE, (&user, kind), &usage);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ruma::{owned_room_id, user_id};

    use super::*;
    use crate::{
        Engine as _, MemoryEngine, Position,
        schema::{
            media::{MediaFileRow, MediaRow},
            users::AccountDataRow,
        },
    };

    #[test]
    fn what_is_there_is_counted() {
        let (engine, user) = (MemoryEngine::new(), user_id!("@alice:here"));
        let mut batch = Batch::default();
        for position in 1..=2 {
            let row = AccountDataRow { content: "{}".to_owned(), position: Position(position) };
            batch.put(&schema::ACCOUNT_DATA, (user, "", &*format!("type{position}")), &row);
        }
        batch.put(&schema::FILTERS, (user, 7_u64), &"{}".to_owned());
        let key = (user, 1_u64, owned_room_id!("!room:here"), "session");
        batch.put(&schema::BACKUP_KEYS, key, &"key".to_owned());
        let file = MediaFileRow { sha256: [0; 32], size: 100, content_type: None, file_name: None };
        for uploader in [Some(user.to_owned()), None] {
            let id = uploader.is_some().to_string();
            let row = MediaRow { uploader, created_at: 5, file: Some(file.clone()), upload_until: None };
            batch.put(&schema::MEDIA, ("here", &*id), &row);
        }
        engine.apply([&batch].into_iter(), true).unwrap();

        let view = View::latest(engine.clone().into());
        let mut batch = Batch::default();
        upgrade(&view, &mut batch).unwrap();
        engine.apply([&batch].into_iter(), true).unwrap();
        let usage = |kind: &str| view.get(&schema::USAGE, (user, kind)).unwrap();
        assert_eq!(usage("account_data"), Some(UsageRow { count: 2, bytes: 10 + 4 }));
        assert_eq!(usage("filters"), Some(UsageRow { count: 1, bytes: 2 }));
        assert_eq!(usage("backup_keys"), Some(UsageRow { count: 1, bytes: 3 }));
        assert_eq!(usage("media"), Some(UsageRow { count: 1, bytes: 100 }));
        assert_eq!(view.get(&schema::MEDIA_COPIES, (5_u64, "here", "false")).unwrap(), Some(100));
        let hash: [u8; 32] = Sha256::digest("{}").into();
        assert_eq!(view.get(&schema::FILTER_NUMBERS, (user, hash)).unwrap(), Some(7));
    }
}
