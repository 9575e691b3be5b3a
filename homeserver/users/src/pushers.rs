//! Pushers (client-server API, "Push notifications").

use std::sync::Arc;

use hearth_storage::{
    Scan,
    schema::{self, users::PusherRow},
};
use ruma::{DeviceId, UserId};
use serde_json::value::RawValue;

use crate::{UsersError, json, shared::Shared};

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

impl Pushers {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Sets a pusher for a device. Without `append` the pushers of other users with this app id and pushkey
    /// go, as the device has changed hands.
    ///
    /// # Errors
    ///
    /// [`UsersError::InvalidParam`] and [`UsersError::TooLarge`] for one pusher, [`UsersError::LimitExceeded`] for
    /// one too many.
    pub async fn set(
        &self,
        user: &UserId,
        device: &DeviceId,
        app_id: &str,
        pushkey: &str,
        pusher: &RawValue,
        append: bool,
    ) -> Result<(), UsersError> {
        if app_id.len() > MAX_APP_ID || pushkey.len() > MAX_PUSHKEY {
            return Err(UsersError::InvalidParam("the app ID or the pushkey is too long".to_owned()));
        }
        let pusher = json::well_formed(pusher.get())?;
        if pusher.len() > MAX_PUSHER {
            return Err(UsersError::TooLarge("the pusher is larger than 16 KiB"));
        }
        let guard = self.shared.locks.lock(user).await;
        let view = self.shared.store.written();
        if !view.contains(&schema::PUSHERS, (user, app_id, pushkey))?
            && view.scan(&schema::PUSHERS, Scan::prefix((user,))).take(MAX_PUSHERS).count() == MAX_PUSHERS
        {
            return Err(UsersError::LimitExceeded("you have too many pushers: delete some of them first"));
        }
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            if !append {
                for entry in view.scan(&schema::PUSHER_OWNERS, Scan::prefix((app_id, pushkey))) {
                    let ((_, _, owner), ()) = entry?;
                    transaction.delete(&schema::PUSHERS, (&owner, app_id, pushkey));
                    transaction.delete(&schema::PUSHER_OWNERS, (app_id, pushkey, &owner));
                }
            }
            let row = PusherRow { device: device.to_owned(), pusher };
            transaction.put(&schema::PUSHERS, (user, app_id, pushkey), &row);
            transaction.put(&schema::PUSHER_OWNERS, (app_id, pushkey, user), &());
            self.shared.submit(transaction, guard)
        };
        commit.await?;
        Ok(())
    }

    /// All pushers of a user.
    pub fn list(&self, user: &UserId) -> Result<Vec<Box<RawValue>>, UsersError> {
        let view = self.shared.store.view();
        view.scan(&schema::PUSHERS, Scan::prefix((user,)))
            .map(|entry| RawValue::from_string(entry?.1.pusher).map_err(UsersError::corrupt))
            .collect()
    }

    /// Deletes a pusher; one that is not there is no error.
    pub async fn delete(&self, user: &UserId, app_id: &str, pushkey: &str) -> Result<(), UsersError> {
        let guard = self.shared.locks.lock(user).await;
        if !self.shared.store.written().contains(&schema::PUSHERS, (user, app_id, pushkey))? {
            return self.shared.nothing_to_write(guard).await;
        }
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            transaction.delete(&schema::PUSHERS, (user, app_id, pushkey));
            transaction.delete(&schema::PUSHER_OWNERS, (app_id, pushkey, user));
            self.shared.submit(transaction, guard)
        };
        commit.await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ruma::{device_id, user_id};
    use serde_json::json;

    use super::*;
    use crate::testing::{World, boxed};

    #[tokio::test]
    async fn a_device_that_changes_hands_notifies_its_new_owner_only() {
        let world = World::new();
        let (alice, bob, phone) = (user_id!("@alice:here"), user_id!("@bob:here"), device_id!("PHONE"));
        let pushers = &world.users.pushers;
        let pusher = boxed(json!({"kind": "http"}));
        pushers.set(alice, phone, "app", "key", &pusher, false).await.unwrap();
        pushers.set(bob, phone, "app", "key", &pusher, true).await.unwrap();
        assert_eq!(pushers.list(alice).unwrap().len(), 1);
        pushers.set(bob, phone, "app", "key", &pusher, false).await.unwrap();
        assert!(pushers.list(alice).unwrap().is_empty());
        assert_eq!(pushers.list(bob).unwrap()[0].get(), pusher.get());
        pushers.delete(bob, "app", "key").await.unwrap();
        pushers.delete(bob, "app", "key").await.unwrap();
        assert!(pushers.list(bob).unwrap().is_empty());
    }

    #[tokio::test]
    async fn pushers_are_bounded() {
        let world = World::new();
        let (alice, phone) = (user_id!("@alice:here"), device_id!("PHONE"));
        let set = async |key: usize, pusher: serde_json::Value| {
            world.users.pushers.set(alice, phone, "app", &key.to_string(), &boxed(pusher), true).await
        };
        for key in 0..MAX_PUSHERS {
            set(key, json!({})).await.unwrap();
        }
        assert!(matches!(set(MAX_PUSHERS, json!({})).await, Err(UsersError::LimitExceeded(_))));
        set(0, json!({"lang": "en"})).await.unwrap();
        let large = set(0, json!({"lang": "x".repeat(MAX_PUSHER)})).await;
        assert!(matches!(large, Err(UsersError::TooLarge(_))));
    }
}
