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

use crate::{Dialer, NetworkOptions, Stream};

/// Makes the connections that URLs name.
#[derive(Clone)]
pub(crate) struct Connector {
    dialer: Arc<dyn Dialer>,
    timeout: Duration,
    /// Whether connections may be without TLS.
    pub(crate) allow_plain: bool,
    /// One permit for each connection that is open.
    free: Arc<Semaphore>,
}

impl Connector {
    pub(crate) fn new(dialer: Arc<dyn Dialer>, options: &NetworkOptions) -> Self {
        let free = Arc::new(Semaphore::new(options.connections.max(1)));
        let allow_plain = options.allow_private_networks;
        Self { dialer, timeout: options.connect_timeout, allow_plain, free }
    }

    pub(crate) async fn connect(self, uri: Uri) -> io::Result<Secured> {
        let Peer { target, name, port } = Peer::named(&uri, self.allow_plain)?;
        let permit = self.free.clone().acquire_owned().await.map_err(io::Error::other)?;
        let dial = self.dialer.dial(&target, port, name.as_deref());
        let stream = tokio::time::timeout(self.timeout, dial).await??;
        Ok(Secured { stream: TokioIo::new(stream), _permit: permit })
    }
}

/// What the authority of a URL says (see [`super`]).
struct Peer {
    /// What is connected to.
    target: String,
    /// What its certificate must be for; `None` without TLS.
    name: Option<String>,
    port: u16,
}

impl Peer {
    fn named(uri: &Uri, allow_plain: bool) -> io::Result<Self> {
        let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidInput, format!("{what}: {uri}"));
        let secure = uri.scheme() == Some(&Scheme::HTTPS);
        let plain = allow_plain && uri.scheme() == Some(&Scheme::HTTP);
        if !(secure || plain) {
            return Err(invalid("not an https URL"));
        }
        let authority = uri.authority().ok_or_else(|| invalid("no host"))?;
        let host = authority.host();
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let target = authority.as_str().rsplit_once('@').map_or(host, |(target, _)| target).to_owned();
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        Ok(Self { target, name: secure.then(|| bare.to_owned()), port })
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
pub(crate) struct Secured {
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
