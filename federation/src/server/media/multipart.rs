//! A file as the second part of a `multipart/mixed` body, after a JSON object that says nothing yet
//! ("Content Repository").

use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use hearth_http::file::chunks;
use hearth_media::Download;
use http::header;

use crate::Federation;

/// Sends a file as it is read.
pub(super) fn answer(federation: &Federation, download: Download) -> Response {
    // Random, so that no file can be made to hold it.
    let mut random = [0; 16];
    federation.random().fill(&mut random);
    let boundary = format!("{:032x}", u128::from_be_bytes(random));
    let head = head(&boundary, &download.content_type, &download.content_disposition(None));
    let foot = format!("\r\n--{boundary}--\r\n");
    let length = head.len() as u64 + download.size + foot.len() as u64;
    let part = |text: String| stream::once(async { Ok::<_, std::io::Error>(Bytes::from(text)) });
    let body = part(head).chain(chunks(download.file)).chain(part(foot));
    let headers = [
        (header::CONTENT_TYPE, format!("multipart/mixed; boundary={boundary}")),
        (header::CONTENT_LENGTH, length.to_string()),
    ];
    (headers, Body::from_stream(body)).into_response()
}

fn head(boundary: &str, content_type: &str, disposition: &str) -> String {
    // The type is the uploader's word, and no line of it may become a header or a part of its own.
    let content_type: String = content_type.chars().filter(|letter| !letter.is_control()).collect();
    format!(
        "--{boundary}\r\nContent-Type: application/json\r\n\r\n{{}}\r\n--{boundary}\r\n\
         Content-Type: {content_type}\r\nContent-Disposition: {disposition}\r\n\r\n"
    )
}

#[cfg(test)]
mod tests {
    use ruma::api::{
        IncomingResponseExt as _,
        federation::authenticated_media::{FileOrLocation, get_content::v1::Response},
    };

    use super::*;

    #[test]
    fn others_read_what_is_written() {
        let body = head("b", "text/plain\r\nX: y", "inline; filename=\"a.txt\"") + "a file\r\n--b--\r\n";
        let response = http::Response::builder()
            .header(header::CONTENT_TYPE, "multipart/mixed; boundary=b")
            .body(body.as_bytes())
            .unwrap();
        let Response { content: FileOrLocation::File(content), .. } =
            Response::try_from_http_response(response).unwrap()
        else {
            panic!("no file");
        };
        assert_eq!(content.file, b"a file");
        assert_eq!(content.content_type.as_deref(), Some("text/plainX: y"));
        assert_eq!(content.content_disposition.unwrap().filename.as_deref(), Some("a.txt"));
    }
}
