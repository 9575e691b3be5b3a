//! `GET /_matrix/client/v1/mutual_rooms`

use std::collections::HashSet;

use axum::extract::State;
use hearth_rooms::Rooms;
use hearth_storage::{RoomNid, schema::rooms::Membership};
use ruma::{
    UInt, UserId,
    api::client::membership::get_mutual_rooms::v1::{Request as GetMutualRooms, Response},
};

use crate::{Answer, MatrixError, Request, Result};

/// How many rooms one answer holds.
const BATCH: usize = 200;

/// The rooms that the user shares with another
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mutual_rooms)).
pub async fn get_mutual_rooms(
    State(rooms): State<Rooms>,
    request: Request<GetMutualRooms>,
) -> Result<Answer<Response>> {
    let (user, other) = (&request.who.user, &request.body.user_id);
    if user == other {
        return Err(MatrixError::invalid_param("You share every room of yours with yourself."));
    }
    let after = request.body.from.as_deref().map(batch).transpose()?;
    let others: HashSet<RoomNid> = joined(&rooms, other)?.collect();
    let mut mutual: Vec<RoomNid> = joined(&rooms, user)?.filter(|room| others.contains(room)).collect();
    mutual.sort_unstable();
    let count = UInt::new_saturating(mutual.len() as u64);

    let start = after.map_or(0, |after| mutual.partition_point(|room| *room <= after));
    let page = &mutual[start..mutual.len().min(start + BATCH)];
    let ids = page.iter().map(|nid| Ok(rooms.room_by_nid(*nid)?.id().to_owned()));
    let mut response = Response::new(count, ids.collect::<Result<_>>()?);
    response.next_batch =
        page.last().filter(|_| start + page.len() < mutual.len()).map(|last| format!("m1_{}", last.0));
    Ok(Answer(response))
}

/// The room after which a batch begins.
fn batch(token: &str) -> Result<RoomNid> {
    let room = token.strip_prefix("m1_").and_then(|room| room.parse().ok());
    room.map(RoomNid).ok_or_else(|| MatrixError::invalid_param("`from` is not a token of this server."))
}

fn joined(rooms: &Rooms, user: &UserId) -> Result<impl Iterator<Item = RoomNid>> {
    let rows = rooms.rooms_of(user)?.into_iter();
    Ok(rows.filter(|(_, row)| row.membership == Membership::Join).map(|(room, _)| room))
}
