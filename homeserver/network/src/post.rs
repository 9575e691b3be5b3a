//! Posting to a URL that somebody gave.

use bytes::Bytes;
use http::{HeaderMap, Request, Response, Uri, header};
use http_body_util::Full;
use hyper::body::Incoming;

use crate::{Network, NetworkError, USER_AGENT, host_header};

impl Network {
    /// Posts a body, and waits for the head of the answer, without a time limit of its own. Redirects are not followed.
    ///
    /// # Errors
    /// [`NetworkError::Url`] if it is none, or would choose where to connect (`target@`).
    pub async fn post(
        &self,
        url: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response<Incoming>, NetworkError> {
        let refused = || NetworkError::Url(url.to_owned());
        let url: Uri = url.parse().map_err(|_| refused())?;
        if url.authority().is_none_or(|authority| authority.as_str().contains('@')) {
            return Err(refused());
        }
        let mut request = Request::post(&url)
            .header(header::HOST, host_header(&url)?)
            .header(header::USER_AGENT, USER_AGENT)
            .body(Full::new(body))
            .map_err(|error| NetworkError::Url(error.to_string()))?;
        request.headers_mut().extend(headers);
        self.send(request).await
    }
}
