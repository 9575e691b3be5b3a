//! How many requests are under way at once.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use parking_lot::Mutex;
use ruma::{OwnedServerName, ServerName};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bounds for all servers together, and for each.
pub(super) struct Turns {
    all: Arc<Semaphore>,
    per_server: usize,
    servers: Mutex<HashMap<OwnedServerName, Weak<Semaphore>>>,
}

/// Held for as long as a request is under way.
pub(super) struct Turn {
    _server: Option<OwnedSemaphorePermit>,
    _all: Option<OwnedSemaphorePermit>,
}

impl Turns {
    pub(super) fn new(all: usize, per_server: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(all.max(1))),
            per_server: per_server.max(1),
            servers: Mutex::default(),
        }
    }

    /// The server's turn comes first: who waits for a slow server takes none from the others.
    pub(super) async fn take(&self, server: &ServerName) -> Turn {
        // Neither semaphore is ever closed.
        let of_server = self.semaphore(server).acquire_owned().await.ok();
        let of_all = self.all.clone().acquire_owned().await.ok();
        Turn { _server: of_server, _all: of_all }
    }

    fn semaphore(&self, server: &ServerName) -> Arc<Semaphore> {
        let mut servers = self.servers.lock();
        if let Some(semaphore) = servers.get(server).and_then(Weak::upgrade) {
            return semaphore;
        }
        // Never more than those in use, and as many again.
        if servers.len() == servers.capacity() {
            servers.retain(|_, semaphore| semaphore.strong_count() > 0);
        }
        let semaphore = Arc::new(Semaphore::new(self.per_server));
        servers.insert(server.to_owned(), Arc::downgrade(&semaphore));
        semaphore
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use ruma::server_name;

    use super::*;

    #[tokio::test]
    async fn each_server_has_so_many_turns_and_all_together_have_more() {
        let turns = Turns::new(3, 2);
        let (a, b) = (server_name!("a.example"), server_name!("b.example"));
        let first = turns.take(a).await;
        let _second = turns.take(a).await;
        assert!(turns.take(a).now_or_never().is_none());
        let _third = turns.take(b).await;
        assert!(turns.take(b).now_or_never().is_none());
        drop(first);
        let _fourth = turns.take(b).await;
        assert!(turns.take(a).now_or_never().is_none());
    }
}
