//! Spaces.

pub mod hierarchy;

use crate::endpoint::EndpointRouter;

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router.endpoint(hierarchy::get_hierarchy)
}
