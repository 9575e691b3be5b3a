//! From an HTTP request to a typed one: decoded paths, ruma's types.

use axum::extract::{FromRequestParts as _, RawPathParams};
use http::{Method, request::Parts};
use ruma::api::{IncomingRequest, IncomingRequestExt as _};

use crate::{MatrixError, Result};

/// Types a request by ruma's description of its endpoint.
pub fn typed<R: IncomingRequest>(parts: &Parts, body: &[u8], arguments: &[String]) -> Result<R> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // Extensions are left out: ruma looks at none, and cloning them is the dear part.
    let mut request = http::Request::new(body);
    *request.method_mut() = parts.method.clone();
    *request.uri_mut() = parts.uri.clone();
    *request.headers_mut() = parts.headers.clone();
    Ok(R::try_from_http_request(request, &arguments)?)
}

/// A body, or `{}`: where one needs to say nothing, as for a join, some leave it out.
pub fn or_empty_object<'a>(method: &Method, body: &'a [u8]) -> &'a [u8] {
    if body.is_empty() && matches!(*method, Method::POST | Method::PUT) { b"{}" } else { body }
}

/// The variables of a path, decoded, in their order. Routes are matched before decoding, so `%2F` does not
/// split a segment.
pub async fn arguments(parts: &mut Parts) -> Result<Vec<String>> {
    let arguments = RawPathParams::from_request_parts(parts, &())
        .await
        .map_err(|_| MatrixError::invalid_param("The path is not UTF-8."))?;
    Ok(arguments.iter().map(|(_, value)| value.to_owned()).collect())
}
