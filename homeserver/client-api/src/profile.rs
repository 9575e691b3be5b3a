//! Profiles.

pub mod get;
pub mod set;
#[cfg(test)]
mod tests;

use crate::{Admits, EndpointRouter};

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router
        .endpoint(get::get_profile)
        .endpoint(get::get_profile_field)
        .endpoint_admitting(Admits::GUESTS, set::set_profile_field)
        .endpoint_admitting(Admits::GUESTS, set::delete_profile_field)
}
