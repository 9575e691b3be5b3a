//! `POST /_matrix/client/v3/rooms/{roomId}/forget`

use axum::extract::State;
use hearth_rooms::Rooms;
use hearth_storage::schema::rooms::Membership;
use ruma::api::client::membership::forget_room::v3::{Request as Forget, Response};

use crate::{Answer, MatrixError, Request, Result, room::access};

/// Gives up what one may still read of a room that one has left
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidforget)).
pub async fn forget_room(State(rooms): State<Rooms>, request: Request<Forget>) -> Result<Answer<Response>> {
    let user = &request.who.user;
    let room = access::room(&rooms, &request.body.room_id)?;
    match rooms.user_room(user, room.nid())?.map(|row| row.membership) {
        None => Err(access::not_in_room()),
        Some(Membership::Leave | Membership::Ban) => {
            room.forget(user).await?;
            Ok(Answer(Response::new()))
        }
        Some(_) => Err(MatrixError::unknown("Leave the room before you forget it.")),
    }
}
