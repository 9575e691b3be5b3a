//! `GET /_matrix/client/v3/publicRooms` and `POST /_matrix/client/v3/publicRooms`

use std::collections::HashSet;

use axum::extract::State;
use hearth_federation::AskedBy;
use hearth_http::rooms::public_rooms::page;
use hearth_rooms::Room;
use hearth_storage::RoomNid;
use ruma::{
    OwnedServerName, UInt,
    api::{
        client::directory::{get_public_rooms::v3 as get, get_public_rooms_filtered::v3 as query},
        federation::directory::get_public_rooms_filtered::v1::Request as Wanted,
    },
    directory::{PublicRoomsChunk, RoomNetwork},
};

use serde::Serialize;
use serde_json::Value;

use crate::{ClientApi, JsonText, Request, Result};

/// The published rooms, of this server or of another
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3publicrooms)).
pub async fn get_public_rooms(
    State(api): State<ClientApi>,
    request: Request<get::Request>,
) -> Result<JsonText> {
    let asked_by = AskedBy::address(request.address);
    let get::Request { limit, since, server, .. } = request.body;
    let mut wanted = Wanted::new();
    (wanted.limit, wanted.since) = (limit, since);
    published(&api, asked_by, server, wanted).await
}

/// Those of them that a filter takes
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3publicrooms)).
pub async fn query_public_rooms(
    State(api): State<ClientApi>,
    request: Request<query::Request>,
) -> Result<JsonText> {
    let asked_by = AskedBy::User(request.who.user.clone());
    let query::Request { limit, since, server, filter, room_network, .. } = request.body;
    let mut wanted = Wanted::new();
    (wanted.limit, wanted.since, wanted.filter, wanted.room_network) = (limit, since, filter, room_network);
    published(&api, asked_by, server, wanted).await
}

/// A page of the directory. ruma's response leaves out the rule for joins where it is `public`.
#[derive(Serialize)]
struct Listing {
    chunk: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_batch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev_batch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_room_count_estimate: Option<UInt>,
}

async fn published(
    api: &ClientApi,
    asked_by: AskedBy,
    server: Option<OwnedServerName>,
    wanted: Wanted,
) -> Result<JsonText> {
    let mut found = query::Response::new();
    if let Some(server) = server.filter(|server| !api.federation.is_own(server)) {
        let page = api.federation.public_rooms(asked_by, &server, wanted).await?;
        found.chunk = page.chunk;
        found.next_batch = page.next_batch;
        found.prev_batch = page.prev_batch;
        found.total_room_count_estimate = page.total_room_count_estimate;
    } else {
        let rooms = in_directory(api, &wanted.room_network)?;
        let page = page(&api.rooms, rooms, wanted.limit, wanted.since.as_deref(), &wanted.filter)?;
        found.chunk = page.chunk;
        found.next_batch = page.next_batch;
        found.prev_batch = page.prev_batch;
        found.total_room_count_estimate = Some(page.total);
    }
    let listing = Listing {
        chunk: found.chunk.iter().map(listed).collect::<Result<_>>()?,
        next_batch: found.next_batch,
        prev_batch: found.prev_batch,
        total_room_count_estimate: found.total_room_count_estimate,
    };
    Ok(JsonText(serde_json::to_string(&listing)?))
}

fn listed(room: &PublicRoomsChunk) -> Result<Value> {
    let mut listed = serde_json::to_value(room)?;
    listed["join_rule"] = room.join_rule.as_str().into();
    Ok(listed)
}

/// The rooms of this server's directory, of that of a network, or of all.
fn in_directory(api: &ClientApi, network: &RoomNetwork) -> Result<Vec<Room>> {
    let of_networks = match network {
        RoomNetwork::All => api.services.published(None)?,
        RoomNetwork::ThirdParty(instance) => api.services.published(Some(instance))?,
        _ => return Ok(api.rooms.published()?),
    };
    let mut rooms = if *network == RoomNetwork::All { api.rooms.published()? } else { Vec::new() };
    let own: HashSet<RoomNid> = rooms.iter().map(Room::nid).collect();
    for nid in of_networks.into_iter().filter(|nid| !own.contains(nid)) {
        rooms.push(api.rooms.room_by_nid(nid)?);
    }
    Ok(rooms)
}
