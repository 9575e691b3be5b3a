//! A file of the media store as an answer.

use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use hearth_http::file::chunks;
use hearth_media::Download;
use http::header;

/// A page that was uploaded can do nothing when it is opened ("Content repository").
const POLICY: &str = "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; \
                      style-src 'unsafe-inline'; object-src 'self';";

/// Sends a file as it is read. A name given here goes before the one it was uploaded with.
pub(super) fn answer(download: Download, file_name: Option<&str>) -> Response {
    let headers = [
        (header::CONTENT_DISPOSITION, download.content_disposition(file_name)),
        (header::CONTENT_TYPE, download.content_type),
        (header::CONTENT_LENGTH, download.size.to_string()),
        (header::CONTENT_SECURITY_POLICY, POLICY.to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "cross-origin".to_owned()),
        // What an mxc URI stands for never changes; who may see it is asked each time.
        (header::CACHE_CONTROL, "private, max-age=31536000, immutable".to_owned()),
    ];
    (headers, Body::from_stream(chunks(download.file))).into_response()
}
