//! Tokens with which somebody may register ("Token-authenticated registration").

use std::sync::Arc;

use hearth_storage::{
    Scan,
    schema::{self, users::RegistrationTokenRow},
};
use parking_lot::Mutex;

use crate::{UsersError, shared::Shared};

/// The longest token, in bytes.
const MAX_TOKEN: usize = 64;
/// How many there may be.
const MAX_TOKENS: usize = 10_000;
const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

/// The tokens with which somebody may register.
#[derive(Clone)]
pub struct RegistrationTokens {
    shared: Arc<Shared>,
    /// Held while one is made, changed or used.
    one_at_a_time: Arc<Mutex<()>>,
}

impl RegistrationTokens {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, one_at_a_time: Arc::default() }
    }

    /// All of them, in the order of their names.
    pub fn list(&self) -> Result<Vec<(String, RegistrationTokenRow)>, UsersError> {
        let view = self.shared.store.view();
        let rows = view.scan(&schema::REGISTRATION_TOKENS, Scan::all());
        Ok(rows.map(|row| row.map(|((token,), row)| (token, row))).collect::<Result<_, _>>()?)
    }

    pub fn get(&self, token: &str) -> Result<Option<RegistrationTokenRow>, UsersError> {
        Ok(self.shared.store.view().get(&schema::REGISTRATION_TOKENS, (token,))?)
    }

    /// Whether somebody may still register with a token.
    pub fn is_valid(&self, row: &RegistrationTokenRow) -> bool {
        row.expires_at.is_none_or(|at| at > self.shared.clock.now_ms())
            && row.uses_allowed.is_none_or(|allowed| row.completed < allowed)
    }

    /// A token of so many random letters.
    pub fn made_up(&self, length: usize) -> String {
        let mut bytes = vec![0; length.clamp(1, MAX_TOKEN)];
        self.shared.random.fill(&mut bytes);
        bytes.into_iter().map(|byte| char::from(LETTERS[usize::from(byte) % LETTERS.len()])).collect()
    }

    /// Makes a token.
    ///
    /// # Errors
    /// [`UsersError::InvalidParam`] for one that is taken, or that is not 1 to 64 of `A-Za-z0-9._~-`;
    /// [`UsersError::LimitExceeded`] for one too many.
    pub async fn create(&self, token: &str, row: RegistrationTokenRow) -> Result<(), UsersError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte);
        if token.is_empty() || token.len() > MAX_TOKEN || !token.bytes().all(fits) {
            let message = "a token is made of 1 to 64 of A-Z, a-z, 0-9 and . _ ~ -";
            return Err(UsersError::InvalidParam(message.to_owned()));
        }
        let commit = {
            let _guard = self.one_at_a_time.lock();
            let mut transaction = self.shared.store.begin()?;
            if transaction.contains(&schema::REGISTRATION_TOKENS, (token,))? {
                return Err(UsersError::InvalidParam("that token is there already".to_owned()));
            }
            if transaction.scan(&schema::REGISTRATION_TOKENS, Scan::all()).take(MAX_TOKENS).count()
                == MAX_TOKENS
            {
                return Err(UsersError::LimitExceeded("there are too many tokens"));
            }
            transaction.put(&schema::REGISTRATION_TOKENS, (token,), &row);
            transaction.submit()
        };
        commit.await?;
        Ok(())
    }

    /// Changes a token, and gives what it is then; `None` if there is no such one.
    pub async fn change(
        &self,
        token: &str,
        change: impl FnOnce(&mut RegistrationTokenRow),
    ) -> Result<Option<RegistrationTokenRow>, UsersError> {
        let (commit, row) = {
            let _guard = self.one_at_a_time.lock();
            let mut transaction = self.shared.store.begin()?;
            let Some(mut row) = transaction.get(&schema::REGISTRATION_TOKENS, (token,))? else {
                return Ok(None);
            };
            change(&mut row);
            transaction.put(&schema::REGISTRATION_TOKENS, (token,), &row);
            (transaction.submit(), row)
        };
        commit.await?;
        Ok(Some(row))
    }

    /// Somebody registers with a token. Says whether they may.
    pub async fn take(&self, token: &str) -> Result<bool, UsersError> {
        let mut may = false;
        self.change(token, |row| {
            may = self.is_valid(row);
            row.completed += u64::from(may);
        })
        .await?;
        Ok(may)
    }

    /// Deletes a token. Says whether it was there.
    pub async fn delete(&self, token: &str) -> Result<bool, UsersError> {
        let commit = {
            let _guard = self.one_at_a_time.lock();
            let mut transaction = self.shared.store.begin()?;
            if !transaction.contains(&schema::REGISTRATION_TOKENS, (token,))? {
                return Ok(false);
            }
            transaction.delete(&schema::REGISTRATION_TOKENS, (token,));
            transaction.submit()
        };
        commit.await?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::World;

    #[tokio::test]
    async fn a_token_is_used_as_often_as_it_may_be() {
        let world = World::new();
        let tokens = &world.users.registration_tokens;
        let row = RegistrationTokenRow { uses_allowed: Some(2), completed: 0, expires_at: None };
        tokens.create("abc", row.clone()).await.unwrap();
        assert!(tokens.create("abc", row.clone()).await.is_err());
        for wrong in ["", "a b", &"x".repeat(65)] {
            assert!(tokens.create(wrong, row.clone()).await.is_err(), "{wrong}");
        }
        let taken = futures::future::join_all((0..5).map(|_| tokens.take("abc"))).await;
        assert_eq!(taken.into_iter().filter(|taken| *taken.as_ref().unwrap()).count(), 2);
        tokens.change("abc", |row| row.uses_allowed = None).await.unwrap();
        assert!(tokens.take("abc").await.unwrap());
        tokens.change("abc", |row| row.expires_at = Some(0)).await.unwrap();
        assert!(!tokens.take("abc").await.unwrap());
        assert_eq!(tokens.list().unwrap()[0].1.completed, 3);
        assert!(tokens.delete("abc").await.unwrap());
        assert!(!tokens.delete("abc").await.unwrap() && !tokens.take("abc").await.unwrap());
        assert_eq!(tokens.made_up(16).len(), 16);
    }
}
