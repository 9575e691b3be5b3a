//! Pushers (client-server API, "Push notifications").

use std::sync::Arc;

use hearth_storage::{
    Change, Scan, StorageError, Transaction, View,
    schema::{
        self,
        push::PushedRow,
        users::{ActivationRow, PusherRow},
    },
};
use ruma::{DeviceId, UserId};
use serde_json::value::RawValue;

use crate::{UsersError, json, shared::Shared, tokens};

/// The longest app id and pushkey, in bytes, as the specification says.
const MAX_APP_ID: usize = 64;
const MAX_PUSHKEY: usize = 512;

/// How many pushers a user may have, and how large one is, in bytes.
const MAX_PUSHERS: usize = 100;
const MAX_PUSHER: usize = 16 << 10;

/// The pushers of users.
#[derive(Clone)]
pub struct Pushers {
    shared: Arc<Shared>,
}

/// A pusher.
#[derive(Clone, PartialEq, Debug)]
pub struct Pusher {
    pub app_id: String,
    pub pushkey: String,
    pub row: PusherRow,
}

impl Pusher {
    /// Whether it is told of what happens.
    pub fn is_active(&self) -> bool {
        self.row.enabled && self.row.awaits.is_none()
    }
}

/// A pusher as a client sets it.
#[derive(Clone, Copy, Debug)]
pub struct NewPusher<'a> {
    pub app_id: &'a str,
    pub pushkey: &'a str,
    /// All that the client says of it.
    pub pusher: &'a RawValue,
    pub enabled: bool,
    /// Whether other users keep the pushers that they have with this app id and pushkey: else the device has changed
    /// hands.
    pub append: bool,
    /// For how many milliseconds it can be [activated](Pushers::activate), before which it is told nothing; `None` for one
    /// that need not be.
    pub to_activate: Option<u64>,
}

