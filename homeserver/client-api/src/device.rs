//! Devices ("Device Management").

pub mod dehydrated;
pub mod dehydrated_events;
#[cfg(test)]
mod dehydrated_tests;
pub mod delete;
pub mod get;
#[cfg(test)]
mod tests;
pub mod update;

use crate::{Admits, EndpointRouter};

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router
        .endpoint_admitting(Admits::GUESTS, get::get_devices)
        .endpoint_admitting(Admits::GUESTS, get::get_device)
        .endpoint_admitting(Admits::GUESTS, update::update_device)
        .endpoint(dehydrated::put_dehydrated_device)
        .endpoint(dehydrated::get_dehydrated_device)
        .endpoint(dehydrated::delete_dehydrated_device)
        .endpoint(dehydrated_events::get_events)
        .endpoint(dehydrated_events::post_events)
        .endpoint(delete::delete_device)
        .endpoint(delete::delete_devices)
}
