//! Spaces.

pub mod hierarchy;
#[cfg(test)]
mod tests;
mod walk;

use crate::EndpointRouter;

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router.endpoint(hierarchy::get_space_hierarchy)
}
