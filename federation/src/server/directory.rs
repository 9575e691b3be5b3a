//! The published room directory ("Published room directory").

pub mod public_rooms;

use crate::endpoint::EndpointRouter;

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router.endpoint(public_rooms::get_public_rooms).endpoint(public_rooms::query_public_rooms)
}
