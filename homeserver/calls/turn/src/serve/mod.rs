//! The sockets of a TURN server.

mod connections;
mod relay;
mod stream;
#[cfg(test)]
mod tests;

use std::{
    io,
    net::{IpAddr, SocketAddr, UdpSocket as StdUdpSocket},
    sync::Arc,
    time::Duration,
};

use hearth_storage::{Clock, Random};
use parking_lot::Mutex;
use socket2::SockRef;
use tokio::{
    net::{TcpListener, UdpSocket},
    sync::mpsc,
    task::JoinSet,
    time::Instant,
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

use self::{connections::Connections, relay::Relay};
use crate::{
    allocation::{FiveTuple, Transport},
    allocations::Machine,
    options::TurnOptions,
    turn::{Action, Moment, Turn},
};

/// The largest datagram there is.
const MAX_DATAGRAM: usize = 1 << 16;
/// How much waits in the socket of all clients while the processors have something else to do, in bytes. The system may allow
/// less (`net.core.rmem_max`).
const WAITING: usize = 4 << 20;
/// How many datagrams are taken before others have a turn.
const BATCH: usize = 32;
/// After a socket failed.
const PAUSE: Duration = Duration::from_millis(50);

/// Where clients come.
pub struct Listeners {
    /// Over UDP and TCP.
    pub plain: SocketAddr,
    /// Over TLS, with the certificate.
    pub tls: Option<(SocketAddr, Arc<ServerConfig>)>,
    /// How many connections there may be, over TCP and TLS together.
    pub max_connections: usize,
}

/// A TURN server that serves as long as this is kept.
pub struct TurnServer {
    addresses: Addresses,
    _tasks: JoinSet<()>,
}

/// Where a server listens, ports that the system chose included.
#[derive(Debug, Clone, Copy)]
struct Addresses {
    udp: SocketAddr,
    tcp: SocketAddr,
    tls: Option<SocketAddr>,
}

/// The way to a client.
#[derive(Debug, Clone)]
enum Client {
    /// By datagrams to that address, as the socket writes it.
    Datagram(SocketAddr),
    /// By its connection. What does not fit into its queue is lost, as it would be on a slow network.
    Stream(mpsc::Sender<Vec<u8>>),
}

/// What all sockets share.
struct Shared {
    turn: Mutex<Turn<Client, Arc<Relay>>>,
    udp: UdpSocket,
    /// Where relays are opened.
    local: IpAddr,
    /// The addresses of relays, as others see them.
    relayed: Vec<IpAddr>,
    connections: Connections,
    begun: Instant,
    clock: Arc<dyn Clock>,
}

impl TurnServer {
    /// Begins to listen and to serve.
    ///
    /// # Errors
    /// Which address cannot be listened on, and why.
    pub async fn start(
        options: TurnOptions,
        listeners: Listeners,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, (SocketAddr, io::Error)> {
        let plain = listeners.plain;
        let udp = UdpSocket::bind(plain).await.map_err(|error| (plain, error))?;
        if let Err(error) = SockRef::from(&udp).set_recv_buffer_size(WAITING) {
            tracing::debug!(%error, "the TURN server's socket keeps no more than usual");
        }
        let tcp = TcpListener::bind(plain).await.map_err(|error| (plain, error))?;
        let tls = match listeners.tls {
            Some((address, config)) => {
                let listener = TcpListener::bind(address).await.map_err(|error| (address, error))?;
                Some((listener, TlsAcceptor::from(config)))
            }
            None => None,
        };
        let addresses = Addresses {
            udp: udp.local_addr().map_err(|error| (plain, error))?,
            tcp: tcp.local_addr().map_err(|error| (plain, error))?,
            tls: tls.as_ref().and_then(|(listener, _)| listener.local_addr().ok()),
        };
        let shared = Arc::new(Shared {
            udp,
            local: plain.ip(),
            relayed: options.relayed.clone(),
            connections: Connections::new(listeners.max_connections),
            turn: Mutex::new(Turn::new(options, random)),
            begun: Instant::now(),
            clock,
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(serve_datagrams(shared.clone()));
        tasks.spawn(stream::serve(shared.clone(), tcp, None));
        if let Some((listener, acceptor)) = tls {
            tasks.spawn(stream::serve(shared.clone(), listener, Some(acceptor)));
        }
        tasks.spawn(expire(shared));
        Ok(Self { addresses, _tasks: tasks })
    }

    /// Where clients reach it over UDP.
    pub fn udp(&self) -> SocketAddr {
        self.addresses.udp
    }

    /// Where clients reach it over TCP.
    pub fn tcp(&self) -> SocketAddr {
        self.addresses.tcp
    }

    /// Where clients reach it over TLS.
    pub fn tls(&self) -> Option<SocketAddr> {
        self.addresses.tls
    }
}

async fn serve_datagrams(shared: Arc<Shared>) {
    let mut buffer = vec![0; MAX_DATAGRAM];
    loop {
        let taken = shared.udp.readable().await.and_then(|()| shared.take_from_clients(&mut buffer));
        if let Err(error) = taken {
            tracing::debug!(%error, "a datagram to the TURN server is lost");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn expire(shared: Arc<Shared>) {
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    loop {
        seconds.tick().await;
        let now_ms = shared.moment().ms;
        let mut turn = shared.turn.lock();
        turn.allocations.expire(now_ms);
        metrics::gauge!("hearth_turn_allocations").set(turn.allocations.len() as f64);
        let [sent, received] = turn.allocations.relayed_bytes();
        metrics::counter!("hearth_turn_relayed_bytes_total", "way" => "to_peers").absolute(sent);
        metrics::counter!("hearth_turn_relayed_bytes_total", "way" => "to_clients").absolute(received);
    }
}

impl Shared {
    fn moment(&self) -> Moment {
        Moment { ms: self.begun.elapsed().as_millis() as u64, unix_s: self.clock.now_ms() / 1000 }
    }

    /// Takes what has come from clients over UDP.
    fn take_from_clients(self: &Arc<Self>, buffer: &mut [u8]) -> io::Result<()> {
        for _ in 0..BATCH {
            match self.udp.try_recv_from(buffer) {
                Ok((length, from)) => {
                    let client = FiveTuple { transport: Transport::Udp, client: canonical(from) };
                    self.client_sent(client, &Client::Datagram(from), &buffer[..length]);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Does what a client's message asks for.
    fn client_sent(self: &Arc<Self>, from: FiveTuple, client: &Client, bytes: &[u8]) {
        let at = self.moment();
        let action = self.turn.lock().client_sent(from, client, bytes, at, &Host(self));
        match action {
            Action::Nothing => {}
            Action::Answer(answer) => self.send(client, &answer),
            // What the network does not take now is lost: media that is late is worth nothing.
            Action::ToPeer { relay, peer, data } => _ = relay.socket.try_send_to(data, peer),
            Action::ToClient { client, prelude, data } => self.send(&client, &prelude.with(data)),
        }
    }

    fn send(&self, client: &Client, bytes: &[u8]) {
        match client {
            Client::Datagram(address) => _ = self.udp.try_send_to(bytes, *address),
            Client::Stream(queue) => _ = queue.try_send(bytes.to_vec()),
        }
    }
}

/// The machine that this runs on.
struct Host<'a>(&'a Arc<Shared>);

impl Machine<Arc<Relay>> for Host<'_> {
    fn open(&self, is_ipv6: bool, port: u16) -> Option<Arc<Relay>> {
        let address = self.0.relayed.iter().find(|address| address.is_ipv6() == is_ipv6)?;
        let local = match self.0.local {
            local if local.is_ipv6() == is_ipv6 => local,
            _ if is_ipv6 => IpAddr::from([0_u16; 8]),
            _ => IpAddr::from([0_u8; 4]),
        };
        Relay::open(self.0, SocketAddr::new(local, port), SocketAddr::new(*address, port)).ok()
    }

    /// Only an address of this machine can be bound to.
    fn is_own(&self, address: IpAddr) -> bool {
        StdUdpSocket::bind((address, 0)).is_ok()
    }
}

/// An IPv4 address that a socket for both families writes as an IPv6 one.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
