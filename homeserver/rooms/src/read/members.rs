//! Who is what in a room's current state, and how many were lately.

use std::collections::BTreeMap;

use hearth_storage::{
    EventNid, RoomNid, Scan, StateId, StorageError, View,
    schema::{
        self,
        rooms::{Membership, MembershipRow},
    },
};
use ruma::{OwnedServerName, OwnedUserId, ServerName, UserId};

use crate::{
    RoomError,
    read::{reading::Reader, room::Room, shared::membership_of},
};

/// By how many users a room without a name is called at most.
const MAX_HEROES: usize = 5;

const ALL: [Membership; 5] =
    [Membership::Join, Membership::Invite, Membership::Knock, Membership::Leave, Membership::Ban];

type MemberKey = (RoomNid, Membership, OwnedServerName, OwnedUserId);

/// The members of a room in a set of state.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Members {
    pub joined: u64,
    pub invited: u64,
    /// The users by whom a room without a name is called: at most five others, those who are joined before those who
    /// are invited, or if there are none those who left or were banned.
    pub heroes: Vec<OwnedUserId>,
}

/// Whose membership differs between two sets of state, with what it is in each.
type MemberChanges = BTreeMap<OwnedUserId, (Option<Membership>, Option<Membership>)>;

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

    /// The members in a set of state that is or was current, as `except` sees them. The cost follows how much changed
    /// since.
    pub fn members_at(&self, state: StateId, except: &UserId) -> Result<Members, RoomError> {
        // One moment for all that is read: members come and go meanwhile.
        let view = self.shared().store.snapshot();
        let head = view.get(&schema::ROOM_HEADS, (self.nid(),))?.ok_or(RoomError::UnknownRoom)?;
        let changed = self.member_changes(head.state, state)?;
        let mut members = Members { joined: head.joined, invited: head.invited, heroes: Vec::new() };
        for (now, then) in changed.values() {
            for (membership, by) in [(now, -1), (then, 1)] {
                match membership {
                    Some(Membership::Join) => members.joined = members.joined.saturating_add_signed(by),
                    Some(Membership::Invite) => members.invited = members.invited.saturating_add_signed(by),
                    _ => {}
                }
            }
        }
        for memberships in [[Membership::Join, Membership::Invite], [Membership::Leave, Membership::Ban]] {
            for membership in memberships {
                let others = self.first_others(&view, membership, except, &changed)?;
                members.heroes.extend(others);
                members.heroes.truncate(MAX_HEROES);
            }
            if !members.heroes.is_empty() {
                break;
            }
        }
        Ok(members)
    }

    /// The first few others with a membership: as it is now, but for whom it was another one then.
    fn first_others(
        &self,
        view: &View,
        membership: Membership,
        except: &UserId,
        changed: &MemberChanges,
    ) -> Result<Vec<OwnedUserId>, StorageError> {
        let mut others: Vec<OwnedUserId> = Vec::new();
        for row in view.scan(&schema::MEMBERS, Scan::prefix((self.nid(), membership))) {
            let ((.., user), ()) = row?;
            if user != except && !changed.contains_key(&user) {
                others.push(user);
                if others.len() == MAX_HEROES {
                    break;
                }
            }
        }
        let then = changed.iter().filter(|(user, (_, then))| *then == Some(membership) && *user != except);
        others.extend(then.map(|(user, _)| user.clone()));
        others.sort_by(|one, other| (one.server_name(), one).cmp(&(other.server_name(), other)));
        Ok(others)
    }

    fn member_changes(&self, one: StateId, other: StateId) -> Result<MemberChanges, RoomError> {
        let membership = |nid: Option<EventNid>| -> Result<Option<Membership>, RoomError> {
            let event = nid.map(|nid| self.shared().referred(nid)).transpose()?;
            Ok(event.and_then(|event| membership_of(&event)))
        };
        let view = &self.shared().view;
        let mut changes = MemberChanges::new();
        for (key, in_one, in_other) in self.shared().trees.read(view).diff(one, other)? {
            let name = self.shared().state_keys.name(view, key)?;
            if name.event_type == "m.room.member"
                && let Ok(user) = UserId::parse(&*name.state_key)
            {
                changes.insert(user, (membership(in_one)?, membership(in_other)?));
            }
        }
        Ok(changes)
    }

    /// At most so many of the members that stand in a stretch of the index.
    pub(crate) fn some_members(
        &self,
        scan: Scan<MemberKey>,
        limit: usize,
    ) -> Result<Vec<OwnedUserId>, RoomError> {
        let view = &self.shared().view;
        let users = view.scan(&schema::MEMBERS, scan).take(limit).map(|row| row.map(|((.., user), ())| user));
        Ok(users.collect::<Result<_, _>>()?)
    }
}
