//! `GET /_matrix/federation/v1/query/directory`

use axum::extract::State;
use hearth_http::{Answer, MatrixError, Result, rooms::servers::servers_of};
use ruma::api::federation::query::get_room_information::v1::{Request as QueryDirectory, Response};

use crate::{Federation, endpoint::Request};

/// The room that an alias of this server stands for
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1querydirectory)).
pub async fn query_directory(
    State(federation): State<Federation>,
    request: Request<QueryDirectory>,
) -> Result<Answer<Response>> {
    let alias = &request.body.room_alias;
    let unknown = || MatrixError::not_found("There is no such room alias.");
    if !federation.is_own(alias.server_name()) || federation.rooms().bans().allow_alias(alias).is_err() {
        return Err(unknown());
    }
    let mut row = federation.rooms().resolve_alias(alias)?;
    if row.is_none() {
        federation.services().look_up_alias(alias).await;
        row = federation.rooms().resolve_alias(alias)?;
    }
    let room_id = row.ok_or_else(unknown)?.room_id;
    let servers = servers_of(federation.rooms(), &room_id)?;
    Ok(Answer(Response::new(room_id, servers)))
}
