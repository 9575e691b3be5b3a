//! The socket of a relay, which peers see.

use std::{
    io,
    net::{SocketAddr, UdpSocket as StdUdpSocket},
    sync::{Arc, Weak},
};

use tokio::{net::UdpSocket, task::AbortHandle};

use super::{BATCH, Shared, canonical};
use crate::relaying::PRELUDE;

/// The largest datagram that is taken from a peer; what media is sent in is smaller by far.
const MAX_FROM_PEER: usize = 4096;

/// A socket, from which it is read until it is dropped.
#[derive(Debug)]
pub(super) struct Relay {
    pub(super) socket: Arc<UdpSocket>,
    reading: AbortHandle,
}

impl Relay {
    /// Opens one at the address `local`, which others see as `relayed`.
    pub(super) fn open(
        shared: &Arc<Shared>,
        local: SocketAddr,
        relayed: SocketAddr,
    ) -> io::Result<Arc<Self>> {
        let socket = StdUdpSocket::bind(local)?;
        socket.set_nonblocking(true)?;
        let socket = Arc::new(UdpSocket::from_std(socket)?);
        let reading = tokio::spawn(read(Arc::downgrade(shared), socket.clone(), relayed)).abort_handle();
        Ok(Arc::new(Self { socket, reading }))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

async fn read(shared: Weak<Shared>, socket: Arc<UdpSocket>, relayed: SocketAddr) {
    while socket.readable().await.is_ok() {
        let Some(shared) = shared.upgrade() else { return };
        shared.take_from_peers(&socket, relayed);
    }
}

impl Shared {
    /// Takes what has come to a relay, and gives it to the client.
    fn take_from_peers(&self, socket: &UdpSocket, relayed: SocketAddr) {
        // What stands before the data is written there; what pads it is fewer than four bytes.
        let mut buffer = [0; PRELUDE + MAX_FROM_PEER + 4];
        for _ in 0..BATCH {
            let (length, peer) = match socket.try_recv_from(&mut buffer[PRELUDE..][..MAX_FROM_PEER + 1]) {
                Ok(taken) => taken,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // Something that was sent earlier could not be delivered.
                Err(_) => continue,
            };
            if length > MAX_FROM_PEER {
                continue;
            }
            let now_ms = self.moment().ms;
            let to = self.turn.lock().peer_sent(relayed, canonical(peer), length, now_ms);
            let Some((client, prelude)) = to else { continue };
            let begin = PRELUDE - prelude.bytes().len();
            buffer[begin..PRELUDE].copy_from_slice(prelude.bytes());
            let end = PRELUDE + length + prelude.padding;
            buffer[PRELUDE + length..end].fill(0);
            self.send(&client, &buffer[begin..end]);
        }
    }
}
