//! Profiles (client-server API, "Profiles").

use std::{collections::BTreeMap, sync::Arc};

use hearth_storage::{
    Change, Position, Scan, Transaction, View,
    schema::{self, users::OwnedUserIdValue},
};
use ruma::{OwnedMxcUri, OwnedUserId, UserId};
use serde_json::value::RawValue;

use crate::{UsersError, locks::UserGuard, shared::Shared};

/// The size below which a whole profile must stay, in bytes.
const MAX_PROFILE: usize = 64 * 1024;

/// The longest name of a field, in bytes.
const MAX_KEY: usize = 255;

/// Of how many fields of a profile it is remembered when they changed, those that are gone included.
const MAX_CHANGED: usize = 500;

/// The longest display name and avatar URL, in bytes: both go into member events, which have a limit too.
const MAX_DISPLAYNAME: usize = 1024;
const MAX_AVATAR_URL: usize = 1024;

pub(crate) const DISPLAYNAME: &str = "displayname";
const AVATAR_URL: &str = "avatar_url";

/// The profiles of users.
#[derive(Clone)]
pub struct Profiles {
    shared: Arc<Shared>,
}

/// A user's profile.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// All fields.
    pub fields: BTreeMap<String, Box<RawValue>>,
    pub displayname: Option<String>,
    pub avatar_url: Option<OwnedMxcUri>,
}

impl Profile {
    fn insert(&mut self, field: String, json: String) -> Result<(), UsersError> {
        match &*field {
            DISPLAYNAME => self.displayname = serde_json::from_str(&json).ok(),
            AVATAR_URL => {
                self.avatar_url = serde_json::from_str(&json).ok().filter(|url: &OwnedMxcUri| url.is_valid());
            }
            _ => {}
        }
        self.fields.insert(field, RawValue::from_string(json).map_err(UsersError::corrupt)?);
        Ok(())
    }

    /// The size of the profile as JSON, without spaces.
    fn size(&self) -> usize {
        self.fields.iter().map(|(field, value)| field.len() + value.get().len() + 4).sum::<usize>() + 2
    }
}

fn load(view: &View, user: &UserId) -> Result<Profile, UsersError> {
    let mut profile = Profile::default();
    for entry in view.scan(&schema::PROFILES, Scan::prefix((user,))) {
        let ((_, field), json) = entry?;
        profile.insert(field, json)?;
    }
    Ok(profile)
}

/// Writes down that one field of a profile changes, and when.
pub(crate) fn write_change(
    transaction: &mut Transaction,
    user: &UserId,
    field: &str,
) -> Result<(), UsersError> {
    let mut known = Vec::new();
    for entry in transaction.scan(&schema::PROFILE_CHANGED_AT, Scan::prefix((user,))) {
        let ((_, field), position) = entry?;
        known.push((position, field));
    }
    // The field itself goes first, and then the one that changed longest ago.
    known.sort_unstable_by_key(|(position, known)| (known != field, *position));
    let gone = known.iter().filter(|(_, known)| known == field).count();
    for (position, known) in known.iter().take(gone.max((known.len() + 1).saturating_sub(MAX_CHANGED))) {
        transaction.delete(&schema::PROFILE_CHANGES, (*position, known));
        transaction.delete(&schema::PROFILE_CHANGED_AT, (user, known));
    }
    let position = transaction.append(&Change::Profile { user: user.to_owned() });
    transaction.put(&schema::PROFILE_CHANGES, (position, field), &OwnedUserIdValue(user.to_owned()));
    transaction.put(&schema::PROFILE_CHANGED_AT, (user, field), &position);
    Ok(())
}

impl Profiles {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// A user's profile, empty where nothing was set.
    pub fn get(&self, user: &UserId) -> Result<Arc<Profile>, UsersError> {
        let load = || load(&self.shared.store.view(), user).map(Arc::new);
        self.shared.profiles.get_or_load(user, UserId::to_owned, load)
    }

    /// Sets one field. To tell the user's rooms of a new name or avatar is the caller's. A `null` takes the
    /// display name or the avatar away, as clients have always done it; in other fields it is a value.
    ///
    /// # Errors
    ///
    /// [`UsersError::ProfileKeyTooLarge`], [`UsersError::ProfileTooLarge`], or [`UsersError::InvalidParam`]
    /// for a field's name or value that the specification does not allow.
    pub async fn set(&self, user: &UserId, field: &str, value: &RawValue) -> Result<(), UsersError> {
        check_field(field)?;
        if value.get() == "null" && (field == DISPLAYNAME || field == AVATAR_URL) {
            return self.delete(user, field).await;
        }
        check_value(field, value)?;
        let guard = self.shared.locks.lock(user).await;
        let mut profile = load(&self.shared.store.written(), user)?;
        profile.insert(field.to_owned(), value.get().to_owned())?;
        if profile.size() >= MAX_PROFILE {
            return Err(UsersError::ProfileTooLarge);
        }
        self.write(guard, user, field, Some(value)).await
    }

    /// Deletes one field; one that is not there is no error.
    pub async fn delete(&self, user: &UserId, field: &str) -> Result<(), UsersError> {
        check_field(field)?;
        let guard = self.shared.locks.lock(user).await;
        if !self.shared.store.written().contains(&schema::PROFILES, (user, field))? {
            return self.shared.nothing_to_write(guard).await;
        }
        self.write(guard, user, field, None).await
    }

