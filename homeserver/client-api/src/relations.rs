//! Events that relate to others, and threads ("Forming relationships between events", "Threading").

#[cfg(test)]
mod bundling_tests;
pub mod get;
pub mod subscription;
#[cfg(test)]
mod subscription_tests;
pub mod subscriptions;
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
        .endpoint(subscription::get_thread_subscription)
        .endpoint(subscription::subscribe_thread)
        .endpoint(subscription::unsubscribe_thread)
        .endpoint(subscriptions::get_thread_subscriptions)
        .endpoint(threads::get_threads)
}
