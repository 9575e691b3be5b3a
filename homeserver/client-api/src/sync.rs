//! Following what happens: `/sync` ("Syncing"), and the streams of events that it replaced.

pub mod events;
pub mod get;
pub mod initial_sync;
pub mod requests;
pub mod sliding;
#[cfg(test)]
mod tests;

use crate::{Admits, EndpointRouter};

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router
        .endpoint_admitting(Admits::GUESTS, get::sync)
        .endpoint_admitting(Admits::GUESTS, events::get_events)
        .endpoint(events::get_one_event)
        .endpoint(initial_sync::initial_sync)
        .endpoint_admitting(Admits::GUESTS, sliding::unstable_sliding_sync)
        .endpoint_admitting(Admits::GUESTS, sliding::sliding_sync)
}
