//! Who may find a room.

use hearth_rooms::{Room, RoomSummary, Rooms};
use hearth_storage::schema::rooms::Membership;
use ruma::{ServerName, UserId};

use crate::Result;

/// Who wants to learn of a room.
#[derive(Clone, Copy, Debug)]
pub enum Asker<'a> {
    /// Someone without an account.
    Anyone,
    User(&'a UserId),
    /// A server, for its users.
    Server(&'a ServerName),
}

/// Whether someone may learn of a room what its summary says (the conditions of `GET /hierarchy`): members, who
/// could become one, and everyone where anyone may read.
pub fn may_discover(rooms: &Rooms, room: &Room, summary: &RoomSummary, asker: Asker<'_>) -> Result<bool> {
    if summary.world_readable {
        return Ok(true);
    }
    let rules = &room.version().rules().authorization;
    let open = match summary.join_rule.as_str() {
        "public" => true,
        "knock" => rules.knocking,
        "knock_restricted" => rules.knock_restricted_join_rule,
        _ => false,
    };
    match asker {
        Asker::Anyone => Ok(open),
        Asker::User(user) => match room.membership(user)?.map(|row| row.membership) {
            Some(Membership::Join | Membership::Invite) => Ok(true),
            Some(Membership::Ban) => Ok(false),
            _ => Ok(open || rooms.allowed_by_restriction(room, user)?),
        },
        Asker::Server(server) => Ok(open || room.has_server(server)? || allowed(rooms, summary, server)?),
    }
}

/// Whether a server has users in one of the rooms whose members may join by a `restricted` rule.
fn allowed(rooms: &Rooms, summary: &RoomSummary, server: &ServerName) -> Result<bool> {
    if !matches!(summary.join_rule.as_str(), "restricted" | "knock_restricted") {
        return Ok(false);
    }
    for id in &summary.allowed_room_ids {
        if let Some(room) = rooms.find_room(id)?
            && room.has_server(server)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}
