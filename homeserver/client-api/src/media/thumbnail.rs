//! `GET /_matrix/client/v1/media/thumbnail/{serverName}/{mediaId}`

use axum::{extract::State, response::Response};
use hearth_federation::AskedBy;
use hearth_http::thumbnail::wanted;
use ruma::api::client::authenticated_media::get_content_thumbnail::v1::Request as GetThumbnail;

use crate::{
    ClientApi, Request, Result,
    media::{download::MAX_WAIT, elsewhere, file},
};

/// A smaller picture of a file
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mediathumbnailservernamemediaid)).
pub async fn get_content_thumbnail(
    State(api): State<ClientApi>,
    request: Request<GetThumbnail>,
) -> Result<Response> {
    let GetThumbnail { server_name, media_id, method, width, height, timeout_ms, animated, .. } =
        request.body;
    let wanted = wanted(method, width, height, animated)?;
    let timeout = timeout_ms.min(MAX_WAIT);
    elsewhere::bring(&api, AskedBy::User(request.who.user.clone()), &server_name, &media_id, timeout).await?;
    let download = api.media.thumbnail(&server_name, &media_id, wanted, timeout).await?;
    Ok(file::answer(download, None))
}
