//! Stored filters (client-server API, "Filtering").

use std::sync::Arc;

use hearth_storage::{Scan, schema};
use ruma::{OwnedUserId, UserId, api::client::filter::FilterDefinition};
use serde_json::value::RawValue;

use crate::{UsersError, remembered::Remembered, shared::Shared};

/// How many filters a user may have. A client that defines the same one again gets the id it had.
const MAX_FILTERS: u64 = 10_000;

/// The filters of users.
#[derive(Clone)]
pub struct Filters {
    shared: Arc<Shared>,
    /// A filter never changes, so nothing is forgotten here.
    parsed: Arc<Remembered<(OwnedUserId, u64), Arc<FilterDefinition>>>,
}

impl Filters {
    pub(crate) fn new(shared: Arc<Shared>, cached_entries: usize) -> Self {
        Self { shared, parsed: Arc::new(Remembered::new(cached_entries)) }
    }

    /// Stores a filter and says its id.
    pub async fn define(&self, user: &UserId, filter: &RawValue) -> Result<String, UsersError> {
        serde_json::from_str::<FilterDefinition>(filter.get()).map_err(UsersError::bad_json)?;
        let guard = self.shared.locks.lock(user).await;
        let view = self.shared.store.view();
        let mut next = 0;
        for entry in view.scan(&schema::FILTERS, Scan::prefix((user,))) {
            let ((_, number), json) = entry?;
            if json == filter.get() {
                return Ok(number.to_string());
            }
            next = number + 1;
        }
        if next >= MAX_FILTERS {
            return Err(UsersError::TooLarge("too many filters"));
        }
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            transaction.put(&schema::FILTERS, (user, next), &filter.get().to_owned());
            self.shared.submit(transaction, guard)
        };
        commit.await?;
        Ok(next.to_string())
    }

    /// A filter as it was stored.
    pub fn get_raw(&self, user: &UserId, id: &str) -> Result<Option<Box<RawValue>>, UsersError> {
        let Some(number) = number(id) else { return Ok(None) };
        let json = self.shared.store.view().get(&schema::FILTERS, (user, number))?;
        json.map(|json| RawValue::from_string(json).map_err(UsersError::corrupt)).transpose()
    }

    /// A filter, parsed.
    pub fn get(&self, user: &UserId, id: &str) -> Result<Option<Arc<FilterDefinition>>, UsersError> {
        let Some(number) = number(id) else { return Ok(None) };
        let key = (user.to_owned(), number);
        if let Some(filter) = self.parsed.get(&key) {
            return Ok(Some(filter));
        }
        let Some(json) = self.get_raw(user, id)? else { return Ok(None) };
        let load = || serde_json::from_str(json.get()).map(Arc::new).map_err(UsersError::corrupt);
        self.parsed.get_or_load(&key, Clone::clone, load).map(Some)
    }
}

fn number(id: &str) -> Option<u64> {
    id.parse().ok().filter(|number: &u64| number.to_string() == id)
}

#[cfg(test)]
mod tests {
    use ruma::user_id;
    use serde_json::json;

    use super::*;
    use crate::testing::{World, boxed};

    #[tokio::test]
    async fn a_filter_is_kept_as_it_came_and_once() {
        let world = World::new();
        let (alice, bob) = (user_id!("@alice:here"), user_id!("@bob:here"));
        let filters = &world.users.filters;
        let filter = boxed(json!({"room": {"timeline": {"limit": 7}}, "org.example": true}));
        let id = filters.define(alice, &filter).await.unwrap();
        assert_eq!(filters.define(alice, &filter).await.unwrap(), id);
        assert_ne!(filters.define(alice, &boxed(json!({}))).await.unwrap(), id);
        let parsed = filters.get(alice, &id).unwrap().unwrap();
        assert_eq!(parsed.room.timeline.limit, Some(ruma::uint!(7)));
        assert_eq!(filters.get_raw(alice, &id).unwrap().unwrap().get(), filter.get());
        assert!(filters.get(bob, &id).unwrap().is_none());
        assert!(filters.get(alice, "{}").unwrap().is_none());
        let bad = filters.define(alice, &boxed(json!({"room": 7}))).await;
        assert!(matches!(bad, Err(UsersError::BadJson(_))));
    }
}
