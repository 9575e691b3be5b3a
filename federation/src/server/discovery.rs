//! Finding this server, and its keys ("Server discovery", "Retrieving server keys").

pub mod keys;
pub mod keys_by_id;
pub mod version;
pub mod well_known;

use crate::endpoint::EndpointRouter;

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router
        .endpoint(keys::get_server_keys)
        .endpoint(keys_by_id::get_server_keys)
        .endpoint(keys::get_remote_server_keys)
        .endpoint(keys::get_remote_server_keys_batch)
        .endpoint(version::get_server_version)
        .endpoint(well_known::discover_homeserver)
}
