//! `GET /_matrix/federation/v1/media/thumbnail/{mediaId}`

use axum::{extract::State, response::Response};
use hearth_http::{Result, thumbnail::wanted};
use ruma::api::federation::authenticated_media::get_content_thumbnail::v1::Request as GetThumbnail;

use crate::{Federation, endpoint::Request, server::media::multipart};

/// A smaller picture of a file of this server
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1mediathumbnailmediaid)).
pub async fn get_content_thumbnail(
    State(federation): State<Federation>,
    request: Request<GetThumbnail>,
) -> Result<Response> {
    let GetThumbnail { media_id, method, width, height, timeout_ms, animated, .. } = request.body;
    let wanted = wanted(method, width, height, animated)?;
    let own = federation.server_name();
    let download = federation.media().thumbnail(own, &media_id, wanted, timeout_ms).await?;
    Ok(multipart::answer(&federation, download))
}
