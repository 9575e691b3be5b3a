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
    let id = &request.body.room_id;
    let outside = rooms.out_of_room(user, id)?.map(|(.., row)| row.membership);
    let room = rooms.find_room(id)?;
    let row = room.as_ref().map(|room| rooms.user_room(user, room.nid())).transpose()?.flatten();
    match (room, row.map(|row| row.membership).or(outside)) {
        (_, None) => Err(access::not_in_room()),
        (room, Some(Membership::Leave | Membership::Ban)) => {
            match room {
                Some(room) => room.forget(user).await?,
                None => rooms.forget_out_of_room(user, id).await?,
            }
            Ok(Answer(Response::new()))
        }
        _ => Err(MatrixError::unknown("Leave the room before you forget it.")),
    }
}
