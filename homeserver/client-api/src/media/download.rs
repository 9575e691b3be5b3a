//! `GET /_matrix/client/v1/media/download/{serverName}/{mediaId}`, with or without a file name

use std::time::Duration;

use axum::{extract::State, response::Response};
use hearth_federation::AskedBy;
use ruma::api::client::authenticated_media::{get_content::v1 as get, get_content_as_filename::v1 as named};

use crate::{
    ClientApi, Request, Result,
    media::{elsewhere, file},
};

/// How long a request waits at most for a file that is still to be uploaded, whatever it asks for.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(60);

/// A file
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mediadownloadservernamemediaid)).
pub async fn get_content(State(api): State<ClientApi>, request: Request<get::Request>) -> Result<Response> {
    let get::Request { server_name, media_id, timeout_ms, .. } = request.body;
    let timeout = timeout_ms.min(MAX_WAIT);
    elsewhere::bring(&api, AskedBy::User(request.who.user.clone()), &server_name, &media_id, timeout).await?;
    let download = api.media.download(&server_name, &media_id, timeout).await?;
    Ok(file::answer(download, None))
}

/// A file, with a name of the client's choice
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mediadownloadservernamemediaidfilename)).
pub async fn get_content_as_filename(
    State(api): State<ClientApi>,
    request: Request<named::Request>,
) -> Result<Response> {
    let named::Request { server_name, media_id, filename, timeout_ms, .. } = request.body;
    let timeout = timeout_ms.min(MAX_WAIT);
    elsewhere::bring(&api, AskedBy::User(request.who.user.clone()), &server_name, &media_id, timeout).await?;
    let download = api.media.download(&server_name, &media_id, timeout).await?;
    Ok(file::answer(download, Some(&filename)))
}
