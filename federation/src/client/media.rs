//! Fetching media of other servers ("Content Repository").

use std::time::Duration;

use bytes::Bytes;
use hearth_network::{NetworkError, next_chunk, read_body};
use http::{HeaderMap, Response, header};
use hyper::body::Incoming;
use ruma::{
    ServerName,
    api::{OutgoingRequest, path_builder::SinglePath},
};
use tokio::time::Instant;

use super::{Authenticates, Client, Limits, Place, multipart::Multipart, refusal, unsent};
use crate::FederationError;

/// How long nothing may come.
const IDLE: Duration = Duration::from_secs(30);
/// How far media may lie elsewhere.
const MAX_REDIRECTS: usize = 3;
/// What is read of an error.
const MAX_ERROR_BYTES: usize = 4096;

/// Media that comes in pieces. Dropped, it is no longer fetched.
pub struct RemoteMedia {
    /// As the other server says; to be trusted no more than what a user uploads.
    pub content_type: Option<String>,
    /// The same.
    pub content_disposition: Option<String>,
    body: Incoming,
    /// `None` for a file that came as it is, from elsewhere.
    multipart: Option<Multipart>,
    /// What came with the headers.
    first: Bytes,
    /// How many bytes of the file may still come.
    left: usize,
    limit: usize,
    deadline: Instant,
    _place: Place,
}

impl Client {
    /// Fetches media (`get_content`, `get_content_thumbnail`) from the server it belongs to: of at most
    /// `limits.body_bytes` bytes, within `limits.timeout`.
    pub async fn get_media<R>(
        &self,
        server: &ServerName,
        request: R,
        limits: Limits,
    ) -> Result<RemoteMedia, FederationError>
    where
        R: OutgoingRequest<PathBuilder = SinglePath>,
        R::Authentication: Authenticates,
    {
        let place = self.place(server, limits).await?;
        let deadline = Instant::now() + limits.timeout;
        let request = unsent(request)?;
        let begin = async {
            let response = self.begin(server, &request).await?;
            if !response.status().is_success() {
                let status = response.status();
                let body = read_body(response.into_body(), MAX_ERROR_BYTES, |_| Ok(())).await;
                return Err(refusal(status, &body.unwrap_or_default()));
            }
            self.open(response, limits.body_bytes, deadline, place).await
        };
        let result = tokio::time::timeout_at(deadline, begin)
            .await
            .unwrap_or_else(|_| Err(NetworkError::TimedOut.into()));
        self.note(server, &result, limits);
        result
    }

    /// Reads up to where the file begins.
    async fn open(
        &self,
        response: Response<Incoming>,
        limit: usize,
        deadline: Instant,
        place: Place,
    ) -> Result<RemoteMedia, FederationError> {
        let malformed = |error: &dyn std::fmt::Display| FederationError::Invalid(error.to_string());
        let (head, mut body) = response.into_parts();
        let content_type = text(&head.headers, header::CONTENT_TYPE).unwrap_or_default();
        let mut multipart = Multipart::of_type(&content_type).map_err(|error| malformed(&error))?;
        let headers = loop {
            if let Some(headers) = multipart.headers().map_err(|error| malformed(&error))? {
                break headers;
            }
            match next_chunk(&mut body).await? {
                Some(chunk) => multipart.push(&chunk),
                None => return Err(FederationError::Invalid("the media broke off".to_owned())),
            }
        };
        if let Some(location) = text(&headers, header::LOCATION) {
            let response = self.0.network.fetch(&location, MAX_REDIRECTS).await?.response;
            if !response.status().is_success() {
                return Err(FederationError::Invalid(format!(
                    "the media lies elsewhere: {}",
                    response.status()
                )));
            }
            let (head, body) = response.into_parts();
            return Ok(RemoteMedia::new(&head.headers, body, None, limit, deadline, place));
        }
        Ok(RemoteMedia::new(&headers, body, Some(multipart), limit, deadline, place))
    }
}

impl RemoteMedia {
    fn new(
        headers: &HeaderMap,
        body: Incoming,
        mut multipart: Option<Multipart>,
        limit: usize,
        deadline: Instant,
        place: Place,
    ) -> Self {
        Self {
            content_type: text(headers, header::CONTENT_TYPE),
            content_disposition: text(headers, header::CONTENT_DISPOSITION),
            body,
            first: multipart.as_mut().map(Multipart::file).unwrap_or_default(),
            multipart,
            left: limit,
            limit,
            deadline,
            _place: place,
        }
    }

    /// The next bytes of the file; `None` at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, FederationError> {
        let mut bytes = std::mem::take(&mut self.first);
        while bytes.is_empty() {
            if self.multipart.as_ref().is_some_and(Multipart::is_complete) {
                return Ok(None);
            }
            let until = self.deadline.min(Instant::now() + IDLE);
            let next = tokio::time::timeout_at(until, next_chunk(&mut self.body)).await;
            bytes = match (next.unwrap_or(Err(NetworkError::TimedOut))?, &mut self.multipart) {
                (Some(chunk), Some(multipart)) => {
                    multipart.push(&chunk);
                    multipart.file()
                }
                (Some(chunk), None) => chunk,
                (None, None) => return Ok(None),
                (None, Some(_)) => return Err(FederationError::Invalid("the media broke off".to_owned())),
            };
        }
        match self.left.checked_sub(bytes.len()) {
            Some(left) => self.left = left,
            None => return Err(NetworkError::TooLarge(self.limit).into()),
        }
        Ok(Some(bytes))
    }

    /// The same as a stream.
    pub fn into_stream(self) -> impl futures::Stream<Item = Result<Bytes, FederationError>> + Send {
        futures::stream::try_unfold(self, async |mut media| {
            Ok(media.chunk().await?.map(|chunk| (chunk, media)))
        })
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}
