//! The SFU's thread with its socket, and the handle by which others reach it.

use std::{io, net::SocketAddr, sync::Arc, thread};

use tokio::{
    net::UdpSocket,
    sync::{mpsc, oneshot},
    time::Instant,
};

use crate::{
    messages::{SignalRequest, SignalResponse},
    outside::Outside,
    sfu::{Join, JoinError, Sfu, SfuOptions},
    token::Token,
};

/// What waits for the thread at most; who tells it something waits for a place.
const COMMANDS: usize = 1024;

/// What waits for a client at most. One that does not take it comes anew.
const SIGNALS: usize = 256;

/// So many datagrams are taken before what follows from them leaves.
const BATCH: usize = 64;

/// How much waits in the socket while the processors have something else to do, in bytes. The system may allow less
/// (`net.core.rmem_max`).
const WAITING: usize = 4 << 20;

/// Datagrams are no longer than an Ethernet frame; what is longer is cut, and then nobody's.
const DATAGRAM: usize = 2048;

enum Command {
    Join { join: Box<Join>, answer: oneshot::Sender<Result<(), JoinError>> },
    Say { number: u64, said: SignalRequest },
    Silent { number: u64 },
    LookAgain { holder: Option<String> },
    Identities { room: String, answer: oneshot::Sender<Vec<String>> },
}

/// Reaches the SFU. Cheap to clone; the thread ends with the last one.
#[derive(Clone)]
pub struct Calls {
    commands: mpsc::Sender<Command>,
    next: Arc<std::sync::atomic::AtomicU64>,
}

/// A client's signalling connection. It must be told when that is over ([`Calls::silent`]).
pub struct Signalling {
    pub number: u64,
    pub told: mpsc::Receiver<SignalResponse>,
}

impl Calls {
    /// Starts the thread, with a socket that is bound and does not block.
    pub fn start(
        socket: std::net::UdpSocket,
        options: SfuOptions,
        outside: Arc<dyn Outside>,
    ) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel(COMMANDS);
        if let Err(error) = socket2::SockRef::from(&socket).set_recv_buffer_size(WAITING) {
            tracing::debug!(%error, "the socket of calls keeps no more than usual");
        }
        thread::Builder::new().name("calls".to_owned()).spawn(move || {
            let served =
                tokio::runtime::Builder::new_current_thread().enable_all().build().and_then(|runtime| {
                    runtime.block_on(async {
                        let sfu = Sfu::new(options, outside, Instant::now().into_std());
                        run(UdpSocket::from_std(socket)?, sfu, receiver).await;
                        Ok(())
                    })
                });
            if let Err(error) = served {
                tracing::error!(%error, "calls cannot be carried");
            }
        })?;
        Ok(Self { commands: sender, next: Arc::default() })
    }

    /// Lets a client in, and gives its signalling connection.
    pub async fn join(
        &self,
        token: Token,
        request: crate::messages::JoinRequest,
    ) -> Result<Signalling, JoinError> {
        let number = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let (signals, told) = mpsc::channel(SIGNALS);
        let (answer, answered) = oneshot::channel();
        let join = Box::new(Join { token, request, number, signals });
        let over = || JoinError::Failed("the server stops".to_owned());
        self.commands.send(Command::Join { join, answer }).await.map_err(|_| over())?;
        answered.await.map_err(|_| over())??;
        Ok(Signalling { number, told })
    }

    /// Tells what a client said.
    pub async fn say(&self, number: u64, said: SignalRequest) {
        _ = self.commands.send(Command::Say { number, said }).await;
    }

    /// A client's signalling connection is over.
    pub async fn silent(&self, number: u64) {
        _ = self.commands.send(Command::Silent { number }).await;
    }

    /// Asks anew who is let in, those of one holder or all. Whoever is not is sent away, and their media ends at once.
    pub async fn look_again(&self, holder: Option<String>) {
        _ = self.commands.send(Command::LookAgain { holder }).await;
    }

    /// Who is in a room.
    pub async fn identities(&self, room: String) -> Vec<String> {
        let (answer, answered) = oneshot::channel();
        _ = self.commands.send(Command::Identities { room, answer }).await;
        answered.await.unwrap_or_default()
    }
}

async fn run(socket: UdpSocket, mut sfu: Sfu, mut commands: mpsc::Receiver<Command>) {
    let mut datagram = vec![0; DATAGRAM];
    loop {
        let due = sfu.due();
        let wait = async {
            match due {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            command = commands.recv() => match command {
                Some(command) => obey(&mut sfu, command),
                None => return,
            },
            () = wait => sfu.advance(Instant::now().into_std()),
            readable = socket.readable() => if readable.is_ok() {
                take_datagrams(&socket, &mut sfu, &mut datagram);
            },
        }
        for (to, datagram) in sfu.outgoing() {
            // What the socket has no room for is lost, as on any network.
            _ = socket.try_send_to(&datagram, to);
        }
    }
}

fn take_datagrams(socket: &UdpSocket, sfu: &mut Sfu, datagram: &mut [u8]) {
    for _ in 0..BATCH {
        match socket.try_recv_from(datagram) {
            Ok((length, from)) => sfu.receive(from, &datagram[..length], Instant::now().into_std()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            // Somebody's address cannot be reached: that says nothing of the socket.
            Err(_) => {}
        }
    }
    sfu.flush();
}

fn obey(sfu: &mut Sfu, command: Command) {
    let now = Instant::now().into_std();
    match command {
        Command::Join { join, answer } => _ = answer.send(sfu.join(*join, now)),
        Command::Say { number, said } => {
            if let Some(said) = said.message {
                sfu.say(number, said, now);
            }
        }
        Command::Silent { number } => sfu.silent(number, now),
        Command::LookAgain { holder } => sfu.look_again(holder.as_deref(), now),
        Command::Identities { room, answer } => _ = answer.send(sfu.identities(&room)),
    }
}

/// The address of this machine on the way to others, where a socket listens on all of its addresses.
pub fn address_of_machine(bound: SocketAddr) -> io::Result<SocketAddr> {
    if !bound.ip().is_unspecified() {
        return Ok(bound);
    }
    // Nothing is sent: the kernel only says by which address it would be.
    let (any, elsewhere) = match bound {
        SocketAddr::V4(_) => ("0.0.0.0:0", "192.0.2.1:9"),
        SocketAddr::V6(_) => ("[::]:0", "[2001:db8::1]:9"),
    };
    let probe = std::net::UdpSocket::bind(any)?;
    probe.connect(elsewhere)?;
    Ok(SocketAddr::new(probe.local_addr()?.ip(), bound.port()))
}
