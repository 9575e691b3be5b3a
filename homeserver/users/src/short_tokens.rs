//! Tokens that live for minutes: `m.login.token` and OpenID.

use std::time::Duration;

use hearth_storage::{
    Scan,
    schema::{
        self,
        users::{ShortTokenPurpose, ShortTokenRow},
    },
};
use ruma::{OwnedUserId, UserId};

use crate::{Sessions, UsersError, tokens};

/// What the specification recommends for login tokens.
const LOGIN_LIFETIME: Duration = Duration::from_secs(2 * 60);
const OPENID_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// Expired tokens are swept out at one in so many new ones.
const SWEEP_EVERY: u8 = 32;

impl Sessions {
    /// A token with which one other device can log in (`POST /login/get_token`), and how long it lives.
    pub async fn create_login_token(&self, user: &UserId) -> Result<(String, Duration), UsersError> {
        self.create_short(user, ShortTokenPurpose::Login, "htl_", LOGIN_LIFETIME).await
    }

    /// Uses up a login token and says whose it is.
    ///
    /// # Errors
    ///
    /// [`UsersError::Forbidden`] for one that is unknown, was used or has expired.
    pub async fn use_login_token(&self, token: &str) -> Result<OwnedUserId, UsersError> {
        let forbidden = UsersError::Forbidden("the login token is unknown, was used or has expired");
        let hash = tokens::hash(token);
        let Some(user) = self.short_owner(hash, ShortTokenPurpose::Login)? else { return Err(forbidden) };
        let guard = self.shared.locks.lock(&user).await;
        // Another may have used it while this one waited.
        if self.short_owner(hash, ShortTokenPurpose::Login)?.is_none() {
            return Err(forbidden);
        }
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            transaction.delete(&schema::SHORT_TOKENS, (hash,));
            self.shared.submit(transaction, guard)
        };
        commit.await?;
        Ok(user)
    }

    /// A token that proves to others who a user is, and how long it lives.
    pub async fn create_openid_token(&self, user: &UserId) -> Result<(String, Duration), UsersError> {
        self.create_short(user, ShortTokenPurpose::OpenId, "hto_", OPENID_LIFETIME).await
    }

    /// Whose OpenID token this is.
    pub fn openid_user(&self, token: &str) -> Result<Option<OwnedUserId>, UsersError> {
        self.short_owner(tokens::hash(token), ShortTokenPurpose::OpenId)
    }

    fn short_owner(
        &self,
        hash: tokens::TokenHash,
        purpose: ShortTokenPurpose,
    ) -> Result<Option<OwnedUserId>, UsersError> {
        let row = self.shared.store.view().get(&schema::SHORT_TOKENS, (hash,))?;
        let now = self.shared.clock.now_ms();
        Ok(row.filter(|row| row.purpose == purpose && row.expires_at > now).map(|row| row.user))
    }

    async fn create_short(
        &self,
        user: &UserId,
        purpose: ShortTokenPurpose,
        prefix: &str,
        lifetime: Duration,
    ) -> Result<(String, Duration), UsersError> {
        let token = tokens::new_token(&*self.shared.random, prefix);
        let hash = tokens::hash(&token);
        let now = self.shared.clock.now_ms();
        let row =
            ShortTokenRow { user: user.to_owned(), purpose, expires_at: now + lifetime.as_millis() as u64 };
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            if hash[0].is_multiple_of(SWEEP_EVERY) {
                for entry in self.shared.store.view().scan(&schema::SHORT_TOKENS, Scan::all()) {
                    let (key, row) = entry?;
                    if row.expires_at <= now {
                        transaction.delete(&schema::SHORT_TOKENS, key);
                    }
                }
            }
            transaction.put(&schema::SHORT_TOKENS, (hash,), &row);
            transaction.submit()
        };
        commit.await?;
        Ok((token, lifetime))
    }
}
