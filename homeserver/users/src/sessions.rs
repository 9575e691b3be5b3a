//! Sessions: who a token speaks for (client-server API, "Client authentication").

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use hearth_storage::{
    Scan, Transaction, View,
    schema::{
        self,
        users::{
            AccessTokenRow, AccountKind, AccountRow, DeviceRow, RateRow, RefreshTokenRow, RestrictionsRow,
            TokenKind,
        },
    },
};
use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, ServerName, UserId};

use crate::{
    UsersError,
    devices::{check_display_name, delete_devices},
    shared::Shared,
    tokens::{self, TokenHash},
};

/// The longest device id that a client may choose, in bytes.
const MAX_DEVICE_ID: usize = 255;

/// How many devices a user may have.
const MAX_DEVICES: usize = 500;

/// The sessions of users.
#[derive(Clone)]
pub struct Sessions {
    pub(crate) shared: Arc<Shared>,
    access_token_lifetime_ms: u64,
}

/// Who makes a request. An access token gives the same one until something about it changes.
#[derive(Debug)]
pub struct Session {
    pub user: OwnedUserId,
    /// Empty for an application service that names none.
    pub device: OwnedDeviceId,
    pub kind: AccountKind,
    pub admin: bool,
    pub locked: bool,
    pub suspended: bool,
    /// Nobody else gets what the user sends, and they are not told so.
    pub shadow_banned: bool,
    /// How often the user may do something, in the place of what holds for all.
    pub rate: Option<RateRow>,
    /// When the access token stops being valid, in milliseconds.
    pub(crate) expires_at: Option<u64>,
    /// When the device was last seen, in milliseconds.
    pub(crate) last_seen: AtomicU64,
}

/// What a client gets to authenticate its requests with.
#[derive(Clone, PartialEq, Debug)]
pub struct NewTokens {
    pub device: OwnedDeviceId,
    pub access_token: String,
    pub refresh_token: Option<String>,
    /// How long the access token lives; `None` until logout.
    pub expires_in: Option<Duration>,
}

/// A pair of tokens being made.
struct Pair {
    access_token: String,
    refresh_token: Option<String>,
    expires_in: Option<u64>,
}

impl Sessions {
    pub(crate) fn new(shared: Arc<Shared>, access_token_lifetime_ms: u64) -> Self {
        Self { shared, access_token_lifetime_ms }
    }

