//! A preview as clients get it.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::page::Page;

/// What is told of a URL: properties by name, as Open Graph has them. Nothing for what says nothing.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Preview(Map<String, Value>);

/// An image that was kept.
pub(crate) struct Image {
    /// `mxc://…`
    pub(crate) uri: String,
    pub(crate) content_type: &'static str,
    pub(crate) bytes: usize,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl Preview {
    /// What a page says, without its image.
    pub(crate) fn of_page(page: Page) -> Self {
        Self(page.properties.into_iter().map(|(name, value)| (name, value.into())).collect())
    }

    /// Adds an image.
    pub(crate) fn with_image(mut self, image: Image) -> Self {
        for (name, value) in [
            ("og:image", image.uri.into()),
            ("og:image:type", image.content_type.into()),
            ("og:image:width", image.width.into()),
            ("og:image:height", image.height.into()),
            ("matrix:image:size", Value::from(image.bytes)),
        ] {
            self.0.insert(name.to_owned(), value);
        }
        self
    }
}
