//! Timers: what happens at a time that was written down, also if the server is not running then.
//!
//! A timer is a row of [`schema::TIMERS`], set and cancelled in the transaction of what it belongs to
//! ([`Transaction::set_timer`]). One task waits for the server's clock and hands what is due to the handler of its
//! kind. It happens at least once: after a crash a timer fires again, so a handler looks whether there is still
//! something to do. What fails is tried again later, and holds nothing else up.

use std::{collections::HashMap, error::Error, future::Future, pin::Pin, sync::Arc, time::Duration};

use tokio::{sync::Notify, task::JoinHandle};

use crate::{
    Clock, Scan, StorageError, Store, Transaction,
    caught::caught,
    schema,
    schema::timers::{Timer, TimerKind},
};

impl Transaction {
    /// Lets a timer fire at a time in milliseconds, or soon if that is past. It fires at least once.
    pub fn set_timer(&mut self, due: u64, timer: &Timer) {
        self.put(&schema::TIMERS, (due, timer), &());
    }

    /// Sets a timer that many ask for, unless it is set already for that time.
    ///
    /// # Errors
    /// What reading fails with.
    pub fn set_timer_once(&mut self, due: u64, timer: &Timer) -> Result<(), StorageError> {
        if !self.contains(&schema::TIMERS, (due, timer))? {
            self.set_timer(due, timer);
        }
        Ok(())
    }

    /// Forgets a timer that was set for that time. If it is firing already, it goes on.
    pub fn cancel_timer(&mut self, due: u64, timer: &Timer) {
        self.delete(&schema::TIMERS, (due, timer));
    }
}

/// So many timers fire between two commits.
const AT_ONCE: usize = 100;
/// When a timer whose handler failed fires again.
const AGAIN_AFTER_MS: u64 = 60_000;
/// How long to wait when the store cannot be read or takes nothing.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// Why a timer's handler failed, for the log of the server.
pub type TimerError = Box<dyn Error + Send + Sync>;

/// What came of a timer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fired {
    /// All that was to be done.
    Done,
    /// A part of it: the timer fires again at once, after others.
    More,
}

type Handling = Pin<Box<dyn Future<Output = Result<Fired, TimerError>> + Send>>;

/// The handlers of all kinds of timers.
pub struct Timers {
    store: Store,
    clock: Arc<dyn Clock>,
    handlers: HashMap<TimerKind, Box<dyn Fn(Timer) -> Handling + Send + Sync>>,
}

/// The task that waits for timers. Dropped, it is ended.
pub struct Ticking(JoinHandle<()>);

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Timers {
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, handlers: HashMap::new() }
    }

    /// Says what is done when a timer of this kind is due. It should take no longer than some milliseconds, and say
    /// [`Fired::More`] if there is more to do.
    pub fn handle<F>(&mut self, kind: TimerKind, handler: impl Fn(Timer) -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<Fired, TimerError>> + Send + 'static,
    {
        self.handlers.insert(kind, Box::new(move |timer| Box::pin(handler(timer))));
    }

    /// Begins to wait for timers. To be called within a tokio runtime.
    pub fn start(self) -> Ticking {
        Ticking(tokio::spawn(self.run()))
    }

    async fn run(self) {
        // One that is set may be due before all others.
        let set = Arc::new(Notify::new());
        let heard = set.clone();
        self.store.observe(&schema::TIMERS, move |row| {
            if row.value()?.is_some() {
                heard.notify_one();
            }
            Ok(())
        });
        loop {
            match self.turn().await {
                Ok(Next::Now) => {}
                Ok(Next::At(due)) => tokio::select! {
                    biased;
                    () = set.notified() => {}
                    () = self.clock.sleep_until(due) => {}
                },
                Ok(Next::Never) => set.notified().await,
                Err(StorageError::Stopped(_)) => return,
                Err(error) => {
                    tracing::error!(%error, "timers wait");
                    tokio::time::sleep(STORE_PAUSE).await;
                }
            }
        }
    }

    /// Fires some of the timers that are due.
    async fn turn(&self) -> Result<Next, StorageError> {
        let now = self.clock.now_ms();
        let (mut due, mut next) = (Vec::new(), Next::Never);
        for row in self.store.view().scan(&schema::TIMERS, Scan::all()).take(AT_ONCE) {
            let ((at, timer), ()) = row?;
            if at > now {
                next = Next::At(at);
                break;
            }
            due.push((at, timer));
        }
        let Some((oldest, _)) = due.first() else {
            metrics::gauge!("hearth_timers_late_seconds").set(0.0);
            return Ok(next);
        };
        metrics::gauge!("hearth_timers_late_seconds").set((now - oldest) as f64 / 1000.0);
        if due.len() == AT_ONCE {
            next = Next::Now;
        }

        let mut fired = Vec::new();
        for (at, timer) in due {
            let again = match self.fire(timer.clone()).await {
                Ok(Fired::Done) => None,
                // Behind all that were due before.
                Ok(Fired::More) => Some(now),
                Err(error) => {
                    tracing::error!(?timer, %error, "a timer failed and fires again later");
                    metrics::counter!("hearth_timers_failed_total").increment(1);
                    Some(now + AGAIN_AFTER_MS)
                }
            };
            if again.is_some_and(|again| again <= now) {
                next = Next::Now;
            }
            fired.push((at, timer, again));
        }
        let commit = {
            let mut transaction = self.store.begin()?;
            for (at, timer, again) in &fired {
                transaction.cancel_timer(*at, timer);
                if let Some(again) = again {
                    transaction.set_timer(*again, timer);
                }
            }
            transaction.submit()
        };
        commit.await?;
        metrics::counter!("hearth_timers_fired_total").increment(fired.len() as u64);
        Ok(next)
    }

    async fn fire(&self, timer: Timer) -> Result<Fired, TimerError> {
        match self.handlers.get(&timer.kind()) {
            Some(handler) => caught(handler(timer)).await,
            None => Err("nothing handles this kind".into()),
        }
    }
}

/// When there is something to do.
enum Next {
    Now,
    At(u64),
    Never,
}
