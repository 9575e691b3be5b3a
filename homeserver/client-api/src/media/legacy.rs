//! The paths below `/_matrix/media/v3` that need no token. They are frozen: unless the server is told to keep
//! them open there is nothing behind them.
#![expect(deprecated, reason = "clients of before v1.11")]

use axum::{extract::State, response::Response};
use hearth_federation::AskedBy;
use hearth_http::thumbnail::wanted;
use ruma::{
    UInt,
    api::client::media::{
        get_content::v3 as get, get_content_as_filename::v3 as named, get_content_thumbnail::v3 as thumbnail,
        get_media_config::v3 as config,
    },
};

use crate::{
    Answer, ClientApi, MatrixError, Request, Result,
    media::{download::MAX_WAIT, elsewhere, file},
};

/// How large a file may be
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixmediav3config)).
pub async fn get_media_config(
    State(api): State<ClientApi>,
    _request: Request<config::Request>,
) -> Result<Answer<config::Response>> {
    Ok(Answer(config::Response::new(UInt::new_saturating(api.media.limits().upload_bytes))))
}

/// A file
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixmediav3downloadservernamemediaid)).
pub async fn get_content(State(api): State<ClientApi>, request: Request<get::Request>) -> Result<Response> {
    is_open(&api)?;
    let get::Request { server_name, media_id, allow_remote, timeout_ms, .. } = request.body;
    let timeout = timeout_ms.min(MAX_WAIT);
    if allow_remote {
        elsewhere::bring(&api, AskedBy::address(request.address), &server_name, &media_id, timeout).await?;
    }
    let download = api.media.download(&server_name, &media_id, timeout).await?;
    Ok(file::answer(download, None))
}

/// A file, with a name of the client's choice
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixmediav3downloadservernamemediaidfilename)).
pub async fn get_content_as_filename(
    State(api): State<ClientApi>,
    request: Request<named::Request>,
) -> Result<Response> {
    is_open(&api)?;
    let named::Request { server_name, media_id, filename, allow_remote, timeout_ms, .. } = request.body;
    let timeout = timeout_ms.min(MAX_WAIT);
    if allow_remote {
        elsewhere::bring(&api, AskedBy::address(request.address), &server_name, &media_id, timeout).await?;
    }
    let download = api.media.download(&server_name, &media_id, timeout).await?;
    Ok(file::answer(download, Some(&filename)))
}

/// A smaller picture of a file
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixmediav3thumbnailservernamemediaid)).
pub async fn get_content_thumbnail(
    State(api): State<ClientApi>,
    request: Request<thumbnail::Request>,
) -> Result<Response> {
    is_open(&api)?;
    let thumbnail::Request {
        server_name,
        media_id,
        method,
        width,
        height,
        allow_remote,
        timeout_ms,
        animated,
        ..
    } = request.body;
    let wanted = wanted(method, width, height, animated)?;
    let timeout = timeout_ms.min(MAX_WAIT);
    if allow_remote {
        elsewhere::bring(&api, AskedBy::address(request.address), &server_name, &media_id, timeout).await?;
    }
    let download = api.media.thumbnail(&server_name, &media_id, wanted, timeout).await?;
    Ok(file::answer(download, None))
}

fn is_open(api: &ClientApi) -> Result<()> {
    match api.options.legacy_media {
        true => Ok(()),
        false => {
            Err(MatrixError::not_found("Media is served to who shows a token, at /_matrix/client/v1/media."))
        }
    }
}