impl Pushers {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Sets a pusher for a device. Says what it is told of from now on: what came before, it is not.
    ///
    /// # Errors
    ///
    /// [`UsersError::InvalidParam`] and [`UsersError::TooLarge`] for one pusher, [`UsersError::LimitExceeded`] for
    /// one too many.
    pub async fn set(
        &self,
        user: &UserId,
        device: &DeviceId,
        new: NewPusher<'_>,
    ) -> Result<PusherRow, UsersError> {
        let NewPusher { app_id, pushkey, enabled, .. } = new;
        if app_id.len() > MAX_APP_ID || pushkey.len() > MAX_PUSHKEY {
            return Err(UsersError::InvalidParam("the app ID or the pushkey is too long".to_owned()));
        }
        let pusher = json::well_formed(new.pusher.get())?;
        if pusher.len() > MAX_PUSHER {
            return Err(UsersError::TooLarge("the pusher is larger than 16 KiB"));
        }
        let guard = self.shared.locks.lock(user).await;
        let view = self.shared.store.written();
        let was = view.get(&schema::PUSHERS, (user, app_id, pushkey))?;
        if was.is_none()
            && view.scan(&schema::PUSHERS, Scan::prefix((user,))).take(MAX_PUSHERS).count() == MAX_PUSHERS
        {
            return Err(UsersError::LimitExceeded("you have too many pushers: delete some of them first"));
        }
        let now = self.shared.clock.now_ms();
        let awaits = new.to_activate.map(|time| ActivationRow {
            token: tokens::new_token(&*self.shared.random, ""),
            expires_at: now + time,
        });
        let row = PusherRow { device: device.to_owned(), pusher, set_at: now, enabled, awaits };
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            if !new.append {
                for entry in view.scan(&schema::PUSHER_OWNERS, Scan::prefix((app_id, pushkey))) {
                    let ((_, _, owner), ()) = entry?;
                    if owner != user {
                        remove(&mut transaction, &owner, app_id, pushkey);
                    }
                }
            }
            transaction.put(&schema::PUSHERS, (user, app_id, pushkey), &row);
            transaction.put(&schema::PUSHER_OWNERS, (app_id, pushkey, user), &());
            let through = transaction.append(&Change::Pusher { user: user.to_owned() });
            if !was.is_some_and(|was| was.enabled && was.awaits.is_none()) {
                let pushed = PushedRow { through, unread_rooms: 0 };
                transaction.put(&schema::PUSHED, (user, app_id, pushkey), &pushed);
            }
            self.shared.submit(transaction, guard)
        };
        commit.await?;
        Ok(row)
    }

    /// Activates the pushers of a user with an app id that were sent this token; they are told of what happens from now
    /// on.
    ///
    /// # Errors
    ///
    /// [`UsersError::NotFound`] if there is no pusher with this app id, [`UsersError::InvalidParam`] for a token that
    /// is not known or has expired.
    pub async fn activate(&self, user: &UserId, app_id: &str, token: &str) -> Result<(), UsersError> {
        let guard = self.shared.locks.lock(user).await;
        let view = self.shared.store.written();
        let known =
            view.scan(&schema::PUSHERS, Scan::prefix((user, app_id))).collect::<Result<Vec<_>, _>>()?;
        if known.is_empty() {
            return Err(UsersError::NotFound("there is no pusher with this app ID"));
        }
        let now = self.shared.clock.now_ms();
        let awaits = |row: &PusherRow| {
            row.awaits.as_ref().is_some_and(|awaits| awaits.token == token && now < awaits.expires_at)
        };
        let Some(((.., pushkey), row)) = known.into_iter().find(|(_, row)| awaits(row)) else {
            return Err(UsersError::InvalidParam("the token is not known, or has expired".to_owned()));
        };
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            let row = PusherRow { awaits: None, ..row };
            transaction.put(&schema::PUSHERS, (user, app_id, &pushkey), &row);
            let through = transaction.append(&Change::Pusher { user: user.to_owned() });
            let pushed = PushedRow { through, unread_rooms: 0 };
            transaction.put(&schema::PUSHED, (user, app_id, &pushkey), &pushed);
            self.shared.submit(transaction, guard)
        };
        commit.await?;
        Ok(())
    }

    /// All pushers of a user.
    pub fn list(&self, user: &UserId) -> Result<Vec<Pusher>, UsersError> {
        let view = self.shared.store.view();
        let rows = view.scan(&schema::PUSHERS, Scan::prefix((user,)));
        let pushers = rows.map(|row| row.map(|((_, app_id, pushkey), row)| Pusher { app_id, pushkey, row }));
        Ok(pushers.collect::<Result<_, _>>()?)
    }

    /// One pusher.
    pub fn get(&self, user: &UserId, app_id: &str, pushkey: &str) -> Result<Option<Pusher>, UsersError> {
        let row = self.shared.store.view().get(&schema::PUSHERS, (user, app_id, pushkey))?;
        let (app_id, pushkey) = (app_id.to_owned(), pushkey.to_owned());
        Ok(row.map(|row| Pusher { app_id, pushkey, row }))
    }

    /// Notes what a pusher was told, if it is still there.
    pub async fn told(
        &self,
        user: &UserId,
        app_id: &str,
        pushkey: &str,
        told: PushedRow,
    ) -> Result<(), UsersError> {
        let guard = self.shared.locks.lock(user).await;
        let view = self.shared.store.written();
        if !view.contains(&schema::PUSHERS, (user, app_id, pushkey))? {
            return self.shared.nothing_to_write(guard).await;
        }
        // It may have been set anew meanwhile.
        let known = view.get(&schema::PUSHED, (user, app_id, pushkey))?.unwrap_or_default();
        let told = PushedRow { through: told.through.max(known.through), ..told };
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            transaction.put(&schema::PUSHED, (user, app_id, pushkey), &told);
            self.shared.submit(transaction, guard)
        };
        commit.await?;
        Ok(())
    }

    /// Deletes a pusher; one that is not there is no error.
    pub async fn delete(&self, user: &UserId, app_id: &str, pushkey: &str) -> Result<(), UsersError> {
        let guard = self.shared.locks.lock(user).await;
        if !self.shared.store.written().contains(&schema::PUSHERS, (user, app_id, pushkey))? {
            return self.shared.nothing_to_write(guard).await;
        }
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            remove(&mut transaction, user, app_id, pushkey);
            self.shared.submit(transaction, guard)
        };
        commit.await?;
        Ok(())
    }
}

fn remove(transaction: &mut Transaction, user: &UserId, app_id: &str, pushkey: &str) {
    transaction.delete(&schema::PUSHERS, (user, app_id, pushkey));
    transaction.delete(&schema::PUSHER_OWNERS, (app_id, pushkey, user));
    transaction.delete(&schema::PUSHED, (user, app_id, pushkey));
    transaction.append(&Change::Pusher { user: user.to_owned() });
}