    async fn write(
        &self,
        guard: UserGuard,
        user: &UserId,
        field: &str,
        value: Option<&RawValue>,
    ) -> Result<(), UsersError> {
        let commit = {
            let mut transaction = self.shared.store.begin()?;
            match value {
                Some(value) => transaction.put(&schema::PROFILES, (user, field), &value.get().to_owned()),
                None => transaction.delete(&schema::PROFILES, (user, field)),
            }
            write_change(&mut transaction, user, field)?;
            self.shared.submit(transaction, guard)
        };
        commit.await?;
        Ok(())
    }

    /// Which fields of users of this server changed after one position and up to another, the newest first, and no more
    /// than so many.
    pub fn changes(
        &self,
        after: Position,
        until: Position,
        limit: usize,
    ) -> Result<Vec<(OwnedUserId, String)>, UsersError> {
        let view = self.shared.store.view();
        let scan = Scan::all().from((after.next(), "")).until((until.next(), "")).reversed();
        let changes = view.scan(&schema::PROFILE_CHANGES, scan).take(limit);
        Ok(changes.map(|row| row.map(|((_, field), user)| (user.0, field))).collect::<Result<_, _>>()?)
    }
}

/// The grammar of common namespaced identifiers (appendices).
fn check_field(field: &str) -> Result<(), UsersError> {
    if field.len() > MAX_KEY {
        return Err(UsersError::ProfileKeyTooLarge);
    }
    let mut bytes = field.bytes();
    let starts = bytes.next().is_some_and(|first| first.is_ascii_lowercase());
    let goes_on = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    if starts && bytes.all(goes_on) {
        Ok(())
    } else {
        Err(UsersError::InvalidParam("this cannot be the name of a profile field".to_owned()))
    }
}

fn check_value(field: &str, value: &RawValue) -> Result<(), UsersError> {
    let limit = match field {
        DISPLAYNAME => MAX_DISPLAYNAME,
        AVATAR_URL => MAX_AVATAR_URL,
        "m.tz" => MAX_PROFILE,
        _ => return Ok(()),
    };
    let text: String = serde_json::from_str(value.get()).map_err(UsersError::bad_json)?;
    if text.len() > limit {
        return Err(UsersError::ProfileTooLarge);
    }
    // An empty avatar is how clients took theirs away before fields could be deleted.
    if field == AVATAR_URL && !text.is_empty() && !OwnedMxcUri::from(text).is_valid() {
        return Err(UsersError::InvalidParam("an avatar is an mxc:// URI".to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{World, boxed};

    #[tokio::test]
    async fn fields_are_set_and_deleted() {
        let world = World::new();
        let user = world.register("alice").await;
        let profiles = &world.users.profiles;
        assert_eq!(profiles.get(&user).unwrap().displayname.as_deref(), Some("alice"));
        assert_eq!(profiles.get(&user).unwrap().fields.len(), 1);
        profiles.set(&user, "displayname", &boxed(json!("Alice"))).await.unwrap();
        profiles.set(&user, "avatar_url", &boxed(json!("mxc://here/a"))).await.unwrap();
        profiles.set(&user, "org.example.any", &boxed(json!(null))).await.unwrap();
        let profile = profiles.get(&user).unwrap();
        assert_eq!(profile.displayname.as_deref(), Some("Alice"));
        assert_eq!(profile.avatar_url.as_ref().unwrap().as_str(), "mxc://here/a");
        assert_eq!(profile.fields["org.example.any"].get(), "null");
        profiles.set(&user, "avatar_url", &boxed(json!(null))).await.unwrap();
        profiles.delete(&user, "displayname").await.unwrap();
        profiles.delete(&user, "displayname").await.unwrap();
        let profile = profiles.get(&user).unwrap();
        assert_eq!((&profile.displayname, &profile.avatar_url), (&None, &None));
        assert_eq!(profile.fields.len(), 1);
    }

    #[tokio::test]
    async fn names_and_values_have_their_limits() {
        let world = World::new();
        let user = world.register("alice").await;
        let profiles = &world.users.profiles;
        let set = async |field: &str, value| profiles.set(&user, field, &boxed(value)).await;
        assert!(matches!(set(&"a".repeat(256), json!(1)).await, Err(UsersError::ProfileKeyTooLarge)));
        assert!(set(&"a".repeat(255), json!(1)).await.is_ok());
        for field in ["", "Upper", "1a", "a b", "ä"] {
            assert!(matches!(set(field, json!(1)).await, Err(UsersError::InvalidParam(_))), "{field}");
        }
        assert!(matches!(set("displayname", json!(7)).await, Err(UsersError::BadJson(_))));
        assert!(matches!(set("avatar_url", json!("http://x")).await, Err(UsersError::InvalidParam(_))));
        assert!(set("avatar_url", json!("")).await.is_ok());
        let half = json!("x".repeat(40 * 1024));
        set("org.example.one", half.clone()).await.unwrap();
        assert!(matches!(set("org.example.two", half.clone()).await, Err(UsersError::ProfileTooLarge)));
        set("org.example.one", half).await.unwrap();
    }
}
