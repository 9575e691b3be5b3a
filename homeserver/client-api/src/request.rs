//! From an HTTP request to what a handler takes.

use std::net::IpAddr;

use axum::{body::Body, extract::Query};
use bytes::Bytes;
use hearth_http::{
    body::length,
    request::{or_empty_object, typed},
};
use hearth_users::Uia;
use http::request::Parts;
use ruma::{
    api::{IncomingRequest, Metadata},
    serde::JsonObject,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    MatrixError, Result,
    authentication::{Authentication, Caller, access_token},
};

/// How large a body may be that is read whole: enough for a large batch of room keys. An event has its own,
/// smaller bound.
pub const MAX_BODY: usize = 8 * 1024 * 1024;

/// The same where no access token is shown: enough to register or to log in.
pub const MAX_BODY_OF_STRANGERS: usize = 64 * 1024;

/// How many values a body may have: some ten thousand room keys.
pub const MAX_VALUES: usize = 100_000;

/// About how many bytes a value takes once it is read.
pub const VALUE_BYTES: usize = 300;

/// Who asks, by the endpoint's authentication: `()`, a [`Requester`](crate::Requester), a service, or perhaps one.
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
}

impl<R: IncomingRequest<Authentication: Authentication>> Request<R> {
    /// Whether a token came that is not that of a service, where only those say something.
    pub(crate) fn shows_a_token(&self) -> Result<bool> {
        Ok(access_token(&self.parts.headers, &self.parts.uri)?.is_some())
    }

    /// What the query says that ruma's type leaves out.
    pub fn query<Q: DeserializeOwned>(&self) -> Result<Q> {
        query(&self.parts)
    }

    /// What the body says that ruma's type leaves out. No body is an empty object.
    pub fn more<B: DeserializeOwned>(&self) -> Result<B> {
        Ok(serde_json::from_slice(or_empty_object(&self.parts.method, &self.bytes))?)
    }
}

/// What the query of a request says.
pub(crate) fn query<Q: DeserializeOwned>(parts: &Parts) -> Result<Q> {
    let query = Query::try_from_uri(&parts.uri);
    query.map(|Query(query)| query).map_err(|error| MatrixError::invalid_param(error.body_text()))
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
    /// The body, at most [`MAX_BODY_OF_STRANGERS`] bytes.
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
    pub(crate) caller: Caller,
    pub(crate) address: IpAddr,
    /// The bodies of requests that were begun.
    pub(crate) uia: Uia,
}

/// How the body of a request is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BodyKind {
    /// Whole, and it has to be JSON.
    Json,
    /// Whole, whatever it is.
    Text,
    /// By the handler.
    Streamed,
}

/// What a handler may take as its request.
pub trait FromIncoming: Sized + Send + 'static {
    /// ruma's description of the endpoint.
    type Endpoint: IncomingRequest<Authentication: Authentication>;
    /// How its body is read.
    const BODY: BodyKind;

    /// Types the request.
    fn from_incoming(incoming: Incoming) -> Result<Self>;
}

impl<R> FromIncoming for Request<R>
where
    R: IncomingRequest<Authentication: Authentication> + Send + 'static,
{
    type Endpoint = R;
    const BODY: BodyKind = BodyKind::Json;

    fn from_incoming(incoming: Incoming) -> Result<Self> {
        let Incoming { parts, arguments, bytes, caller, address, uia, .. } = incoming;
        let bytes = with_whole_auth(bytes, |session| uia.body(session))?;
        let typed = |body: &[u8]| typed::<R>(&parts, or_empty_object(&parts.method, body), &arguments);
        // Clients send `null` for what they have not. Only where it is not understood: elsewhere it says something.
        let body = typed(&bytes).or_else(|error| match without_nulls(&bytes) {
            Some(body) => typed(&body),
            None => Err(error),
        })?;
        Ok(Self { body, who: R::Authentication::who(caller)?, bytes, address, parts })
    }
}

