//! `GET /_matrix/client/v1/media/thumbnail/{serverName}/{mediaId}`

use axum::{extract::State, response::Response};
use hearth_media::{Media, ThumbnailMethod, ThumbnailRequest};
use ruma::{
    UInt, api::client::authenticated_media::get_content_thumbnail::v1::Request as GetThumbnail, media::Method,
};

use crate::{
    MatrixError, Request, Result,
    media::{download::MAX_WAIT, file},
};

/// A smaller picture of a file
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mediathumbnailservernamemediaid)).
pub async fn get_content_thumbnail(
    State(media): State<Media>,
    request: Request<GetThumbnail>,
) -> Result<Response> {
    let GetThumbnail { server_name, media_id, method, width, height, timeout_ms, .. } = request.body;
    let wanted = wanted(method, width, height)?;
    let download = media.thumbnail(&server_name, &media_id, wanted, timeout_ms.min(MAX_WAIT)).await?;
    Ok(file::answer(download, None))
}

/// The thumbnail that a query asks for.
pub(super) fn wanted(method: Option<Method>, width: UInt, height: UInt) -> Result<ThumbnailRequest> {
    let size = |size: UInt| u32::try_from(u64::from(size)).ok().filter(|size| *size > 0);
    let (Some(width), Some(height)) = (size(width), size(height)) else {
        return Err(MatrixError::invalid_param("The width and the height must be more than 0."));
    };
    let method = match method {
        Some(Method::Crop) => ThumbnailMethod::Crop,
        _ => ThumbnailMethod::Scale,
    };
    Ok(ThumbnailRequest { width, height, method })
}
