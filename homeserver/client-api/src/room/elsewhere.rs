//! Rooms of which other servers tell.

use hearth_rooms::Rooms;
use hearth_storage::schema::rooms::Membership;
use ruma::{
    OwnedRoomId, RoomId, UserId,
    room::{JoinRuleSummary, RoomSummary},
};

use crate::Result;

/// Whether a user may learn of a room what another server says of it. That server asked itself whether *some* user
/// of this one may.
pub(crate) fn may_discover(rooms: &Rooms, summary: &RoomSummary, user: &UserId) -> Result<bool> {
    let open = match &summary.join_rule {
        JoinRuleSummary::Public | JoinRuleSummary::Knock | JoinRuleSummary::KnockRestricted(_) => true,
        JoinRuleSummary::Restricted(rule) => is_in_one(rooms, user, &rule.allowed_room_ids)?,
        _ => false,
    };
    Ok(open
        || summary.world_readable
        || membership(rooms, user, &summary.room_id)? == Some(Membership::Invite))
}

/// What is known of a user's membership in a room that is not here.
pub(crate) fn membership(rooms: &Rooms, user: &UserId, room: &RoomId) -> Result<Option<Membership>> {
    if let Some((_, _, row)) = rooms.out_of_room(user, room)? {
        return Ok(Some(row.membership));
    }
    let known = rooms.find_room(room)?;
    let row = known.map(|room| room.membership(user)).transpose()?.flatten();
    Ok(row.map(|row| row.membership))
}

fn is_in_one(rooms: &Rooms, user: &UserId, ids: &[OwnedRoomId]) -> Result<bool> {
    for id in ids {
        if let Some(room) = rooms.find_room(id)?
            && room.is_joined(user)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}
