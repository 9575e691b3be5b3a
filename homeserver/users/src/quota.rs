//! How much a user may keep.

use hearth_storage::{
    Transaction, View,
    schema::{self, users::UsageRow},
};
use ruma::UserId;

use crate::UsersError;

/// How much of one kind a user may keep.
pub(crate) struct Quota {
    /// The name in `USAGE`.
    kind: &'static str,
    count: u64,
    bytes: u64,
    /// What is said to who would keep more.
    reached: &'static str,
}

/// Account data, tags and push rules: all of it goes into a first sync.
pub(crate) const ACCOUNT_DATA: Quota = Quota {
    kind: "account_data",
    count: 20_000,
    bytes: 16 << 20,
    reached: "you keep too much account data: delete some of it first",
};

/// Filters. A client needs one or two.
pub(crate) const FILTERS: Quota =
    Quota { kind: "filters", count: 1000, bytes: 1 << 20, reached: "you have defined too many filters" };

/// Threads that a user subscribed to or gave up, as each is known by its ids.
pub(crate) const THREAD_SUBSCRIPTIONS: Quota = Quota {
    kind: "thread_subscriptions",
    count: 20_000,
    bytes: 16 << 20,
    reached: "you have subscribed to too many threads",
};

/// The keys in all versions of a backup.
pub(crate) const BACKUP_KEYS: Quota = Quota {
    kind: "backup_keys",
    count: 500_000,
    bytes: 512 << 20,
    reached: "your key backups are too large: delete those that you do not need first",
};

/// How much a user keeps of one kind, as it changes. Made, changed and written under the user's lock.
pub(crate) struct Usage<'a> {
    quota: &'static Quota,
    user: &'a UserId,
    before: UsageRow,
    now: UsageRow,
}

impl Quota {
    /// How much a user keeps.
    pub(crate) fn usage<'a>(&'static self, view: &View, user: &'a UserId) -> Result<Usage<'a>, UsersError> {
        let before = view.get(&schema::USAGE, (user, self.kind))?.unwrap_or_default();
        Ok(Usage { quota: self, user, before, now: before })
    }
}

impl Usage<'_> {
    /// Something of this size, in bytes, takes the place of something else. `None` is nothing.
    pub(crate) fn replace(&mut self, before: Option<usize>, after: Option<usize>) {
        let add = |now: u64, after: u64, before: u64| (now + after).saturating_sub(before);
        let bytes = |size: Option<usize>| size.unwrap_or_default() as u64;
        self.now.count = add(self.now.count, after.is_some().into(), before.is_some().into());
        self.now.bytes = add(self.now.bytes, bytes(after), bytes(before));
    }

    /// Refuses what makes it more than is allowed. To make it less is always allowed.
    pub(crate) fn check(&self) -> Result<(), UsersError> {
        let exceeds = |now: u64, before: u64, limit: u64| now > limit && now > before;
        if exceeds(self.now.count, self.before.count, self.quota.count)
            || exceeds(self.now.bytes, self.before.bytes, self.quota.bytes)
        {
            return Err(UsersError::LimitExceeded(self.quota.reached));
        }
        Ok(())
    }

    /// Writes down how much it is now.
    pub(crate) fn write(&self, transaction: &mut Transaction) {
        if self.now != self.before {
            transaction.put(&schema::USAGE, (self.user, self.quota.kind), &self.now);
        }
    }
}
