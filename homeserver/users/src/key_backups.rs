//! Versions of key backups (client-server API, "Server-side key backups").

use std::sync::Arc;

use hearth_storage::{
    Scan, View,
    schema::{self, users::BackupRow},
};
use ruma::UserId;
use serde_json::value::RawValue;

use crate::{UsersError, json, quota, shared::Shared};

pub(crate) const UNKNOWN_BACKUP: UsersError = UsersError::NotFound("unknown backup version");

/// How many versions a user may have that are not deleted. Clients need one.
const MAX_VERSIONS: usize = 20;

/// The longest name of an algorithm, in bytes, and the largest `auth_data`.
const MAX_ALGORITHM: usize = 255;
const MAX_AUTH_DATA: usize = 64 << 10;

/// The key backups of users.
#[derive(Clone)]
pub struct KeyBackups {
    pub(crate) shared: Arc<Shared>,
}

/// A version of a backup.
#[derive(Clone, Debug)]
pub struct KeyBackup {
    pub version: String,
    pub algorithm: String,
    pub auth_data: Box<RawValue>,
    /// Changes with the keys.
    pub etag: String,
    /// How many keys it holds.
    pub count: u64,
}

impl KeyBackups {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Begins a new version, the current one from then on, and says which. What is known of deleted versions is
    /// then forgotten.
    ///
    /// # Errors
    ///
    /// [`UsersError::LimitExceeded`] when there are too many.
    pub async fn create(
        &self,
        user: &UserId,
        algorithm: &str,
        auth_data: &RawValue,
    ) -> Result<String, UsersError> {
        if algorithm.len() > MAX_ALGORITHM {
            return Err(UsersError::InvalidParam(format!("an algorithm has at most {MAX_ALGORITHM} bytes")));
        }
        let auth_data = checked_auth_data(auth_data)?;
        let guard = self.shared.locks.lock(user).await;
        let view = self.shared.store.written();
        // The newest version keeps its row when it is deleted, so that no version ever comes again.
        let (mut deleted, mut kept, mut version) = (Vec::new(), 0, 1);
        for entry in view.scan(&schema::BACKUPS, Scan::prefix((user,))) {
            let ((_, number), row) = entry?;
            version = number + 1;
            match row.deleted {
                true => deleted.push(number),
                false => kept += 1,
            }
        }
        if kept >= MAX_VERSIONS {
            return Err(UsersError::LimitExceeded(
                "you have too many key backups: delete some of them first",
            ));
        }
        let row = BackupRow { algorithm: algorithm.to_owned(), auth_data, etag: 0, count: 0, deleted: false };
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            for deleted in deleted {
                transaction.delete(&schema::BACKUPS, (user, deleted));
            }
            transaction.put(&schema::BACKUPS, (user, version), &row);
            self.shared.submit(transaction, guard)
        };
        commit.await?;
        Ok(version.to_string())
    }

    /// The current version.
    pub fn latest(&self, user: &UserId) -> Result<Option<KeyBackup>, UsersError> {
        let latest = latest_row(&self.shared.store.view(), user)?;
        latest.map(|(version, row)| KeyBackup::new(version, row)).transpose()
    }

    /// One version.
    pub fn get(&self, user: &UserId, version: &str) -> Result<Option<KeyBackup>, UsersError> {
        match find_row(&self.shared.store.view(), user, version)? {
            Some((version, row)) if !row.deleted => KeyBackup::new(version, row).map(Some),
            _ => Ok(None),
        }
    }

    /// Changes the `auth_data` of a version.
    ///
    /// # Errors
    ///
    /// [`UsersError::InvalidParam`] for another algorithm than the version's.
    pub async fn update(
        &self,
        user: &UserId,
        version: &str,
        algorithm: &str,
        auth_data: &RawValue,
    ) -> Result<(), UsersError> {
        let auth_data = checked_auth_data(auth_data)?;
        let guard = self.shared.locks.lock(user).await;
        let found = find_row(&self.shared.store.written(), user, version)?;
        let (version, mut row) = found.filter(|(_, row)| !row.deleted).ok_or(UNKNOWN_BACKUP)?;
        if row.algorithm != algorithm {
            return Err(UsersError::InvalidParam("the algorithm does not match the backup's".to_owned()));
        }
        row.auth_data = auth_data;
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            transaction.put(&schema::BACKUPS, (user, version), &row);
            self.shared.submit(transaction, guard)
        };
        commit.await?;
        Ok(())
    }

    /// Deletes a version with its keys. One that was deleted before is no error.
    pub async fn delete(&self, user: &UserId, version: &str) -> Result<(), UsersError> {
        let guard = self.shared.locks.lock(user).await;
        let view = self.shared.store.written();
        let (version, row) = find_row(&view, user, version)?.ok_or(UNKNOWN_BACKUP)?;
        if row.deleted {
            return Ok(());
        }
        let mut usage = quota::BACKUP_KEYS.usage(&view, user)?;
        for entry in view.scan(&schema::BACKUP_KEYS, Scan::prefix((user, version))) {
            usage.replace(Some(entry?.1.len()), None);
        }
        let row = BackupRow { auth_data: "{}".to_owned(), count: 0, deleted: true, ..row };
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            usage.write(&mut transaction);
            transaction.put(&schema::BACKUPS, (user, version), &row);
            transaction.delete_prefix(&schema::BACKUP_KEYS, (user, version))?;
            self.shared.submit(transaction, guard)
        };
        commit.await?;
        Ok(())
    }
}

impl KeyBackup {
    fn new(version: u64, row: BackupRow) -> Result<Self, UsersError> {
        Ok(Self {
            version: version.to_string(),
            algorithm: row.algorithm,
            auth_data: RawValue::from_string(row.auth_data).map_err(UsersError::corrupt)?,
            etag: row.etag.to_string(),
            count: row.count,
        })
    }
}

fn checked_auth_data(auth_data: &RawValue) -> Result<String, UsersError> {
    let auth_data = json::well_formed(auth_data.get())?;
    match auth_data.len() > MAX_AUTH_DATA {
        true => Err(UsersError::TooLarge("the auth_data is larger than 64 KiB")),
        false => Ok(auth_data),
    }
}

/// The current version: the newest that is not deleted.
pub(crate) fn latest_row(view: &View, user: &UserId) -> Result<Option<(u64, BackupRow)>, UsersError> {
    for entry in view.scan(&schema::BACKUPS, Scan::prefix((user,)).reversed()) {
        let ((_, version), row) = entry?;
        if !row.deleted {
            return Ok(Some((version, row)));
        }
    }
    Ok(None)
}

/// A version, deleted or not.
pub(crate) fn find_row(
    view: &View,
    user: &UserId,
    version: &str,
) -> Result<Option<(u64, BackupRow)>, UsersError> {
    // Only the text that was given out names a version: no plus sign, no leading zeros.
    let Some(number) = version.parse::<u64>().ok().filter(|number| number.to_string() == version) else {
        return Ok(None);
    };
    Ok(view.get(&schema::BACKUPS, (user, number))?.map(|row| (number, row)))
}
