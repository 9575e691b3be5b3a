//! Fetching servers' keys: few at a time for each who asks, and each server once at a time.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures::future::join_all;
use parking_lot::Mutex;
use ruma::{OwnedServerName, ServerName};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::Instant,
};

use super::{KeyRing, RETRY_MS};
use crate::{AskedBy, keyed_semaphore::KeyedSemaphore};
use hearth_http::keyed::Crowded;

/// How long fetches go on of which nobody waits for the end, with those that wait for their turn.
const LONGEST: Duration = Duration::from_secs(120);

/// Why keys are fetched, and for whom. Anyone can make up names of servers that never answer: so the fetches for each
/// reason have a limit of their own, and each asker a share of it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum FetchedFor {
    /// A request that says which server makes it, and comes from there.
    Request(AskedBy),
    /// Someone who asks this server as a notary.
    Notary(AskedBy),
    /// Events that this server sent.
    Events(OwnedServerName),
}

/// How many fetches may run for one reason.
struct FetchLimits {
    /// For all askers together.
    all: Arc<Semaphore>,
    /// For each: so many at once, and so many that wait.
    askers: KeyedSemaphore<FetchedFor>,
}

impl FetchLimits {
    fn new(all: usize, per_asker: usize, present: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all)), askers: KeyedSemaphore::new(per_asker, present) }
    }
}

/// All fetches.
pub(super) struct Fetches {
    /// Those that have begun: never more than the limits together.
    running: Mutex<HashMap<OwnedServerName, Fetch>>,
    requests: FetchLimits,
    notary: FetchLimits,
    events: FetchLimits,
}

/// A fetch that has begun.
#[derive(Clone)]
struct Fetch {
    begun: Instant,
    /// Closed when it is done.
    done: watch::Receiver<()>,
}

impl Default for Fetches {
    fn default() -> Self {
        Self {
            running: Mutex::default(),
            requests: FetchLimits::new(64, 16, 128),
            notary: FetchLimits::new(32, 8, 128),
            // A large room has events of thousands of servers.
            events: FetchLimits::new(128, 64, 20_000),
        }
    }
}

impl Fetches {
    fn limits(&self, fetched_for: &FetchedFor) -> &FetchLimits {
        match fetched_for {
            FetchedFor::Request(_) => &self.requests,
            FetchedFor::Notary(_) => &self.notary,
            FetchedFor::Events(_) => &self.events,
        }
    }

    fn running(&self, server: &ServerName) -> Option<Fetch> {
        self.running.lock().get(server).cloned()
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.running.lock().len()
    }
}

impl KeyRing {
    /// Fetches the keys of some servers, and waits for them so long. What comes later is there for who asks next.
    pub(super) async fn refresh(
        &self,
        fetched_for: FetchedFor,
        servers: Vec<OwnedServerName>,
        patience: Duration,
    ) {
        // Those who ask later for the keys of a server that is slow have no reason to hope for more: patience counts
        // from when its fetch began.
        let now = Instant::now();
        let begun =
            |server: &OwnedServerName| self.0.fetches.running(server).map_or(now, |fetch| fetch.begun);
        let Some(since) = servers.iter().map(begun).max() else { return };
        let ring = self.clone();
        let all = tokio::spawn(async move {
            let each = servers.into_iter().map(|server| ring.fetch_in_turn(&fetched_for, server));
            if tokio::time::timeout(LONGEST, join_all(each)).await.is_err() {
                tracing::debug!(?fetched_for, "not all keys could be fetched in time");
            }
        });
        if tokio::time::timeout_at(since + patience, all).await.is_err() {
            tracing::debug!("the keys of some servers did not come in time");
        }
    }

    /// Fetches a server's keys when it is the asker's turn, unless another just did; returns when that is done.
    async fn fetch_in_turn(&self, fetched_for: &FetchedFor, server: OwnedServerName) {
        if let Some(fetch) = self.0.fetches.running(&server) {
            return fetch.end().await;
        }
        let limits = self.0.fetches.limits(fetched_for);
        // The asker's turn comes first: who waits for slow servers takes none from others.
        let _asker = match limits.askers.acquire(fetched_for.clone()).await {
            Ok(permit) => permit,
            Err(Crowded) => return tracing::debug!(?fetched_for, "too many keys are wanted"),
        };
        // Never closed.
        let Ok(turn) = limits.all.clone().acquire_owned().await else { return };
        if let Some(fetch) = self.begin(server, turn) {
            fetch.end().await;
        }
    }

    /// Begins a fetch, or finds the one that runs; nothing if the server was asked just now.
    fn begin(&self, server: OwnedServerName, turn: OwnedSemaphorePermit) -> Option<Fetch> {
        let mut running = self.0.fetches.running.lock();
        if let Some(fetch) = running.get(&server) {
            return Some(fetch.clone());
        }
        if self.was_tried(&server) {
            return None;
        }
        let (until_done, done) = watch::channel(());
        let fetch = Fetch { begun: Instant::now(), done };
        running.insert(server.clone(), fetch.clone());
        let running = Running { ring: self.clone(), server, _until_done: until_done, _turn: turn };
        // It goes on if nobody waits for it any more.
        tokio::spawn(async move { running.ring.fetch_now(&running.server).await });
        Some(fetch)
    }

    /// Whether a server was asked so lately that it would tell nothing new.
    pub(super) fn was_tried(&self, server: &ServerName) -> bool {
        // A clock that was set back makes it no longer.
        self.0.tried.get(server).is_some_and(|at| self.0.clock.now_ms().abs_diff(at) < RETRY_MS)
    }

    async fn fetch_now(&self, server: &ServerName) {
        match self.ask_server(server).await {
            Ok(keys) => self.keep(server, keys),
            Err(error) => {
                tracing::debug!(%server, %error, "a server does not give its keys");
                for notary in &self.0.notaries {
                    match self.ask_notary(notary, server).await {
                        Ok(keys) => return self.keep(server, keys),
                        Err(error) => tracing::debug!(%server, %notary, %error, "nor does a notary"),
                    }
                }
            }
        }
    }
}

/// Held by the fetch that runs, to its end.
struct Running {
    ring: KeyRing,
    server: OwnedServerName,
    _until_done: watch::Sender<()>,
    _turn: OwnedSemaphorePermit,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.ring.0.tried.insert(self.server.clone(), self.ring.0.clock.now_ms());
        self.ring.0.fetches.running.lock().remove(&self.server);
    }
}

impl Fetch {
    async fn end(mut self) {
        // Nothing is sent: it ends when the sender is dropped, also in a panic.
        _ = self.done.changed().await;
    }
}
