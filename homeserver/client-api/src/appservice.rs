//! What only application services ask (application service API, "Client-Server API Extensions").

pub mod directory;
pub mod ping;
pub(crate) mod service;
#[cfg(test)]
mod tests;

use crate::EndpointRouter;

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router.endpoint(ping::ping_appservice).endpoint(directory::set_room_visibility)
}
