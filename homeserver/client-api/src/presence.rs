//! Who is there ("Presence").

pub mod get;
pub mod set;
#[cfg(test)]
mod tests;

use crate::EndpointRouter;

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router.endpoint(get::get_presence).endpoint(set::set_presence)
}
