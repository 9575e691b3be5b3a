//! Previews of web pages (client-server API, "Content repository": `preview_url`): what a page says of itself, read
//! within bounds, and its image, kept as media of this server.
//!
//! A page is fetched by the network that filters addresses, once for all who ask for it in a while. Nothing of it is
//! believed but text: what is shown is shown by clients.

mod document;
mod error;
mod fetch;
mod oembed;
mod page;
mod preview;
mod previews;
mod text;

pub use self::{
    error::PreviewError,
    preview::Preview,
    previews::{Previews, PreviewsOptions},
};