    /// Logs a device in. A device that is known keeps its name and its keys, and its tokens so far are no
    /// longer valid. A `refreshable` session gets a refresh token, and access tokens that expire.
    ///
    /// # Errors
    ///
    /// [`UsersError::Forbidden`] for an account that is not there or was deactivated, [`UsersError::LimitExceeded`]
    /// for one device too many.
    pub async fn create(
        &self,
        user: &UserId,
        device: Option<&DeviceId>,
        display_name: Option<&str>,
        refreshable: bool,
    ) -> Result<NewTokens, UsersError> {
        check_display_name(display_name)?;
        let device: OwnedDeviceId = match device {
            Some(device) => {
                check_device_id(device)?;
                device.to_owned()
            }
            None => tokens::new_device_id(&*self.shared.random).into(),
        };
        let pair = self.new_pair(refreshable);
        let guard = self.shared.locks.lock(user).await;
        let view = self.shared.store.written();
        if view.get(&schema::ACCOUNTS, (user,))?.is_none_or(|account| account.deactivated) {
            return Err(UsersError::Forbidden("this account is not there or was deactivated"));
        }
        let known = view.contains(&schema::DEVICES, (user, &device))?;
        if !known {
            check_device_count(&view, user)?;
        }
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            tokens::delete_all(&mut transaction, &view, user, &device)?;
            if !known {
                let display_name = display_name.map(str::to_owned);
                let row = DeviceRow { display_name, last_seen_at: None, last_seen_ip: None };
                transaction.put(&schema::DEVICES, (user, &device), &row);
                self.shared.change_shared_keys(&mut transaction, user, &[&device], false)?;
            }
            self.put_pair(&mut transaction, user, &device, &pair, None);
            self.shared.submit(transaction, guard)
        };
        commit.await?;
        Ok(pair.given_to(device))
    }

    /// Who this access token speaks for. That the account is locked, suspended or a guest's is for the caller
    /// to weigh.
    ///
    /// Called for each request: a token that was seen before costs one hash and one look-up. The first use of
    /// a token got by [`refresh`](Self::refresh) ends the refresh token it was got with.
    pub async fn authenticate(&self, access_token: &str) -> Result<Arc<Session>, UsersError> {
        let token = tokens::hash(access_token);
        match self.shared.sessions.get(&token, u64::MAX) {
            Some(session) => self.unless_expired(session),
            None => self.load(token).await,
        }
    }

    /// A service acts as a user, on a device of theirs or on none.
    ///
    /// # Errors
    ///
    /// [`UsersError::Forbidden`] for an account that is not there or was deactivated, [`UsersError::NotFound`] for a
    /// device that is not there.
    pub fn of_service(&self, user: &UserId, device: Option<&DeviceId>) -> Result<Arc<Session>, UsersError> {
        let view = self.shared.store.view();
        let account = view.get(&schema::ACCOUNTS, (user,))?.filter(|account| !account.deactivated);
        let account = account.ok_or(UsersError::Forbidden("this account is not there or was deactivated"))?;
        if let Some(device) = device
            && !view.contains(&schema::DEVICES, (user, device))?
        {
            return Err(UsersError::NotFound("unknown device"));
        }
        let restrictions = view.get(&schema::RESTRICTIONS, (user,))?.unwrap_or_default();
        Ok(Arc::new(Session {
            user: user.to_owned(),
            device: device.map_or_else(|| "".into(), ToOwned::to_owned),
            kind: account.kind,
            admin: account.admin,
            locked: account.locked,
            suspended: account.suspended,
            shadow_banned: restrictions.shadow_banned,
            rate: restrictions.rate,
            expires_at: None,
            // Nobody wants to know when a service was there.
            last_seen: AtomicU64::new(u64::MAX),
        }))
    }

    fn unless_expired(&self, session: Arc<Session>) -> Result<Arc<Session>, UsersError> {
        match session.expires_at {
            Some(expires_at) if expires_at <= self.shared.clock.now_ms() => {
                Err(UsersError::UnknownToken { soft_logout: true })
            }
            _ => Ok(session),
        }
    }

    async fn load(&self, token: TokenHash) -> Result<Arc<Session>, UsersError> {
        let unknown = UsersError::UnknownToken { soft_logout: false };
        let view = self.shared.store.view();
        let Some(row) = view.get(&schema::ACCESS_TOKENS, (token,))? else { return Err(unknown) };
        if row.replaces.is_some() && row.expires_at.is_none_or(|at| at > self.shared.clock.now_ms()) {
            self.begin_use(token, &row.user).await?;
        }
        let session = self.shared.sessions.get_or_load(
            &token,
            |token| *token,
            || {
                let view = self.shared.store.view();
                let row = view.get(&schema::ACCESS_TOKENS, (token,))?.ok_or(unknown.clone())?;
                let account = view.get(&schema::ACCOUNTS, (&row.user,))?.ok_or(unknown)?;
                let device = view.get(&schema::DEVICES, (&row.user, &row.device))?;
                let last_seen = device.and_then(|device| device.last_seen_at).unwrap_or_default();
                let restrictions = view.get(&schema::RESTRICTIONS, (&row.user,))?.unwrap_or_default();
                Ok::<_, UsersError>(Arc::new(Session::new(row, &account, &restrictions, last_seen)))
            },
        )?;
        self.unless_expired(session)
    }

    /// A token got by a refresh is used for the first time: its answer arrived, and what it replaces goes.
    async fn begin_use(&self, token: TokenHash, user: &UserId) -> Result<(), UsersError> {
        let guard = self.shared.locks.lock(user).await;
        let view = self.shared.store.written();
        let Some(row) = view.get(&schema::ACCESS_TOKENS, (token,))? else { return Ok(()) };
        let Some(replaced) = row.replaces else { return Ok(()) };
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            let before = view.get(&schema::REFRESH_TOKENS, (replaced,))?;
            if let Some(successor) = before.and_then(|before| before.successor)
                && let Some(mut refresh) = view.get(&schema::REFRESH_TOKENS, (successor,))?
            {
                refresh.replaces = None;
                transaction.put(&schema::REFRESH_TOKENS, (successor,), &refresh);
            }
            end_refresh_token(&mut transaction, &row.user, &row.device, replaced);
            transaction.put(&schema::ACCESS_TOKENS, (token,), &AccessTokenRow { replaces: None, ..row });
            self.shared.submit(transaction, guard)
        };
        commit.await?;
        Ok(())
    }

    /// Gets a new pair of tokens. The refresh token stays valid until one of the new pair is used, so that a
    /// client whose answer was lost asks again; the pair that was lost is then not valid. The access token so
    /// far lives out its time.
    pub async fn refresh(&self, refresh_token: &str) -> Result<NewTokens, UsersError> {
        let token = tokens::hash(refresh_token);
        // The client keeps its keys: the device may still be there.
        let unknown = UsersError::UnknownToken { soft_logout: true };
        let row = self.shared.store.view().get(&schema::REFRESH_TOKENS, (token,))?.ok_or(unknown.clone())?;
        let guard = self.shared.locks.lock(&row.user).await;
        let view = self.shared.store.written();
        let mut row = view.get(&schema::REFRESH_TOKENS, (token,))?.ok_or(unknown)?;
        let (user, device) = (row.user.clone(), row.device.clone());
        let pair = self.new_pair(true);
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            if let Some(replaced) = row.replaces.take() {
                end_refresh_token(&mut transaction, &user, &device, replaced);
                if let Some(access) = view.get(&schema::ACCESS_TOKENS, (row.access_token,))? {
                    let access = AccessTokenRow { replaces: None, ..access };
                    transaction.put(&schema::ACCESS_TOKENS, (row.access_token,), &access);
                }
            }
            self.delete_expired(&mut transaction, &view, &user, &device)?;
            if let Some(lost) = row.successor.take()
                && let Some(lost_row) = view.get(&schema::REFRESH_TOKENS, (lost,))?
            {
                end_refresh_token(&mut transaction, &user, &device, lost);
                transaction.delete(&schema::ACCESS_TOKENS, (lost_row.access_token,));
                transaction.delete(&schema::DEVICE_TOKENS, (&user, &device, lost_row.access_token));
            }
            row.successor = self.put_pair(&mut transaction, &user, &device, &pair, Some(token));
            transaction.put(&schema::REFRESH_TOKENS, (token,), &row);
            self.shared.submit(transaction, guard)
        };
        commit.await?;
        Ok(pair.given_to(device))
    }

    /// Deletes the access tokens of a device whose time is up, as it is getting a new one.
    fn delete_expired(
        &self,
        transaction: &mut Transaction,
        view: &View,
        user: &UserId,
        device: &DeviceId,
    ) -> Result<(), UsersError> {
        let now = self.shared.clock.now_ms();
        for entry in view.scan(&schema::DEVICE_TOKENS, Scan::prefix((user, device))) {
            let ((_, _, token), kind) = entry?;
            if kind == TokenKind::Access
                && let Some(row) = view.get(&schema::ACCESS_TOKENS, (token,))?
                && row.replaces.is_none()
                && row.expires_at.is_some_and(|at| at <= now)
            {
                transaction.delete(&schema::ACCESS_TOKENS, (token,));
                transaction.delete(&schema::DEVICE_TOKENS, (user, device, token));
            }
        }
        Ok(())
    }

    /// Logs a session out: its device goes with all that hangs on it.
    pub async fn logout(&self, session: &Session) -> Result<(), UsersError> {
        delete_devices(&self.shared, &session.user, |_| Ok(vec![session.device.clone()])).await
    }

    /// Logs all devices of a user out.
    pub async fn logout_all(&self, user: &UserId) -> Result<(), UsersError> {
        delete_devices(&self.shared, user, |view| devices_but(view, user, None)).await
    }

    /// Logs all devices of a user out but the session's own.
    pub async fn logout_others(&self, session: &Session) -> Result<(), UsersError> {
        let user = &session.user;
        delete_devices(&self.shared, user, |view| devices_but(view, user, Some(&session.device))).await
    }

    fn new_pair(&self, refreshable: bool) -> Pair {
        let random = &*self.shared.random;
        Pair {
            access_token: tokens::new_token(random, "hta_"),
            refresh_token: refreshable.then(|| tokens::new_token(random, "htr_")),
            expires_in: refreshable.then_some(self.access_token_lifetime_ms),
        }
    }

    /// Stores a pair got with the refresh token `replaces` and says the hash of its refresh token.
    fn put_pair(
        &self,
        transaction: &mut Transaction,
        user: &UserId,
        device: &DeviceId,
        pair: &Pair,
        replaces: Option<TokenHash>,
    ) -> Option<TokenHash> {
        let access_token = tokens::hash(&pair.access_token);
        let row = AccessTokenRow {
            user: user.to_owned(),
            device: device.to_owned(),
            expires_at: pair.expires_in.map(|lifetime| self.shared.clock.now_ms() + lifetime),
            replaces,
        };
        transaction.put(&schema::ACCESS_TOKENS, (access_token,), &row);
        transaction.put(&schema::DEVICE_TOKENS, (user, device, access_token), &TokenKind::Access);
        let refresh_token = tokens::hash(pair.refresh_token.as_deref()?);
        let row = RefreshTokenRow {
            user: user.to_owned(),
            device: device.to_owned(),
            access_token,
            replaces,
            successor: None,
        };
        transaction.put(&schema::REFRESH_TOKENS, (refresh_token,), &row);
        transaction.put(&schema::DEVICE_TOKENS, (user, device, refresh_token), &TokenKind::Refresh);
        Some(refresh_token)
    }
}

