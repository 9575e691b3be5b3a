//! Delayed events ([MSC4140](https://github.com/matrix-org/matrix-spec-proposals/pull/4140)): what is sent later, unless
//! it is cancelled or put off until then. Calls end by them when a device falls silent.

pub mod act;
pub mod get;
pub mod send;
#[cfg(test)]
mod tests;

use crate::{Admits, EndpointRouter};

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router
        .endpoint_admitting(Admits::GUESTS, send::send_delayed_event)
        .endpoint_admitting(Admits::GUESTS, get::get_all_delayed_events)
        .endpoint_admitting(Admits::GUESTS, get::get_delayed_event)
        .endpoint(act::update_delayed_event)
        .endpoint_admitting(Admits::GUESTS, act::update_delayed_event_by_body)
}
