//! The content repository.

pub mod config;
pub mod download;
mod elsewhere;
mod file;
pub mod legacy;
pub mod preview;
#[cfg(test)]
mod preview_tests;
#[cfg(test)]
mod tests;
pub mod thumbnail;
pub mod upload;

use crate::{Admits, EndpointRouter};

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router
        .endpoint(upload::create_content)
        .endpoint(upload::create_mxc_uri)
        .endpoint(upload::create_content_async)
        .endpoint_admitting(Admits::GUESTS, download::get_content)
        .endpoint_admitting(Admits::GUESTS, download::get_content_as_filename)
        .endpoint_admitting(Admits::GUESTS, thumbnail::get_content_thumbnail)
        .endpoint(preview::get_preview)
        .endpoint(preview::get_preview_legacy)
        .endpoint(config::get_media_config)
        .endpoint(legacy::get_media_config)
        .endpoint(legacy::get_content)
        .endpoint(legacy::get_content_as_filename)
        .endpoint(legacy::get_content_thumbnail)
}
