//! `GET /_matrix/federation/v1/media/download/{mediaId}`

use axum::{extract::State, response::Response};
use hearth_http::Result;
use ruma::api::federation::authenticated_media::get_content::v1::Request as GetContent;

use crate::{Federation, endpoint::Request, server::media::multipart};

/// A file of this server
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1mediadownloadmediaid)).
pub async fn get_content(
    State(federation): State<Federation>,
    request: Request<GetContent>,
) -> Result<Response> {
    let GetContent { media_id, timeout_ms, .. } = request.body;
    let download = federation.media().download(federation.server_name(), &media_id, timeout_ms).await?;
    Ok(multipart::answer(&federation, download))
}
