//! An SFU alone, without a homeserver: for measurements, and to try clients with.
//!
//! `sfu LISTEN MEDIA SECRET`: where clients signal, where their media comes, and what their tokens are signed with.

#![allow(clippy::disallowed_methods, reason = "it lives in real time")]

use std::{net::SocketAddr, sync::Arc, time::SystemTime};

use hearth_sfu::{Calls, Limits, Outside, SfuOptions, TokenKey};
use ring::rand::{SecureRandom as _, SystemRandom};

struct Machine;

impl Outside for Machine {
    fn now_ms(&self) -> u64 {
        let passed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(passed.as_millis()).unwrap_or(u64::MAX)
    }

    fn fill(&self, bytes: &mut [u8]) {
        SystemRandom::new().fill(bytes).expect("the system has randomness");
    }

    fn lets_in(&self, _holder: &str) -> bool {
        true
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let [listen, media, secret] =
        std::env::args().skip(1).collect::<Vec<_>>().try_into().expect("LISTEN MEDIA SECRET");
    let socket = std::net::UdpSocket::bind(media)?;
    socket.set_nonblocking(true)?;
    let address = hearth_sfu::address_of_machine(socket.local_addr()?)?;
    let options = SfuOptions { addresses: vec![address], limits: Limits::default() };
    let calls = Calls::start(socket, options, Arc::new(Machine))?;
    let router = hearth_sfu::router(calls, TokenKey::new("hearth", secret), Arc::new(Machine));
    let listen: SocketAddr = listen.parse().expect("an address");
    axum::serve(tokio::net::TcpListener::bind(listen).await?, router).await
}
