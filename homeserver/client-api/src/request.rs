//! From an HTTP request to a typed one: bodies with bounds, decoded paths, ruma's types.

use std::{net::IpAddr, time::Duration};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use http::{Method, header, request::Parts};
use ruma::{
    api::{IncomingRequest, IncomingRequestExt as _, Metadata},
    serde::JsonObject,
};
use serde::de::IgnoredAny;

use crate::{
    MatrixError, Result,
    authentication::{Authentication, Requester},
};

/// How large a body may be that is read whole: enough for a large batch of room keys. An event has its own,
/// smaller bound.
pub const MAX_BODY: usize = 8 * 1024 * 1024;

/// How deep JSON may be nested. serde_json refuses to parse 128 levels, and what one client sends another gets
/// inside of several more.
const MAX_DEPTH: usize = 100;

/// How long a client may take to send a body that is read whole.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// Who asks, by the endpoint's authentication: `()`, [`Requester`] or `Option<Requester>`.
pub type Who<R> = <<R as Metadata>::Authentication as Authentication>::Who;

/// A request as a handler takes it.
pub struct Request<R: IncomingRequest<Authentication: Authentication>> {
    /// Path, query, headers and body, typed.
    pub body: R,
    /// Who asks.
    pub who: Who<R>,
    /// The body as it came: for the few endpoints where ruma's type leaves out what was said.
    pub bytes: Bytes,
    /// Where the request comes from.
    pub address: IpAddr,
    parts: Parts,
    arguments: Vec<String>,
}

impl<R: IncomingRequest<Authentication: Authentication>> Request<R> {
    /// Types the request again with another body.
    pub fn replace_body(&mut self, body: &[u8]) -> Result<()> {
        self.body = typed::<R>(&self.parts, body, &self.arguments)?;
        Ok(())
    }
}

/// A request whose body is not JSON and is read by the handler, bit by bit: an upload.
pub struct Upload<R: IncomingRequest<Authentication: Authentication>> {
    /// Path, query and headers, typed; the field for the body is empty.
    pub head: R,
    /// Who asks.
    pub who: Who<R>,
    /// `Content-Length`, in bytes, where the client says it.
    pub length: Option<u64>,
    /// What is uploaded. Nothing bounds it but the handler.
    pub stream: Body,
}

/// What an endpoint that ruma does not know gets.
pub struct Unspecified {
    /// Method, path, query and headers.
    pub parts: Parts,
    /// The body, at most [`MAX_BODY`] bytes.
    pub bytes: Bytes,
    /// Where the request comes from.
    pub address: IpAddr,
}

/// A request that was let in, before it is typed.
pub struct Incoming {
    pub(crate) parts: Parts,
    /// The variables of the path, decoded, in their order.
    pub(crate) arguments: Vec<String>,
    pub(crate) bytes: Bytes,
    /// What was not read into `bytes`.
    pub(crate) stream: Body,
    pub(crate) requester: Option<Requester>,
    pub(crate) address: IpAddr,
}

/// What a handler may take as its request.
pub trait FromIncoming: Sized + Send + 'static {
    /// ruma's description of the endpoint.
    type Endpoint: IncomingRequest<Authentication: Authentication>;
    /// Whether the handler reads the body itself.
    const STREAMED: bool;

    /// Types the request.
    fn from_incoming(incoming: Incoming) -> Result<Self>;
}

impl<R> FromIncoming for Request<R>
where
    R: IncomingRequest<Authentication: Authentication> + Send + 'static,
{
    type Endpoint = R;
    const STREAMED: bool = false;

    fn from_incoming(incoming: Incoming) -> Result<Self> {
        let Incoming { parts, arguments, bytes, requester, address, .. } = incoming;
        check_json(&bytes)?;
        let bytes = without_empty_auth(bytes)?;
        // Where a body needs to say nothing, as for a join, clients leave it out.
        let left_out = bytes.is_empty() && parts.method == Method::POST;
        let body = typed::<R>(&parts, if left_out { b"{}" } else { &bytes }, &arguments)?;
        Ok(Self { body, who: R::Authentication::who(requester)?, bytes, address, parts, arguments })
    }
}

