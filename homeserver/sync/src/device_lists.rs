//! Whose devices a client has to look at anew (client-server API, "Tracking the device list for a user").

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use hearth_rooms::{Event, Room};
use hearth_storage::{RoomNid, StateId, schema::rooms::Membership};
use ruma::{OwnedUserId, UserId};

use crate::{
    SyncError,
    hub::Hub,
    json::{Array, Object},
    scope::Scope,
};

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
        let mut circle = Circle::new(scope);
        for user in scope.users.device_keys.list_changes(since.log(), scope.upto.log)? {
            if user == *scope.user() || (!self.changed.contains(&user) && circle.shares(&user)?) {
                self.changed.insert(user);
            }
        }
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
    let mut members = room.members()?;
    members.retain(|(user, row)| row.membership == Membership::Join && user != scope.user());
    Ok(members.into_iter().map(|(user, _)| user).collect())
}

/// The rooms in which a user is joined.
pub(crate) fn joined_rooms_of(scope: &Scope<'_>, user: &UserId) -> Result<Vec<RoomNid>, SyncError> {
    joined_rooms(scope.hub, scope.rooms, user)
}

/// The rooms in which a user is joined, from memory for those who are online.
pub(crate) fn joined_rooms(
    hub: &Hub,
    rooms: &hearth_rooms::Rooms,
    user: &UserId,
) -> Result<Vec<RoomNid>, SyncError> {
    if let Some(online) = hub.online(user).filter(|online| online.loaded.initialized()) {
        return Ok(online.joined_rooms());
    }
    let rows = rooms.rooms_of(user)?;
    Ok(rows.into_iter().filter(|(_, row)| row.membership == Membership::Join).map(|(room, _)| room).collect())
}

/// Who shares a room with the user.
pub(crate) struct Circle<'a> {
    scope: &'a Scope<'a>,
    /// The user's rooms, once they are needed.
    rooms: Option<HashSet<RoomNid>>,
}

impl<'a> Circle<'a> {
    pub fn new(scope: &'a Scope<'a>) -> Self {
        Self { scope, rooms: None }
    }

    /// Whether both are joined to some room.
    pub fn shares(&mut self, user: &UserId) -> Result<bool, SyncError> {
        let scope = self.scope;
        let rooms = self.rooms.get_or_insert_with(|| scope.online.joined_rooms().into_iter().collect());
        Ok(joined_rooms_of(scope, user)?.iter().any(|room| rooms.contains(room)))
    }
}
