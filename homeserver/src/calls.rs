//! The SFU in this process: its key, its socket, and the endpoints by which clients reach it.

use std::{io, net::SocketAddr, sync::Arc};

use axum::Router;
use hearth_sfu::{Calls, Limits, Outside, SfuOptions, TokenKey};
use hearth_storage::{Clock, Random, Store, SystemClock, SystemRandom, schema};
use ruma::serde::{Base64, base64::Standard};

use crate::{ServerError, config::Config};

/// The name of the key that tokens for calls are signed with.
const KEY_NAME: &str = "hearth";

/// What tokens for calls are signed with: the configuration's secret, or the folder's own, written at the first start.
pub async fn key(config: &Config, store: &Store, random: &dyn Random) -> Result<TokenKey, ServerError> {
    if let Some(secret) = &config.calls_secret {
        return Ok(TokenKey::new(KEY_NAME, secret.expose()));
    }
    if let Some(secret) = store.view().get(&schema::META, ("calls_secret",))? {
        return Ok(TokenKey::new(KEY_NAME, secret));
    }
    let mut seed = [0; 32];
    random.fill(&mut seed);
    let secret = Base64::<Standard, _>::new(seed).encode();
    let commit = {
        let mut transaction = store.begin()?;
        transaction.put(&schema::META, ("calls_secret",), &secret);
        transaction.submit()
    };
    commit.await?;
    Ok(TokenKey::new(KEY_NAME, secret))
}

/// Starts the SFU with its socket at an address.
pub fn start(listen: SocketAddr, key: TokenKey) -> io::Result<(Calls, Router)> {
    let socket = std::net::UdpSocket::bind(listen)?;
    socket.set_nonblocking(true)?;
    let address = hearth_sfu::address_of_machine(socket.local_addr()?)?;
    let options = SfuOptions { addresses: vec![address], limits: Limits::default() };
    let calls = Calls::start(socket, options, Arc::new(Machine))?;
    let router = hearth_sfu::router(calls.clone(), key, Arc::new(Machine));
    tracing::info!(%listen, %address, "calls are carried");
    Ok((calls, router))
}

struct Machine;

impl Outside for Machine {
    fn now_ms(&self) -> u64 {
        SystemClock.now_ms()
    }

    fn fill(&self, bytes: &mut [u8]) {
        SystemRandom.fill(bytes);
    }
}
