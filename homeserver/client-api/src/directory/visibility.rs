//! `/_matrix/client/v3/directory/list/room/{roomId}`

use axum::extract::State;
use hearth_rooms::Rooms;
use ruma::api::client::{
    directory::{get_room_visibility::v3 as get, set_room_visibility::v3 as set},
    room::Visibility,
};

use crate::{Answer, MatrixError, Request, Result, directory::alias, room::access};

/// Whether a room is in the published directory
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3directorylistroomroomid)).
pub async fn get_room_visibility(
    State(rooms): State<Rooms>,
    request: Request<get::Request>,
) -> Result<Answer<get::Response>> {
    let room = rooms.find_room(&request.body.room_id)?.ok_or_else(access::unknown_room)?;
    let published = rooms.is_published(&room)?;
    Ok(Answer(get::Response::new(if published { Visibility::Public } else { Visibility::Private })))
}

/// Publishes a room, or takes it out of the directory. It takes the power to change the room's main alias
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3directorylistroomroomid)).
pub async fn set_room_visibility(
    State(rooms): State<Rooms>,
    request: Request<set::Request>,
) -> Result<Answer<set::Response>> {
    let Request { body, who, .. } = request;
    who.not_suspended()?;
    let room = rooms.find_room(&body.room_id)?.ok_or_else(access::unknown_room)?;
    let published = match body.visibility {
        Visibility::Public => true,
        Visibility::Private => false,
        _ => return Err(MatrixError::invalid_param("A room's visibility is public or private.")),
    };
    if !who.admin && !alias::may_name(&room, &who.user)? {
        return Err(MatrixError::forbidden("You may not change how that room is published."));
    }
    rooms.set_published(&room, published).await?;
    Ok(Answer(set::Response::new()))
}
