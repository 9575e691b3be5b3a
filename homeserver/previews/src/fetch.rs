//! Fetching a page or an image, within bounds.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hearth_network::{Fetched, Network, next_chunk};
use http::{HeaderMap, header};
use url::Url;

use crate::PreviewError;

/// How long one page or image may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How often it may lie elsewhere.
const MAX_REDIRECTS: usize = 5;
/// How much is read of an image, and of a page, in bytes.
pub(crate) const MAX_IMAGE: usize = 10 << 20;
pub(crate) const MAX_PAGE: usize = 1 << 20;
/// How long a URL may be, in bytes.
const MAX_URL: usize = 2048;

/// What was fetched.
pub(crate) struct Got {
    /// Where it lay in the end.
    pub(crate) url: Url,
    /// `Content-Type` in lower case.
    pub(crate) content_type: String,
    /// Its first bytes.
    pub(crate) body: Bytes,
    /// Whether that is all.
    pub(crate) whole: bool,
}

/// A URL of a web page. Where TLS is not asked for it is tried all the same, but where everything is in a private
/// network.
pub(crate) fn web_url(url: &str, plain: bool) -> Result<Url, PreviewError> {
    let mut url = Url::parse(url).map_err(|_| PreviewError::Url)?;
    url.set_fragment(None);
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host() && url.username().is_empty();
    if !is_web || url.password().is_some() || url.as_str().len() > MAX_URL {
        return Err(PreviewError::Url);
    }
    if url.scheme() == "http" && !plain {
        let port = url.port();
        url.set_scheme("https").map_err(|()| PreviewError::Url)?;
        // A port that is named is not the one for TLS.
        if port.is_some() {
            return Err(PreviewError::Url);
        }
    }
    Ok(url)
}

/// Fetches a URL, as much of it as is of use.
pub(crate) async fn get(network: &Network, url: &Url) -> Result<Got, PreviewError> {
    let fetch = async {
        let Fetched { url, response } = network.fetch_page(url.as_str(), MAX_REDIRECTS).await?;
        if !response.status().is_success() {
            return Err(PreviewError::Fetch(response.status().to_string()));
        }
        let url = Url::parse(&url.to_string()).map_err(|_| PreviewError::Url)?;
        let (head, mut incoming) = response.into_parts();
        let content_type = content_type(&head.headers);
        let max = if content_type.starts_with("image/") { MAX_IMAGE } else { MAX_PAGE };
        let (mut body, mut whole) = (BytesMut::new(), true);
        while let Some(chunk) = next_chunk(&mut incoming).await? {
            let room = max - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                whole = false;
                break;
            }
        }
        Ok(Got { url, content_type, body: body.freeze(), whole })
    };
    let timed_out = || Err(PreviewError::Fetch("no answer in time".to_owned()));
    tokio::time::timeout(TIMEOUT, fetch).await.unwrap_or_else(|_| timed_out())
}

fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_pages_have_previews() {
        let of = |url: &str| web_url(url, false).map(|url| url.to_string()).ok();
        assert_eq!(of("https://a.example/x?y#z").as_deref(), Some("https://a.example/x?y"));
        assert_eq!(of("http://a.example").as_deref(), Some("https://a.example/"));
        assert_eq!(web_url("http://a.example:8080", true).unwrap().as_str(), "http://a.example:8080/");
        let long = format!("https://a.example/{}", "x".repeat(MAX_URL));
        for wrong in [
            "",
            "a.example",
            "ftp://a.example",
            "file:///etc/passwd",
            "javascript:1",
            "https://",
            "http://a.example:22",
            "https://user@a.example",
            "https://user:password@a.example",
            "data:text/html,x",
            &long,
        ] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}
