//! Why there is no preview.

use hearth_media::MediaError;
use hearth_network::NetworkError;

/// Why there is no preview of a URL.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PreviewError {
    /// It is none, or not one that is followed.
    #[error("that is not a URL of a web page")]
    Url,
    /// The page could not be had.
    #[error("the page could not be fetched: {0}")]
    Fetch(String),
    /// The server fails.
    #[error("{0}")]
    Media(String),
    /// Too many are made at the moment.
    #[error("too many previews are being made: try again in a moment")]
    Busy,
}

impl From<NetworkError> for PreviewError {
    fn from(error: NetworkError) -> Self {
        match error {
            NetworkError::Url(_) => Self::Url,
            error => Self::Fetch(error.to_string()),
        }
    }
}

impl From<MediaError> for PreviewError {
    fn from(error: MediaError) -> Self {
        Self::Media(error.to_string())
    }
}
