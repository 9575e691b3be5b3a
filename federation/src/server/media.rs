//! The content repository.

pub mod download;
mod multipart;
pub mod thumbnail;

use crate::endpoint::EndpointRouter;

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router.endpoint(download::get_content).endpoint(thumbnail::get_content_thumbnail)
}
