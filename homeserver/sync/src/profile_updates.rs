//! What changed in the profiles of those who share a room with a user, for clients that ask for it
//! ([MSC4429](https://github.com/matrix-org/matrix-spec-proposals/pull/4429)). Of users of other servers nothing is told:
//! those servers do not say when a profile changes.

use std::collections::{BTreeMap, BTreeSet};

use hearth_storage::schema::rooms::Membership;
use hearth_users::Profile;
use ruma::{OwnedUserId, UserId};

use crate::{SyncError, device_lists::Circle, json::Object, scope::Scope};

/// How many changes of all users are looked through for those that concern a user, and of how many users a first sync
/// tells: there are profiles for more where they are asked for.
const MAX_CHANGES: usize = 5_000;
const MAX_USERS: usize = 5_000;

/// The fields to tell of each user, as JSON; `None` for a user who is out of sight.
#[derive(Default)]
pub(crate) struct ProfileUpdates(BTreeMap<OwnedUserId, Option<BTreeMap<String, String>>>);

impl ProfileUpdates {
    /// Reads what there is to tell of the fields that are wanted: of who came into view all, of who left it that they
    /// are gone, of others what changed.
    pub fn read(
        scope: &Scope<'_>,
        wanted: &BTreeSet<String>,
        in_view: &[OwnedUserId],
        gone: &BTreeSet<OwnedUserId>,
    ) -> Result<Self, SyncError> {
        let mut updates = Self::default();
        if wanted.is_empty() {
            return Ok(updates);
        }
        let Some(since) = scope.since else {
            for user in everyone_in_view(scope)? {
                updates.add_all(scope, user, wanted)?;
            }
            return Ok(updates);
        };
        let circle = Circle { hub: scope.hub, rooms: scope.rooms, user: scope.user };
        for (user, field) in scope.users.profiles.changes(since.log(), scope.upto.log, MAX_CHANGES)? {
            if wanted.contains(&field) && (user == scope.user || circle.shares(&user)?) {
                let value = value(&*scope.users.profiles.get(&user)?, &field);
                let fields = updates.0.entry(user).or_default();
                fields.get_or_insert_default().insert(field, value.unwrap_or_else(|| "null".to_owned()));
            }
        }
        for user in in_view.iter().filter(|user| is_local(scope, user)) {
            updates.add_all(scope, user.clone(), wanted)?;
        }
        for user in gone.iter().filter(|user| is_local(scope, user) && *user != scope.user) {
            if !circle.shares(user)? {
                updates.0.insert(user.clone(), None);
            }
        }
        Ok(updates)
    }

    /// Adds all that is wanted of a user and is there.
    fn add_all(
        &mut self,
        scope: &Scope<'_>,
        user: OwnedUserId,
        wanted: &BTreeSet<String>,
    ) -> Result<(), SyncError> {
        let profile = scope.users.profiles.get(&user)?;
        let there: BTreeMap<String, String> =
            wanted.iter().filter_map(|field| Some((field.clone(), value(&profile, field)?))).collect();
        if !there.is_empty() {
            self.0.entry(user).or_default().get_or_insert_default().extend(there);
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
                    fields.iter().for_each(|(field, value)| updates.json(field, value));
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

fn is_local(scope: &Scope<'_>, user: &UserId) -> bool {
    user.server_name() == scope.rooms.server_name()
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