/// The name of who owns the server on its machine: no account has it.
pub const CONSOLE: &str = "_console";

impl Session {
    /// Who owns the server on its machine, and is an administrator without an account.
    pub fn of_console(server: &ServerName) -> Result<Self, UsersError> {
        let user = UserId::parse_with_server_name(CONSOLE, server);
        Ok(Self {
            user: user.map_err(|error| UsersError::Internal(error.to_string()))?,
            device: "".into(),
            kind: AccountKind::User,
            admin: true,
            locked: false,
            suspended: false,
            shadow_banned: false,
            // Nothing bounds them.
            rate: Some(RateRow { per_second: 0, burst: 0 }),
            expires_at: None,
            last_seen: AtomicU64::new(u64::MAX),
        })
    }

    fn new(
        row: AccessTokenRow,
        account: &AccountRow,
        restrictions: &RestrictionsRow,
        last_seen: u64,
    ) -> Self {
        Self {
            user: row.user,
            device: row.device,
            kind: account.kind,
            admin: account.admin,
            locked: account.locked,
            suspended: account.suspended,
            shadow_banned: restrictions.shadow_banned,
            rate: restrictions.rate,
            expires_at: row.expires_at,
            last_seen: AtomicU64::new(last_seen),
        }
    }
}

impl Pair {
    fn given_to(self, device: OwnedDeviceId) -> NewTokens {
        NewTokens {
            device,
            access_token: self.access_token,
            refresh_token: self.refresh_token,
            expires_in: self.expires_in.map(Duration::from_millis),
        }
    }
}

