//! Telling systemd how it stands with the server (`sd_notify`): that it serves, that it goes on, that it stops.

use std::{
    env, io,
    os::{linux::net::SocketAddrExt as _, unix::net::SocketAddr, unix::net::UnixDatagram},
    time::Duration,
};

use hearth_storage::Store;

/// Where it is told; nowhere unless systemd started the server and wants to know.
#[derive(Clone, Debug)]
pub struct Notify(Option<SocketAddr>);

impl Notify {
    /// As the environment says.
    pub fn from_environment() -> Self {
        let address = env::var("NOTIFY_SOCKET").ok().and_then(|path| address(&path).ok());
        Self(address)
    }

    /// It serves.
    pub fn ready(&self) {
        self.tell("READY=1");
    }

    /// It stops: requests in flight go on to their end.
    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// Says again and again that it goes on, as long as what it is sent can be written. It ends where nobody asks for it.
    pub async fn watchdog(self, store: Store) {
        let Some(every) = asked_every() else { return };
        loop {
            if store.is_stopped().is_none() {
                self.tell("WATCHDOG=1");
            }
            // Twice in the time after which it is taken for dead.
            tokio::time::sleep(every / 2).await;
        }
    }

    fn tell(&self, what: &str) {
        let Some(address) = &self.0 else { return };
        let told = UnixDatagram::unbound().and_then(|socket| socket.send_to_addr(what.as_bytes(), address));
        if let Err(error) = told {
            tracing::warn!(%error, what, "systemd was not told");
        }
    }
}

/// A path, or behind `@` a name that is in no folder.
fn address(path: &str) -> io::Result<SocketAddr> {
    match path.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(path),
    }
}

/// After which time the server is taken for dead; `None` where nobody looks.
fn asked_every() -> Option<Duration> {
    let of_another = env::var("WATCHDOG_PID").is_ok_and(|pid| pid != std::process::id().to_string());
    let microseconds: u64 = env::var("WATCHDOG_USEC").ok()?.parse().ok()?;
    (!of_another && microseconds > 0).then(|| Duration::from_micros(microseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_by_datagrams() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let systemd = UnixDatagram::bind(&path).unwrap();
        let notify = Notify(Some(address(path.to_str().unwrap()).unwrap()));
        notify.ready();
        notify.stopping();
        let read = || {
            let mut buffer = [0; 32];
            let length = systemd.recv(&mut buffer).unwrap();
            String::from_utf8(buffer[..length].to_vec()).unwrap()
        };
        assert_eq!((read(), read()), ("READY=1".to_owned(), "STOPPING=1".to_owned()));
        // Nobody listens, and nothing happens.
        Notify(None).ready();
    }
}