impl<R> FromIncoming for Upload<R>
where
    R: IncomingRequest<Authentication: Authentication> + Send + 'static,
{
    type Endpoint = R;
    const STREAMED: bool = true;

    fn from_incoming(incoming: Incoming) -> Result<Self> {
        let Incoming { parts, arguments, stream, requester, .. } = incoming;
        let length =
            parts.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let head = typed::<R>(&parts, &[], &arguments)?;
        Ok(Self { head, who: R::Authentication::who(requester)?, length, stream })
    }
}

fn typed<R: IncomingRequest>(parts: &Parts, body: &[u8], arguments: &[String]) -> Result<R> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // Extensions are left out: ruma looks at none, and cloning them is the dear part.
    let mut request = http::Request::new(body);
    *request.method_mut() = parts.method.clone();
    *request.uri_mut() = parts.uri.clone();
    *request.headers_mut() = parts.headers.clone();
    Ok(R::try_from_http_request(request, &arguments)?)
}

/// Reads a body whole.
pub(crate) async fn read(parts: &Parts, body: Body) -> Result<Bytes> {
    let announced: Option<usize> =
        parts.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length| length > MAX_BODY) {
        return Err(body_too_large());
    }
    tokio::time::timeout(BODY_TIMEOUT, collect(body)).await.unwrap_or_else(|_| {
        Err(MatrixError::new(
            http::StatusCode::REQUEST_TIMEOUT,
            "M_UNKNOWN",
            "The body took too long to come.",
        ))
    })
}

async fn collect(body: Body) -> Result<Bytes> {
    let mut chunks = body.into_data_stream();
    // Most bodies are one chunk, which is then not copied.
    let Some(first) = chunks.next().await.transpose().map_err(broken)? else { return Ok(Bytes::new()) };
    let mut whole: Option<BytesMut> = None;
    while let Some(chunk) = chunks.next().await.transpose().map_err(broken)? {
        let whole = whole.get_or_insert_with(|| BytesMut::from(&first[..]));
        if whole.len() + chunk.len() > MAX_BODY {
            return Err(body_too_large());
        }
        whole.extend_from_slice(&chunk);
    }
    match whole {
        Some(whole) => Ok(whole.freeze()),
        None if first.len() > MAX_BODY => Err(body_too_large()),
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
fn check_json(body: &[u8]) -> Result<()> {
    if body.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|first| *first != b'{') {
        serde_json::from_slice::<IgnoredAny>(body)?;
        return Err(MatrixError::bad_json("The body must be an object."));
    }
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
            return Err(MatrixError::bad_json("The body is nested too deeply."));
        }
    }
    Ok(())
}

/// Takes out an `auth` that attempts no stage and names no session: with it clients ask for the flows, as with
/// none at all ("User-interactive API in the REST API"), and ruma's type has no place for it.
fn without_empty_auth(body: Bytes) -> Result<Bytes> {
    if !body.windows(AUTH.len()).any(|window| window == AUTH) {
        return Ok(body);
    }
    let mut object: JsonObject = serde_json::from_slice(&body)?;
    let says_nothing = |auth: &JsonObject| !auth.contains_key("type") && !auth.contains_key("session");
    if !object.get("auth").and_then(|auth| auth.as_object()).is_some_and(says_nothing) {
        return Ok(body);
    }
    object.remove("auth");
    Ok(serde_json::to_vec(&object)?.into())
}

const AUTH: &[u8] = b"\"auth\"";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_auth_that_says_nothing_is_none() {
        let cleaned = |body: &'static str| without_empty_auth(Bytes::from_static(body.as_bytes())).unwrap();
        assert_eq!(cleaned(r#"{"auth":{},"x":1}"#), r#"{"x":1}"#);
        assert_eq!(cleaned(r#"{"auth":{"other":1}}"#), "{}");
        for kept in [r#"{"auth":{"session":"s"}}"#, r#"{"auth":{"type":"t"}}"#, r#"{"x":{"auth":{}}}"#, "{}"]
        {
            assert_eq!(cleaned(kept), kept);
        }
    }

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
