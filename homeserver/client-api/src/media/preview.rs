//! `GET /_matrix/client/v1/media/preview_url`, and `GET /_matrix/media/v3/preview_url` from before

// The older one is still served.
#![allow(deprecated)]

use std::sync::Arc;

use axum::extract::State;
use hearth_previews::Preview;
use ruma::api::client::{authenticated_media::get_media_preview::v1, media::get_media_preview::v3};

use crate::{ClientApi, Json, MatrixError, Request, Result};

/// What a web page says of itself
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mediapreview_url)).
pub async fn get_preview(
    State(api): State<ClientApi>,
    request: Request<v1::Request>,
) -> Result<Json<Arc<Preview>>> {
    preview(&api, &request.body.url).await
}

/// The same at its older path
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixmediav3preview_url)).
pub async fn get_preview_legacy(
    State(api): State<ClientApi>,
    request: Request<v3::Request>,
) -> Result<Json<Arc<Preview>>> {
    preview(&api, &request.body.url).await
}

/// Which time a client would like to see a page of is passed over: it is shown as it was lately.
async fn preview(api: &ClientApi, url: &str) -> Result<Json<Arc<Preview>>> {
    let previews = api.previews.as_ref();
    let previews = previews.ok_or_else(|| MatrixError::unrecognized("This server makes no previews."))?;
    Ok(Json(previews.preview(url).await?))
}
