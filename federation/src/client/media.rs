//! Fetching media of other servers ("Content Repository").

use std::time::Duration;

use bytes::Bytes;
use hearth_network::{NetworkError, next_chunk, read_body};
use http::{HeaderMap, Method, Response, header};
use hyper::body::Incoming;
use ruma::{ServerName, api::federation::authenticated_media::get_content::v1::Request as GetContent};
use tokio::time::Instant;
use url::Url;

use super::{Client, Limits, Place, Unsent, multipart::Multipart, refusal, unsent};
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
    /// Fetches a file from the server it belongs to: of at most `limits.body_bytes` bytes, within `limits.timeout`.
    pub async fn get_media(
        &self,
        server: &ServerName,
        request: GetContent,
        limits: Limits,
    ) -> Result<RemoteMedia, FederationError> {
        let place = self.place(server, limits).await?;
        let deadline = Instant::now() + limits.timeout;
        let old = at_its_old_place(server, &request)?;
        let request = unsent(request)?;
        let begin = async {
            match self.ask_for_media(server, &request).await {
                Ok(response) => self.open(response, limits.body_bytes, deadline, place).await,
                Err(refusal) if is_of_before(&refusal) => {
                    let (head, body) = self.ask_for_media(server, &old).await?.into_parts();
                    Ok(RemoteMedia::new(&head.headers, body, None, limits.body_bytes, deadline, place))
                }
                Err(error) => Err(error),
            }
        };
        let result = tokio::time::timeout_at(deadline, begin)
            .await
            .unwrap_or_else(|_| Err(NetworkError::TimedOut.into()));
        self.note(server, &result, limits);
        result
    }

    async fn ask_for_media(
        &self,
        server: &ServerName,
        request: &Unsent,
    ) -> Result<Response<Incoming>, FederationError> {
        let response = self.begin(server, request).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let body = read_body(response.into_body(), MAX_ERROR_BYTES, |_| Ok(())).await;
        Err(refusal(status, &body.unwrap_or_default()))
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

/// Where servers of before version 1.11 have a file, for anyone (client-server API, "Content Repository").
fn at_its_old_place(server: &ServerName, request: &GetContent) -> Result<Unsent, FederationError> {
    let mut url = Url::parse("https://server/_matrix/media/v3/download")
        .map_err(|error| FederationError::Invalid(error.to_string()))?;
    if let Ok(mut path) = url.path_segments_mut() {
        path.extend([server.as_str(), &request.media_id]);
    }
    let timeout = request.timeout_ms.as_millis().to_string();
    url.query_pairs_mut().extend_pairs([("allow_remote", "false"), ("timeout_ms", &timeout)]);
    let path = url[url::Position::BeforePath..].to_owned();
    Ok(Unsent { method: Method::GET, path, body: Bytes::new(), signed: false })
}

/// Whether a server does not know the endpoint that came with version 1.11: it says so, or nothing that is of Matrix.
fn is_of_before(refusal: &FederationError) -> bool {
    match refusal {
        FederationError::Refused { status, errcode, fields, .. } => {
            errcode == "M_UNRECOGNIZED"
                || (status.is_client_error() && errcode == "M_UNKNOWN" && fields.is_empty())
        }
        _ => false,
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
