//! `POST /_matrix/media/v3/upload`, `POST /_matrix/media/v1/create` and
//! `PUT /_matrix/media/v3/upload/{serverName}/{mediaId}`

use axum::extract::State;
use hearth_media::{Media, UploadInfo};
use ruma::{
    MilliSecondsSinceUnixEpoch, UInt,
    api::client::media::{
        create_content::v3 as create, create_content_async::v3 as put, create_mxc_uri::v1 as reserve,
    },
};
use serde_json::{Value, json};

use crate::{Answer, Json, MatrixError, Request, Result, Upload};

/// Takes a file
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixmediav3upload)).
pub async fn create_content(
    State(media): State<Media>,
    upload: Upload<create::Request>,
) -> Result<Answer<create::Response>> {
    upload.who.not_suspended()?;
    fits(&media, upload.length)?;
    let about = UploadInfo { content_type: upload.head.content_type, file_name: upload.head.filename };
    let uri = media.upload(&upload.who.user, about, upload.stream.into_data_stream()).await?;
    Ok(Answer(create::Response::new(uri)))
}

/// Gives a URI for a file that comes later
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixmediav1create)).
pub async fn create_mxc_uri(
    State(media): State<Media>,
    request: Request<reserve::Request>,
) -> Result<Answer<reserve::Response>> {
    request.who.not_suspended()?;
    let pending = media.create(&request.who.user).await?;
    let mut response = reserve::Response::new(pending.uri);
    response.unused_expires_at = UInt::new(pending.expires_at).map(MilliSecondsSinceUnixEpoch);
    Ok(Answer(response))
}

/// Takes the file for such a URI
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#put_matrixmediav3uploadservernamemediaid)).
pub async fn create_content_async(
    State(media): State<Media>,
    upload: Upload<put::Request>,
) -> Result<Json<Value>> {
    upload.who.not_suspended()?;
    fits(&media, upload.length)?;
    let put::Request { server_name, media_id, content_type, filename, .. } = upload.head;
    let about = UploadInfo { content_type, file_name: filename };
    let stream = upload.stream.into_data_stream();
    media.upload_to(&upload.who.user, &server_name, &media_id, about, stream).await?;
    Ok(Json(json!({})))
}

/// Refuses at once what is announced as too large; what is not announced is refused when it is.
fn fits(media: &Media, length: Option<u64>) -> Result<()> {
    match length.is_some_and(|length| length > media.limits().upload_bytes) {
        true => Err(MatrixError::too_large("The file is too large.")),
        false => Ok(()),
    }
}
