//! What changed in the profiles of those who share a room with a user, for clients that ask for it
//! ([MSC4429](https://github.com/matrix-org/matrix-spec-proposals/pull/4429), and MSC4262 for sliding sync). Of users of other servers nothing is told:
//! those servers do not say when a profile changes.

use std::collections::{BTreeMap, BTreeSet};

use hearth_storage::schema::rooms::Membership;
use hearth_users::Profile;
use ruma::OwnedUserId;

use crate::{SyncError, device_lists::Circle, json::Object, scope::Scope};

/// How many changes of all users are looked through for those that concern a user, and of how many users a first sync
/// tells: there are profiles for more where they are asked for.
const MAX_CHANGES: usize = 5_000;
pub(crate) const MAX_USERS: usize = 5_000;

/// The fields to tell of each user, as JSON, or as one that is gone; `None` for a user who is out of sight.
#[derive(Default)]
pub(crate) struct ProfileUpdates(pub BTreeMap<OwnedUserId, Option<BTreeMap<String, Option<String>>>>);

impl ProfileUpdates {
    /// Reads what there is to tell of the fields that are wanted: of who came into view all, of who left it that they
    /// are gone, of others what changed.
    pub fn read(
        scope: &Scope<'_>,
        wanted: &BTreeSet<String>,
        in_view: &[OwnedUserId],
        gone: &BTreeSet<OwnedUserId>,
    ) -> Result<Self, SyncError> {
        if wanted.is_empty() {
            return Ok(Self::default());
        }
        if scope.since.is_none() {
            let mut updates = Self::default();
            for user in everyone_in_view(scope)? {
                updates.add(scope, user, Some(wanted))?;
            }
            return Ok(updates);
        }
        let mut updates = Self::changed(scope, Some(wanted))?;
        for user in in_view {
            updates.add(scope, user.clone(), Some(wanted))?;
        }
        updates.add_gone(scope, gone)?;
        Ok(updates)
    }

    /// What changed of the fields that are wanted, or of all, since what the client was told.
    pub fn changed(scope: &Scope<'_>, wanted: Option<&BTreeSet<String>>) -> Result<Self, SyncError> {
        let mut updates = Self::default();
        let Some(since) = scope.since else { return Ok(updates) };
        let circle = Circle { hub: scope.hub, rooms: scope.rooms, user: scope.user };
        for (user, field) in scope.users.profiles.changes(since.log(), scope.upto.log, MAX_CHANGES)? {
            let is_wanted = wanted.is_none_or(|wanted| wanted.contains(&field));
            if is_wanted && (user == scope.user || circle.shares(&user)?) {
                let value = value(&*scope.users.profiles.get(&user)?, &field);
                updates.0.entry(user).or_default().get_or_insert_default().insert(field, value);
            }
        }
        Ok(updates)
    }

    /// Adds all that is wanted of a user of this server and is there.
    pub fn add(
        &mut self,
        scope: &Scope<'_>,
        user: OwnedUserId,
        wanted: Option<&BTreeSet<String>>,
    ) -> Result<(), SyncError> {
        if user.server_name() != scope.rooms.server_name() {
            return Ok(());
        }
        let profile = scope.users.profiles.get(&user)?;
        let fields = profile.fields.iter();
        let there: BTreeMap<_, _> = fields
            .filter(|(field, _)| wanted.is_none_or(|wanted| wanted.contains(*field)))
            .map(|(field, value)| (field.clone(), Some(value.get().to_owned())))
            .collect();
        if !there.is_empty() {
            self.0.entry(user).or_default().get_or_insert_default().extend(there);
        }
        Ok(())
    }

    /// Adds who is out of sight, of those who left a room.
    pub fn add_gone(&mut self, scope: &Scope<'_>, gone: &BTreeSet<OwnedUserId>) -> Result<(), SyncError> {
        let circle = Circle { hub: scope.hub, rooms: scope.rooms, user: scope.user };
        let server = scope.rooms.server_name();
        for user in gone.iter().filter(|user| user.server_name() == server && *user != scope.user) {
            if !circle.shares(user)? {
                self.0.insert(user.clone(), None);
            }
        }
        Ok(())
    }

    /// Writes them, if there are any; says whether there were.
    pub fn write(self, response: &mut Object<'_>) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let mut users = Object::open(response.key("org.matrix.msc4429.users"));
        for (user, fields) in self.0 {
            let mut update = Object::open(users.key(user.as_str()));
            match fields {
                Some(fields) => {
                    let mut updates = Object::open(update.key("profile_updates"));
                    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "null".to_owned());
                    fields.iter().for_each(|(field, told)| updates.json(field, &value(told)));
                    updates.close();
                }
                None => update.json("profile_updates", "null"),
            }
            update.close();
        }
        users.close();
        true
    }
}

fn value(profile: &Profile, field: &str) -> Option<String> {
    profile.fields.get(field).map(|value| value.get().to_owned())
}

/// The user, and all of this server who share a room with them.
fn everyone_in_view(scope: &Scope<'_>) -> Result<BTreeSet<OwnedUserId>, SyncError> {
    let mut users = BTreeSet::from([scope.user.to_owned()]);
    for nid in scope.online.joined_rooms() {
        if users.len() >= MAX_USERS {
            break;
        }
        let room = scope.rooms.room_by_nid(nid)?;
        users.extend(room.members_of(scope.rooms.server_name(), Membership::Join)?);
    }
    Ok(users)
}
