//! The internet: addresses, TCP, TLS.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use futures::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::{Dialer, NetworkError, NetworkOptions, ServiceTarget, Stream, resolver::Resolver, tls};

/// An address that does not answer at once is not waited for before the next is tried as well.
const STAGGER: Duration = Duration::from_millis(250);

/// Connects over the internet.
pub struct Internet {
    resolver: Resolver,
    tls: TlsConnector,
}

impl Internet {
    /// # Errors
    /// [`NetworkError::Setup`] if the certificate authorities or the resolver cannot be used.
    pub fn new(options: &NetworkOptions) -> Result<Self, NetworkError> {
        let resolver = Resolver::from_system(options.allow_private_networks)?;
        let tls = tls::config(options.trusted_ca.as_deref())?.into();
        Ok(Self { resolver, tls })
    }
}

impl Dialer for Internet {
    fn dial<'a>(
        &'a self,
        target: &'a str,
        port: u16,
        name: Option<&'a str>,
    ) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let not_a_host =
                |name| io::Error::new(io::ErrorKind::InvalidInput, format!("not a host: {name}"));
            let name = name.map(|name| ServerName::try_from(name.to_owned()).map_err(|_| not_a_host(name)));
            let name = name.transpose()?;
            let addresses = self.resolver.addresses(target).await.map_err(io::Error::other)?;
            let tcp = dial(&addresses, port).await?;
            tcp.set_nodelay(true)?;
            Ok(match name {
                Some(name) => Box::new(self.tls.connect(name, tcp).await?) as Box<dyn Stream>,
                None => Box::new(tcp),
            })
        })
    }

    fn services<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<ServiceTarget>, NetworkError>> {
        Box::pin(self.resolver.services(name))
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
