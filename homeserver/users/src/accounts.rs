//! Accounts.

use std::{collections::BTreeSet, sync::Arc};

use hearth_storage::{
    Change, Scan,
    schema::{
        self,
        users::{AccountKind, AccountRow},
    },
};
use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId};

use crate::{
    UsersError,
    devices::remove_device,
    erasures,
    passwords::{PasswordCost, Passwords},
    profiles::{DISPLAYNAME, write_change},
    pushers,
    shared::Shared,
    short_tokens, to_device,
};

/// The accounts of this server.
#[derive(Clone)]
pub struct Accounts {
    pub(crate) shared: Arc<Shared>,
    passwords: Passwords,
}

/// An account to be.
#[derive(Clone, Copy, Debug)]
pub struct NewAccount<'a> {
    /// `None` for who logs in by other means.
    pub password: Option<&'a str>,
    pub kind: AccountKind,
    pub admin: bool,
}

impl Accounts {
    pub(crate) fn new(shared: Arc<Shared>, cost: PasswordCost) -> Result<Self, UsersError> {
        Ok(Self { passwords: Passwords::new(shared.clone(), cost)?, shared })
    }

    /// Makes an account. A user is called by their localpart until they say otherwise; a guest has no name.
    ///
    /// # Errors
    ///
    /// [`UsersError::UserInUse`], also when the account of that name was deactivated.
    pub async fn create(&self, user: &UserId, account: NewAccount<'_>) -> Result<(), UsersError> {
        self.make(user, account, true).await
    }

    /// The same for somebody whom an administrator has to let in.
    pub async fn create_for_approval(
        &self,
        user: &UserId,
        account: NewAccount<'_>,
    ) -> Result<(), UsersError> {
        self.make(user, account, false).await
    }

