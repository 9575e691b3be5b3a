//! Account data (client-server API, "Client config").

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use hearth_spec::InviteFilter;
use hearth_storage::{
    Change, Position, Scan, Transaction, View,
    schema::{
        self,
        users::{AccountDataKeyRow, AccountDataRow},
    },
};
use ruma::{
    DeviceId, OwnedRoomId, OwnedUserId, RoomId, UserId,
    events::ignored_user_list::IgnoredUserListEventContent,
};
use serde_json::value::RawValue;

use crate::{
    UsersError,
    cached::{Cached, Parsed, Shares, cached},
    json,
    locks::UserGuard,
    push_rules::PUSH_RULES,
    quota,
    shared::Shared,
};

/// The largest content of one piece, in bytes.
const MAX_CONTENT: usize = 1 << 20;

/// The longest type, in bytes.
const MAX_TYPE: usize = 255;

/// The type of the list that [`AccountData::ignored_users`] reads.
const IGNORED_USERS: &str = "m.ignored_user_list";

/// The account data of users. Where a room is asked for, `None` stands for global account data.
#[derive(Clone)]
pub struct AccountData {
    pub(crate) shared: Arc<Shared>,
    caches: Arc<Caches>,
}

struct Caches {
    ignored: Cached<OwnedUserId, Arc<HashSet<OwnedUserId>>>,
    /// Parsed push rules, as they are account data.
    rulesets: Cached<OwnedUserId, Parsed<ruma::push::Ruleset>>,
}

/// One piece of account data.
#[derive(Clone, Debug)]
pub struct AccountDataItem {
    /// `None` for global account data.
    pub room: Option<OwnedRoomId>,
    pub data_type: String,
    pub content: Box<RawValue>,
}

impl AccountData {
    pub(crate) fn new(shared: Arc<Shared>, shares: &Shares) -> Self {
        let caches = Arc::new(Caches { ignored: cached(shares.ignored), rulesets: cached(shares.rulesets) });
        shared.store.observe(&schema::ACCOUNT_DATA, {
            let caches = caches.clone();
            move |row| {
                let (user, room, data_type) = row.key()?;
                match &*data_type {
                    IGNORED_USERS if room.is_empty() => caches.ignored.changed(&user, row.commit()),
                    PUSH_RULES if room.is_empty() => caches.rulesets.changed(&user, row.commit()),
                    _ => {}
                }
                Ok(())
            }
        });
        Self { shared, caches }
    }

    /// The content of one piece.
    pub fn get(
        &self,
        user: &UserId,
        room: Option<&RoomId>,
        data_type: &str,
    ) -> Result<Option<Box<RawValue>>, UsersError> {
        self.get_from(&self.shared.store.view(), user, room, data_type)
    }

    /// The content of one piece as a view shows it.
    pub(crate) fn get_from(
        &self,
        view: &View,
        user: &UserId,
        room: Option<&RoomId>,
        data_type: &str,
    ) -> Result<Option<Box<RawValue>>, UsersError> {
        let row = view.get(&schema::ACCOUNT_DATA, (user, room_part(room), data_type))?;
        row.map(|row| raw(row.content)).transpose()
    }

    /// Sets one piece and says at which position. Which types a client may not set (`m.fully_read`,
    /// `m.push_rules`) is for the caller to know.
    ///
    /// # Errors
    ///
    /// [`UsersError::BadJson`], [`UsersError::TooLarge`] for one piece, [`UsersError::LimitExceeded`] for all
    /// together.
    pub async fn set(
        &self,
        user: &UserId,
        room: Option<&RoomId>,
        data_type: &str,
        content: &RawValue,
    ) -> Result<Position, UsersError> {
        let content = json::well_formed(content.get())?;
        let guard = self.shared.locks.lock(user).await;
        self.set_locked(guard, user, room, data_type, content).await
    }