/// Deletes the pushers of a user that were set by these devices, or all.
pub(crate) fn remove_all(
    transaction: &mut Transaction,
    view: &View,
    user: &UserId,
    device: Option<&DeviceId>,
) -> Result<(), StorageError> {
    for pusher in view.scan(&schema::PUSHERS, Scan::prefix((user,))) {
        let ((_, app_id, pushkey), row) = pusher?;
        if device.is_none_or(|device| row.device == device) {
            remove(transaction, user, &app_id, &pushkey);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ruma::{device_id, user_id};
    use serde_json::json;

    use super::*;
    use crate::testing::{World, boxed};

    const MINUTE_MS: u64 = 60_000;

    fn new<'a>(pushkey: &'a str, pusher: &'a RawValue) -> NewPusher<'a> {
        NewPusher { app_id: "app", pushkey, pusher, enabled: true, append: true, to_activate: None }
    }

    #[tokio::test]
    async fn a_device_that_changes_hands_notifies_its_new_owner_only() {
        let world = World::new();
        let (alice, bob, phone) = (user_id!("@alice:here"), user_id!("@bob:here"), device_id!("PHONE"));
        let pushers = &world.users.pushers;
        let pusher = boxed(json!({"kind": "http"}));
        let appended = new("key", &pusher);
        let instead = NewPusher { append: false, ..appended };
        pushers.set(alice, phone, instead).await.unwrap();
        pushers.set(bob, phone, appended).await.unwrap();
        assert_eq!(pushers.list(alice).unwrap().len(), 1);
        pushers.set(bob, phone, instead).await.unwrap();
        assert!(pushers.list(alice).unwrap().is_empty());
        assert_eq!(pushers.list(bob).unwrap()[0].row.pusher, pusher.get());
        pushers.delete(bob, "app", "key").await.unwrap();
        pushers.delete(bob, "app", "key").await.unwrap();
        assert!(pushers.list(bob).unwrap().is_empty());
    }

    #[tokio::test]
    async fn pushers_are_bounded() {
        let world = World::new();
        let (alice, phone) = (user_id!("@alice:here"), device_id!("PHONE"));
        let set = async |key: usize, pusher: serde_json::Value| {
            world.users.pushers.set(alice, phone, new(&key.to_string(), &boxed(pusher))).await
        };
        for key in 0..MAX_PUSHERS {
            set(key, json!({})).await.unwrap();
        }
        assert!(matches!(set(MAX_PUSHERS, json!({})).await, Err(UsersError::LimitExceeded(_))));
        set(0, json!({"lang": "en"})).await.unwrap();
        let large = set(0, json!({"lang": "x".repeat(MAX_PUSHER)})).await;
        assert!(matches!(large, Err(UsersError::TooLarge(_))));
    }

    #[tokio::test]
    async fn a_pusher_is_told_from_when_it_is_set_turned_on_or_activated() {
        let world = World::new();
        let (alice, phone, pushers) = (user_id!("@alice:here"), device_id!("PHONE"), &world.users.pushers);
        let through = || {
            let view = world.users.pushers.shared.store.view();
            view.get(&schema::PUSHED, (alice, "app", "key")).unwrap().unwrap().through
        };
        let pusher = boxed(json!({}));
        let on = new("key", &pusher);
        pushers.set(alice, phone, on).await.unwrap();
        let first = through();
        pushers.set(alice, phone, on).await.unwrap();
        assert_eq!(through(), first, "it goes on");
        pushers.set(alice, phone, NewPusher { enabled: false, ..on }).await.unwrap();
        assert!(!pushers.list(alice).unwrap()[0].is_active());
        pushers.set(alice, phone, on).await.unwrap();
        let second = through();
        assert!(second > first);
        let row = pushers.set(alice, phone, NewPusher { to_activate: Some(MINUTE_MS), ..on }).await.unwrap();
        assert!(!pushers.list(alice).unwrap()[0].is_active());
        let token = row.awaits.unwrap().token;
        let activate = async |app: &str, token: &str| pushers.activate(alice, app, token).await;
        assert!(matches!(activate("other", &token).await, Err(UsersError::NotFound(_))));
        assert!(matches!(activate("app", "other").await, Err(UsersError::InvalidParam(_))));
        activate("app", &token).await.unwrap();
        assert!(pushers.list(alice).unwrap()[0].is_active() && through() > second);
    }

    #[tokio::test]
    async fn an_activation_expires() {
        let world = World::new();
        let (alice, pushers) = (user_id!("@alice:here"), &world.users.pushers);
        let pusher = boxed(json!({}));
        let new = NewPusher { to_activate: Some(MINUTE_MS), ..new("key", &pusher) };
        let token = pushers.set(alice, device_id!("PHONE"), new).await.unwrap().awaits.unwrap().token;
        world.clock.advance(MINUTE_MS);
        assert!(matches!(pushers.activate(alice, "app", &token).await, Err(UsersError::InvalidParam(_))));
    }
}