fn end_refresh_token(transaction: &mut Transaction, user: &UserId, device: &DeviceId, token: TokenHash) {
    transaction.delete(&schema::REFRESH_TOKENS, (token,));
    transaction.delete(&schema::DEVICE_TOKENS, (user, device, token));
}

fn devices_but(
    view: &View,
    user: &UserId,
    kept: Option<&DeviceId>,
) -> Result<Vec<OwnedDeviceId>, UsersError> {
    let mut devices = Vec::new();
    for entry in view.scan(&schema::DEVICES, Scan::prefix((user,))) {
        let ((_, device), _) = entry?;
        if Some(&*device) != kept {
            devices.push(device);
        }
    }
    Ok(devices)
}

/// Refuses an id that no device may have.
pub(crate) fn check_device_id(device: &DeviceId) -> Result<(), UsersError> {
    match device.as_str().len() {
        1..=MAX_DEVICE_ID => Ok(()),
        _ => Err(UsersError::InvalidParam(format!("a device ID has 1 to {MAX_DEVICE_ID} bytes"))),
    }
}

/// Refuses one more device where a user has as many as they may.
pub(crate) fn check_device_count(view: &View, user: &UserId) -> Result<(), UsersError> {
    match view.scan(&schema::DEVICES, Scan::prefix((user,))).take(MAX_DEVICES).count() {
        MAX_DEVICES => Err(UsersError::LimitExceeded("you have too many devices: delete some of them first")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
