//! `GET /_matrix/client/unstable/io.element.msc4308/thread_subscriptions`

use axum::extract::State;
use hearth_storage::{Position, schema::users::ThreadSubscription as Kind};
use hearth_sync::SlidingPosition;
use ruma::{
    UInt,
    api::client::threads::get_thread_subscriptions_changes::unstable::{
        Request as GetSubscriptions, Response, ThreadSubscription, ThreadUnsubscription,
    },
};

use crate::{Answer, ClientApi, MatrixError, Request, Result, message::view::limit};

/// How many threads are told of where the client does not say.
const DEFAULT: usize = 100;
/// How many at most.
const MAX: usize = 512;

/// The threads that the user subscribed to or gave up, back from a token: those of which they last spoke after `to` and up
/// to `from` ([MSC4308](https://github.com/matrix-org/matrix-spec-proposals/pull/4308)).
pub async fn get_thread_subscriptions(
    State(api): State<ClientApi>,
    request: Request<GetSubscriptions>,
) -> Result<Answer<Response>> {
    let Request { body, who, .. } = request;
    let until = body.from.as_deref().map(place).transpose()?.unwrap_or(Position(u64::MAX));
    let after = body.to.as_deref().map(place).transpose()?.unwrap_or_default();
    let limit = limit(body.limit, DEFAULT, MAX);
    if limit == 0 {
        return Err(MatrixError::invalid_param("`limit` is at least 1."));
    }
    let threads = api.users.thread_subscriptions.changes(&who.user, after, until, limit + 1)?;
    let mut response = Response::new();
    if threads.len() > limit {
        response.end = Some(threads[limit].position.0.to_string());
    }
    for thread in threads.into_iter().take(limit) {
        let bump_stamp = UInt::new_saturating(thread.position.0);
        match thread.subscription {
            Some(kind) => {
                let told = ThreadSubscription::new(kind == Kind::Automatic, bump_stamp);
                response.subscribed.entry(thread.room).or_default().insert(thread.root, told);
            }
            None => {
                let told = ThreadUnsubscription::new(bump_stamp);
                response.unsubscribed.entry(thread.room).or_default().insert(thread.root, told);
            }
        }
    }
    Ok(Answer(response))
}

/// A place among the changes, as a token says it: one of this endpoint, or the `pos` of a sliding sync.
fn place(token: &str) -> Result<Position> {
    if let Ok(position) = token.parse::<SlidingPosition>() {
        return Ok(position.log());
    }
    let number = token.parse().map_err(|_| MatrixError::invalid_param("That is no token of this server."))?;
    Ok(Position(number))
}
