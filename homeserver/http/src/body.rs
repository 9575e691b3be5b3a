//! Bodies that are read whole, with bounds.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::StreamExt as _;
use hearth_network::Collected;
use http::{HeaderMap, header};
use serde::de::IgnoredAny;

use crate::{MatrixError, Result};

/// How deep JSON may be nested. serde_json refuses to parse 128 levels, and what one client sends another gets
/// inside of several more.
const MAX_DEPTH: usize = 100;

/// How long the other side may take to send a body that is read whole.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// Reads a body of at most `max` bytes whole, as long as `admit` lets in each further number of them.
pub async fn read(
    headers: &HeaderMap,
    body: Body,
    max: usize,
    admit: impl FnMut(usize) -> Result<()>,
) -> Result<Bytes> {
    if length(headers).is_some_and(|length| length > max as u64) {
        return Err(body_too_large());
    }
    tokio::time::timeout(BODY_TIMEOUT, collect(body, max, admit)).await.unwrap_or_else(|_| {
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

async fn collect(body: Body, max: usize, mut admit: impl FnMut(usize) -> Result<()>) -> Result<Bytes> {
    let mut chunks = body.into_data_stream();
    let mut collected = Collected::default();
    while let Some(chunk) = chunks.next().await.transpose().map_err(broken)? {
        if collected.length() + chunk.len() > max {
            return Err(body_too_large());
        }
        admit(chunk.len())?;
        collected.push(chunk);
    }
    Ok(collected.into_bytes())
}

fn body_too_large() -> MatrixError {
    MatrixError::too_large("The body is too large.")
}

fn broken(error: axum::Error) -> MatrixError {
    MatrixError::unknown(format!("The body broke off: {error}"))
}

/// Refuses what the parsers behind would take wrongly: anything but an object (serde reads a list as one, field
/// by field, and raw values are anything), nesting without end, as raw values are skipped over without a bound and
/// would then reach other clients, and more than `max_values` values, however deep. Tells how many there are.
pub fn check_json(body: &[u8], max_values: usize) -> Result<usize> {
    if body.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|first| *first != b'{') {
        serde_json::from_slice::<IgnoredAny>(body)?;
        return Err(MatrixError::bad_json("The body must be an object."));
    }
    check_shape(body, MAX_DEPTH, max_values).map_err(|why| match why {
        GOES_ON => MatrixError::not_json(format!("The body {why}.")),
        _ => MatrixError::bad_json(format!("The body {why}.")),
    })
}

/// What is said of a body that is more than one object. A parser that is asked for the first does not see the rest.
const GOES_ON: &str = "goes on after its end";

/// Refuses JSON, of a request or of another server's answer, that is nested deeper than it is taken, has more than so
/// many values at its outermost `levels`, or goes on after its end. The error says which. Tells how many there are.
///
/// A value is as short as two bytes, but takes some 30 in memory once it is read, and an object with one property
/// some 600: who reads deeper than `levels` has to bound what is there.
pub fn check_shape(
    body: &[u8],
    levels: usize,
    max_values: usize,
) -> std::result::Result<usize, &'static str> {
    let (mut depth, mut values, mut in_string, mut escaped) = (0_usize, 0, false, false);
    let mut ended = false;
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
        if ended && !byte.is_ascii_whitespace() {
            return Err(GOES_ON);
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                ended = depth == 0;
            }
            _ => {}
        }
        // The first value of a list or an object comes behind its bracket, each further one behind a comma.
        if matches!(byte, b'{' | b'[' | b',') && depth <= levels {
            values += 1;
        }
        if depth > MAX_DEPTH {
            return Err("is nested too deeply");
        }
        if values > max_values {
            return Err("has too many values");
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_VALUES: usize = 1000;

    fn refused(body: impl AsRef<[u8]>) -> Option<&'static str> {
        check_json(body.as_ref(), MAX_VALUES).err().and_then(|error| error.errcode)
    }

    #[test]
    fn bodies_are_read_to_their_end() {
        for body in [r#"{"a":1}x"#, r#"{"a":1}{"b":2}"#, r#"{"a":{"b":[]}} ,"#, r#"{"a":1}""#, "{}}"] {
            assert_eq!(refused(body), Some("M_NOT_JSON"), "{body}");
        }
        assert_eq!(refused(" {\"a\":[{}],\"b\":{}} \r\n\t"), None);
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| format!("{}{}", "{\"a\":".repeat(depth), "1") + &"}".repeat(depth);
        assert_eq!(refused(nested(MAX_DEPTH)), None);
        assert_eq!(refused(nested(MAX_DEPTH + 1)), Some("M_BAD_JSON"));
        assert_eq!(refused([b'{'; 1_000_000]), Some("M_BAD_JSON"));
        // Brackets in strings are text.
        assert_eq!(refused(format!("{{\"a\":\"{}\\\"{}\"}}", "[".repeat(500), "{".repeat(500))), None);
    }

    #[test]
    fn values_are_bounded_however_deep() {
        // The object and the list are values as well.
        let list = |values: usize| format!("[0{}]", ",0".repeat(values - 1));
        for wrapped in [|list| format!(r#"{{"a":{list}}}"#), |list| format!(r#"{{"a":[[{{"b":{list}}}]]}}"#)]
        {
            assert_eq!(refused(wrapped(list(MAX_VALUES - 5))), None);
            assert_eq!(refused(wrapped(list(MAX_VALUES))), Some("M_BAD_JSON"));
        }
        // Without a comma, too, and not in strings.
        assert_eq!(refused(format!(r#"{{"a":[{{"":0}}{}]}}"#, r#",{"":0}"#.repeat(500))), Some("M_BAD_JSON"));
        assert_eq!(refused(format!(r#"{{"a":"{}"}}"#, ",[".repeat(MAX_VALUES))), None);
    }

    #[test]
    fn only_so_many_levels_count_where_what_is_further_inside_is_read_as_text() {
        let inside = format!(r#"{{"a":[[0{}]]}}"#, ",0".repeat(MAX_VALUES));
        assert_eq!(check_shape(inside.as_bytes(), 2, MAX_VALUES), Ok(2));
        assert_eq!(check_shape(inside.as_bytes(), 3, MAX_VALUES), Err("has too many values"));
    }

    #[test]
    fn only_objects_come_through() {
        for body in [" [\"m.login.password\"]", "\"text\"", "1", "null"] {
            assert_eq!(refused(body), Some("M_BAD_JSON"), "{body}");
        }
        for body in ["nonsense", "[1", "\"text", "\u{feff}{}"] {
            assert_eq!(refused(body), Some("M_NOT_JSON"), "{body}");
        }
        assert_eq!(refused(""), None);
    }
}
