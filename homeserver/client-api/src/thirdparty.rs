//! Networks behind bridges ("Third-party Networks"): what application services say of them.

use std::collections::BTreeMap;

use axum::extract::State;
use hearth_appservices::{AppServices, encoded};
use ruma::api::client::thirdparty::{
    get_location_for_protocol::v3 as location, get_location_for_room_alias::v3 as alias,
    get_protocol::v3 as protocol, get_protocols::v3 as protocols, get_user_for_protocol::v3 as user,
    get_user_for_user_id::v3 as user_id,
};
use serde_json::Value;

use crate::{EndpointRouter, Json, MatrixError, Request, Result};

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
    State(services): State<AppServices>,
    _request: Request<protocols::Request>,
) -> Result<Json<BTreeMap<String, Value>>> {
    Ok(Json(services.networks().await))
}

/// What is known of a network
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3thirdpartyprotocolprotocol)).
pub async fn get_protocol(
    State(services): State<AppServices>,
    request: Request<protocol::Request>,
) -> Result<Json<Value>> {
    Ok(Json(services.network(&request.body.protocol).await.ok_or_else(unknown)?))
}

/// Rooms that lead to a place in a network
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3thirdpartylocationprotocol)).
pub async fn get_location_for_protocol(
    State(services): State<AppServices>,
    request: Request<location::Request>,
) -> Result<Json<Vec<Value>>> {
    let location::Request { protocol, fields, .. } = request.body;
    let found = services.find_in_network("location", &protocol, &query(&fields)).await;
    Ok(Json(found.ok_or_else(unknown)?))
}

/// Users who stand for one of a network
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3thirdpartyuserprotocol)).
pub async fn get_user_for_protocol(
    State(services): State<AppServices>,
    request: Request<user::Request>,
) -> Result<Json<Vec<Value>>> {
    let user::Request { protocol, fields, .. } = request.body;
    let found = services.find_in_network("user", &protocol, &query(&fields)).await;
    Ok(Json(found.ok_or_else(unknown)?))
}

/// Which places in networks an alias leads to
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3thirdpartylocation)).
pub async fn get_location_for_room_alias(
    State(services): State<AppServices>,
    request: Request<alias::Request>,
) -> Result<Json<Vec<Value>>> {
    let query = format!("alias={}", encoded(request.body.alias.as_str()));
    Ok(Json(services.find_in_networks("location", &query).await))
}

/// Whom in networks a user stands for
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3thirdpartyuser)).
pub async fn get_user_for_user_id(
    State(services): State<AppServices>,
    request: Request<user_id::Request>,
) -> Result<Json<Vec<Value>>> {
    let query = format!("userid={}", encoded(request.body.userid.as_str()));
    Ok(Json(services.find_in_networks("user", &query).await))
}

/// What a client asks of a network, without what it tells this server of itself.
fn query(fields: &BTreeMap<String, String>) -> String {
    let own = ["access_token", "user_id", "device_id", "org.matrix.msc3202.device_id"];
    let asked = fields.iter().filter(|(field, _)| !own.contains(&field.as_str()));
    let asked = asked.map(|(field, value)| format!("{}={}", encoded(field), encoded(value)));
    asked.collect::<Vec<_>>().join("&")
}

fn unknown() -> MatrixError {
    MatrixError::not_found("This server is connected to no such network.")
}
