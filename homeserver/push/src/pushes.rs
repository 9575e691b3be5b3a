//! Who is told of what: a reader of the log notes what notifies users who have pushers, and tells their pushers.
//!
//! - `noting.rs` finds out what notifies whom, by the same evaluation by which unread events are counted. It is noted in
//!   `NOTIFICATIONS`, which is the queue of a user's pushers, and the index of `/notifications`.
//! - `unread.rs` knows which of it is unread, for the badge.
//! - `schedule.rs` says whose turn it is; `deliver.rs` tells one pusher one thing, by `gateway.rs`.
//! - `digest.rs` tells by mail what was not read for a while.
//! - `webpush.rs` tells clients by their push services, without a gateway.
//! - A pusher is told everything in order, and at least once: what it was told is noted in `PUSHED`.

mod deliver;
mod digest;
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
mod webpush;

use std::sync::Arc;

use hearth_network::Network;
use hearth_rooms::Rooms;
use hearth_storage::{
    Clock, Position, Random,
    readers::{Progress, ReadFrom, ReaderTask, Unreached},
};
use hearth_users::{Pusher, Users};
use parking_lot::Mutex;
use ruma::UserId;
use serde_json::json;
use tokio::sync::Semaphore;

pub use self::index::{Notification, Notifications};
use self::{
    deliver::Deliver, notification::Told, noting::Noting, reader::PushReader, target::Target,
    unread::UnreadNotifications,
};
pub use self::{
    target::WEB_PUSH,
    webpush::{BadKeys, Subscription, Vapid},
};
use crate::{
    EvaluatedRooms,
    mail::{Mails, NotSent},
};

/// So many notifications of a user are kept; the oldest go first, told or not.
pub(crate) const MAX_NOTIFICATIONS: usize = 1_000;

/// How many activations are sent at once.
const ACTIVATIONS: usize = 32;

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
    pub random: Arc<dyn Random>,
    /// The server's key for web push.
    pub vapid: Vapid,
    /// `None` where no mails are sent.
    pub mails: Option<Mails>,
}

/// Tells pushers what happens. Cheap to clone; it ends with the last clone.
#[derive(Clone)]
pub struct Pushes {
    notifications: Notifications,
    progress: Progress,
    deliver: Arc<Deliver>,
    /// For each activation that is being sent.
    activations: Arc<Semaphore>,
    reading: Arc<Mutex<Option<ReaderTask>>>,
}

impl Pushes {
    /// Begins to follow the log. To be called within a tokio runtime.
    pub fn start(parts: Parts) -> Self {
        let Parts { rooms, users, evaluated, network, clock, random, vapid, mails } = parts;
        let deliver = Arc::new(Deliver {
            unread: UnreadNotifications::new(rooms.clone()),
            noting: Noting { rooms: rooms.clone(), users, evaluated, clock },
            network,
            vapid,
            mails,
            random,
        });
        let (progress, told_by) = (Progress::default(), deliver.clone());
        let reading = rooms.store().start_reader(READER, ReadFrom::Cursor, progress.clone(), move |after| {
            Ok(PushReader::open(told_by.clone(), after)?)
        });
        let reading = Arc::new(Mutex::new(Some(reading)));
        let activations = Arc::new(Semaphore::new(ACTIVATIONS));
        Self { notifications: Notifications::new(rooms), progress, deliver, activations, reading }
    }

    /// The key that clients give to their push services.
    pub fn vapid_key(&self) -> String {
        self.deliver.vapid.public()
    }

    /// What mails are made of, where they are sent.
    pub fn mails(&self) -> Option<&Mails> {
        self.deliver.mails.as_ref()
    }

    /// Asks whoever reads the mails of a pusher's address whether they want them.
    ///
    /// # Errors
    /// Why the mail was not sent.
    pub async fn send_confirmation(&self, user: &UserId, pusher: &Pusher) -> Result<(), NotSent> {
        let (Some(mails), Some(awaits)) = (self.mails(), &pusher.row.awaits) else { return Ok(()) };
        mails.mailer.send(mails.confirmation(user, pusher, &awaits.token)).await
    }

    /// Sends a pusher of web push the token with which its client activates it. Whether it arrives, the client knows.
    pub fn send_activation(&self, pusher: Pusher) {
        let (deliver, places) = (self.deliver.clone(), self.activations.clone());
        tokio::spawn(async move {
            // Whoever finds no place is sent one when the client sets the pusher again.
            let Ok(_place) = places.try_acquire() else { return };
            let (Some(target), Some(awaits)) = (Target::of(&pusher), &pusher.row.awaits) else { return };
            let body = json!({ "app_id": pusher.app_id, "ack_token": awaits.token });
            let what = Told { body: body.to_string().into(), urgent: true };
            if let Err(failure) = deliver.tell(&target, &pusher.pushkey, what).await {
                tracing::debug!(?failure, gateway = target.gateway, "an activation was not sent");
            }
        });
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
