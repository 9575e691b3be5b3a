//! Fields of profiles ([MSC4262](https://github.com/matrix-org/matrix-spec-proposals/pull/4262)).

use std::collections::BTreeSet;

use hearth_rooms::Room;
use hearth_storage::schema::rooms::Membership;
use ruma::OwnedUserId;
use serde::Deserialize;

use super::ByRoom;
use crate::{
    SyncError,
    device_lists::DeviceLists,
    json::{Array, Object},
    profile_updates::{MAX_USERS, ProfileUpdates},
    scope::Scope,
    sliding::{
        config::RoomConfig,
        room::{Seen, member_of},
    },
};

/// What is asked of profiles.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub(crate) struct ProfilesAsked {
    /// Of rooms that come into view their members' profiles are told.
    #[serde(flatten)]
    pub rooms: ByRoom,
    /// The fields; all where it does not say which.
    fields: Option<BTreeSet<String>>,
}

/// Adds those whose profiles are told because of a room: its members if it comes into view, or those of whom lazy loading
/// tells.
pub fn add_seen(
    scope: &Scope<'_>,
    room: &Room,
    config: &RoomConfig,
    seen: &Seen,
    users: &mut BTreeSet<OwnedUserId>,
) -> Result<(), SyncError> {
    users.extend(seen.members.iter().cloned());
    users.extend(seen.heroes.iter().filter_map(|event| member_of(event)));
    if seen.initial && !config.lazy_members() && users.len() < MAX_USERS {
        users.extend(room.members_of(scope.rooms.server_name(), Membership::Join)?);
    }
    Ok(())
}

/// Writes the extension: the profiles of those who are `seen` now, what changed in others', and who is out of sight. Says
/// whether there is anything. Whoever was not `told` yet is told of the user too.
pub fn write_profiles(
    scope: &Scope<'_>,
    asked: &ProfilesAsked,
    told: bool,
    mut seen: BTreeSet<OwnedUserId>,
    members: &DeviceLists,
    object: &mut Object<'_>,
) -> Result<bool, SyncError> {
    let fields = asked.fields.as_ref();
    let mut updates = match told {
        true => ProfileUpdates::changed(scope, fields)?,
        false => ProfileUpdates::default(),
    };
    match told {
        true => seen.extend(members.in_view(scope)),
        false => seen.extend([scope.user.to_owned()]),
    }
    for user in seen.into_iter().take(MAX_USERS) {
        updates.add(scope, user, fields)?;
    }
    updates.add_gone(scope, members.gone())?;
    if updates.0.is_empty() {
        return Ok(false);
    }
    let mut users = Object::open(object.key("users"));
    for (user, fields) in updates.0 {
        let Some(fields) = fields else {
            users.json(user.as_str(), "null");
            continue;
        };
        let mut update = Object::open(users.key(user.as_str()));
        let (updated, removed): (Vec<_>, Vec<_>) = fields.iter().partition(|(_, value)| value.is_some());
        if !updated.is_empty() {
            let mut part = Object::open(update.key("updated"));
            updated.iter().for_each(|(field, value)| part.json(field, value.as_deref().unwrap_or("null")));
            part.close();
        }
        if !removed.is_empty() {
            let mut part = Array::open(update.key("removed"));
            removed.iter().for_each(|(field, _)| part.text(field));
            part.close();
        }
        update.close();
    }
    users.close();
    Ok(true)
}
