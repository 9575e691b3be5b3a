//! `GET /_matrix/client/v1/mutual_rooms`

use std::collections::HashSet;

use axum::extract::State;
use hearth_rooms::Rooms;
use hearth_storage::{RoomNid, schema::rooms::Membership};
use ruma::{
    OwnedRoomId, UInt, UserId,
    api::client::membership::get_mutual_rooms::{
        unstable,
        v1::{Request as GetMutualRooms, Response},
    },
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
    let GetMutualRooms { user_id, from, .. } = &request.body;
    let Mutual { count, page, next } = Mutual::of(&rooms, &request.who.user, user_id, from.as_deref())?;
    let mut response = Response::new(UInt::new_saturating(count as u64), page);
    response.next_batch = next;
    Ok(Answer(response))
}

/// The same as clients asked for it before it was part of the specification
/// ([MSC2666](https://github.com/matrix-org/matrix-spec-proposals/pull/2666)).
pub async fn get_mutual_rooms_unstable(
    State(rooms): State<Rooms>,
    request: Request<unstable::Request>,
) -> Result<Answer<unstable::Response>> {
    let unstable::Request { user_id, from, .. } = &request.body;
    let Mutual { page, next, .. } = Mutual::of(&rooms, &request.who.user, user_id, from.as_deref())?;
    let mut response = unstable::Response::new(page);
    response.next_batch = next;
    Ok(Answer(response))
}

/// A part of the rooms that two users share.
struct Mutual {
    /// How many rooms they share.
    count: usize,
    page: Vec<OwnedRoomId>,
    /// Where to go on, if there are more.
    next: Option<String>,
}

impl Mutual {
    fn of(rooms: &Rooms, user: &UserId, other: &UserId, from: Option<&str>) -> Result<Self> {
        if user == other {
            return Err(MatrixError::invalid_param("You share every room of yours with yourself."));
        }
        let after = from.map(batch).transpose()?;
        let others: HashSet<RoomNid> = joined(rooms, other)?.collect();
        let mut mutual: Vec<RoomNid> = joined(rooms, user)?.filter(|room| others.contains(room)).collect();
        mutual.sort_unstable();

        let start = after.map_or(0, |after| mutual.partition_point(|room| *room <= after));
        let page = &mutual[start..mutual.len().min(start + BATCH)];
        let next = page.last().filter(|_| start + page.len() < mutual.len());
        let ids = page.iter().map(|nid| Ok(rooms.room_by_nid(*nid)?.id().to_owned()));
        Ok(Self {
            count: mutual.len(),
            page: ids.collect::<Result<_>>()?,
            next: next.map(|last| format!("m1_{}", last.0)),
        })
    }
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
