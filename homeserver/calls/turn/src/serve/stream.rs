//! Clients that come over TCP or TLS (RFC 8656, section 3.1): messages one after the other.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::BytesMut;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::TlsAcceptor;

use super::{Client, PAUSE, Shared, canonical};
use crate::{
    allocation::{FiveTuple, Transport},
    wire::length_in_stream,
};

/// How long a connection may have no relay, and how long a message may take to be taken.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest message of a stream.
const MAX_MESSAGE: usize = 8 << 10;
/// How many messages wait for a client that is slow to take them.
const QUEUE: usize = 64;

/// Lets clients in.
pub(super) async fn serve(shared: Arc<Shared>, listener: TcpListener, tls: Option<TlsAcceptor>) {
    // They end with this.
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let (stream, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "a connection to the TURN server is lost");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let address = canonical(address);
        let Some(place) = shared.connections.admit(address.ip()) else {
            metrics::counter!("hearth_turn_dropped_total", "why" => "connections").increment(1);
            continue;
        };
        let (shared, tls) = (shared.clone(), tls.clone());
        connections.spawn(async move {
            serve_connection(&shared, stream, address, tls).await;
            drop(place);
        });
    }
}

async fn serve_connection(
    shared: &Arc<Shared>,
    stream: TcpStream,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
) {
    // Media does not wait until it fills a packet.
    _ = stream.set_nodelay(true);
    match tls {
        None => exchange(shared, stream, FiveTuple { transport: Transport::Tcp, client: address }).await,
        Some(tls) => {
            let Ok(Ok(stream)) = timeout(PATIENCE, tls.accept(stream)).await else { return };
            exchange(shared, stream, FiveTuple { transport: Transport::Tls, client: address }).await;
        }
    }
}

/// Exchanges messages until the client goes, or has had no relay for too long.
async fn exchange(shared: &Arc<Shared>, stream: impl AsyncRead + AsyncWrite, from: FiveTuple) {
    let (incoming, outgoing) = tokio::io::split(stream);
    let (sender, queue) = mpsc::channel(QUEUE);
    tokio::select! {
        biased;
        () = write(outgoing, queue) => {}
        () = read(shared, incoming, from, Client::Stream(sender)) => {}
    }
    shared.turn.lock().gone(&from);
}

async fn write(mut stream: WriteHalf<impl AsyncWrite>, mut queue: mpsc::Receiver<Vec<u8>>) {
    while let Some(message) = queue.recv().await {
        let written = async {
            stream.write_all(&message).await?;
            stream.flush().await
        };
        if !matches!(timeout(PATIENCE, written).await, Ok(Ok(()))) {
            return;
        }
    }
}

async fn read(shared: &Arc<Shared>, mut stream: ReadHalf<impl AsyncRead>, from: FiveTuple, client: Client) {
    let mut buffer = BytesMut::new();
    let mut due = Instant::now() + PATIENCE;
    loop {
        buffer.reserve(MAX_MESSAGE);
        let read = timeout_at(due, stream.read_buf(&mut buffer)).await;
        if matches!(read, Ok(Ok(0) | Err(_))) {
            return;
        }
        loop {
            match length_in_stream(&buffer) {
                Ok(Some(length)) if length > MAX_MESSAGE => return,
                Ok(Some(length)) if length <= buffer.len() => {
                    shared.client_sent(from, &client, &buffer.split_to(length));
                }
                Ok(_) => break,
                Err(_) => return,
            }
        }
        let now = Instant::now();
        if shared.has_relay(&from) {
            due = now + PATIENCE;
        } else if now >= due {
            return;
        }
    }
}

impl Shared {
    fn has_relay(&self, client: &FiveTuple) -> bool {
        let now_ms = self.moment().ms;
        self.turn.lock().allocations.get(client, now_ms).is_some()
    }
}
