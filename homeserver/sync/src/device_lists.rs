//! Whose devices a client has to look at anew (client-server API, "Tracking the device list for a user").

use std::collections::BTreeSet;

use hearth_rooms::Rooms;
use hearth_storage::{Position, RoomNid, schema::rooms::Membership};
use hearth_users::Users;
use ruma::{OwnedUserId, UserId};

use crate::{
    SyncError,
    hub::Hub,
    json::{Array, Object},
    room_update::MemberChanges,
    scope::Scope,
};

/// So many changes of all users of this server are looked through for those that concern a user; where there are
/// more, the members of the user's own rooms are.
const FEW_CHANGES: usize = 256;
/// For so many users at once it is looked up when their device lists changed.
const AT_ONCE: usize = 1024;
/// Whom device lists are told of in a response.
#[derive(Debug, Default)]
pub(crate) struct DeviceLists {
    changed: BTreeSet<OwnedUserId>,
    /// Who left a room: told if no other is shared.
    gone: BTreeSet<OwnedUserId>,
}

impl DeviceLists {
    /// Takes in who came into view with a room, and who left it.
    pub fn add(&mut self, members: MemberChanges) {
        self.changed.extend(members.came);
        self.gone.extend(members.gone);
    }

    /// Who came into view: by joining a room of the user's, or as the user joined theirs. Some were seen before.
    pub fn in_view(&self, scope: &Scope<'_>) -> Vec<OwnedUserId> {
        self.changed.iter().filter(|user| *user != scope.user).cloned().collect()
    }

    /// Who left a room of the user's: another may still be shared.
    pub fn gone(&self) -> &BTreeSet<OwnedUserId> {
        &self.gone
    }

    /// Writes `device_lists`, if there is anything to tell; says whether there was.
    pub fn write(mut self, scope: &Scope<'_>, response: &mut Object<'_>) -> Result<bool, SyncError> {
        let Some(since) = scope.since else { return Ok(false) };
        let circle = Circle { hub: scope.hub, rooms: scope.rooms, user: scope.user };
        self.changed.extend(circle.device_lists_changed(scope.users, since.log(), scope.upto.log)?);
        let mut left = BTreeSet::new();
        for user in self.gone {
            if !self.changed.contains(&user) && !circle.shares(&user)? {
                left.insert(user);
            }
        }
        if self.changed.is_empty() && left.is_empty() {
            return Ok(false);
        }
        let mut lists = Object::open(response.key("device_lists"));
        for (key, users) in [("changed", &self.changed), ("left", &left)] {
            let mut list = Array::open(lists.key(key));
            users.iter().for_each(|user| list.text(user.as_str()));
            list.close();
        }
        lists.close();
        Ok(true)
    }
}

/// The rooms in which a user is joined, from memory for those who are online.
fn joined_rooms(hub: &Hub, rooms: &Rooms, user: &UserId) -> Result<Vec<RoomNid>, SyncError> {
    if let Some(online) = hub.online(user).filter(|online| online.loaded.initialized()) {
        return Ok(online.joined_rooms());
    }
    let rows = rooms.rooms_of(user)?;
    Ok(rows.into_iter().filter(|(_, row)| row.membership == Membership::Join).map(|(room, _)| room).collect())
}

/// A user and those who share a room with the user.
pub(crate) struct Circle<'a> {
    pub hub: &'a Hub,
    pub rooms: &'a Rooms,
    pub user: &'a UserId,
}

impl Circle<'_> {
    /// Whether both are joined to some room.
    pub fn shares(&self, other: &UserId) -> Result<bool, SyncError> {
        let rooms = joined_rooms(self.hub, self.rooms, other)?;
        if let Some(online) = self.hub.online(self.user).filter(|online| online.loaded.initialized()) {
            return Ok(online.is_joined_to_any(&rooms));
        }
        let own = joined_rooms(self.hub, self.rooms, self.user)?;
        Ok(rooms.iter().any(|room| own.contains(room)))
    }

    /// Whose device lists changed after one position and up to another: the user's own, and those of who shares a
    /// room. A list that changed again since may be told as well.
    pub fn device_lists_changed(
        &self,
        users: &Users,
        after: Position,
        until: Position,
    ) -> Result<Vec<OwnedUserId>, SyncError> {
        let noted = self.hub.online(self.user).and_then(|online| online.device_lists_changed_after(after));
        let changed = match noted {
            Some(noted) => noted.iter().map(|user| (**user).to_owned()).collect(),
            None => {
                let changed = users.device_keys.list_changes(after, until, FEW_CHANGES + 1)?;
                if changed.len() > FEW_CHANGES {
                    return self.members_changed(users, after);
                }
                changed
            }
        };
        let mut sharing = Vec::new();
        for user in changed {
            if user == self.user || self.shares(&user)? {
                sharing.push(user);
            }
        }
        Ok(sharing)
    }

    /// The same for who was away for long: the cost follows the members of the user's rooms, not the users of
    /// this server and of all others.
    fn members_changed(&self, users: &Users, after: Position) -> Result<Vec<OwnedUserId>, SyncError> {
        let mut members = BTreeSet::from([self.user.to_owned()]);
        for nid in joined_rooms(self.hub, self.rooms, self.user)? {
            let joined = self.rooms.room_by_nid(nid)?.members()?.into_iter();
            members
                .extend(joined.filter(|(_, row)| row.membership == Membership::Join).map(|(user, _)| user));
        }
        let members: Vec<OwnedUserId> = members.into_iter().collect();
        let mut changed = Vec::new();
        for members in members.chunks(AT_ONCE) {
            let latest = users.device_keys.latest_list_changes(members)?;
            let later = members.iter().zip(latest).filter(|(_, latest)| *latest > Some(after));
            changed.extend(later.map(|(user, _)| user.clone()));
        }
        Ok(changed)
    }
}
