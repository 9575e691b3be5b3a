//! Reading what was sent: timelines, single events, search and notifications.

pub mod context;
pub mod event;
pub(crate) mod history;
pub mod messages;
pub mod notifications;
mod relation_filter;
pub mod search;
#[cfg(test)]
mod tests;
pub(crate) mod timelines;
pub mod timestamp;
pub(crate) mod view;

use crate::{Admits, EndpointRouter};

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router
        .endpoint_admitting(Admits::GUESTS, messages::get_messages)
        .endpoint_admitting(Admits::GUESTS, context::get_context)
        .endpoint_admitting(Admits::GUESTS, event::get_event)
        .endpoint(timestamp::timestamp_to_event)
        .endpoint(search::search)
        .endpoint(notifications::get_notifications)
}
