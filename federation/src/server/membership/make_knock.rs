//! `GET /_matrix/federation/v1/make_knock/{roomId}/{userId}`

use axum::extract::State;
use hearth_http::{Answer, Result};
use ruma::api::federation::membership::prepare_knock_event::v1::{Request as MakeKnock, Response};

use crate::{
    Federation,
    endpoint::Request,
    server::{
        access,
        membership::template::{draft, is_of, supports},
    },
};

/// Drafts a knock
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1make_knockroomiduserid)).
pub async fn make_knock(
    State(federation): State<Federation>,
    request: Request<MakeKnock>,
) -> Result<Answer<Response>> {
    let MakeKnock { room_id, user_id, ver, .. } = request.body;
    is_of(&user_id, &request.origin)?;
    let room = access::whole_room(&federation, &request.origin, &room_id)?;
    supports(&ver, room.version())?;
    Ok(Answer(Response::new(room.version().id(), draft(&room, &user_id, "knock", None)?)))
}
