//! Telling a pusher what it has not been told yet: one thing at a time, in order.

use bytes::Bytes;
use hearth_network::Network;
use hearth_storage::{
    Scan, blocking,
    schema::{
        self,
        push::{NotificationRow, PushedRow},
    },
};
use hearth_users::Pusher;
use ruma::push::Action;

use super::{
    gateway::{self, Failure},
    notification::{Place, of_badge, of_event},
    noting::Noting,
    schedule::{Outcome, PusherKey},
    target::Target,
    unread::UnreadNotifications,
};
use crate::PushError;

/// What could not be told for so long is told no more, in milliseconds: nobody wants to be woken by it.
const MAX_AGE_MS: u64 = 24 * 60 * 60 * 1000;

/// Tells pushers.
pub(super) struct Deliver {
    pub noting: Noting,
    pub unread: UnreadNotifications,
    pub network: Network,
}

/// What is to be done for a pusher.
enum Next {
    /// There is no such pusher at this gateway, or it is not to be told anything.
    Gone,
    Nothing,
    /// What waited need not be told any more.
    Pass(PushedRow),
    Tell {
        url: String,
        body: Bytes,
        /// What it was told then.
        told: PushedRow,
    },
}

impl Deliver {
    /// Tells a pusher the next of what it has not been told.
    pub async fn step(&self, key: &PusherKey, gateway: &str) -> Outcome {
        match self.try_step(key, gateway).await {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::error!(user = %key.user, %error, "a pusher could not be told");
                Outcome::Refused(None)
            }
        }
    }

    async fn try_step(&self, key: &PusherKey, gateway: &str) -> Result<Outcome, PushError> {
        let pushers = &self.noting.users.pushers;
        let told = match blocking(|| self.next(key, gateway))? {
            Next::Gone => return Ok(Outcome::Gone),
            Next::Nothing => return Ok(Outcome::Nothing),
            Next::Pass(told) => told,
            Next::Tell { url, body, told } => match gateway::notify(&self.network, &url, body).await {
                Ok(rejected) if rejected.contains(&key.pushkey) => {
                    tracing::info!(user = %key.user, app_id = key.app_id, "a push gateway rejects a pusher");
                    pushers.delete(&key.user, &key.app_id, &key.pushkey).await?;
                    metrics::counter!("hearth_pushes_total", "result" => "rejected").increment(1);
                    return Ok(Outcome::Gone);
                }
                Ok(_) => {
                    metrics::counter!("hearth_pushes_total", "result" => "told").increment(1);
                    told
                }
                Err(failure) => {
                    metrics::counter!("hearth_pushes_total", "result" => "failed").increment(1);
                    return Ok(match failure {
                        Failure::Refused(when) => Outcome::Refused(when),
                        Failure::Unreachable => Outcome::Unreachable,
                    });
                }
            },
        };
        pushers.told(&key.user, &key.app_id, &key.pushkey, told).await?;
        Ok(Outcome::Told)
    }

    fn next(&self, key: &PusherKey, gateway: &str) -> Result<Next, PushError> {
        let PusherKey { user, app_id, pushkey } = key;
        let Noting { rooms, users, clock, .. } = &self.noting;
        let Some(pusher) = users.pushers.get(user, app_id, pushkey)?.filter(Pusher::is_active) else {
            return Ok(Next::Gone);
        };
        let Some(target) = Target::of(&pusher.row.pusher).filter(|target| target.gateway == gateway) else {
            return Ok(Next::Gone);
        };
        let view = rooms.store().view();
        let pushed = view.get(&schema::PUSHED, (user, app_id, pushkey))?.unwrap_or_default();
        let oldest = clock.now_ms().saturating_sub(MAX_AGE_MS);
        let mut through = pushed.through;
        for row in view.scan(&schema::NOTIFICATIONS, Scan::prefix((user,)).after((user, through))) {
            let ((_, position), row) = row?;
            through = position;
            if row.noted_at < oldest || !self.unread.contains(user, row.room, position)? {
                continue;
            }
            let unread_rooms = self.unread.count(user)?;
            if let Some(body) = self.body(&pusher, &target, key, &row, unread_rooms)? {
                return Ok(Next::Tell { url: target.url, body, told: PushedRow { through, unread_rooms } });
            }
        }
        let unread_rooms = self.unread.count(user)?;
        let told = PushedRow { through, unread_rooms };
        Ok(match told {
            _ if unread_rooms != pushed.unread_rooms => {
                let body = of_badge(&pusher, &target, unread_rooms);
                Next::Tell { url: target.url, body, told }
            }
            _ if through != pushed.through => Next::Pass(told),
            _ => Next::Nothing,
        })
    }

    /// What tells of an event; `None` if it is no longer here.
    fn body(
        &self,
        pusher: &Pusher,
        target: &Target,
        key: &PusherKey,
        row: &NotificationRow,
        unread_rooms: u64,
    ) -> Result<Option<Bytes>, PushError> {
        let rooms = &self.noting.rooms;
        let Some(event) = rooms.event(row.event)? else { return Ok(None) };
        let place = match self.noting.room(row.room)? {
            Some(room) => Place::of(&room, &event)?,
            None => match rooms.user_room(&key.user, row.room)? {
                Some(invite) => Place::of_invite(event.pdu.room_id(), &invite, &event),
                None => return Ok(None),
            },
        };
        let actions: Vec<Action> = serde_json::from_str(&row.actions).unwrap_or_default();
        Ok(Some(of_event((&key.user, pusher, target), &event, place, &actions, unread_rooms)))
    }
}
