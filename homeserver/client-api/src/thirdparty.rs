//! Networks behind bridges ("Third-party Networks"): without application services there are none.

use std::collections::BTreeMap;

use axum::extract::State;
use ruma::api::client::thirdparty::{
    get_location_for_protocol::v3 as location, get_location_for_room_alias::v3 as alias,
    get_protocol::v3 as protocol, get_protocols::v3 as protocols, get_user_for_protocol::v3 as user,
    get_user_for_user_id::v3 as user_id,
};

use crate::{Answer, ClientApi, EndpointRouter, MatrixError, Request, Result};

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router
        .endpoint(get_protocols)
        .endpoint(get_protocol)
        .endpoint(get_location_for_protocol)
        .endpoint(get_user_for_protocol)
        .endpoint(get_location_for_room_alias)
        .endpoint(get_user_for_user_id)
}

/// The networks that can be reached
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3thirdpartyprotocols)).
pub async fn get_protocols(
    State(_): State<ClientApi>,
    _request: Request<protocols::Request>,
) -> Result<Answer<protocols::Response>> {
    Ok(Answer(protocols::Response::new(BTreeMap::new())))
}

/// What is known of a network
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3thirdpartyprotocolprotocol)).
pub async fn get_protocol(
    State(_): State<ClientApi>,
    _request: Request<protocol::Request>,
) -> Result<Answer<protocol::Response>> {
    Err(unknown())
}

/// Rooms that lead to a place in a network
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3thirdpartylocationprotocol)).
pub async fn get_location_for_protocol(
    State(_): State<ClientApi>,
    _request: Request<location::Request>,
) -> Result<Answer<location::Response>> {
    Err(unknown())
}

/// Users who stand for one of a network
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3thirdpartyuserprotocol)).
pub async fn get_user_for_protocol(
    State(_): State<ClientApi>,
    _request: Request<user::Request>,
) -> Result<Answer<user::Response>> {
    Err(unknown())
}

/// Which places in networks an alias leads to
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3thirdpartylocation)).
pub async fn get_location_for_room_alias(
    State(_): State<ClientApi>,
    _request: Request<alias::Request>,
) -> Result<Answer<alias::Response>> {
    Err(unknown())
}

/// Whom in networks a user stands for
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3thirdpartyuser)).
pub async fn get_user_for_user_id(
    State(_): State<ClientApi>,
    _request: Request<user_id::Request>,
) -> Result<Answer<user_id::Response>> {
    Err(unknown())
}

fn unknown() -> MatrixError {
    MatrixError::not_found("This server is connected to no such network.")
}
