//! Fetching a public page, redirects followed: well-known files, and media that lie elsewhere.

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri, header};
use http_body_util::Full;
use hyper::body::Incoming;

use crate::{Network, NetworkError, USER_AGENT, host_header};

/// An answer after its redirects.
#[derive(Debug)]
pub struct Fetched {
    /// Where it came from in the end.
    pub url: Uri,
    pub response: Response<Incoming>,
}

impl Network {
    /// Fetches an `https` URL, and follows at most so many redirects, which are to `https` as well. Each goes through
    /// the same filter of addresses as the first.
    pub async fn fetch(&self, url: &str, redirects: usize) -> Result<Fetched, NetworkError> {
        self.follow(url, redirects, false).await
    }

    /// The same for a page that is there for people: where connections may be without TLS, `http` is followed too.
    pub async fn fetch_page(&self, url: &str, redirects: usize) -> Result<Fetched, NetworkError> {
        self.follow(url, redirects, self.connector.allow_plain).await
    }

    async fn follow(&self, url: &str, redirects: usize, plain: bool) -> Result<Fetched, NetworkError> {
        let mut url = parse(url, plain)?;
        for _ in 0..=redirects {
            let request = Request::get(url.clone())
                .header(header::HOST, host_header(&url)?)
                .header(header::USER_AGENT, USER_AGENT)
                .body(Full::<Bytes>::default())
                .map_err(|error| NetworkError::Url(error.to_string()))?;
            let response = self.send(request).await?;
            if !is_redirect(response.status()) {
                return Ok(Fetched { url, response });
            }
            let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
            url = match location {
                Some(location) => join(&url, location, plain)?,
                None => return Ok(Fetched { url, response }),
            };
        }
        Err(NetworkError::Url("too many redirects".to_owned()))
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// A URL that may be fetched. One with `target@` would choose where to connect.
fn parse(url: &str, plain: bool) -> Result<Uri, NetworkError> {
    let refused = || NetworkError::Url(url.to_owned());
    let uri: Uri = url.split('#').next().unwrap_or_default().parse().map_err(|_| refused())?;
    let names_a_host = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    match uri.scheme_str() {
        Some("https") if names_a_host => Ok(uri),
        Some("http") if names_a_host && plain => Ok(uri),
        _ => Err(refused()),
    }
}

/// What a `Location` means on a page.
fn join(page: &Uri, location: &str, plain: bool) -> Result<Uri, NetworkError> {
    let scheme = page.scheme_str().unwrap_or("https");
    let authority = page.authority().map_or("", |authority| authority.as_str());
    let joined = if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else if location.contains("://") {
        location.to_owned()
    } else {
        let folder = page.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{location}")
    };
    parse(&joined, plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_relative_to_their_page() {
        let page = parse("https://a.example/x/y?z", false).unwrap();
        let joined = |location: &str| join(&page, location, false).map(|uri| uri.to_string()).ok();
        assert_eq!(joined("https://b.example/c").as_deref(), Some("https://b.example/c"));
        assert_eq!(joined("//b.example/c").as_deref(), Some("https://b.example/c"));
        assert_eq!(joined("/c").as_deref(), Some("https://a.example/c"));
        assert_eq!(joined("c").as_deref(), Some("https://a.example/x/c"));
        assert_eq!(joined("http://b.example/c"), None);
        assert!(join(&page, "http://b.example/c", true).is_ok());
        assert_eq!(joined("https://b@127.0.0.1/c"), None);
        assert_eq!(joined("file:///etc/passwd"), None);
    }
}
