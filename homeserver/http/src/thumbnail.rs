//! Which thumbnail a request asks for.

use hearth_media::{ThumbnailMethod, ThumbnailRequest};
use ruma::{UInt, media::Method};

use crate::{MatrixError, Result};

/// The thumbnail that a query asks for.
pub fn wanted(
    method: Option<Method>,
    width: UInt,
    height: UInt,
    animated: Option<bool>,
) -> Result<ThumbnailRequest> {
    let size = |size: UInt| u32::try_from(u64::from(size)).ok().filter(|size| *size > 0);
    let (Some(width), Some(height)) = (size(width), size(height)) else {
        return Err(MatrixError::invalid_param("The width and the height must be more than 0."));
    };
    let method = match method {
        Some(Method::Crop) => ThumbnailMethod::Crop,
        _ => ThumbnailMethod::Scale,
    };
    Ok(ThumbnailRequest { width, height, method, animated: animated == Some(true) })
}
