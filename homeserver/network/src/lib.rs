//! The network: who is connected to, over TLS, and how much is read from it. Whoever asks other servers, push gateways
//! or anybody else for something has a [`Network`] with a bound on its connections, over the one [`Dialer`] of the
//! server, which filters addresses.
//!
//! A request names its connection in the authority of its URL: `host:port` connects to that host, and
//! `target@host:port` connects to the target, whose certificate must be the host's (a server found by SRV).
//! Connections are kept per authority and speak HTTP/1.1.

mod addresses;
mod collected;
mod connector;
mod internet;
mod options;
mod post;
mod redirects;
mod resolver;
mod tls;

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper_util::{
    client::legacy,
    rt::{TokioExecutor, TokioTimer},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};

use self::connector::Connector;
pub use self::{
    addresses::is_public, collected::Collected, internet::Internet, options::NetworkOptions,
    redirects::Fetched, resolver::ServiceTarget,
};

pub const USER_AGENT: &str = concat!("Hearth/", env!("CARGO_PKG_VERSION"));

/// How long a connection waits for its next request, and how many such there are for one server.
const IDLE: Duration = Duration::from_secs(20);
const IDLE_PER_SERVER: usize = 4;

/// How long a body may take that hardly comes, and how many bytes of it must come in each further second.
const PATIENCE: Duration = Duration::from_secs(30);
const PACE: usize = 64 << 10;

/// How large the head of an answer may be, in bytes.
const HEAD_BYTES: usize = 64 << 10;

/// How talking to a server fails.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// There is no such address, it is not allowed, or nobody there speaks TLS under that name.
    #[error("no connection: {0}")]
    Connect(String),
    /// The connection broke off, or carried nonsense.
    #[error("the exchange broke off: {0}")]
    Exchange(String),
    #[error("no answer in time")]
    TimedOut,
    /// More than so many bytes came.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// There is no room for so many bytes now.
    #[error("too many large answers are being read")]
    Crowded,
    #[error("not a URL that is followed: {0}")]
    Url(String),
    /// Nothing can be connected to; the text says what to do.
    #[error("{0}")]
    Setup(String),
}

/// How other servers are reached: the [`Internet`], or in a simulation what stands for it.
pub trait Dialer: Send + Sync {
    /// Connects to a port of `target`, and makes sure that it is `name` who answers there; without a name there is no
    /// TLS.
    fn dial<'a>(
        &'a self,
        target: &'a str,
        port: u16,
        name: Option<&'a str>,
    ) -> BoxFuture<'a, io::Result<Box<dyn Stream>>>;

    /// The targets of a service (SRV), the preferred one first; none if there is no such record.
    fn services<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<ServiceTarget>, NetworkError>>;
}

/// What a connection carries.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Connections to other servers. Cheap to clone.
#[derive(Clone)]
pub struct Network {
    client: legacy::Client<Connector, Full<Bytes>>,
    connector: Connector,
    dialer: Arc<dyn Dialer>,
}

impl Network {
    pub fn new(dialer: Arc<dyn Dialer>, options: &NetworkOptions) -> Self {
        let connector = Connector::new(dialer.clone(), options);
        let client = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_PER_SERVER)
            .http1_max_buf_size(HEAD_BYTES)
            .build(connector.clone());
        Self { client, connector, dialer }
    }

    /// Sends a request and waits for the head of the answer. Without a time limit of its own.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, NetworkError> {
        match self.client.request(request.clone()).await {
            // A connection that was kept may have been closed while the request was on its way. What federation
            // asks may be asked twice.
            Err(error) if !error.is_connect() => self.client.request(request).await,
            first => first,
        }
        .map_err(|error| match error.is_connect() {
            true => NetworkError::Connect(causes(&error)),
            false => NetworkError::Exchange(causes(&error)),
        })
    }

    /// Connects to an authority, and closes the connection.
    pub async fn connect(&self, authority: &str) -> Result<(), NetworkError> {
        let uri = format!("https://{authority}").parse();
        let uri: Uri = uri.map_err(|error: http::uri::InvalidUri| NetworkError::Url(error.to_string()))?;
        self.connector.clone().connect(uri).await.map_err(|error| NetworkError::Connect(causes(&error)))?;
        Ok(())
    }

    /// The targets of a service, the preferred one first; none if there is no such record.
    pub async fn services(&self, name: &str) -> Result<Vec<ServiceTarget>, NetworkError> {
        self.dialer.services(name).await
    }
}

/// Reads a body whole, as long as it has at most so many bytes, `admit` lets in each further number of them, and it
/// comes at some pace: whoever waits for a large one has more patience than one that drips deserves.
pub async fn read_body(
    mut body: Incoming,
    max: usize,
    mut admit: impl FnMut(usize) -> Result<(), NetworkError>,
) -> Result<Bytes, NetworkError> {
    if body.size_hint().lower() > max as u64 {
        return Err(NetworkError::TooLarge(max));
    }
    let begun = Instant::now();
    let mut collected = Collected::default();
    loop {
        let length = collected.length();
        let until = begun + PATIENCE + Duration::from_secs((length / PACE) as u64);
        let next = tokio::time::timeout_at(until, next_chunk(&mut body)).await;
        let Some(chunk) = next.unwrap_or(Err(NetworkError::TimedOut))? else {
            return Ok(collected.into_bytes());
        };
        if length + chunk.len() > max {
            return Err(NetworkError::TooLarge(max));
        }
        admit(chunk.len())?;
        collected.push(chunk);
    }
}

/// The next bytes of a body; `None` at its end.
pub async fn next_chunk(body: &mut Incoming) -> Result<Option<Bytes>, NetworkError> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| NetworkError::Exchange(causes(&error)))?;
        // Trailers tell nothing.
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

/// The `host:port` of a URL as the header `Host` has it.
fn host_header(uri: &Uri) -> Result<String, NetworkError> {
    let authority = uri.authority().ok_or_else(|| NetworkError::Url(uri.to_string()))?;
    Ok(match authority.port_u16() {
        Some(port) => format!("{}:{port}", authority.host()),
        None => authority.host().to_owned(),
    })
}

/// An error with all that caused it: the outermost alone says "client error".
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
