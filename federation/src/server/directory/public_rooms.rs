//! `GET /_matrix/federation/v1/publicRooms` and `POST /_matrix/federation/v1/publicRooms`

use axum::extract::State;
use hearth_http::{Answer, Result, rooms::public_rooms::page};
use ruma::{
    api::federation::directory::{get_public_rooms::v1 as get, get_public_rooms_filtered::v1 as query},
    directory::{Filter, RoomNetwork},
};

use crate::{Federation, endpoint::Request};

/// The rooms that this server publishes
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1publicrooms)).
pub async fn get_public_rooms(
    State(federation): State<Federation>,
    request: Request<get::Request>,
) -> Result<Answer<get::Response>> {
    let get::Request { limit, since, room_network, .. } = request.body;
    let mut response = get::Response::new();
    if !matches!(room_network, RoomNetwork::ThirdParty(_)) {
        let page = page(
            federation.rooms(),
            federation.rooms().published()?,
            limit,
            since.as_deref(),
            &Filter::new(),
        )?;
        response.chunk = page.chunk;
        response.next_batch = page.next_batch;
        response.prev_batch = page.prev_batch;
        response.total_room_count_estimate = Some(page.total);
    }
    Ok(Answer(response))
}

/// Those of them that a filter takes
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1publicrooms)).
pub async fn query_public_rooms(
    State(federation): State<Federation>,
    request: Request<query::Request>,
) -> Result<Answer<query::Response>> {
    let query::Request { limit, since, filter, room_network, .. } = request.body;
    let mut response = query::Response::new();
    // There are no bridges, so there are no rooms behind one.
    if !matches!(room_network, RoomNetwork::ThirdParty(_)) {
        let page =
            page(federation.rooms(), federation.rooms().published()?, limit, since.as_deref(), &filter)?;
        response.chunk = page.chunk;
        response.next_batch = page.next_batch;
        response.prev_batch = page.prev_batch;
        response.total_room_count_estimate = Some(page.total);
    }
    Ok(Answer(response))
}