    async fn make(&self, user: &UserId, account: NewAccount<'_>, approved: bool) -> Result<(), UsersError> {
        if self.exists(user)? {
            return Err(UsersError::UserInUse);
        }
        let password_hash = match account.password {
            Some(password) => Some(self.passwords.hash(password).await?),
            None => None,
        };
        let guard = self.shared.locks.lock(user).await;
        if self.shared.store.written().contains(&schema::ACCOUNTS, (user,))? {
            // Who hears that somebody else has made it goes on with it at once: bridges do.
            self.shared.nothing_to_write(guard).await?;
            return Err(UsersError::UserInUse);
        }
        let row = AccountRow {
            password_hash,
            kind: account.kind,
            admin: account.admin,
            deactivated: false,
            erased: false,
            suspended: false,
            locked: false,
            created_at: self.shared.clock.now_ms(),
        };
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            transaction.put(&schema::ACCOUNTS, (user,), &row);
            if !approved {
                transaction.put(&schema::AWAITING_APPROVAL, (user,), &());
            }
            transaction.append(&Change::Account { user: user.to_owned() });
            if account.kind == AccountKind::User {
                let name = serde_json::Value::from(user.localpart()).to_string();
                transaction.put(&schema::PROFILES, (user, DISPLAYNAME), &name);
                write_change(&mut transaction, user, DISPLAYNAME)?;
            }
            self.shared.submit(transaction, guard)
        };
        commit.await?;
        Ok(())
    }

    /// Makes a guest a user, with a password. Their sessions go on.
    ///
    /// # Errors
    ///
    /// [`UsersError::UserInUse`] when it is no guest's account.
    pub async fn upgrade_guest(&self, user: &UserId, password: &str) -> Result<(), UsersError> {
        let hash = self.passwords.hash(password).await?;
        self.change(user, |row| {
            if row.kind != AccountKind::Guest || row.deactivated {
                return Err(UsersError::UserInUse);
            }
            row.kind = AccountKind::User;
            row.password_hash = Some(hash);
            Ok(())
        })
        .await
    }

    /// Whether there is an account of this name; a deactivated one counts.
    pub fn exists(&self, user: &UserId) -> Result<bool, UsersError> {
        Ok(self.shared.store.view().contains(&schema::ACCOUNTS, (user,))?)
    }

    /// The account, if there is one.
    pub fn get(&self, user: &UserId) -> Result<Option<AccountRow>, UsersError> {
        Ok(self.shared.store.view().get(&schema::ACCOUNTS, (user,))?)
    }

    /// Up to `limit` accounts in the order of their names, from behind `after`.
    pub fn list(
        &self,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<(OwnedUserId, AccountRow)>, UsersError> {
        let scan = match after {
            Some(user) => Scan::all().after((user,)),
            None => Scan::all(),
        };
        let view = self.shared.store.view();
        let accounts = view.scan(&schema::ACCOUNTS, scan).take(limit);
        Ok(accounts.map(|entry| entry.map(|((user,), row)| (user, row))).collect::<Result<_, _>>()?)
    }

    /// Whether anybody can administer this server.
    pub fn is_administered(&self) -> Result<bool, UsersError> {
        let view = self.shared.store.view();
        for account in view.scan(&schema::ACCOUNTS, Scan::all()) {
            let (_, row) = account?;
            if row.admin && !row.deactivated {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Sets the password, which ends the user's login tokens. Sessions go on: to end them is [`Sessions::logout_others`](crate::Sessions::logout_others).
    pub async fn set_password(&self, user: &UserId, password: &str) -> Result<(), UsersError> {
        let hash = self.passwords.hash(password).await?;
        let guard = self.shared.locks.lock(user).await;
        let view = self.shared.store.written();
        let mut row = view.get(&schema::ACCOUNTS, (user,))?.ok_or(UsersError::NotFound("unknown user"))?;
        row.password_hash = Some(hash);
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            transaction.put(&schema::ACCOUNTS, (user,), &row);
            transaction.append(&Change::Account { user: user.to_owned() });
            short_tokens::delete_login_tokens(&mut transaction, &view, user)?;
            self.shared.submit(transaction, guard)
        };
        commit.await?;
        Ok(())
    }

    /// Whether this is the user's password. Takes the same time for a user who is not there or has none.
    pub async fn verify_password(&self, user: &UserId, password: &str) -> Result<bool, UsersError> {
        let hash = self.get(user)?.filter(|row| !row.deactivated).and_then(|row| row.password_hash);
        match hash {
            Some(hash) => self.passwords.verify(password, hash).await,
            None => {
                self.passwords.hash(password).await?;
                Ok(false)
            }
        }
    }

    /// A locked account can do nothing but log out (client-server API, "Account locking").
    pub async fn set_locked(&self, user: &UserId, locked: bool) -> Result<(), UsersError> {
        self.change(user, |row| {
            row.locked = locked;
            Ok(())
        })
        .await
    }

    /// A suspended account can read but hardly write (client-server API, "Account suspension").
    pub async fn set_suspended(&self, user: &UserId, suspended: bool) -> Result<(), UsersError> {
        self.change(user, |row| {
            row.suspended = suspended;
            Ok(())
        })
        .await
    }

    /// Whether an administrator has yet to let the user in.
    pub fn awaits_approval(&self, user: &UserId) -> Result<bool, UsersError> {
        Ok(self.shared.store.view().contains(&schema::AWAITING_APPROVAL, (user,))?)
    }

    /// Lets a user in, or no more: to end their sessions is the caller's.
    pub async fn set_approved(&self, user: &UserId, approved: bool) -> Result<(), UsersError> {
        let guard = self.shared.locks.lock(user).await;
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            match approved {
                true => transaction.delete(&schema::AWAITING_APPROVAL, (user,)),
                false => transaction.put(&schema::AWAITING_APPROVAL, (user,), &()),
            }
            self.shared.submit(transaction, guard)
        };
        commit.await?;
        Ok(())
    }

    /// Makes the user an administrator of this server, or no longer one.
    pub async fn set_admin(&self, user: &UserId, admin: bool) -> Result<(), UsersError> {
        self.change(user, |row| {
            row.admin = admin;
            Ok(())
        })
        .await
    }

    async fn change(
        &self,
        user: &UserId,
        change: impl FnOnce(&mut AccountRow) -> Result<(), UsersError>,
    ) -> Result<(), UsersError> {
        let guard = self.shared.locks.lock(user).await;
        let view = self.shared.store.written();
        let mut row = view.get(&schema::ACCOUNTS, (user,))?.ok_or(UsersError::NotFound("unknown user"))?;
        change(&mut row)?;
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            transaction.put(&schema::ACCOUNTS, (user,), &row);
            transaction.append(&Change::Account { user: user.to_owned() });
            self.shared.submit(transaction, guard)
        };
        commit.await?;
        Ok(())
    }

    /// Ends an account for good: nobody can log in to it or take its name again. Its devices, tokens, keys,
    /// backups, pushers, account data and waiting messages go; with `erase` its profile does as well, and the
    /// account is marked as erased. To leave the rooms is the caller's, before this.
    pub async fn deactivate(&self, user: &UserId, erase: bool) -> Result<(), UsersError> {
        let guard = self.shared.locks.lock(user).await;
        let view = self.shared.store.written();
        let mut row = view.get(&schema::ACCOUNTS, (user,))?.ok_or(UsersError::NotFound("unknown user"))?;
        row.password_hash = None;
        row.deactivated = true;
        row.erased |= erase;
        row.admin = false;
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            transaction.put(&schema::ACCOUNTS, (user,), &row);
            transaction.append(&Change::Account { user: user.to_owned() });
            let devices = view.scan(&schema::DEVICES, Scan::prefix((user,)));
            let devices: Vec<OwnedDeviceId> =
                devices.map(|entry| entry.map(|((_, device), _)| device)).collect::<Result<_, _>>()?;
            let devices: BTreeSet<&DeviceId> = devices.iter().map(|device| &**device).collect();
            for device in &devices {
                remove_device(&mut transaction, &view, user, device)?;
            }
            to_device::clear(&mut transaction, &view, user, &devices)?;
            pushers::remove_all(&mut transaction, &view, user, None)?;
            transaction.delete_prefix(&schema::CROSS_SIGNING_KEYS, (user,))?;
            transaction.delete_prefix(&schema::KEY_SIGNATURES, (user,))?;
            transaction.delete_prefix(&schema::BACKUPS, (user,))?;
            transaction.delete_prefix(&schema::BACKUP_KEYS, (user,))?;
            transaction.delete_prefix(&schema::FILTERS, (user,))?;
            transaction.delete_prefix(&schema::FILTER_NUMBERS, (user,))?;
            transaction.delete_prefix(&schema::ACCOUNT_DATA, (user,))?;
            transaction.delete_prefix(&schema::ACCOUNT_DATA_CHANGES, (user,))?;
            transaction.delete_prefix(&schema::THREAD_SUBSCRIPTIONS, (user,))?;
            transaction.delete_prefix(&schema::THREAD_SUBSCRIPTION_CHANGES, (user,))?;
            transaction.delete_prefix(&schema::USAGE, (user,))?;
            transaction.delete(&schema::RESTRICTIONS, (user,));
            transaction.delete(&schema::AWAITING_APPROVAL, (user,));
            if erase {
                erasures::add(&mut transaction, user);
                for field in view.scan(&schema::PROFILES, Scan::prefix((user,))) {
                    let ((_, field), _) = field?;
                    write_change(&mut transaction, user, &field)?;
                }
                transaction.delete_prefix(&schema::PROFILES, (user,))?;
            }
            let devices: Vec<&DeviceId> = devices.into_iter().collect();
            self.shared.change_shared_keys(&mut transaction, user, &devices, true)?;
            self.shared.submit(transaction, guard)
        };
        commit.await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures::FutureExt as _;

    use super::*;
    use crate::testing::{PASSWORD, SigningKey, World, boxed, identity_keys, raw};
    use serde_json::json;

    #[tokio::test]
    async fn a_name_is_taken_once() {
        let world = World::new();
        let user = world.register("alice").await;
        let account = NewAccount { password: None, kind: AccountKind::Guest, admin: false };
        let again = world.users.accounts.create(&user, account).await;
        assert!(matches!(again, Err(UsersError::UserInUse)));
        let others = (0..20).map(|_| world.users.accounts.create(ruma::user_id!("@bob:here"), account));
        let made = futures::future::join_all(others).await;
        assert_eq!(made.iter().filter(|result| result.is_ok()).count(), 1);
    }

    #[tokio::test]
    async fn a_name_is_in_use_once_its_account_is_durable() {
        let world = World::new();
        let account = NewAccount { password: None, kind: AccountKind::User, admin: false };
        let user = ruma::user_id!("@bob:here");
        let held = world.engine.hold();
        let mut first = pin!(world.users.accounts.create(user, account));
        let mut second = pin!(world.users.accounts.create(user, account));
        assert!((&mut first).now_or_never().is_none());
        assert!((&mut second).now_or_never().is_none(), "nobody can be bob yet");
        drop(held);
        first.await.unwrap();
        assert!(matches!(second.await, Err(UsersError::UserInUse)));
    }

    #[tokio::test]
    async fn passwords_are_checked() {
        let world = World::new();
        let user = world.register("alice").await;
        let accounts = &world.users.accounts;
        assert!(accounts.verify_password(&user, PASSWORD).await.unwrap());
        assert!(!accounts.verify_password(&user, "wrong").await.unwrap());
        assert!(!accounts.verify_password(ruma::user_id!("@nobody:here"), PASSWORD).await.unwrap());
        accounts.set_password(&user, "new").await.unwrap();
        assert!(!accounts.verify_password(&user, PASSWORD).await.unwrap());
        assert!(accounts.verify_password(&user, "new").await.unwrap());
        let hash = accounts.get(&user).unwrap().unwrap().password_hash.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
    }

    #[tokio::test]
    async fn what_changes_about_an_account_reaches_its_sessions() {
        let world = World::new();
        let user = world.register("alice").await;
        let token = world.login(&user, "PHONE").await.access_token;
        assert!(!world.users.sessions.authenticate(&token).await.unwrap().locked);
        world.users.accounts.set_locked(&user, true).await.unwrap();
        world.users.accounts.set_suspended(&user, true).await.unwrap();
        world.users.accounts.set_admin(&user, true).await.unwrap();
        let session = world.users.sessions.authenticate(&token).await.unwrap();
        assert!(session.locked && session.suspended && session.admin);
    }

    #[tokio::test]
    async fn a_deactivated_account_is_empty_and_its_name_taken() {
        let world = World::new();
        let user = world.register("alice").await;
        let users = &world.users;
        let token = world.login(&user, "PHONE").await.access_token;
        users.sessions.authenticate(&token).await.unwrap();
        let name = boxed(json!("Alice"));
        users.profiles.set(&user, "displayname", &name).await.unwrap();
        users.account_data.set(&user, None, "org.example", &boxed(json!({"a": 1}))).await.unwrap();
        let version = users.key_backups.create(&user, "m.x", &boxed(json!({}))).await.unwrap();
        let keys = raw(identity_keys(&user, "PHONE", &SigningKey::of_device("PHONE")));
        let none = Default::default();
        let device = ruma::device_id!("PHONE");
        users.device_keys.upload(&user, device, Some(&keys), &none, &none).await.unwrap();

        users.accounts.deactivate(&user, true).await.unwrap();
        assert!(users.sessions.authenticate(&token).await.is_err());
        assert!(!users.accounts.verify_password(&user, PASSWORD).await.unwrap());
        assert!(users.accounts.exists(&user).unwrap());
        assert!(users.accounts.get(&user).unwrap().unwrap().erased);
        assert!(users.sessions.create(&user, None, None, false).await.is_err());
        assert!(users.devices.list(&user).unwrap().is_empty());
        assert!(users.profiles.get(&user).unwrap().fields.is_empty());
        assert!(users.account_data.everything(&user).unwrap().is_empty());
        assert!(users.key_backups.get(&user, &version).unwrap().is_none());
        let keys = users.device_keys.query(None, &[(user.clone(), vec![])].into()).unwrap();
        assert!(keys.device_keys[&user].is_empty());
    }

    #[tokio::test]
    async fn accounts_are_listed_page_by_page() {
        let world = World::new();
        for name in ["carol", "alice", "bob"] {
            world.register(name).await;
        }
        let accounts = &world.users.accounts;
        let page = accounts.list(None, 2).unwrap();
        let last = page[1].0.clone();
        assert_eq!((page[0].0.localpart(), last.localpart()), ("alice", "bob"));
        assert_eq!(accounts.list(Some(&last), 2).unwrap()[0].0.localpart(), "carol");
    }
}
