//! The connections that URLs name, of which there are so many at most.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Uri, uri::Scheme};
use hyper_util::{
    client::legacy::connect::{Connected, Connection},
    rt::TokioIo,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Dialer, Stream};
use crate::FederationOptions;

/// Makes the connections that URLs name.
#[derive(Clone)]
pub(super) struct Connector {
    dialer: Arc<dyn Dialer>,
    timeout: Duration,
    /// One permit for each connection that is open.
    free: Arc<Semaphore>,
}

impl Connector {
    pub(super) fn new(dialer: Arc<dyn Dialer>, options: &FederationOptions) -> Self {
        let free = Arc::new(Semaphore::new(options.connections.max(1)));
        Self { dialer, timeout: options.connect_timeout, free }
    }

    pub(super) async fn connect(self, uri: Uri) -> io::Result<Secured> {
        let Peer { target, name, port } = Peer::named(&uri)?;
        let permit = self.free.clone().acquire_owned().await.map_err(io::Error::other)?;
        let dial = self.dialer.dial(&target, port, &name);
        let stream = tokio::time::timeout(self.timeout, dial).await??;
        Ok(Secured { stream: TokioIo::new(stream), _permit: permit })
    }
}

/// What the authority of a URL says (see [`super`]).
struct Peer {
    /// What is connected to.
    target: String,
    /// What its certificate must be for.
    name: String,
    port: u16,
}

impl Peer {
    fn named(uri: &Uri) -> io::Result<Self> {
        let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidInput, format!("{what}: {uri}"));
        if uri.scheme() != Some(&Scheme::HTTPS) {
            return Err(invalid("not an https URL"));
        }
        let authority = uri.authority().ok_or_else(|| invalid("no host"))?;
        let host = authority.host();
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let target = authority.as_str().rsplit_once('@').map_or(host, |(target, _)| target).to_owned();
        Ok(Self { target, name: bare.to_owned(), port: authority.port_u16().unwrap_or(443) })
    }
}

impl tower::Service<Uri> for Connector {
    type Response = Secured;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Secured>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

/// A connection to who its URL names.
pub(super) struct Secured {
    stream: TokioIo<Box<dyn Stream>>,
    _permit: OwnedSemaphorePermit,
}

impl Connection for Secured {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl hyper::rt::Read for Secured {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl hyper::rt::Write for Secured {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }
}
