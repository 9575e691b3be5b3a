//! `GET /_matrix/client/v1/media/config`

use axum::extract::State;
use hearth_media::Media;
use ruma::{
    UInt,
    api::client::authenticated_media::get_media_config::v1::{Request as GetConfig, Response},
};

use crate::{Answer, Request, Result};

/// How large a file may be
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mediaconfig)).
pub async fn get_media_config(
    State(media): State<Media>,
    _request: Request<GetConfig>,
) -> Result<Answer<Response>> {
    Ok(Answer(Response::new(UInt::new_saturating(media.limits().upload_bytes))))
}
