//! Queries ("Querying for information").

pub mod custom;
pub mod directory;
pub mod profile;

use crate::endpoint::EndpointRouter;

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router.endpoint(directory::query_directory).endpoint(profile::query_profile).endpoint(custom::query)
}
