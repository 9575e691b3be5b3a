//! The connections that others open: how many there may be, and when one from which nothing useful comes is closed.
//!
//! A connection *waits for its peer* unless this server works on a request of it that has come whole. When there are
//! too many, those that have waited for their peer the longest are closed: for its next request, for a head or a body
//! that drips, for an answer to be taken. So whoever opens many takes the place of nobody who asks.

mod stream;
mod tracked;

use std::{
    collections::BTreeMap,
    future::{Ready, ready},
    io,
    sync::{Arc, Weak},
    task::Waker,
    time::Duration,
};

use axum_server::accept::Accept;
use parking_lot::Mutex;
use tokio::{net::TcpStream, time::Instant};

pub use self::{stream::WatchedStream, tracked::Tracked};

/// The pace, in bytes a second, at which a body must come, besides the time ([`Patience::idle`]) that every body has.
const PACE: u32 = 16 << 10;

/// How long it is waited for others.
#[derive(Clone, Copy)]
struct Patience {
    /// How long a connection may be without a request under way, or take none of an answer. The time of a head that
    /// drips counts as well.
    idle: Duration,
    /// How often it is looked at whose time is over.
    round: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { idle: Duration::from_secs(60), round: Duration::from_secs(5) }
    }
}

/// All connections of a server. Cheap to clone. As an acceptor it lets in those of a listener.
#[derive(Clone)]
pub struct Connections {
    all: Arc<All>,
}

struct All {
    /// How many may be open.
    most: usize,
    patience: Patience,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    connections: BTreeMap<u64, Arc<Connection>>,
    /// How many of them are told to close, and have not yet.
    closing: usize,
    /// The number of the next one.
    next: u64,
}

/// A connection, as its stream, its requests and the list of all know it.
struct Connection {
    all: Weak<All>,
    patience: Patience,
    number: u64,
    state: Mutex<State>,
}

struct State {
    /// Requests whose head has come and that are not answered.
    requests: usize,
    /// Those of them that have come whole.
    working: usize,
    /// When the connection was opened, or its last answer was begun.
    answered: Instant,
    /// When some of an answer was last taken.
    moved: Instant,
    /// Until when the body that comes has time.
    body_due: Instant,
    closing: bool,
    /// Whoever reads or writes.
    task: Option<Waker>,
}

impl Connections {
    /// Lets in so many at once. Closes those whose time is over for as long as it lives.
    pub fn new(most: usize) -> Self {
        Self::with_patience(most, Patience::default())
    }

    fn with_patience(most: usize, patience: Patience) -> Self {
        let all = Arc::new(All { most: most.max(1), patience, open: Mutex::default() });
        tokio::spawn(close_idle(Arc::downgrade(&all), patience));
        Self { all }
    }

    fn admit(&self) -> io::Result<Arc<Connection>> {
        let mut open = self.all.open.lock();
        if open.connections.len() - open.closing >= self.all.most {
            open.make_room(self.all.most.div_ceil(16));
        }
        // Those told to close may take a moment.
        let room = open.connections.len() - open.closing < self.all.most
            && open.connections.len() < self.all.most + self.all.most.div_ceil(8);
        if !room {
            metrics::counter!("hearth_connections_refused_total").increment(1);
            return Err(io::Error::other("too many connections"));
        }
        let number = open.next;
        open.next += 1;
        let now = Instant::now();
        let state = State {
            requests: 0,
            working: 0,
            answered: now,
            moved: now,
            body_due: now,
            closing: false,
            task: None,
        };
        let connection = Arc::new(Connection {
            all: Arc::downgrade(&self.all),
            patience: self.all.patience,
            number,
            state: Mutex::new(state),
        });
        open.connections.insert(number, connection.clone());
        metrics::gauge!("hearth_connections").set(open.connections.len() as f64);
        Ok(connection)
    }
}

/// Small answers leave at once: the kernel would else keep some until an earlier one is acknowledged, which the
/// other side puts off for 40 ms.
impl<S> Accept<TcpStream, S> for Connections {
    type Stream = WatchedStream<TcpStream>;
    type Service = Tracked<S>;
    type Future = Ready<io::Result<(Self::Stream, Self::Service)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        ready(stream.set_nodelay(true).and_then(|()| self.admit()).map(|connection| {
            (WatchedStream::new(stream, connection.clone()), Tracked::new(service, connection))
        }))
    }
}

impl Open {
    /// Closes so many of those that have waited for their peer the longest.
    fn make_room(&mut self, count: usize) {
        let mut waiting: Vec<_> = self
            .connections
            .values()
            .filter_map(|connection| Some((connection.waiting_since()?, connection.number)))
            .collect();
        waiting.sort_unstable();
        for (_, number) in waiting.into_iter().take(count) {
            self.close(number);
        }
        metrics::counter!("hearth_connections_replaced_total").increment(count as u64);
    }

    fn close(&mut self, number: u64) {
        let Some(connection) = self.connections.get(&number) else { return };
        let mut state = connection.state.lock();
        if !state.closing {
            state.closing = true;
            self.closing += 1;
            state.wake();
        }
    }
}

impl Connection {
    /// Since when it waits for its peer, if it does and is not closing.
    fn waiting_since(&self) -> Option<Instant> {
        let state = self.state.lock();
        (state.working == 0 && !state.closing).then_some(state.answered)
    }

    /// Its stream is gone.
    fn closed(&self) {
        let Some(all) = self.all.upgrade() else { return };
        let mut open = all.open.lock();
        open.connections.remove(&self.number);
        open.closing -= usize::from(self.state.lock().closing);
        metrics::gauge!("hearth_connections").set(open.connections.len() as f64);
    }
}

impl State {
    fn is_over(&self, now: Instant, idle: Duration) -> bool {
        match (self.requests, self.working) {
            (0, _) => now.duration_since(self.answered.max(self.moved)) >= idle,
            (_, 0) => now >= self.body_due,
            _ => false,
        }
    }

    fn wake(&mut self) {
        if let Some(task) = self.task.take() {
            task.wake();
        }
    }
}

async fn close_idle(all: Weak<All>, patience: Patience) {
    let mut rounds = tokio::time::interval(patience.round);
    loop {
        let now = rounds.tick().await;
        let Some(all) = all.upgrade() else { return };
        let mut open = all.open.lock();
        let over: Vec<_> = open
            .connections
            .values()
            .filter(|connection| connection.state.lock().is_over(now, patience.idle))
            .map(|connection| connection.number)
            .collect();
        for number in over {
            open.close(number);
        }
    }
}

#[cfg(test)]
mod tests;
