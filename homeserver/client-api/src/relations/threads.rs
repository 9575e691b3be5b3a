//! `GET /_matrix/client/v1/rooms/{roomId}/threads`

use std::sync::Arc;

use axum::extract::State;
use hearth_rooms::Event;
use hearth_storage::TimelineOrder;
use hearth_sync::TimelineToken;
use ruma::{
    UserId,
    api::client::threads::get_threads::v1::{IncludeThreads, Request as GetThreads, Response},
};

use crate::{
    Answer, ClientApi, MatrixError, Request, Result,
    message::view::{View, limit, place},
    state::events::EventWriter,
};

/// How many threads are given where the client does not say.
const DEFAULT: usize = 20;
/// How many at most, and how many are looked at at once.
const MAX: usize = 100;
/// How many are looked at for one request.
const MAX_LOOKED_AT: usize = 2_000;

/// The roots of a room's threads, the one written in last first
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidthreads)).
pub async fn get_threads(
    State(api): State<ClientApi>,
    request: Request<GetThreads>,
) -> Result<Answer<Response>> {
    let Request { body, who, .. } = request;
    let view = View::of(&api, &who.user, &body.room_id)?;
    let participated = match body.include {
        IncludeThreads::All => false,
        IncludeThreads::Participated => true,
        _ => return Err(MatrixError::invalid_param("`include` is all or participated.")),
    };
    // A token stands right after the activity of the last thread that was given.
    let from = place(body.from.as_deref())?.and_then(|from| from.range(None, true, 1).until);
    let limit = limit(body.limit, DEFAULT, MAX);
    let Threads { roots, next } = Threads::read(&view, &who.user, from, limit, participated)?;
    let mut response = Response::new(EventWriter::new(&api, &view.room, &who)?.raw(&roots)?);
    response.next_batch = next.map(|order| TimelineToken::after(order).to_string());
    Ok(Answer(response))
}

struct Threads {
    roots: Vec<Arc<Event>>,
    /// The activity of the last one, if there may be more.
    next: Option<TimelineOrder>,
}

impl Threads {
    fn read(
        view: &View,
        user: &UserId,
        mut before: Option<TimelineOrder>,
        limit: usize,
        participated: bool,
    ) -> Result<Self> {
        let mut roots = Vec::new();
        for _ in 0..MAX_LOOKED_AT / MAX {
            let batch = view.room.threads(before, MAX)?;
            let exhausted = batch.len() < MAX;
            for (order, root) in batch {
                let wanted = !participated || view.room.participated(user, &root)?;
                if wanted && let Some(root) = shown(view, root)? {
                    if roots.len() == limit {
                        return Ok(Self { roots, next: before.or(Some(order.following())) });
                    }
                    roots.push(root);
                }
                before = Some(order);
            }
            if exhausted {
                return Ok(Self { roots, next: None });
            }
        }
        Ok(Self { roots, next: before })
    }
}

/// A root as the user may see it: redacted, where its sender is ignored. Without any reply that the user may see there
/// is no thread for them.
fn shown(view: &View, root: Arc<Event>) -> Result<Option<Arc<Event>>> {
    if !view.may_see(&root)? || !view.has_thread(&root)? {
        return Ok(None);
    }
    if !view.ignores(&root) {
        return Ok(Some(root));
    }
    Ok(Some(root.emptied()?))
}
