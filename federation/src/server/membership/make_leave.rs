//! `GET /_matrix/federation/v1/make_leave/{roomId}/{userId}`

use axum::extract::State;
use hearth_http::{Answer, Result};
use ruma::api::federation::membership::prepare_leave_event::v1::{Request as MakeLeave, Response};

use crate::{
    Federation,
    endpoint::Request,
    server::{
        access,
        membership::template::{draft, is_of},
    },
};

/// Drafts a leave, for who refuses an invite above all
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1make_leaveroomiduserid)).
pub async fn make_leave(
    State(federation): State<Federation>,
    request: Request<MakeLeave>,
) -> Result<Answer<Response>> {
    let MakeLeave { room_id, user_id, .. } = request.body;
    is_of(&user_id, &request.origin)?;
    let room = access::live_room(&federation, &request.origin, &room_id)?;
    Ok(Answer(Response::new(Some(room.version().id()), draft(&room, &user_id, "leave", None)?)))
}
