//! Whose devices a client has to look at anew (client-server API, "Tracking the device list for a user").

use std::{collections::BTreeSet, sync::Arc};

use hearth_rooms::{Event, Room, Rooms};
use hearth_storage::{Position, RoomNid, StateId, schema::rooms::Membership};
use hearth_users::Users;
use ruma::{OwnedUserId, UserId};

use crate::{
    SyncError,
    hub::Hub,
    json::{Array, Object},
    scope::Scope,
};

/// So many changes of all users of this server are looked through for those that concern a user; where there are
/// more, the members of the user's own rooms are.
const FEW_CHANGES: usize = 256;
/// For so many users at once it is looked up when their device lists changed.
const AT_ONCE: usize = 1024;
/// The members of a room that is not encrypted are told one by one only up to so many: the specification asks
/// for those of encrypted rooms.
const MAX_UNENCRYPTED: u64 = 1000;

/// Whom device lists are told of in a response.
#[derive(Debug, Default)]
pub(crate) struct DeviceLists {
    changed: BTreeSet<OwnedUserId>,
    /// Who left a room: told if no other is shared.
    gone: BTreeSet<OwnedUserId>,
}

impl DeviceLists {
    /// Takes in what changed in a room that the client knows.
    pub fn room_changed(
        &mut self,
        scope: &Scope<'_>,
        room: &Room,
        known: StateId,
        changed: &[Arc<Event>],
    ) -> Result<(), SyncError> {
        for event in changed {
            match (event.pdu.type_str(), event.pdu.state_key()) {
                ("m.room.member", Some(member)) if member != scope.user().as_str() => {
                    let Ok(member) = OwnedUserId::try_from(member) else { continue };
                    let was = room.membership_at(known, &member)? == Some(Membership::Join);
                    let is = event.pdu.membership() == Some(hearth_spec::Membership::Join);
                    match (was, is) {
                        (false, true) => drop(self.changed.insert(member)),
                        (true, false) => drop(self.gone.insert(member)),
                        _ => {}
                    }
                }
                ("m.room.encryption", Some("")) => self.everyone_came(scope, room)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes in a room that the user has joined: their own devices are there as well.
    pub fn room_joined(&mut self, scope: &Scope<'_>, room: &Room) -> Result<(), SyncError> {
        if self.tells_of(room)? {
            self.everyone_came(scope, room)?;
            self.changed.insert(scope.user().to_owned());
        }
        Ok(())
    }

    /// Takes in a room that the user has left.
    pub fn room_left(&mut self, scope: &Scope<'_>, room: &Room) -> Result<(), SyncError> {
        if self.tells_of(room)? {
            self.gone.extend(joined_others(scope, room)?);
        }
        Ok(())
    }

    fn everyone_came(&mut self, scope: &Scope<'_>, room: &Room) -> Result<(), SyncError> {
        self.changed.extend(joined_others(scope, room)?);
        Ok(())
    }

    /// Who came into view: by joining a room of the user's, or as the user joined theirs. Some were seen before.
    pub fn in_view(&self, scope: &Scope<'_>) -> Vec<OwnedUserId> {
        self.changed.iter().filter(|user| *user != scope.user()).cloned().collect()
    }

    fn tells_of(&self, room: &Room) -> Result<bool, SyncError> {
        Ok(room.head().joined <= MAX_UNENCRYPTED || room.state_event("m.room.encryption", "")?.is_some())
    }

    /// Writes `device_lists`, if there is anything to tell; says whether there was.
    pub fn write(mut self, scope: &Scope<'_>, response: &mut Object<'_>) -> Result<bool, SyncError> {
        let Some(since) = scope.since else { return Ok(false) };
        let circle = Circle { hub: scope.hub, rooms: scope.rooms, user: scope.user() };
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

fn joined_others(scope: &Scope<'_>, room: &Room) -> Result<Vec<OwnedUserId>, SyncError> {
    let mut members = room.members_with(Membership::Join)?;
    members.retain(|user| user != scope.user());
    Ok(members)
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
