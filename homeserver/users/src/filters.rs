//! Stored filters (client-server API, "Filtering").

use std::{collections::BTreeSet, ops::Deref, sync::Arc};

use hearth_storage::{Scan, schema};
use ruma::{OwnedUserId, UserId, api::client::filter::FilterDefinition};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::{
    UsersError,
    cached::{Cached, Parsed, cached},
    json, quota,
    shared::Shared,
};

/// The largest filter, in bytes.
const MAX_FILTER: usize = 64 << 10;

/// The filters of users.
#[derive(Clone)]
pub struct Filters {
    shared: Arc<Shared>,
    /// A filter never changes, so nothing is forgotten here.
    parsed: Arc<Cached<(OwnedUserId, u64), Parsed<SyncFilter>>>,
}

/// A filter as `/sync` takes it.
#[derive(Clone, Debug, Default)]
pub struct SyncFilter {
    pub definition: FilterDefinition,
    /// The fields of profiles of which the client wants to hear
    /// ([MSC4429](https://github.com/matrix-org/matrix-spec-proposals/pull/4429)).
    pub profile_fields: BTreeSet<String>,
}

impl SyncFilter {
    /// Reads a filter.
    pub fn parse(json: &str) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct More {
            #[serde(default, rename = "org.matrix.msc4429.profile_fields")]
            profile_fields: ProfileFields,
        }
        #[derive(Deserialize, Default)]
        struct ProfileFields {
            #[serde(default)]
            ids: BTreeSet<String>,
        }
        let More { profile_fields } = serde_json::from_str(json)?;
        Ok(Self { definition: serde_json::from_str(json)?, profile_fields: profile_fields.ids })
    }
}

impl From<FilterDefinition> for SyncFilter {
    fn from(definition: FilterDefinition) -> Self {
        Self { definition, profile_fields: BTreeSet::new() }
    }
}

impl Deref for SyncFilter {
    type Target = FilterDefinition;

    fn deref(&self) -> &FilterDefinition {
        &self.definition
    }
}

impl Filters {
    pub(crate) fn new(shared: Arc<Shared>, bytes: usize) -> Self {
        Self { shared, parsed: Arc::new(cached(bytes)) }
    }

    /// Stores a filter and says its id. A client that defines the same one again gets the id it had.
    ///
    /// # Errors
    ///
    /// [`UsersError::BadJson`], [`UsersError::TooLarge`] for one filter, [`UsersError::LimitExceeded`] for all
    /// together.
    pub async fn define(&self, user: &UserId, filter: &RawValue) -> Result<String, UsersError> {
        SyncFilter::parse(filter.get()).map_err(UsersError::bad_json)?;
        let filter = json::well_formed(filter.get())?;
        if filter.len() > MAX_FILTER {
            return Err(UsersError::TooLarge("the filter is larger than 64 KiB"));
        }
        let hash: [u8; 32] = Sha256::digest(&filter).into();
        let guard = self.shared.locks.lock(user).await;
        let view = self.shared.store.written();
        if let Some(number) = view.get(&schema::FILTER_NUMBERS, (user, hash))? {
            self.shared.nothing_to_write(guard).await?;
            return Ok(number.to_string());
        }
        let mut usage = quota::FILTERS.usage(&view, user)?;
        usage.replace(None, Some(filter.len()));
        usage.check()?;
        let last = view.scan(&schema::FILTERS, Scan::prefix((user,)).reversed()).next().transpose()?;
        let number = last.map_or(0, |((_, number), _)| number + 1);
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            usage.write(&mut transaction);
            transaction.put(&schema::FILTERS, (user, number), &filter);
            transaction.put(&schema::FILTER_NUMBERS, (user, hash), &number);
            self.shared.submit(transaction, guard)
        };
        commit.await?;
        Ok(number.to_string())
    }

    /// A filter as it was stored.
    pub fn get_raw(&self, user: &UserId, id: &str) -> Result<Option<Box<RawValue>>, UsersError> {
        let Some(number) = number(id) else { return Ok(None) };
        let json = self.shared.store.view().get(&schema::FILTERS, (user, number))?;
        json.map(|json| RawValue::from_string(json).map_err(UsersError::corrupt)).transpose()
    }

    /// A filter, parsed.
    pub fn get(&self, user: &UserId, id: &str) -> Result<Option<Arc<SyncFilter>>, UsersError> {
        let Some(number) = number(id) else { return Ok(None) };
        let key = (user.to_owned(), number);
        if let Some(filter) = self.parsed.get(&key, u64::MAX) {
            return Ok(Some(filter.value));
        }
        let Some(json) = self.get_raw(user, id)? else { return Ok(None) };
        let load = || {
            let value = Arc::new(SyncFilter::parse(json.get()).map_err(UsersError::corrupt)?);
            Ok::<_, UsersError>(Parsed { value, length: json.get().len() })
        };
        Ok(Some(self.parsed.get_or_load(&key, Clone::clone, load)?.value))
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
        let fields = json!({"org.matrix.msc4429.profile_fields": {"ids": ["m.tz"]}});
        let id = filters.define(alice, &boxed(fields)).await.unwrap();
        assert!(filters.get(alice, &id).unwrap().unwrap().profile_fields.contains("m.tz"));
        let bad = filters.define(alice, &boxed(json!({"room": 7}))).await;
        assert!(matches!(bad, Err(UsersError::BadJson(_))));
    }

    #[tokio::test]
    async fn filters_are_bounded() {
        let world = World::new();
        let alice = user_id!("@alice:here");
        let filters = &world.users.filters;
        let long = |number: u32| boxed(json!({"org.example": "x".repeat(60_000), "number": number}));
        let one = filters.define(alice, &long(0)).await.unwrap();
        for number in 1..17 {
            filters.define(alice, &long(number)).await.unwrap();
        }
        assert!(matches!(filters.define(alice, &long(17)).await, Err(UsersError::LimitExceeded(_))));
        assert_eq!(filters.define(alice, &long(0)).await.unwrap(), one, "it is there already");
        let too_long = boxed(json!({"org.example": "x".repeat(MAX_FILTER)}));
        assert!(matches!(filters.define(alice, &too_long).await, Err(UsersError::TooLarge(_))));
    }
}
