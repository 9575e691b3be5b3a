//! Asking a push gateway (push gateway API).

use std::time::Duration;

use bytes::Bytes;
use hearth_network::{Network, NetworkError, read_body};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;

/// How long it may take from connecting to the last byte of the answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How large the answer may be.
const MAX_ANSWER: usize = 16 << 10;

/// How it fails.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The gateway answered, and does not take it. It may say when to come again.
    Refused(Option<Duration>),
    /// It cannot be reached, or is too slow.
    Unreachable,
    /// The push service does not know the client any more.
    Gone,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    rejected: Vec<String>,
}

/// Tells a gateway a notification. Gives the pushkeys that it rejects.
pub(super) async fn notify(network: &Network, url: &str, body: Bytes) -> Result<Vec<String>, Failure> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let (head, body) = post(network, url, headers, body).await?;
    if !head.status.is_success() {
        tracing::debug!(url, status = %head.status, "a push gateway does not take a notification");
        return Err(Failure::Refused(retry_after(head.status, &head.headers)));
    }
    // Many say nothing where nothing is rejected.
    Ok(serde_json::from_slice(&body).map_or_else(|_| Vec::new(), |Answer { rejected }| rejected))
}

/// Gives a push service an encrypted message (RFC 8030).
pub(super) async fn push(
    network: &Network,
    url: &str,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(), Failure> {
    let (head, _) = post(network, url, headers, body).await?;
    match head.status {
        status if status.is_success() => Ok(()),
        StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::GONE => Err(Failure::Gone),
        status => {
            tracing::debug!(url, %status, "a push service does not take a message");
            Err(Failure::Refused(retry_after(status, &head.headers)))
        }
    }
}

async fn post(
    network: &Network,
    url: &str,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(http::response::Parts, Bytes), Failure> {
    let exchange = async {
        let response = network.post(url, headers, body).await?;
        let (head, body) = response.into_parts();
        Ok((head, read_body(body, MAX_ANSWER, |_| Ok(())).await?))
    };
    let answered = tokio::time::timeout(PATIENCE, exchange).await.unwrap_or(Err(NetworkError::TimedOut));
    answered.map_err(|error| {
        tracing::debug!(url, %error, "a push gateway cannot be told");
        match error {
            // It answers, and nonsense.
            NetworkError::TooLarge(_) => Failure::Refused(None),
            _ => Failure::Unreachable,
        }
    })
}

fn retry_after(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    if status != StatusCode::TOO_MANY_REQUESTS {
        return None;
    }
    headers.get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}
