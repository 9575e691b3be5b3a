//! Devices ("Device Management").

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
        .endpoint(delete::delete_device)
        .endpoint(delete::delete_devices)
}
