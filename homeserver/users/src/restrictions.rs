//! What administrators decided about users beside their accounts.

use std::sync::Arc;

use hearth_storage::schema::{
    self,
    users::{RateRow, RestrictionsRow},
};
use ruma::UserId;

use crate::{UsersError, shared::Shared};

/// What administrators decided about users. Their sessions tell it.
#[derive(Clone)]
pub struct Restrictions {
    shared: Arc<Shared>,
}

impl Restrictions {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// What holds for a user.
    pub fn get(&self, user: &UserId) -> Result<RestrictionsRow, UsersError> {
        Ok(self.shared.store.view().get(&schema::RESTRICTIONS, (user,))?.unwrap_or_default())
    }

    /// Nobody else gets what a user sends from now on, and they are not told so; or it ends.
    pub async fn set_shadow_banned(&self, user: &UserId, banned: bool) -> Result<(), UsersError> {
        self.change(user, |row| row.shadow_banned = banned).await
    }

    /// How often a user may do something, in the place of what holds for all.
    pub async fn set_rate(&self, user: &UserId, rate: Option<RateRow>) -> Result<(), UsersError> {
        self.change(user, |row| row.rate = rate).await
    }

    /// A user may replace their cross-signing keys without their password until a time in milliseconds.
    pub async fn let_keys_be_replaced(&self, user: &UserId, until: u64) -> Result<(), UsersError> {
        self.change(user, |row| row.keys_replaceable_until = Some(until)).await
    }

    async fn change(
        &self,
        user: &UserId,
        change: impl FnOnce(&mut RestrictionsRow),
    ) -> Result<(), UsersError> {
        let guard = self.shared.locks.lock(user).await;
        let mut row = self.shared.store.written().get(&schema::RESTRICTIONS, (user,))?.unwrap_or_default();
        change(&mut row);
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            match row == RestrictionsRow::default() {
                true => transaction.delete(&schema::RESTRICTIONS, (user,)),
                false => transaction.put(&schema::RESTRICTIONS, (user,), &row),
            }
            self.shared.submit(transaction, guard)
        };
        commit.await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::World;

    #[tokio::test]
    async fn sessions_tell_what_was_decided() {
        let world = World::new();
        let user = world.register("alice").await;
        let token = world.login(&user, "PHONE").await.access_token;
        let session = async || world.users.sessions.authenticate(&token).await.unwrap();
        assert!(!session().await.shadow_banned && session().await.rate.is_none());
        let restrictions = &world.users.restrictions;
        restrictions.set_shadow_banned(&user, true).await.unwrap();
        let rate = RateRow { per_second: 3, burst: 5 };
        restrictions.set_rate(&user, Some(rate)).await.unwrap();
        assert!(session().await.shadow_banned && session().await.rate == Some(rate));
        restrictions.set_shadow_banned(&user, false).await.unwrap();
        restrictions.set_rate(&user, None).await.unwrap();
        assert_eq!(restrictions.get(&user).unwrap(), RestrictionsRow::default());
        assert!(!session().await.shadow_banned && session().await.rate.is_none());
    }
}
