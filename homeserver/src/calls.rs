//! The SFU in this process: its key, its socket, and the endpoints by which clients reach it.

use std::{io, net::SocketAddr, sync::Arc};

use axum::Router;
use hearth_sfu::{Calls, Limits, Outside, SfuOptions, TokenKey};
use hearth_storage::{Clock, Random, StorageError, Store};

use crate::{config::Config, server::kept_secret};

/// The name of the key that tokens for calls are signed with.
const KEY_NAME: &str = "hearth";

/// What tokens for calls are signed with: the configuration's secret, or the folder's own; `None` where no calls are
/// carried.
pub async fn key(
    config: &Config,
    store: &Store,
    random: &dyn Random,
) -> Result<Option<TokenKey>, StorageError> {
    if config.listen_calls.is_none() {
        return Ok(None);
    }
    let secret = match &config.calls_secret {
        Some(secret) => secret.expose().to_owned(),
        None => kept_secret(store, random, "calls_secret").await?,
    };
    Ok(Some(TokenKey::new(KEY_NAME, secret)))
}

/// Starts the SFU with its socket at an address.
pub fn start(
    listen: SocketAddr,
    key: TokenKey,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> io::Result<Router> {
    let socket = std::net::UdpSocket::bind(listen)?;
    socket.set_nonblocking(true)?;
    let address = hearth_sfu::address_of_machine(socket.local_addr()?)?;
    let options = SfuOptions { addresses: vec![address], limits: Limits::default() };
    let machine = Arc::new(Machine { clock, random });
    let calls = Calls::start(socket, options, machine.clone())?;
    let router = hearth_sfu::router(calls, key, machine);
    tracing::info!(%listen, %address, "calls are carried");
    Ok(router)
}

struct Machine {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Outside for Machine {
    fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.random.fill(bytes);
    }
}
