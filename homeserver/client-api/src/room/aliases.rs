//! `GET /_matrix/client/v3/rooms/{roomId}/aliases`

use axum::extract::State;
use hearth_rooms::Rooms;
use ruma::api::client::room::aliases::v3::{Request as GetAliases, Response};

use crate::{Answer, Request, Result, room::access};

/// The aliases of this server for a room
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidaliases)). Administrators see
/// those of all rooms.
pub async fn get_local_aliases(
    State(rooms): State<Rooms>,
    request: Request<GetAliases>,
) -> Result<Answer<Response>> {
    let room = access::room(&rooms, &request.body.room_id)?;
    let who = &request.who;
    if !who.admin && !room.is_joined(&who.user)? && !room.is_world_readable()? {
        return Err(access::not_in_room());
    }
    Ok(Answer(Response::new(room.aliases()?)))
}
