//! Who has pushers, and in which rooms they are: an event concerns them alone.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use hearth_rooms::{RoomError, Rooms};
use hearth_storage::{
    RoomNid, Scan, StorageError, Store,
    schema::{self, rooms::Membership},
};
use ruma::{OwnedUserId, UserId};

/// So many members of rooms are remembered; beyond it they are read again.
const MAX_MEMBERS: usize = 500_000;

/// The users who have pushers.
pub(super) struct Followed {
    rooms: Rooms,
    users: HashSet<OwnedUserId>,
    /// Those of them who are joined to a room, for rooms in which something happened.
    members: HashMap<RoomNid, Arc<Vec<OwnedUserId>>>,
    /// How many there are in all rooms together, the rooms themselves counted too.
    held: usize,
}

impl Followed {
    pub fn open(rooms: Rooms) -> Result<Self, StorageError> {
        let mut users = HashSet::new();
        let view = rooms.store().view();
        for row in view.scan(&schema::PUSHERS, Scan::all()) {
            users.insert(row?.0.0);
        }
        Ok(Self { rooms, users, members: HashMap::new(), held: 0 })
    }

    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    pub fn contains(&self, user: &UserId) -> bool {
        self.users.contains(user)
    }

    pub fn users(&self) -> impl Iterator<Item = &OwnedUserId> {
        self.users.iter()
    }

    /// Looks whether a user has pushers now; says what it was before and is now.
    pub fn look_at(&mut self, store: &Store, user: &UserId) -> Result<(bool, bool), RoomError> {
        let was = self.users.contains(user);
        let is = store.view().scan(&schema::PUSHERS, Scan::prefix((user,))).next().transpose()?.is_some();
        if is && !was {
            self.users.insert(user.to_owned());
            for (room, row) in self.rooms.rooms_of(user)? {
                self.changed(room, user, row.membership);
            }
        }
        if was && !is {
            self.users.remove(user);
            // They are found among the members of rooms no more.
            self.forget();
        }
        Ok((was, is))
    }

    /// Those who have pushers and are joined to a room.
    pub fn members(&mut self, room: RoomNid) -> Result<Arc<Vec<OwnedUserId>>, StorageError> {
        if self.users.is_empty() {
            return Ok(Arc::default());
        }
        if let Some(known) = self.members.get(&room) {
            return Ok(known.clone());
        }
        let mut members = Vec::new();
        let scan = Scan::prefix((room, Membership::Join, self.rooms.server_name()));
        for row in self.rooms.store().view().scan(&schema::MEMBERS, scan) {
            let ((.., user), ()) = row?;
            if self.users.contains(&user) {
                members.push(user);
            }
        }
        if self.held >= MAX_MEMBERS {
            self.forget();
        }
        self.held += 1 + members.len();
        let members = Arc::new(members);
        self.members.insert(room, members.clone());
        Ok(members)
    }

    /// A user is now this in a room.
    pub fn changed(&mut self, room: RoomNid, user: &UserId, membership: Membership) {
        let Some(members) = self.members.get_mut(&room).filter(|_| self.users.contains(user)) else { return };
        let place = members.iter().position(|member| member == user);
        match (place, membership) {
            (None, Membership::Join) => {
                Arc::make_mut(members).push(user.to_owned());
                self.held += 1;
            }
            (Some(place), Membership::Invite | Membership::Knock | Membership::Leave | Membership::Ban) => {
                Arc::make_mut(members).swap_remove(place);
                self.held -= 1;
            }
            _ => {}
        }
    }

    fn forget(&mut self) {
        (self.members, self.held) = (HashMap::new(), 0);
    }
}
