//! From an HTTP request to what a handler takes.

use std::net::IpAddr;

use axum::{body::Body, extract::Query};
use bytes::Bytes;
use hearth_http::{
    body::{check_json, length},
    request::{or_empty_object, typed},
};
use http::request::Parts;
use ruma::{
    api::{IncomingRequest, Metadata},
    serde::JsonObject,
};
use serde::de::DeserializeOwned;

use crate::{
    MatrixError, Result,
    authentication::{Authentication, Requester},
};

/// How large a body may be that is read whole: enough for a large batch of room keys. An event has its own,
/// smaller bound.
pub const MAX_BODY: usize = 8 * 1024 * 1024;

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

    /// What the query says that ruma's type leaves out.
    pub fn query<Q: DeserializeOwned>(&self) -> Result<Q> {
        let query = Query::try_from_uri(&self.parts.uri);
        query.map(|Query(query)| query).map_err(|error| MatrixError::invalid_param(error.body_text()))
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
        let body = typed::<R>(&parts, or_empty_object(&parts.method, &bytes), &arguments)?;
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
        let head = typed::<R>(&parts, &[], &arguments)?;
        Ok(Self { head, who: R::Authentication::who(requester)?, length: length(&parts.headers), stream })
    }
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
}