    /// Deletes one piece; readers of [`changes`](Self::changes) see it as empty.
    pub async fn delete(
        &self,
        user: &UserId,
        room: Option<&RoomId>,
        data_type: &str,
    ) -> Result<(), UsersError> {
        let guard = self.shared.locks.lock(user).await;
        let (view, key) = (self.shared.store.written(), (user, room_part(room), data_type));
        let Some(before) = view.get(&schema::ACCOUNT_DATA, key)? else {
            return self.shared.nothing_to_write(guard).await;
        };
        let mut usage = quota::ACCOUNT_DATA.usage(&view, user)?;
        usage.replace(Some(size(data_type, &before.content)), None);
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            usage.write(&mut transaction);
            write_change(&mut transaction, user, room, data_type, Some(&before));
            transaction.delete(&schema::ACCOUNT_DATA, key);
            self.shared.submit(transaction, guard)
        };
        commit.await?;
        Ok(())
    }

    /// Sets one piece under the user's lock.
    pub(crate) async fn set_locked(
        &self,
        guard: UserGuard,
        user: &UserId,
        room: Option<&RoomId>,
        data_type: &str,
        content: String,
    ) -> Result<Position, UsersError> {
        self.set_locked_with(guard, user, room, data_type, content, |_, _| ()).await
    }

    /// The same, and what `also` writes for it in the same transaction.
    pub(crate) async fn set_locked_with(
        &self,
        guard: UserGuard,
        user: &UserId,
        room: Option<&RoomId>,
        data_type: &str,
        content: String,
        also: impl FnOnce(&mut Transaction, Position),
    ) -> Result<Position, UsersError> {
        if data_type.len() > MAX_TYPE {
            return Err(UsersError::InvalidParam(format!("a type has at most {MAX_TYPE} bytes")));
        }
        if content.len() > MAX_CONTENT {
            return Err(UsersError::TooLarge("a piece of account data is larger than 1 MiB"));
        }
        let (view, key) = (self.shared.store.written(), (user, room_part(room), data_type));
        let before = view.get(&schema::ACCOUNT_DATA, key)?;
        let mut usage = quota::ACCOUNT_DATA.usage(&view, user)?;
        let size_before = before.as_ref().map(|before| size(data_type, &before.content));
        usage.replace(size_before, Some(size(data_type, &content)));
        usage.check()?;
        let (commit, position) = {
            let mut transaction = self.shared.store.begin()?;
            usage.write(&mut transaction);
            let position = write_change(&mut transaction, user, room, data_type, before.as_ref());
            also(&mut transaction, position);
            let row = AccountDataRow { content, position };
            transaction.put(&schema::ACCOUNT_DATA, key, &row);
            (self.shared.submit(transaction, guard), position)
        };
        let position = position.settled(commit.before());
        commit.await?;
        Ok(position)
    }

    /// All account data of a room, or all global account data, by type.
    pub fn all(
        &self,
        user: &UserId,
        room: Option<&RoomId>,
    ) -> Result<Vec<(String, Box<RawValue>)>, UsersError> {
        let view = self.shared.store.view();
        view.scan(&schema::ACCOUNT_DATA, Scan::prefix((user, room_part(room))))
            .map(|entry| {
                let ((_, _, data_type), row) = entry?;
                Ok((data_type, raw(row.content)?))
            })
            .collect()
    }

    /// All account data of a user.
    pub fn everything(&self, user: &UserId) -> Result<Vec<AccountDataItem>, UsersError> {
        let view = self.shared.store.view();
        view.scan(&schema::ACCOUNT_DATA, Scan::prefix((user,)))
            .map(|entry| {
                let ((_, room, data_type), row) = entry?;
                Ok(AccountDataItem { room: room_id(room)?, data_type, content: raw(row.content)? })
            })
            .collect()
    }

    /// What changed after one position and up to another, each piece as it is now. Free when nothing did.
    pub fn changes(
        &self,
        user: &UserId,
        after: Position,
        until: Position,
    ) -> Result<Vec<AccountDataItem>, UsersError> {
        if self.newest(user)? <= after {
            return Ok(Vec::new());
        }
        let view = self.shared.store.view();
        let scan = Scan::prefix((user,)).after((user, after)).through((user, until));
        let mut items = Vec::new();
        for entry in view.scan(&schema::ACCOUNT_DATA_CHANGES, scan) {
            let ((_, position), AccountDataKeyRow { room, data_type }) = entry?;
            let row = view.get(&schema::ACCOUNT_DATA, (user, &room, &data_type))?;
            // It was deleted here, and set again since: that is told in its own place.
            if row.as_ref().is_some_and(|row| row.position > position && row.position <= until) {
                continue;
            }
            let content = raw(row.map_or_else(|| "{}".to_owned(), |row| row.content))?;
            items.push(AccountDataItem { room: room_id(room)?, data_type, content });
        }
        Ok(items)
    }

    fn newest(&self, user: &UserId) -> Result<Position, UsersError> {
        self.shared.newest_account_data.get_or_load(user, UserId::to_owned, || {
            let view = self.shared.store.view();
            let newest = view.scan(&schema::ACCOUNT_DATA_CHANGES, Scan::prefix((user,)).reversed()).next();
            Ok(newest.transpose()?.map_or(Position(0), |((_, position), _)| position))
        })
    }

    /// Whom a user ignores. A list that cannot be read is empty.
    pub fn ignored_users(&self, user: &UserId) -> Result<Arc<HashSet<OwnedUserId>>, UsersError> {
        self.caches.ignored.get_or_load(user, UserId::to_owned, || {
            let content = self.get(user, None, IGNORED_USERS)?;
            let list =
                content.and_then(|json| serde_json::from_str::<IgnoredUserListEventContent>(json.get()).ok());
            let ignored = list.into_iter().flat_map(|list| list.ignored_users.into_keys());
            Ok(Arc::new(ignored.collect()))
        })
    }

    /// Whose invites a user takes.
    pub fn invite_filter(&self, user: &UserId) -> Result<InviteFilter, UsersError> {
        let view = self.shared.store.view();
        let content = |data_type| {
            let row = view.get(&schema::ACCOUNT_DATA, (user, room_part(None), data_type))?;
            Ok::<_, UsersError>(row.map(|row| row.content))
        };
        let permission = match content("m.invite_permission_config")? {
            Some(permission) => Some(permission),
            None => content("org.matrix.msc4380.invite_permission_config")?,
        };
        let lists = content("org.matrix.msc4155.invite_permission_config")?;
        Ok(InviteFilter::new(permission.as_deref(), lists.as_deref()))
    }

    /// The user's push rules as remembered, or as `load` reads them.
    pub(crate) fn ruleset(
        &self,
        user: &UserId,
        load: impl FnOnce() -> Result<Arc<ruma::push::Ruleset>, UsersError>,
    ) -> Result<Arc<ruma::push::Ruleset>, UsersError> {
        let load = || {
            let value = load()?;
            let length = serde_json::to_string(&*value).map_or(0, |json| json.len());
            Ok::<_, UsersError>(Parsed { value, length })
        };
        Ok(self.caches.rulesets.get_or_load(user, UserId::to_owned, load)?.value)
    }
}

