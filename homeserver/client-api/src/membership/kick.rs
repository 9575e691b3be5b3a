//! `POST /_matrix/client/v3/rooms/{roomId}/kick`

use axum::extract::State;
use hearth_rooms::Rooms;
use hearth_storage::schema::rooms::Membership;
use ruma::api::client::membership::kick_user::v3::{Request as Kick, Response};

use crate::{Answer, MatrixError, Request, Result, membership::content::TurnedOut, room::access};

/// Makes a user leave a room, takes an invite back, or turns a knock down
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidkick)).
pub async fn kick(State(rooms): State<Rooms>, request: Request<Kick>) -> Result<Answer<Response>> {
    let turned_out: TurnedOut = request.more()?;
    let Request { body, who, .. } = request;
    who.not_suspended()?;
    let room = access::joined_room(&rooms, &who.user, &body.room_id)?;
    // The room's rules would take it for a way to lift a ban.
    let here = [Membership::Join, Membership::Invite, Membership::Knock];
    if !room.membership(&body.user_id)?.is_some_and(|row| here.contains(&row.membership)) {
        return Err(MatrixError::forbidden("That user is not in the room."));
    }
    room.set_membership(&who.user, &body.user_id, "leave", turned_out.because(body.reason)).await?;
    Ok(Answer(Response::new()))
}