impl<R> FromIncoming for Upload<R>
where
    R: IncomingRequest<Authentication: Authentication> + Send + 'static,
{
    type Endpoint = R;
    const BODY: BodyKind = BodyKind::Streamed;

    fn from_incoming(incoming: Incoming) -> Result<Self> {
        let Incoming { parts, arguments, stream, caller, .. } = incoming;
        let head = typed::<R>(&parts, &[], &arguments)?;
        Ok(Self { head, who: R::Authentication::who(caller)?, length: length(&parts.headers), stream })
    }
}

/// Makes a body with `auth` one that ruma's types have a place for ("User-interactive API in the REST API"):
///
/// - An `auth` that attempts no stage and names no session is taken out: with it clients ask for the flows, as with
///   none at all.
/// - A password with a `user` and no `identifier` is the form from before there were identifiers.
/// - Who names a session may leave out all else of the body that began it: `begun` says what that was.
fn with_whole_auth(body: Bytes, begun: impl FnOnce(&str) -> Option<String>) -> Result<Bytes> {
    if !body.windows(AUTH.len()).any(|window| window == AUTH) {
        return Ok(body);
    }
    let mut object: JsonObject = serde_json::from_slice(&body)?;
    let alone = object.len() == 1;
    let Some(Value::Object(mut auth)) = object.remove("auth") else { return Ok(body) };
    if !auth.contains_key("type") && !auth.contains_key("session") {
        return Ok(serde_json::to_vec(&object)?.into());
    }
    if auth.get("type").is_some_and(|stage| stage == "m.login.password")
        && !auth.contains_key("identifier")
        && let Some(user) = auth.remove("user")
    {
        auth.insert("identifier".to_owned(), json!({ "type": "m.id.user", "user": user }));
    }
    if let Some(begun) = auth.get("session").and_then(Value::as_str).filter(|_| alone).and_then(begun) {
        object = serde_json::from_str(&begun)?;
    }
    object.insert("auth".to_owned(), Value::Object(auth));
    Ok(serde_json::to_vec(&object)?.into())
}

/// The body without the fields that are `null`, if there are any.
fn without_nulls(body: &[u8]) -> Option<Vec<u8>> {
    let mut object: JsonObject = serde_json::from_slice(body).ok()?;
    let all = object.len();
    object.retain(|_, value| !value.is_null());
    if object.len() == all { None } else { serde_json::to_vec(&object).ok() }
}

const AUTH: &[u8] = b"\"auth\"";

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(body: &'static str) -> Bytes {
        let begun = |session: &str| (session == "s").then(|| r#"{"devices":["A"]}"#.to_owned());
        with_whole_auth(Bytes::from_static(body.as_bytes()), begun).unwrap()
    }

    #[test]
    fn an_auth_that_says_nothing_is_none() {
        assert_eq!(whole(r#"{"auth":{},"x":1}"#), r#"{"x":1}"#);
        assert_eq!(whole(r#"{"auth":{"other":1}}"#), "{}");
        for kept in [r#"{"auth":{"session":"t"}}"#, r#"{"auth":{"type":"t"}}"#, r#"{"x":{"auth":{}}}"#, "{}"]
        {
            assert_eq!(whole(kept), kept);
        }
    }

    #[test]
    fn who_has_the_password_may_be_named_as_in_earlier_days() {
        let old = r#"{"auth":{"password":"p","type":"m.login.password","user":"alice"}}"#;
        let new = concat!(
            r#"{"auth":{"identifier":{"type":"m.id.user","user":"alice"},"#,
            r#""password":"p","type":"m.login.password"}}"#
        );
        assert_eq!(whole(old), new);
        assert_eq!(whole(new), new);
    }

    #[test]
    fn what_was_said_at_first_may_be_left_out() {
        assert_eq!(whole(r#"{"auth":{"session":"s"}}"#), r#"{"auth":{"session":"s"},"devices":["A"]}"#);
        let other = r#"{"auth":{"session":"s"},"devices":["B"]}"#;
        assert_eq!(whole(other), other);
    }
}
