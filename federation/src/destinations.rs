//! Which servers answer, and when those that do not are tried again (exponential back-off).

mod health;

use std::{collections::HashMap, sync::Arc, time::Duration};

use hearth_storage::{
    Clock, Random, Scan, StorageError, Store,
    schema::{self, federation::DestinationRow},
};
use parking_lot::Mutex;
use quick_cache::sync::Cache;
use ruma::{OwnedServerName, ServerName};
use tokio::sync::Notify;

/// More failing servers than this are not remembered.
const MAX_FAILING: usize = 100_000;
/// Nor more than these, of those whose names may be made up.
const MAX_STRANGERS: usize = 10_000;

/// The health of all servers that this one sends to, shared by all traffic. Cheap to clone. Only failing servers
/// take memory; what is known of them survives a restart.
#[derive(Clone)]
pub struct Destinations(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    failing: Mutex<HashMap<OwnedServerName, Failing>>,
    /// Servers that did not answer what anyone may make this one ask.
    strangers: Cache<OwnedServerName, DestinationRow>,
}

/// How it stands with a server that fails.
#[derive(Clone, Copy, Debug)]
pub struct Health {
    /// How often in a row it failed.
    pub failures: u32,
    /// When it failed last, about, in milliseconds.
    pub failed_at: u64,
    /// When it is tried again, in milliseconds.
    pub retry_at: u64,
}

struct Failing {
    row: DestinationRow,
    /// Whoever waits until the server may be tried.
    waiting: Arc<Notify>,
}

impl Destinations {
    /// Reads which servers failed.
    pub fn open(store: Store, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Result<Self, StorageError> {
        let failing = store
            .view()
            .scan(&schema::DESTINATIONS, Scan::all())
            .take(MAX_FAILING)
            .map(|row| row.map(|((server,), row)| (server, Failing { row, waiting: Arc::default() })))
            .collect::<Result<_, _>>()?;
        let strangers = Cache::new(MAX_STRANGERS);
        Ok(Self(Arc::new(Inner { store, clock, random, failing: Mutex::new(failing), strangers })))
    }

    /// Whether the server may be tried now.
    pub fn may_try(&self, server: &ServerName) -> bool {
        let failing = self.0.failing.lock();
        failing.get(server).is_none_or(|failing| may_be_tried(&failing.row, self.0.clock.now_ms()))
    }

    /// When a failing server may be tried again, in milliseconds; `None` for one that answers.
    pub fn retry_at(&self, server: &ServerName) -> Option<u64> {
        self.0.failing.lock().get(server).map(|failing| failing.row.retry_at)
    }

    /// Whether the server's last request failed.
    pub fn is_failing(&self, server: &ServerName) -> bool {
        self.0.failing.lock().contains_key(server)
    }

    /// The servers whose last request failed.
    pub fn failing(&self) -> Vec<OwnedServerName> {
        self.0.failing.lock().keys().cloned().collect()
    }

    /// How it stands with a server whose last request failed; `None` for one that answers.
    pub fn health(&self, server: &ServerName) -> Option<Health> {
        let failing = self.0.failing.lock();
        let DestinationRow { failures, retry_at } = failing.get(server)?.row;
        // What is written down is when it is tried again: as long after the failure as its number says, about.
        let failed_at = retry_at.saturating_sub(health::longest_ms(failures)).min(self.0.clock.now_ms());
        Some(Health { failures, failed_at, retry_at })
    }

    /// Returns when the server may be tried: at once, when its time has come, or when it is heard from.
    pub async fn ready(&self, server: &ServerName) {
        loop {
            let (row, waiting) = match self.0.failing.lock().get(server) {
                Some(failing) => (failing.row.clone(), failing.waiting.clone()),
                None => return,
            };
            // Enlisted before the time is looked at again, so that no call in between is missed.
            let woken = waiting.notified();
            tokio::pin!(woken);
            woken.as_mut().enable();
            if self.may_try(server) {
                return;
            }
            tokio::select! {
                biased;
                () = woken => {}
                () = self.0.clock.sleep_until(row.retry_at) => {}
                // By then it may be tried, however the clock was set.
                () = tokio::time::sleep(Duration::from_millis(health::longest_ms(row.failures))) => {}
            }
        }
    }

    /// Whether a server may be asked now that may be none.
    pub fn may_try_stranger(&self, server: &ServerName) -> bool {
        self.0.strangers.get(server).is_none_or(|known| may_be_tried(&known, self.0.clock.now_ms()))
    }

    /// A server that may be none did not answer: its name is not stored, and it is not left alone by who knows it.
    pub fn stranger_failed(&self, server: &ServerName) {
        let before = self.0.strangers.get(server).unwrap_or_default();
        if let Some(row) = self.failed_again(before) {
            self.0.strangers.insert(server.to_owned(), row);
        }
    }

    /// The server answered: it is well.
    pub fn succeeded(&self, server: &ServerName) {
        self.0.strangers.remove(server);
        let Some(failing) = self.0.failing.lock().remove(server) else { return };
        failing.waiting.notify_waiters();
        self.write(|transaction| transaction.delete(&schema::DESTINATIONS, (server,)));
    }

    /// The server could not be reached, did not answer in time, or failed (5xx).
    pub fn failed(&self, server: &ServerName) {
        let row = {
            let mut all = self.0.failing.lock();
            if all.len() >= MAX_FAILING && !all.contains_key(server) {
                return;
            }
            let failing = all
                .entry(server.to_owned())
                .or_insert_with(|| Failing { row: DestinationRow::default(), waiting: Arc::default() });
            let Some(row) = self.failed_again(failing.row.clone()) else { return };
            failing.row = row.clone();
            row
        };
        self.write(|transaction| transaction.put(&schema::DESTINATIONS, (server,), &row));
    }

    /// What is known of a server after one more failure. Nothing new, if it should not have been tried: requests that
    /// began together fail together, and that is one failure.
    fn failed_again(&self, before: DestinationRow) -> Option<DestinationRow> {
        let now = self.0.clock.now_ms();
        if !may_be_tried(&before, now) {
            return None;
        }
        let failures = before.failures.saturating_add(1);
        let mut random = [0; 4];
        self.0.random.fill(&mut random);
        let retry_at = now + health::delay_ms(failures, u32::from_le_bytes(random));
        Some(DestinationRow { failures, retry_at })
    }

    /// The server asked us something, so it is likely to answer too: it may be tried now. That it failed is not
    /// forgotten before it answers.
    pub fn heard_from(&self, server: &ServerName) {
        self.0.strangers.remove(server);
        if let Some(failing) = self.0.failing.lock().get_mut(server) {
            failing.row.retry_at = failing.row.retry_at.min(self.0.clock.now_ms());
            failing.waiting.notify_waiters();
        }
    }

    /// Nobody waits for the row: lost in a crash, the server is tried once too often.
    fn write(&self, change: impl FnOnce(&mut hearth_storage::Transaction)) {
        match self.0.store.begin() {
            Ok(mut transaction) => {
                change(&mut transaction);
                drop(transaction.submit());
            }
            Err(error) => tracing::debug!(%error, "the health of a server was not stored"),
        }
    }
}

/// Whether the time has come until which a server was to be left alone. One that is further away than that server is
/// ever left alone was noted before the clock was set back.
fn may_be_tried(row: &DestinationRow, now: u64) -> bool {
    row.retry_at <= now || row.retry_at > now + health::longest_ms(row.failures)
}

#[cfg(test)]
mod tests;
