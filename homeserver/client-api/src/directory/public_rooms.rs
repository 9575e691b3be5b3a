//! `GET /_matrix/client/v3/publicRooms` and `POST /_matrix/client/v3/publicRooms`

use axum::extract::State;
use hearth_federation::AskedBy;
use hearth_http::rooms::public_rooms::page;
use ruma::{
    OwnedServerName,
    api::{
        client::directory::{get_public_rooms::v3 as get, get_public_rooms_filtered::v3 as query},
        federation::directory::get_public_rooms_filtered::v1::Request as Wanted,
    },
    directory::RoomNetwork,
};

use crate::{Answer, ClientApi, Request, Result};

/// The published rooms, of this server or of another
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3publicrooms)).
pub async fn get_public_rooms(
    State(api): State<ClientApi>,
    request: Request<get::Request>,
) -> Result<Answer<get::Response>> {
    let asked_by = AskedBy::address(request.address);
    let get::Request { limit, since, server, .. } = request.body;
    let mut wanted = Wanted::new();
    (wanted.limit, wanted.since) = (limit, since);
    let page = published(&api, asked_by, server, wanted).await?;
    let mut response = get::Response::new(page.chunk);
    response.next_batch = page.next_batch;
    response.prev_batch = page.prev_batch;
    response.total_room_count_estimate = page.total_room_count_estimate;
    Ok(Answer(response))
}

/// Those of them that a filter takes
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3publicrooms)).
pub async fn query_public_rooms(
    State(api): State<ClientApi>,
    request: Request<query::Request>,
) -> Result<Answer<query::Response>> {
    let asked_by = AskedBy::User(request.who.user.clone());
    let query::Request { limit, since, server, filter, room_network, .. } = request.body;
    let mut wanted = Wanted::new();
    (wanted.limit, wanted.since, wanted.filter, wanted.room_network) = (limit, since, filter, room_network);
    Ok(Answer(published(&api, asked_by, server, wanted).await?))
}

async fn published(
    api: &ClientApi,
    asked_by: AskedBy,
    server: Option<OwnedServerName>,
    wanted: Wanted,
) -> Result<query::Response> {
    let mut response = query::Response::new();
    if let Some(server) = server.filter(|server| !api.federation.is_own(server)) {
        let page = api.federation.public_rooms(asked_by, &server, wanted).await?;
        response.chunk = page.chunk;
        response.next_batch = page.next_batch;
        response.prev_batch = page.prev_batch;
        response.total_room_count_estimate = page.total_room_count_estimate;
    // There are no bridges, so there are no rooms behind one.
    } else if !matches!(wanted.room_network, RoomNetwork::ThirdParty(_)) {
        let page = page(&api.rooms, wanted.limit, wanted.since.as_deref(), &wanted.filter)?;
        response.chunk = page.chunk;
        response.next_batch = page.next_batch;
        response.prev_batch = page.prev_batch;
        response.total_room_count_estimate = Some(page.total);
    }
    Ok(response)
}
