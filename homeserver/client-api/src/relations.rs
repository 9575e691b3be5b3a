//! Events that relate to others, and threads ("Forming relationships between events", "Threading").

#[cfg(test)]
mod bundling_tests;
pub mod get;
#[cfg(test)]
mod tests;
pub(crate) mod thread;
pub mod threads;

use crate::EndpointRouter;

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router
        .endpoint(get::get_relations)
        .endpoint(get::get_relations_with_rel_type)
        .endpoint(get::get_relations_with_rel_type_and_event_type)
        .endpoint(threads::get_threads)
}
