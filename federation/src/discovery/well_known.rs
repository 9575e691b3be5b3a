//! `/.well-known/matrix/server` of others.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hearth_network::{Network, NetworkError, read_body};
use http::{HeaderMap, header};
use ruma::OwnedServerName;
use serde::Deserialize;

use super::{LONGEST, SHORTEST};

/// How long the whole fetch may take.
const TIMEOUT: Duration = Duration::from_secs(15);
const MAX_BYTES: usize = 50 << 10;
const MAX_REDIRECTS: usize = 5;
/// How long an answer holds that does not say so.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WellKnown {
    pub(crate) server: OwnedServerName,
    pub(crate) lifetime: Duration,
}

/// Why nothing is known from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// There is no such file, or nonsense in it.
    Missing,
    /// The host did not answer, or failed.
    Unreadable,
}

#[derive(Deserialize)]
struct Content {
    #[serde(rename = "m.server")]
    server: OwnedServerName,
}

/// Fetches the file at a time, in milliseconds.
pub(super) async fn fetch(network: &Network, host: &str, now_ms: u64) -> Result<WellKnown, Failure> {
    let fetch = async {
        let url = format!("https://{host}/.well-known/matrix/server");
        let (head, body) = network.fetch(&url, MAX_REDIRECTS).await?.response.into_parts();
        Ok::<_, NetworkError>((head, read_body(body, MAX_BYTES, |_| Ok(())).await?))
    };
    let (head, body) = match tokio::time::timeout(TIMEOUT, fetch).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(NetworkError::TooLarge(_) | NetworkError::Url(_))) => return Err(Failure::Missing),
        Ok(Err(error)) => {
            tracing::debug!(host, %error, "no well-known file");
            return Err(Failure::Unreadable);
        }
        Err(_) => return Err(Failure::Unreadable),
    };
    if head.status.is_server_error() {
        return Err(Failure::Unreadable);
    }
    if !head.status.is_success() {
        return Err(Failure::Missing);
    }
    let Content { server } = serde_json::from_slice(&body).map_err(|_| Failure::Missing)?;
    let now = UNIX_EPOCH + Duration::from_millis(now_ms);
    Ok(WellKnown { server, lifetime: lifetime(&head.headers, now) })
}

/// How long the answer may be remembered: what `Cache-Control` says, else `Expires`, within bounds.
fn lifetime(headers: &HeaderMap, now: SystemTime) -> Duration {
    by_cache_control(headers)
        .or_else(|| by_expires(headers, now))
        .unwrap_or(DEFAULT_LIFETIME)
        .clamp(SHORTEST, LONGEST)
}

fn by_cache_control(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all(header::CACHE_CONTROL).into_iter().filter_map(|value| value.to_str().ok());
    let directives =
        values.flat_map(|value| value.split(',')).map(|directive| directive.trim().to_ascii_lowercase());
    let mut lifetime = None;
    for directive in directives {
        match directive.split_once('=') {
            None if matches!(directive.as_str(), "no-store" | "no-cache") => return Some(Duration::ZERO),
            Some(("max-age", seconds)) => {
                // A number too large to read is a long time.
                let seconds = seconds.trim().trim_matches('"');
                let is_number = !seconds.is_empty() && seconds.bytes().all(|byte| byte.is_ascii_digit());
                let read = seconds.parse().ok().or(is_number.then_some(u64::MAX));
                lifetime = read.map(Duration::from_secs);
            }
            _ => {}
        }
    }
    lifetime
}

/// By the dates that the answer has; one that cannot be read is in the past.
fn by_expires(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let expires = headers.get(header::EXPIRES)?;
    let date = expires.to_str().ok().and_then(|text| httpdate::parse_http_date(text).ok());
    Some(date.and_then(|date| date.duration_since(now).ok()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_remembered_as_they_say_within_bounds() {
        let now = httpdate::parse_http_date("Mon, 01 Jan 2024 00:00:00 GMT").unwrap();
        let of = |fields: &[(&'static str, &'static str)]| {
            let fields = fields.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            lifetime(&HeaderMap::from_iter(fields), now).as_secs()
        };
        assert_eq!(of(&[]), 24 * 3600);
        assert_eq!(of(&[("cache-control", "public, max-age=3600")]), 3600);
        assert_eq!(of(&[("cache-control", "Max-Age=99999999999999999999999")]), 48 * 3600);
        assert_eq!(of(&[("cache-control", "no-store")]), 300);
        assert_eq!(of(&[("cache-control", "max-age=nonsense")]), 24 * 3600);
        assert_eq!(of(&[("expires", "Mon, 01 Jan 2024 02:00:00 GMT")]), 7200);
        assert_eq!(of(&[("expires", "0")]), 300);
        let both = [("expires", "Mon, 01 Jan 2024 02:00:00 GMT"), ("cache-control", "max-age=600")];
        assert_eq!(of(&both), 600);
    }
}
