//! `POST /_matrix/client/v3/rooms/{roomId}/leave`

use axum::extract::State;
use hearth_rooms::Rooms;
use hearth_storage::schema::rooms::Membership;
use ruma::api::client::membership::leave_room::v3::{Request as Leave, Response};

use crate::{Answer, Request, Result, membership::content::because, room::access};

/// Leaves a room, turns an invite down, or takes a knock back. Suspended users may, too
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidleave)).
pub async fn leave_room(State(rooms): State<Rooms>, request: Request<Leave>) -> Result<Answer<Response>> {
    let user = &request.who.user;
    let room = access::room(&rooms, &request.body.room_id)?;
    match room.membership(user)?.map(|row| row.membership) {
        None => return Err(access::not_in_room()),
        // A second time changes nothing.
        Some(Membership::Leave) => {}
        Some(_) => {
            room.set_membership(user, user, "leave", because(request.body.reason)).await?;
        }
    }
    Ok(Answer(Response::new()))
}
