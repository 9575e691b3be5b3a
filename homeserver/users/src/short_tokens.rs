//! Tokens that live for minutes: `m.login.token` and OpenID.

use std::time::Duration;

use hearth_storage::{
    Scan, Transaction, View,
    schema::{
        self,
        users::{ShortTokenPurpose, ShortTokenRow},
    },
};
use ruma::{DeviceId, OwnedUserId, UserId};

use crate::{Session, Sessions, UsersError, tokens};

/// What the specification recommends for login tokens.
const LOGIN_LIFETIME: Duration = Duration::from_secs(2 * 60);
const OPENID_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// How many such tokens a user may have at once.
const MAX_TOKENS: usize = 200;

impl Sessions {
    /// A token with which one other device can log in (`POST /login/get_token`), and how long it lives: at most
    /// until the session ends or the password changes.
    ///
    /// # Errors
    ///
    /// [`UsersError::LimitExceeded`] when there are too many.
    pub async fn create_login_token(&self, session: &Session) -> Result<(String, Duration), UsersError> {
        self.create_short(session, ShortTokenPurpose::Login, "htl_", LOGIN_LIFETIME).await
    }

    /// Uses up a login token and says whose it is.
    ///
    /// # Errors
    ///
    /// [`UsersError::Forbidden`] for one that is unknown, was used or has expired.
    pub async fn use_login_token(&self, token: &str) -> Result<OwnedUserId, UsersError> {
        let forbidden = UsersError::Forbidden("the login token is unknown, was used or has expired");
        let hash = tokens::hash(token);
        let find = |view: &View| self.short_token(view, hash, ShortTokenPurpose::Login);
        let Some(row) = find(&self.shared.store.view())? else { return Err(forbidden) };
        let guard = self.shared.locks.lock(&row.user).await;
        // Another may have used it while this one waited.
        if find(&self.shared.store.written())?.is_none() {
            return Err(forbidden);
        }
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            delete(&mut transaction, &row.user, &row.device, hash);
            self.shared.submit(transaction, guard)
        };
        commit.await?;
        Ok(row.user)
    }

    /// A token that proves to others who a user is, and how long it lives: at most until the session ends.
    ///
    /// # Errors
    ///
    /// [`UsersError::LimitExceeded`] when there are too many.
    pub async fn create_openid_token(&self, session: &Session) -> Result<(String, Duration), UsersError> {
        self.create_short(session, ShortTokenPurpose::OpenId, "hto_", OPENID_LIFETIME).await
    }

    /// Whose OpenID token this is.
    pub fn openid_user(&self, token: &str) -> Result<Option<OwnedUserId>, UsersError> {
        let view = self.shared.store.view();
        Ok(self.short_token(&view, tokens::hash(token), ShortTokenPurpose::OpenId)?.map(|row| row.user))
    }

    fn short_token(
        &self,
        view: &View,
        hash: tokens::TokenHash,
        purpose: ShortTokenPurpose,
    ) -> Result<Option<ShortTokenRow>, UsersError> {
        let row = view.get(&schema::SHORT_TOKENS, (hash,))?;
        let now = self.shared.clock.now_ms();
        Ok(row.filter(|row| row.purpose == purpose && row.expires_at > now))
    }

    async fn create_short(
        &self,
        session: &Session,
        purpose: ShortTokenPurpose,
        prefix: &str,
        lifetime: Duration,
    ) -> Result<(String, Duration), UsersError> {
        let token = tokens::new_token(&*self.shared.random, prefix);
        let hash = tokens::hash(&token);
        let (user, device) = (&*session.user, &*session.device);
        let guard = self.shared.locks.lock(user).await;
        let view = self.shared.store.written();
        if !view.contains(&schema::DEVICES, (user, device))? {
            return Err(UsersError::UnknownToken { soft_logout: false });
        }
        let now = self.shared.clock.now_ms();
        let row = ShortTokenRow {
            user: user.to_owned(),
            device: device.to_owned(),
            purpose,
            expires_at: now + lifetime.as_millis() as u64,
        };
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            let left = delete_some(&mut transaction, &view, user, None, |row| row.expires_at <= now)?;
            if left >= MAX_TOKENS {
                return Err(UsersError::LimitExceeded(
                    "you have too many such tokens: wait until they expire",
                ));
            }
            transaction.put(&schema::SHORT_TOKENS, (hash,), &row);
            transaction.put(&schema::DEVICE_SHORT_TOKENS, (user, device, hash), &());
            self.shared.submit(transaction, guard)
        };
        commit.await?;
        Ok((token, lifetime))
    }
}

/// Deletes the tokens of a device that goes.
pub(crate) fn delete_all(
    transaction: &mut Transaction,
    view: &View,
    user: &UserId,
    device: &DeviceId,
) -> Result<(), UsersError> {
    delete_some(transaction, view, user, Some(device), |_| true)?;
    Ok(())
}

/// Deletes the login tokens of a user whose password changes: whoever got one may have known the old password.
pub(crate) fn delete_login_tokens(
    transaction: &mut Transaction,
    view: &View,
    user: &UserId,
) -> Result<(), UsersError> {
    delete_some(transaction, view, user, None, |row| row.purpose == ShortTokenPurpose::Login)?;
    Ok(())
}

/// Deletes those tokens of a device, or of all devices, that `go`. Says how many are left.
fn delete_some(
    transaction: &mut Transaction,
    view: &View,
    user: &UserId,
    device: Option<&DeviceId>,
    go: impl Fn(&ShortTokenRow) -> bool,
) -> Result<usize, UsersError> {
    let scan = match device {
        Some(device) => Scan::prefix((user, device)),
        None => Scan::prefix((user,)),
    };
    let mut left = 0;
    for entry in view.scan(&schema::DEVICE_SHORT_TOKENS, scan) {
        let ((_, device, hash), ()) = entry?;
        match view.get(&schema::SHORT_TOKENS, (hash,))? {
            Some(row) if !go(&row) => left += 1,
            _ => delete(transaction, user, &device, hash),
        }
    }
    Ok(left)
}

fn delete(transaction: &mut Transaction, user: &UserId, device: &DeviceId, hash: tokens::TokenHash) {
    transaction.delete(&schema::SHORT_TOKENS, (hash,));
    transaction.delete(&schema::DEVICE_SHORT_TOKENS, (user, device, hash));
}
