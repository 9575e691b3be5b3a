//! Who is what in a room's current state.

use hearth_storage::{
    RoomNid, Scan,
    schema::{
        self,
        rooms::{Membership, MembershipRow},
    },
};
use ruma::{OwnedServerName, OwnedUserId, ServerName, UserId};

use crate::{RoomError, read::room::Room};

/// By how many users a room without a name is called at most.
const MAX_HEROES: usize = 5;

const ALL: [Membership; 5] =
    [Membership::Join, Membership::Invite, Membership::Knock, Membership::Leave, Membership::Ban];

type MemberKey = (RoomNid, Membership, OwnedServerName, OwnedUserId);

impl Room {
    /// A user's membership in the current state.
    pub fn membership(&self, user: &UserId) -> Result<Option<MembershipRow>, RoomError> {
        Ok(self.shared().view.get(&schema::MEMBERSHIPS, (self.nid(), user))?)
    }

    pub fn is_joined(&self, user: &UserId) -> Result<bool, RoomError> {
        Ok(self.membership(user)?.is_some_and(|row| row.membership == Membership::Join))
    }

    /// Everyone with a membership in the current state.
    pub fn members(&self) -> Result<Vec<(OwnedUserId, MembershipRow)>, RoomError> {
        let view = &self.shared().view;
        let rows = view.scan(&schema::MEMBERSHIPS, Scan::prefix((self.nid(),)));
        Ok(rows.map(|row| row.map(|((_, user), row)| (user, row))).collect::<Result<_, _>>()?)
    }

    /// The users with one membership; no others are read.
    pub fn members_with(&self, membership: Membership) -> Result<Vec<OwnedUserId>, RoomError> {
        self.some_members(Scan::prefix((self.nid(), membership)), usize::MAX)
    }

    /// The same of one server.
    pub fn members_of(
        &self,
        server: &ServerName,
        membership: Membership,
    ) -> Result<Vec<OwnedUserId>, RoomError> {
        self.some_members(Scan::prefix((self.nid(), membership, server)), usize::MAX)
    }

    /// Everyone of one server who is or was in the room, or was to be.
    pub fn all_members_of(&self, server: &ServerName) -> Result<Vec<OwnedUserId>, RoomError> {
        let mut members = Vec::new();
        for membership in ALL {
            members.extend(self.members_of(server, membership)?);
        }
        Ok(members)
    }

    /// The users by whom a room without a name is called: at most five others, those who are joined before those who
    /// are invited, or if there are none those who left or were banned.
    pub fn heroes(&self, except: &UserId) -> Result<Vec<OwnedUserId>, RoomError> {
        let mut heroes: Vec<OwnedUserId> = Vec::new();
        for memberships in [[Membership::Join, Membership::Invite], [Membership::Leave, Membership::Ban]] {
            for membership in memberships {
                let others = self.some_members(Scan::prefix((self.nid(), membership)), MAX_HEROES + 1)?;
                heroes.extend(others.into_iter().filter(|user| user != except));
                heroes.truncate(MAX_HEROES);
            }
            if !heroes.is_empty() {
                break;
            }
        }
        Ok(heroes)
    }

    fn some_members(&self, scan: Scan<MemberKey>, limit: usize) -> Result<Vec<OwnedUserId>, RoomError> {
        let view = &self.shared().view;
        let users = view.scan(&schema::MEMBERS, scan).take(limit).map(|row| row.map(|((.., user), ())| user));
        Ok(users.collect::<Result<_, _>>()?)
    }
}
