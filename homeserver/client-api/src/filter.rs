//! Filters ("Filtering").

pub mod create;
pub mod get;
#[cfg(test)]
mod tests;

use crate::EndpointRouter;

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router.endpoint(create::create_filter).endpoint(get::get_filter)
}
