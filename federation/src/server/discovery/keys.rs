//! `GET /_matrix/key/v2/server`, `GET /_matrix/key/v2/query/{serverName}` and `POST /_matrix/key/v2/query`

use std::collections::BTreeMap;

use axum::extract::State;
use hearth_http::{Json, Result};
use ruma::api::federation::discovery::{
    get_remote_server_keys::v2::Request as QueryOne, get_remote_server_keys_batch::v2::Request as Query,
    get_server_keys::v2::Request as GetKeys,
};
use serde_json::{Value, json};

use crate::{Federation, endpoint::Request};

/// This server's keys
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#get_matrixkeyv2server)).
pub async fn get_server_keys(
    State(federation): State<Federation>,
    _request: Request<GetKeys>,
) -> Result<Json<Value>> {
    Ok(Json(federation.keys().own()))
}

/// A server's keys, as this one knows them
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#get_matrixkeyv2queryservername)).
pub async fn get_remote_server_keys(
    State(federation): State<Federation>,
    request: Request<QueryOne>,
) -> Result<Json<Value>> {
    let wanted = BTreeMap::from([(request.body.server_name, BTreeMap::new())]);
    Ok(Json(json!({ "server_keys": federation.keys().notarised(request.came_from, wanted).await })))
}

/// The same of several servers
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#post_matrixkeyv2query)).
pub async fn get_remote_server_keys_batch(
    State(federation): State<Federation>,
    request: Request<Query>,
) -> Result<Json<Value>> {
    let wanted = request.body.server_keys.into_iter().map(|(server, keys)| {
        let least = |until: Option<ruma::MilliSecondsSinceUnixEpoch>| until.map(|until| until.get().into());
        let keys =
            keys.into_iter().map(|(id, wanted)| (id.to_string(), least(wanted.minimum_valid_until_ts)));
        (server, keys.collect())
    });
    Ok(Json(json!({ "server_keys": federation.keys().notarised(request.came_from, wanted.collect()).await })))
}
