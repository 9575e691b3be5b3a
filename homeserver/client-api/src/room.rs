//! Rooms as such: making, upgrading, describing and reporting them.

pub(crate) mod access;
pub mod aliases;
pub mod create;
pub(crate) mod elsewhere;
pub mod initial_sync;
pub(crate) mod named;
pub mod report;
pub(crate) mod successor;
pub mod summary;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub mod upgrade;
pub(crate) mod version;

use crate::{Admits, EndpointRouter};

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router
        .endpoint(create::create_room)
        .endpoint(upgrade::upgrade_room)
        .endpoint(aliases::get_local_aliases)
        // Whoever has no account may ask as well, within bounds.
        .endpoint_admitting(Admits::GUESTS, summary::get_room_summary)
        .endpoint_admitting(Admits::GUESTS, initial_sync::room_initial_sync)
        .endpoint(report::report_event)
        .endpoint(report::report_room)
        .endpoint(report::report_user)
}
