//! Who asks: `Authorization: X-Matrix` ("Request Authentication").

pub(crate) mod header;

use std::collections::{BTreeMap, BTreeSet};

use hearth_http::MatrixError;
use hearth_spec::{
    PublicKeys, SigningKey,
    canonical_json::{self, CanonicalJsonError, Numbers},
};
use http::{HeaderMap, Method, StatusCode};
use ruma::{OwnedServerName, ServerName};

use self::header::XMatrix;
use crate::{AskedBy, Federation, key_ring::FetchedFor};

/// A server that changes its key sends a header for each; more than this are not looked at.
const MAX_HEADERS: usize = 4;

/// The value of `Authorization` for a request of ours.
pub(crate) fn sign(
    key: &SigningKey,
    origin: &ServerName,
    destination: &ServerName,
    method: &Method,
    path_and_query: &str,
    body: &[u8],
) -> Result<String, CanonicalJsonError> {
    let text = signed_text(method, path_and_query, origin, destination, body)?;
    let signature = key.sign_base64(text.as_bytes());
    Ok(format!(
        r#"X-Matrix origin="{origin}",destination="{destination}",key="{}",sig="{signature}""#,
        key.key_id(),
    ))
}

/// What is signed of a request, in canonical JSON.
fn signed_text(
    method: &Method,
    path_and_query: &str,
    origin: &ServerName,
    destination: &ServerName,
    body: &[u8],
) -> Result<String, CanonicalJsonError> {
    let mut text = String::with_capacity(256 + body.len());
    text.push('{');
    if !body.is_empty() {
        let body = std::str::from_utf8(body)
            .map_err(|error| CanonicalJsonError::Syntax { at: error.valid_up_to() })?;
        text.push_str(r#""content":"#);
        // Events of old rooms may have any number in them.
        text.push_str(&canonical_json::canonicalise(body, Numbers::Any)?);
        text.push(',');
    }
    let fields = [
        ("destination", destination.as_str()),
        ("method", method.as_str()),
        ("origin", origin.as_str()),
        ("uri", path_and_query),
    ];
    for (place, (name, value)) in fields.into_iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        canonical_json::write_string(&mut text, name);
        text.push(':');
        canonical_json::write_string(&mut text, value);
    }
    text.push('}');
    Ok(text)
}

/// Who a request says that it comes from, with the keys that could prove it.
pub(crate) struct Claim {
    origin: OwnedServerName,
    given: Vec<XMatrix>,
    keys: PublicKeys,
}

impl Claim {
    /// Reads the headers of a request that came from there, and fetches the keys of the server that they name: before
    /// the body is read, so that no body waits for keys.
    ///
    /// # Errors
    /// 401 `M_UNAUTHORIZED` if the request is not signed, not for this server, or no key of the server can be had.
    pub(crate) async fn read(
        federation: &Federation,
        headers: &HeaderMap,
        came_from: AskedBy,
    ) -> Result<Self, MatrixError> {
        let given = given(headers)?;
        let first = given.first().ok_or_else(|| unauthorized("The request is not signed (X-Matrix)."))?;
        let origin = first.origin.clone();
        if federation.is_own(&origin) {
            return Err(unauthorized("This server does not ask itself."));
        }
        for claim in &given {
            if claim.destination.as_ref().is_some_and(|destination| !federation.is_own(destination)) {
                return Err(unauthorized("The request is meant for another server."));
            }
            if claim.origin != origin {
                return Err(unauthorized("The request names several origins."));
            }
        }
        // Neither its keys are asked for nor its body is read.
        if federation.rooms().bans().bans_server(&origin) {
            return Err(MatrixError::forbidden("This server has nothing to do with yours."));
        }
        let key_ids: BTreeSet<_> = given.iter().map(|claim| claim.key.clone()).collect();
        let needed = BTreeMap::from([(origin.clone(), key_ids)]);
        let keys = federation.keys().fetch(FetchedFor::Request(came_from), needed).await;
        match keys.knows(&origin) {
            true => Ok(Self { origin, given, keys }),
            false => Err(unauthorized(format!("No key of {origin} could be fetched."))),
        }
    }

    /// Checks the signature: the server that makes the request. `path_and_query` is as it came, and `body` empty where
    /// there is none.
    ///
    /// # Errors
    /// 401 `M_UNAUTHORIZED` if it is not signed by a key that the server has now.
    pub(crate) fn check(
        self,
        federation: &Federation,
        method: &Method,
        path_and_query: &str,
        body: &[u8],
    ) -> Result<OwnedServerName, MatrixError> {
        let Self { origin, given, keys } = self;
        let text = signed_text(method, path_and_query, &origin, federation.server_name(), body)
            .map_err(|error| MatrixError::not_json(error.to_string()))?;
        let now = federation.now_ms();
        let is_signed = given.iter().any(|claim| {
            keys.get(&origin, &claim.key, Some(now))
                .is_some_and(|key| key.verifies(text.as_bytes(), &claim.signature))
        });
        if !is_signed {
            return Err(unauthorized(format!("The request is not signed by a valid key of {origin}.")));
        }
        federation.destinations().heard_from(&origin);
        Ok(origin)
    }
}

fn given(headers: &HeaderMap) -> Result<Vec<XMatrix>, MatrixError> {
    headers
        .get_all(http::header::AUTHORIZATION)
        .iter()
        .take(MAX_HEADERS)
        .map(|value| {
            value.to_str().ok().and_then(XMatrix::parse).ok_or_else(|| {
                unauthorized("The header Authorization is not X-Matrix with origin, key and sig.")
            })
        })
        .collect()
}

fn unauthorized(message: impl Into<std::borrow::Cow<'static, str>>) -> MatrixError {
    MatrixError::new(StatusCode::UNAUTHORIZED, "M_UNAUTHORIZED", message)
}

#[cfg(test)]
mod tests;
