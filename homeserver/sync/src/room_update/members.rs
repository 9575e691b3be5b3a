//! Who came into a user's view with a room, and who left it: their devices are to be looked at anew, or no more.

use std::sync::Arc;

use hearth_rooms::{Event, Room};
use hearth_storage::{Position, StateId, schema::rooms::Membership};
use ruma::OwnedUserId;

use crate::{SyncError, online::UserRoom, scope::Scope};

/// The members of a room that is not encrypted are told one by one only up to so many: the specification asks
/// for those of encrypted rooms.
const MAX_UNENCRYPTED: u64 = 1000;

/// Who came into the user's view with a room, and who left it.
#[derive(Default)]
pub(crate) struct MemberChanges {
    /// Those whose devices the client may not know: who joined or was invited, or everyone in a room that is new.
    pub came: Vec<OwnedUserId>,
    /// Told if no other room is shared.
    pub gone: Vec<OwnedUserId>,
}

impl MemberChanges {
    /// Those of a room, by what the user is to it now and was at a position.
    pub fn since(scope: &Scope<'_>, room: &Room, is: UserRoom, since: Position) -> Result<Self, SyncError> {
        let told = room.state_at_position(since)?;
        let was_joined = room.membership_at(told, scope.user)? == Some(Membership::Join);
        match is.membership {
            Membership::Join if was_joined || is.position <= since => {
                let current = room.state_at_position(scope.upto.log)?;
                Self::between(scope, room, told, &room.state_diff(told, current)?)
            }
            Membership::Join => Self::everyone(scope, room),
            Membership::Leave | Membership::Ban if was_joined => Self::all_gone(scope, room),
            _ => Ok(Self::default()),
        }
    }

    /// Who came and went by what changed in a room that the client knows.
    pub fn between(
        scope: &Scope<'_>,
        room: &Room,
        known: StateId,
        changed: &[Arc<Event>],
    ) -> Result<Self, SyncError> {
        let mut members = Self::default();
        for event in changed {
            match (event.pdu.type_str(), event.pdu.state_key()) {
                ("m.room.member", Some(member)) if member != scope.user.as_str() => {
                    let Ok(member) = OwnedUserId::try_from(member) else { continue };
                    // Who is invited is sent the keys of an encrypted room, as who is joined.
                    let was = room.membership_at(known, &member)?;
                    let was_joined = was == Some(Membership::Join);
                    let was_there = was_joined || was == Some(Membership::Invite);
                    match event.pdu.membership() {
                        Some(hearth_spec::Membership::Join) if !was_joined => members.came.push(member),
                        Some(hearth_spec::Membership::Invite) if !was_there => members.came.push(member),
                        Some(hearth_spec::Membership::Join | hearth_spec::Membership::Invite) => {}
                        _ if was_joined => members.gone.push(member),
                        _ => {}
                    }
                }
                ("m.room.encryption", Some("")) => members.came.extend(joined_others(scope, room)?),
                _ => {}
            }
        }
        Ok(members)
    }

    /// Everyone who came into view with a room that the user joined, where it tells of them; the user's own devices
    /// are there as well.
    pub fn everyone(scope: &Scope<'_>, room: &Room) -> Result<Self, SyncError> {
        let mut everyone = Vec::new();
        if tells_of_members(room)? {
            everyone = joined_others(scope, room)?;
            everyone.push(scope.user.to_owned());
        }
        Ok(Self { came: everyone, gone: Vec::new() })
    }

    /// Everyone in a room that the user has left, where it tells of them.
    pub fn all_gone(scope: &Scope<'_>, room: &Room) -> Result<Self, SyncError> {
        let gone = if tells_of_members(room)? { joined_others(scope, room)? } else { Vec::new() };
        Ok(Self { came: Vec::new(), gone })
    }
}

/// Whether the devices of a room's members are told of one by one.
fn tells_of_members(room: &Room) -> Result<bool, SyncError> {
    Ok(room.head().joined <= MAX_UNENCRYPTED || room.state_event("m.room.encryption", "")?.is_some())
}

/// Those who are joined besides the user.
fn joined_others(scope: &Scope<'_>, room: &Room) -> Result<Vec<OwnedUserId>, SyncError> {
    let mut members = room.members_with(Membership::Join)?;
    members.retain(|user| user != scope.user);
    Ok(members)
}
