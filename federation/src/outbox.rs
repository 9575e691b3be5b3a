//! The outbox: other servers are told what happens here (server-server API, "Transactions").
//!
//! It follows the log with one durable cursor, and nothing is stored for an event and a server. `queues.rs` decides
//! who must be told what, without I/O: a server that keeps up has a queue in memory, one that does not is behind in
//! rooms that are written down. `driver.rs` reads the log, fills transactions (`transaction.rs`, `edus.rs`,
//! `catch_up.rs`) and sends them, one at a time to each server. One that is not acknowledged with a 200 goes out again
//! as it was (`unacknowledged.rs`).
//!
//! What it missed in the log, which has a bound, it writes down as if the servers had missed it (`driver/behind.rs`).
//! The cursor is saved up to what is delivered or written down. After a crash a server may get events again, which
//! it knows by their ids.

mod catch_up;
mod driver;
mod edus;
mod exceptions;
mod post;
mod queues;
#[cfg(test)]
mod tests;
mod transaction;
mod unacknowledged;

use std::sync::Arc;

use hearth_storage::readers::{Progress, ReadFrom, ReaderTask};
use parking_lot::Mutex;
use ruma::EventId;

pub(crate) use self::exceptions::Exceptions;
use self::{
    driver::{Driver, Parts},
    exceptions::Exception,
    post::Wire,
};
use crate::Federation;

/// The name of the outbox's cursor in the log.
const READER: &str = "federation";

/// Tells other servers what happens here, until it is stopped or dropped. Cheap to clone.
#[derive(Clone)]
pub struct Outbox(Arc<Mutex<Option<ReaderTask>>>);

impl Outbox {
    /// Begins to send: first what was left when it ended last. To be called within a tokio runtime.
    pub fn start(federation: &Federation) -> Self {
        let mut random = [0; 4];
        federation.random().fill(&mut random);
        Self::run(Parts {
            rooms: federation.rooms().clone(),
            users: federation.users().clone(),
            post: Arc::new(Wire {
                own: federation.server_name().to_owned(),
                client: federation.client().clone(),
                destinations: federation.destinations().clone(),
            }),
            clock: federation.clock().clone(),
            exceptions: federation.exceptions().clone(),
            sync: federation.sync().clone(),
            id_prefix: format!("{:x}-{:08x}", federation.now_ms(), u32::from_le_bytes(random)),
            sent: Arc::default(),
        })
    }

    fn run(parts: Parts) -> Self {
        let store = parts.rooms.store().clone();
        let open = move |after| Ok(Driver::open(parts.clone(), after)?);
        let reading = store.start_reader(READER, ReadFrom::Cursor, Progress::default(), open);
        Self(Arc::new(Mutex::new(Some(reading))))
    }

    /// Begins nothing new, waits some seconds for what is on its way, and notes how far it came.
    pub async fn stop(&self) {
        let reading = self.0.lock().take();
        if let Some(reading) = reading {
            reading.stop().await;
        }
    }
}

impl Federation {
    /// The event of another server's user is sent to the other servers in its room as if it were made here: the
    /// user joins, leaves or knocks through this server. To be called before the event is taken in.
    pub(crate) fn relay(&self, event: &EventId) {
        self.exceptions().insert(event, Exception::Relay);
    }

    /// The event of a user of this server is not sent from here: the server through which the user joins does that.
    /// To be called before the event is taken in.
    pub(crate) fn leave_to_others(&self, event: &EventId) {
        self.exceptions().insert(event, Exception::LeaveToOthers);
    }
}
