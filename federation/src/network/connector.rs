//! Making a connection: the address, TCP, TLS.

use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::{StreamExt as _, stream::FuturesUnordered};
use http::{Uri, uri::Scheme};
use hyper_util::{
    client::legacy::connect::{Connected, Connection},
    rt::TokioIo,
};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::resolver::Resolver;
use crate::FederationOptions;

/// An address that does not answer at once is not waited for before the next is tried as well.
const STAGGER: Duration = Duration::from_millis(250);

/// Makes the connections that URLs name.
#[derive(Clone)]
pub(super) struct Connector {
    resolver: Resolver,
    tls: TlsConnector,
    timeout: Duration,
    /// One permit for each connection that is open.
    free: Arc<Semaphore>,
}

impl Connector {
    pub(super) fn new(resolver: Resolver, tls: Arc<ClientConfig>, options: &FederationOptions) -> Self {
        let free = Arc::new(Semaphore::new(options.connections.max(1)));
        Self { resolver, tls: tls.into(), timeout: options.connect_timeout, free }
    }

    pub(super) async fn connect(self, uri: Uri) -> io::Result<Secured> {
        let Peer { target, name, port } = Peer::named(&uri)?;
        let permit = self.free.clone().acquire_owned().await.map_err(io::Error::other)?;
        let connect = async {
            let addresses = self.resolver.addresses(&target).await.map_err(io::Error::other)?;
            let tcp = dial(&addresses, port).await?;
            tcp.set_nodelay(true)?;
            self.tls.connect(name, tcp).await
        };
        let stream = tokio::time::timeout(self.timeout, connect).await??;
        Ok(Secured { stream: TokioIo::new(stream), _permit: permit })
    }
}

/// What the authority of a URL says (see [`super`]).
struct Peer {
    /// What is connected to.
    target: String,
    /// What its certificate must be for.
    name: ServerName<'static>,
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
        let name = ServerName::try_from(bare.to_owned()).map_err(|_| invalid("not a host"))?;
        let target = authority.as_str().rsplit_once('@').map_or(host, |(target, _)| target).to_owned();
        Ok(Self { target, name, port: authority.port_u16().unwrap_or(443) })
    }
}

/// The first of some addresses that answers. The next is tried as well when one fails, or does not answer at once.
async fn dial(addresses: &[IpAddr], port: u16) -> io::Result<TcpStream> {
    let mut attempts = FuturesUnordered::new();
    let mut failure = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses {
        attempts.push(TcpStream::connect(SocketAddr::new(*address, port)));
        match tokio::time::timeout(STAGGER, attempts.next()).await {
            Ok(Some(Ok(stream))) => return Ok(stream),
            Ok(Some(Err(error))) => failure = error,
            Ok(None) | Err(_) => {}
        }
    }
    while let Some(attempt) = attempts.next().await {
        match attempt {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
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

/// A connection over TLS.
pub(super) struct Secured {
    stream: TokioIo<TlsStream<TcpStream>>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_that_fails_at_once_keeps_nobody_waiting() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let refused: IpAddr = "127.0.0.2".parse().unwrap();
        let addresses = [refused, refused, refused, "127.0.0.1".parse().unwrap()];
        let begun = tokio::time::Instant::now();
        dial(&addresses, listener.local_addr().unwrap().port()).await.unwrap();
        assert!(begun.elapsed() < STAGGER, "{:?}", begun.elapsed());
    }
}
