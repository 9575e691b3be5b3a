//! Bodies that are read whole, with bounds.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use http::{HeaderMap, header};
use serde::de::IgnoredAny;

use crate::{MatrixError, Result};

/// How deep JSON may be nested. serde_json refuses to parse 128 levels, and what one client sends another gets
/// inside of several more.
const MAX_DEPTH: usize = 100;

/// How long the other side may take to send a body that is read whole.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// Reads a body of at most `max` bytes whole.
pub async fn read(headers: &HeaderMap, body: Body, max: usize) -> Result<Bytes> {
    if length(headers).is_some_and(|length| length > max as u64) {
        return Err(body_too_large());
    }
    tokio::time::timeout(BODY_TIMEOUT, collect(body, max)).await.unwrap_or_else(|_| {
        Err(MatrixError::new(
            http::StatusCode::REQUEST_TIMEOUT,
            "M_UNKNOWN",
            "The body took too long to come.",
        ))
    })
}

/// `Content-Length`, in bytes, where it is said.
pub fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn collect(body: Body, max: usize) -> Result<Bytes> {
    let mut chunks = body.into_data_stream();
    // Most bodies are one chunk, which is then not copied.
    let Some(first) = chunks.next().await.transpose().map_err(broken)? else { return Ok(Bytes::new()) };
    let mut whole: Option<BytesMut> = None;
    while let Some(chunk) = chunks.next().await.transpose().map_err(broken)? {
        let whole = whole.get_or_insert_with(|| BytesMut::from(&first[..]));
        if whole.len() + chunk.len() > max {
            return Err(body_too_large());
        }
        whole.extend_from_slice(&chunk);
    }
    match whole {
        Some(whole) => Ok(whole.freeze()),
        None if first.len() > max => Err(body_too_large()),
        None => Ok(first),
    }
}

fn body_too_large() -> MatrixError {
    MatrixError::too_large("The body is too large.")
}

fn broken(error: axum::Error) -> MatrixError {
    MatrixError::unknown(format!("The body broke off: {error}"))
}

/// Refuses what the parsers behind would take wrongly: anything but an object (serde reads a list as one, field
/// by field, and raw values are anything), and nesting without end, as raw values are skipped over without a
/// bound and would then reach other clients.
pub fn check_json(body: &[u8]) -> Result<()> {
    if body.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|first| *first != b'{') {
        serde_json::from_slice::<IgnoredAny>(body)?;
        return Err(MatrixError::bad_json("The body must be an object."));
    }
    match is_nested_too_deeply(body) {
        true => Err(MatrixError::bad_json("The body is nested too deeply.")),
        false => Ok(()),
    }
}

/// Whether JSON is nested deeper than it is taken, in a request or in another server's answer.
pub fn is_nested_too_deeply(body: &[u8]) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for &byte in body {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| format!("{}{}", "{\"a\":".repeat(depth), "1") + &"}".repeat(depth);
        check_json(nested(MAX_DEPTH).as_bytes()).unwrap();
        assert_eq!(check_json(nested(MAX_DEPTH + 1).as_bytes()).unwrap_err().errcode, Some("M_BAD_JSON"));
        assert_eq!(check_json(&[b'{'; 1_000_000]).unwrap_err().errcode, Some("M_BAD_JSON"));
        // Brackets in strings are text.
        check_json(format!("{{\"a\":\"{}\\\"{}\"}}", "[".repeat(500), "{".repeat(500)).as_bytes()).unwrap();
    }

    #[test]
    fn only_objects_come_through() {
        for body in [" [\"m.login.password\"]", "\"text\"", "1", "null"] {
            assert_eq!(check_json(body.as_bytes()).unwrap_err().errcode, Some("M_BAD_JSON"), "{body}");
        }
        for body in ["nonsense", "[1", "\"text", "\u{feff}{}"] {
            assert_eq!(check_json(body.as_bytes()).unwrap_err().errcode, Some("M_NOT_JSON"), "{body}");
        }
        check_json(b"").unwrap();
    }
}
