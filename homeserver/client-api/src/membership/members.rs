//! `GET /_matrix/client/v3/rooms/{roomId}/members`

use std::sync::Arc;

use axum::extract::State;
use hearth_rooms::{Event, Room, Rooms};
use hearth_storage::StateId;
use hearth_sync::TimelineToken;
use ruma::{
    UserId, api::client::membership::get_member_events::v3::Request as GetMembers,
    events::room::member::MembershipState,
};

use crate::{
    ClientApi, JsonText, MatrixError, Request, Result, membership::content::membership_state, room::access,
    state::events::EventWriter,
};

/// The member events of a room: now, at a token, or when the user left
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidmembers)).
pub async fn get_members(State(api): State<ClientApi>, request: Request<GetMembers>) -> Result<JsonText> {
    let Request { body, who, .. } = request;
    let readable = access::readable_whole(&api.rooms, &who.user, &body.room_id).await?;
    let room = &readable.room;
    let state = match body.at {
        Some(at) if readable.until.is_none() => state_at(room, &who.user, &at)?,
        _ => readable.state,
    };
    // Given both, one of them is enough.
    let wanted = |membership: &MembershipState| match (&body.membership, &body.not_membership) {
        (None, None) => true,
        (is, is_not) => {
            is.as_ref() == Some(membership) || is_not.as_ref().is_some_and(|not| not != membership)
        }
    };
    let members = members(&api.rooms, room, state, wanted)?;
    let mut out = "{\"chunk\":".to_owned();
    EventWriter::new(&api, room, &who)?.write_list(&members, &mut out)?;
    out.push('}');
    Ok(JsonText(out))
}

fn members(
    rooms: &Rooms,
    room: &Room,
    state: StateId,
    wanted: impl Fn(&MembershipState) -> bool,
) -> Result<Vec<Arc<Event>>> {
    if state == room.head().state {
        let rows = room.members()?.into_iter().filter(|(_, row)| wanted(&membership_state(row.membership)));
        return Ok(rooms.events(&rows.map(|(_, row)| row.event).collect::<Vec<_>>())?);
    }
    let mut members = room.state_of_type(state, "m.room.member")?;
    members
        .retain(|event| event.pdu.membership().is_some_and(|membership| wanted(&membership.as_str().into())));
    Ok(members)
}

/// The state at the place of a token: that after the last event before it, which the user must be allowed to see.
fn state_at(room: &Room, user: &UserId, token: &str) -> Result<StateId> {
    let token: TimelineToken =
        token.parse().map_err(|_| MatrixError::invalid_param("`at` is not a token of this server."))?;
    let before = room.timeline(token.range(None, true, 1))?;
    let Some(last) = before.into_iter().next().map_or_else(|| beginning(room), |last| Ok(Some(last)))? else {
        return Ok(StateId::EMPTY);
    };
    if !room.may_see(user, &last)? {
        return Err(MatrixError::forbidden("You may not see the room at that time."));
    }
    Ok(last.state.map_or(StateId::EMPTY, |around| around.after))
}

/// The event with which a room begins here, for a token from before it: a timeline that goes back to the room's
/// creation has one, and nobody means the moment in which the room had no member.
fn beginning(room: &Room) -> Result<Option<Arc<Event>>> {
    let first = room.timeline(TimelineToken::start().range(None, false, 2))?;
    Ok(first.into_iter().find(|event| event.pdu.type_str() != "m.room.create"))
}
