//! `GET /_matrix/client/v1/rooms/{roomId}/hierarchy`

use axum::extract::State;
use ruma::{
    UInt,
    api::client::space::get_hierarchy::v1::{Request as GetHierarchy, Response},
};

use crate::{Answer, ClientApi, MatrixError, Request, Result, space::walk::Walk};

/// How many rooms a page holds at most, and how deep below the first room they are.
const MAX_PAGE: usize = 50;
const MAX_DEPTH: usize = 32;

/// The rooms below a space, depth first
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidhierarchy)).
pub async fn get_space_hierarchy(
    State(api): State<ClientApi>,
    request: Request<GetHierarchy>,
) -> Result<Answer<Response>> {
    let GetHierarchy { room_id, from, limit, max_depth, suggested_only, .. } = request.body;
    if limit == Some(UInt::MIN) {
        return Err(MatrixError::invalid_param("`limit` must be greater than 0."));
    }
    let size = |number: Option<UInt>| number.and_then(|number| usize::try_from(number).ok());
    let limit = size(limit).unwrap_or(MAX_PAGE).min(MAX_PAGE);
    let max_depth = size(max_depth).unwrap_or(MAX_DEPTH).min(MAX_DEPTH);
    let skip = from.as_deref().map(|from| begin(from, max_depth, suggested_only)).transpose()?.unwrap_or(0);

    let mut walk = Walk::new(&api, &request.who.user, room_id, max_depth, suggested_only);
    let root = walk.next().await?;
    let root = root.ok_or_else(|| MatrixError::forbidden("You are not allowed to view this room."))?;
    let mut response = Response::new();
    let (mut at, mut next) = (0, Some(root));
    while let Some(chunk) = next {
        if at == skip + limit {
            response.next_batch = Some(batch(at, max_depth, suggested_only));
            break;
        }
        if at >= skip {
            response.rooms.push(chunk);
        }
        at += 1;
        next = walk.next().await?;
    }
    Ok(Answer(response))
}

/// A token: how many rooms were given, and what may not change meanwhile.
fn batch(given: usize, max_depth: usize, suggested_only: bool) -> String {
    format!("s1_{given}_{max_depth}_{}", u8::from(suggested_only))
}

/// How many rooms a token says were given.
fn begin(from: &str, max_depth: usize, suggested_only: bool) -> Result<usize> {
    let given = from.strip_prefix("s1_").and_then(|rest| rest.split_once('_')?.0.parse().ok());
    given.filter(|given| batch(*given, max_depth, suggested_only) == from).ok_or_else(|| {
        MatrixError::invalid_param(
            "`from` is no token of this server, or `max_depth` or `suggested_only` changed.",
        )
    })
}