/// Writes down that one piece changes from what it was, and when.
fn write_change(
    transaction: &mut Transaction,
    user: &UserId,
    room: Option<&RoomId>,
    data_type: &str,
    before: Option<&AccountDataRow>,
) -> Position {
    if let Some(before) = before {
        transaction.delete(&schema::ACCOUNT_DATA_CHANGES, (user, before.position));
    }
    let position = transaction.append(&Change::AccountData {
        user: user.to_owned(),
        room: room.map(ToOwned::to_owned),
        data_type: data_type.to_owned(),
    });
    let row = AccountDataKeyRow { room: room_part(room).to_owned(), data_type: data_type.to_owned() };
    transaction.put(&schema::ACCOUNT_DATA_CHANGES, (user, position), &row);
    position
}

/// Deletes how devices that go want to notify, which nobody needs any longer ([MSC3890]), in a transaction that
/// holds the user's lock.
///
/// [MSC3890]: https://github.com/matrix-org/matrix-spec-proposals/pull/3890
pub(crate) fn remove_notification_settings(
    transaction: &mut Transaction,
    view: &View,
    user: &UserId,
    devices: &BTreeSet<&DeviceId>,
) -> Result<(), UsersError> {
    let mut usage = quota::ACCOUNT_DATA.usage(view, user)?;
    for device in devices {
        for prefix in ["m.local_notification_settings", "org.matrix.msc3890.local_notification_settings"] {
            let data_type = format!("{prefix}.{device}");
            let key = (user, room_part(None), &*data_type);
            if let Some(before) = view.get(&schema::ACCOUNT_DATA, key)? {
                usage.replace(Some(size(&data_type, &before.content)), None);
                write_change(transaction, user, None, &data_type, Some(&before));
                transaction.delete(&schema::ACCOUNT_DATA, key);
            }
        }
    }
    usage.write(transaction);
    Ok(())
}

/// What a piece counts for, in bytes.
fn size(data_type: &str, content: &str) -> usize {
    data_type.len() + content.len()
}

fn room_part(room: Option<&RoomId>) -> &str {
    room.map_or("", RoomId::as_str)
}

fn room_id(part: String) -> Result<Option<OwnedRoomId>, UsersError> {
    if part.is_empty() {
        return Ok(None);
    }
    let room = OwnedRoomId::try_from(part);
    room.map(Some).map_err(|error| hearth_storage::StorageError::Corrupt(error.to_string()).into())
}

fn raw(json: String) -> Result<Box<RawValue>, UsersError> {
    RawValue::from_string(json).map_err(UsersError::corrupt)
}

#[cfg(test)]
mod tests;
