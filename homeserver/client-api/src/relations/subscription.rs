//! `GET`, `PUT` and `DELETE /_matrix/client/unstable/io.element.msc4306/rooms/{roomId}/thread/{threadRoot}/subscription`

use axum::extract::State;
use hearth_storage::{TimelineOrder, schema::users::ThreadSubscription};
use http::StatusCode;
use ruma::{
    EventId,
    api::client::threads::{
        get_thread_subscription::unstable::{Request as GetSubscription, Response as Subscription},
        subscribe_thread::unstable::{Request as Subscribe, Response as Subscribed},
        unsubscribe_thread::unstable::{Request as Unsubscribe, Response as Unsubscribed},
    },
};

use crate::{
    Answer, ClientApi, MatrixError, Request, Result, message::view::View, relations::thread::relates_to,
};

/// Whether the user subscribes to a thread
/// ([MSC4306](https://github.com/matrix-org/matrix-spec-proposals/pull/4306)).
pub async fn get_thread_subscription(
    State(api): State<ClientApi>,
    request: Request<GetSubscription>,
) -> Result<Answer<Subscription>> {
    let Request { body, who, .. } = request;
    let (view, root) = View::with_event(&api, &who.user, &body.room_id, &body.thread_root)?;
    let found = api.users.thread_subscriptions.get(&who.user, view.room.id(), root.id())?;
    let found = found.ok_or_else(|| MatrixError::not_found("You are not subscribed to this thread."))?;
    Ok(Answer(Subscription::new(found == ThreadSubscription::Automatic)))
}

/// Subscribes the user to a thread; with `automatic` because of an event in it, unless they gave it up after that.
pub async fn subscribe_thread(
    State(api): State<ClientApi>,
    request: Request<Subscribe>,
) -> Result<Answer<Subscribed>> {
    let Request { body, who, .. } = request;
    let (view, root) = View::with_event(&api, &who.user, &body.room_id, &body.thread_root)?;
    let cause = match body.automatic {
        Some(id) => Some(cause(&view, root.id(), &id)?),
        None => None,
    };
    api.users.thread_subscriptions.subscribe(&who.user, view.room.id(), root.id(), cause).await?;
    Ok(Answer(Subscribed::new()))
}

/// The place of an event that is in a thread.
fn cause(view: &View, root: &EventId, id: &EventId) -> Result<TimelineOrder> {
    let event = view.event(id)?;
    let in_thread = relates_to(&event).is_some_and(|relation| relation.is_of_thread(root));
    match event.order().filter(|_| in_thread) {
        Some(order) => Ok(order),
        None => Err(MatrixError::new(
            StatusCode::BAD_REQUEST,
            "IO.ELEMENT.MSC4306.M_NOT_IN_THREAD",
            "That event is not in this thread.",
        )),
    }
}

/// Gives up a thread.
pub async fn unsubscribe_thread(
    State(api): State<ClientApi>,
    request: Request<Unsubscribe>,
) -> Result<Answer<Unsubscribed>> {
    let Request { body, who, .. } = request;
    let (view, root) = View::with_event(&api, &who.user, &body.room_id, &body.thread_root)?;
    api.users.thread_subscriptions.unsubscribe(&who.user, view.room.id(), root.id()).await?;
    Ok(Answer(Unsubscribed::new()))
}
