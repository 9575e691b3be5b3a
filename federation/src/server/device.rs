//! Devices ("Device Management").

pub mod list;

use crate::endpoint::EndpointRouter;

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router.endpoint(list::get_devices)
}
