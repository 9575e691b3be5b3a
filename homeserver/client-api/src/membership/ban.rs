//! `POST /_matrix/client/v3/rooms/{roomId}/ban` and `POST /_matrix/client/v3/rooms/{roomId}/unban`

use axum::extract::State;
use hearth_rooms::Rooms;
use hearth_storage::schema::rooms::Membership;
use http::StatusCode;
use ruma::api::client::membership::{ban_user::v3 as banning, unban_user::v3 as unbanning};

use crate::{
    Answer, MatrixError, Request, Result,
    membership::content::{TurnedOut, because},
    room::access,
};

/// Bans a user from a room
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidban)).
pub async fn ban(
    State(rooms): State<Rooms>,
    request: Request<banning::Request>,
) -> Result<Answer<banning::Response>> {
    let turned_out: TurnedOut = request.more()?;
    let Request { body, who, .. } = request;
    who.not_suspended()?;
    let room = access::joined_room(&rooms, &who.user, &body.room_id)?;
    room.set_membership(&who.user, &body.user_id, "ban", turned_out.because(body.reason)).await?;
    Ok(Answer(banning::Response::new()))
}

/// Lifts a ban ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidunban)).
pub async fn unban(
    State(rooms): State<Rooms>,
    request: Request<unbanning::Request>,
) -> Result<Answer<unbanning::Response>> {
    let Request { body, who, .. } = request;
    who.not_suspended()?;
    let room = access::joined_room(&rooms, &who.user, &body.room_id)?;
    if room.membership(&body.user_id)?.map(|row| row.membership) != Some(Membership::Ban) {
        return Err(MatrixError::new(StatusCode::FORBIDDEN, "M_BAD_STATE", "That user is not banned."));
    }
    room.set_membership(&who.user, &body.user_id, "leave", because(body.reason)).await?;
    Ok(Answer(unbanning::Response::new()))
}
