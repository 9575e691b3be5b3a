//! `PUT /_matrix/client/v3/directory/list/appservice/{networkId}/{roomId}`

use axum::extract::State;
use ruma::api::client::{
    appservice::set_room_visibility::v3::{Request as SetVisibility, Response},
    room::Visibility,
};

use crate::{Answer, ClientApi, MatrixError, Request, Result, room::access};

/// Publishes a room in the directory of a network to which the service leads, or takes it out
/// ([spec](https://spec.matrix.org/v1.19/application-service-api/#put_matrixclientv3directorylistappservicenetworkidroomid)).
pub async fn set_room_visibility(
    State(api): State<ClientApi>,
    request: Request<SetVisibility>,
) -> Result<Answer<Response>> {
    let SetVisibility { network_id, room_id, visibility, .. } = request.body;
    let room = api.rooms.find_room(&room_id)?.ok_or_else(access::unknown_room)?;
    let published = match visibility {
        Visibility::Public => true,
        Visibility::Private => false,
        _ => return Err(MatrixError::invalid_param("A room's visibility is public or private.")),
    };
    api.services.publish(&request.who, &network_id, &room, published).await?;
    Ok(Answer(Response::default()))
}
