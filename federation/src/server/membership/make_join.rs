//! `GET /_matrix/federation/v1/make_join/{roomId}/{userId}`

use axum::extract::State;
use hearth_http::{Answer, MatrixError, Result};
use hearth_rooms::{Room, RoomError};
use http::StatusCode;
use ruma::{
    OwnedUserId, UserId,
    api::federation::membership::prepare_join_event::v1::{Request as MakeJoin, Response},
};

use crate::{
    Federation,
    endpoint::Request,
    server::{
        access,
        membership::template::{draft, is_of, supports},
    },
};

/// Drafts a join
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1make_joinroomiduserid)).
pub async fn make_join(
    State(federation): State<Federation>,
    request: Request<MakeJoin>,
) -> Result<Answer<Response>> {
    let MakeJoin { room_id, user_id, ver, .. } = request.body;
    is_of(&user_id, &request.origin)?;
    let room = access::whole_room(&federation, &request.origin, &room_id)?;
    supports(&ver, room.version())?;
    let authoriser = authoriser(&federation, &room, &user_id)?;
    let mut response = Response::new(draft(&room, &user_id, "join", authoriser.as_deref())?);
    response.room_version = Some(room.version().id());
    Ok(Answer(response))
}

/// Who of this server vouches for the user's join, where one has to ("Restricted rooms").
pub(super) fn authoriser(federation: &Federation, room: &Room, user: &UserId) -> Result<Option<OwnedUserId>> {
    let rooms = federation.rooms();
    match rooms.authoriser(room, user) {
        // Another server may see that the user is let in, or have someone who may let in.
        Err(RoomError::UnableToAuthoriseJoin(reason)) => {
            let errcode = match rooms.allowed_by_restriction(room, user)? {
                true => "M_UNABLE_TO_GRANT_JOIN",
                false => "M_UNABLE_TO_AUTHORISE_JOIN",
            };
            Err(MatrixError::new(StatusCode::BAD_REQUEST, errcode, reason))
        }
        authoriser => Ok(authoriser?),
    }
}
