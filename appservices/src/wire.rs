//! HTTP to application services.

use std::{fmt::Write as _, time::Duration};

use bytes::Bytes;
use hearth_network::{Network, NetworkError, USER_AGENT, read_body};
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::Full;
use serde_json::Value;
use tokio::time::Instant;

use crate::Service;

/// How asking a service fails.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum AskError {
    /// It has no `url`.
    #[error("the service has no URL")]
    NoUrl,
    #[error("no connection: {0}")]
    Connect(String),
    /// The connection broke off, or carried nonsense.
    #[error("the exchange broke off: {0}")]
    Exchange(String),
    #[error("no answer in time")]
    TimedOut,
    /// It answered, but not with success.
    #[error("it answers {status}: {body}")]
    Refused { status: u16, body: String },
}

impl From<NetworkError> for AskError {
    fn from(error: NetworkError) -> Self {
        match error {
            NetworkError::TimedOut => Self::TimedOut,
            NetworkError::Connect(why) => Self::Connect(why),
            NetworkError::Exchange(why) => Self::Exchange(why),
            other => Self::Exchange(other.to_string()),
        }
    }
}

/// What a request may take.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// From the connection to the last byte.
    pub timeout: Duration,
    /// The largest answer, in bytes.
    pub body_bytes: usize,
}

/// Asks services. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Wire {
    network: Network,
}

impl Wire {
    pub fn new(network: Network) -> Self {
        Self { network }
    }

    /// Asks a service at a path, which may have a query, and at the path of earlier days if it does not know that.
    /// Gives the answer's body.
    pub async fn ask(
        &self,
        service: &Service,
        method: Method,
        paths: &[&str],
        body: Bytes,
        limits: Limits,
    ) -> Result<Bytes, AskError> {
        let mut refused = AskError::NoUrl;
        for path in paths {
            refused = match self.ask_at(service, method.clone(), path, body.clone(), limits).await {
                Err(error) if is_unknown_path(&error) => error,
                answer => return answer,
            };
        }
        Err(refused)
    }

    async fn ask_at(
        &self,
        service: &Service,
        method: Method,
        path: &str,
        body: Bytes,
        limits: Limits,
    ) -> Result<Bytes, AskError> {
        let base = service.url.as_deref().ok_or(AskError::NoUrl)?;
        let exchange = |error: &dyn std::error::Error| AskError::Exchange(error.to_string());
        // Services of before v1.4 look for the token in the query.
        let and = if path.contains('?') { '&' } else { '?' };
        let token = encoded(&service.hs_token);
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", service.hs_token))
            .map_err(|error| exchange(&error))?;
        authorization.set_sensitive(true);
        let request = Request::builder()
            .method(method)
            .uri(format!("{base}{path}{and}access_token={token}"))
            .header(header::AUTHORIZATION, authorization)
            .header(header::USER_AGENT, USER_AGENT)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| exchange(&error))?;
        let until = Instant::now() + limits.timeout;
        let answer = tokio::time::timeout_at(until, self.network.send(request)).await;
        let (head, body) = answer.unwrap_or(Err(NetworkError::TimedOut))?.into_parts();
        let body = tokio::time::timeout_at(until, read_body(body, limits.body_bytes, |_| Ok(()))).await;
        let body = body.unwrap_or(Err(NetworkError::TimedOut));
        match head.status {
            StatusCode::OK => Ok(body?),
            status => {
                let body = body.map(|body| String::from_utf8_lossy(&body).into_owned()).unwrap_or_default();
                Err(AskError::Refused { status: status.as_u16(), body })
            }
        }
    }
}

/// A text as it stands in a part of a path or query.
pub fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            // Writing to a string cannot fail.
            _ => _ = write!(out, "%{byte:02X}"),
        }
    }
    out
}

/// Whether a service knows nothing of a path: no answer in Matrix's own words says more.
fn is_unknown_path(error: &AskError) -> bool {
    let AskError::Refused { status: 404 | 405, body } = error else { return false };
    let said = serde_json::from_str::<Value>(body).unwrap_or_default();
    said["errcode"].as_str().is_none_or(|code| code == "M_UNRECOGNIZED")
}
