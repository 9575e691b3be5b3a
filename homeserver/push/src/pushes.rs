//! Who is told of what: a reader of the log notes what notifies users who have pushers, and tells their pushers.
//!
//! - `noting.rs` finds out what notifies whom, by the same evaluation by which unread events are counted. It is noted in
//!   `NOTIFICATIONS`, which is the queue of a user's pushers, and the index of `/notifications`.
//! - `unread.rs` knows which of it is unread, for the badge.
//! - `schedule.rs` says whose turn it is; `deliver.rs` tells one pusher one thing, by `gateway.rs`.
//! - A pusher is told everything in order, and at least once: what it was told is noted in `PUSHED`.

mod deliver;
mod followed;
mod gateway;
mod index;
mod notification;
mod noting;
mod reader;
mod schedule;
mod target;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod unread;

use std::sync::Arc;

use hearth_network::Network;
use hearth_rooms::Rooms;
use hearth_storage::{
    Clock, Position,
    readers::{Progress, ReadFrom, ReaderTask, Unreached},
};
use hearth_users::Users;
use parking_lot::Mutex;

pub use self::index::{Notification, Notifications};
use self::{deliver::Deliver, noting::Noting, reader::PushReader, unread::UnreadNotifications};
use crate::EvaluatedRooms;

/// So many notifications of a user are kept; the oldest go first, told or not.
pub(crate) const MAX_NOTIFICATIONS: usize = 1_000;

/// The name of the reader.
const READER: &str = "push";

/// What pushes are made of.
pub struct Parts {
    pub rooms: Rooms,
    pub users: Users,
    pub evaluated: Arc<EvaluatedRooms>,
    /// Reaches push gateways.
    pub network: Network,
    pub clock: Arc<dyn Clock>,
}

/// Tells pushers what happens. Cheap to clone; it ends with the last clone.
#[derive(Clone)]
pub struct Pushes {
    notifications: Notifications,
    progress: Progress,
    reading: Arc<Mutex<Option<ReaderTask>>>,
}

impl Pushes {
    /// Begins to follow the log. To be called within a tokio runtime.
    pub fn start(parts: Parts) -> Self {
        let Parts { rooms, users, evaluated, network, clock } = parts;
        let deliver = Arc::new(Deliver {
            unread: UnreadNotifications::new(rooms.clone()),
            noting: Noting { rooms: rooms.clone(), users, evaluated, clock },
            network,
        });
        let progress = Progress::default();
        let reading = rooms.store().start_reader(READER, ReadFrom::Cursor, progress.clone(), move |after| {
            Ok(PushReader::open(deliver.clone(), after)?)
        });
        let reading = Arc::new(Mutex::new(Some(reading)));
        Self { notifications: Notifications::new(rooms), progress, reading }
    }

    /// Waits a little for what pushers are being told, and ends.
    pub async fn stop(&self) {
        let reading = self.reading.lock().take();
        if let Some(reading) = reading {
            reading.stop().await;
        }
    }

    /// What notified users.
    pub fn notifications(&self) -> &Notifications {
        &self.notifications
    }

    /// Returns when all that came up to a position is noted.
    pub async fn reached(&self, position: Position) -> Result<(), Unreached> {
        self.progress.reached(position).await
    }
}
