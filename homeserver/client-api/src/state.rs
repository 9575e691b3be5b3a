//! Reading and writing a room's state, and sending events.

pub(crate) mod canonical_alias;
pub(crate) mod events;
pub mod get;
pub mod put;
pub mod redact;
pub mod send;
pub(crate) mod shadow;
pub(crate) mod sticky;
#[cfg(test)]
mod sticky_tests;
#[cfg(test)]
mod tests;
pub(crate) mod transaction;

use crate::{Admits, EndpointRouter};

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router
        .endpoint_admitting(Admits::GUESTS, get::get_room_state)
        .endpoint_admitting(Admits::GUESTS, get::get_room_state_event)
        .endpoint_admitting(Admits::GUESTS, put::set_room_state)
        .endpoint_admitting(Admits::GUESTS, send::send_message)
        .endpoint(redact::redact_event)
}
