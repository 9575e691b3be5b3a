//! Telling a pusher what it has not been told yet: one thing at a time, in order.

use std::sync::Arc;

use hearth_network::Network;
use hearth_storage::{
    Random, Scan, blocking,
    schema::{
        self,
        push::{NotificationRow, PushedRow},
    },
};
use hearth_users::Pusher;
use ruma::push::Action;

use super::{
    gateway::{self, Failure},
    notification::{Told, of_badge, of_event},
    noting::Noting,
    schedule::{Outcome, PusherKey},
    target::{Kind, MAIL, Target},
    unread::UnreadNotifications,
    webpush::{MAX_PLAIN, Vapid},
};
use crate::{PushError, mail::Mails};

/// What could not be told for so long is told no more, in milliseconds: nobody wants to be woken by it.
pub(super) const MAX_AGE_MS: u64 = 24 * 60 * 60 * 1000;

/// Tells pushers.
pub(super) struct Deliver {
    pub noting: Noting,
    pub unread: UnreadNotifications,
    pub network: Network,
    pub vapid: Vapid,
    pub mails: Option<Mails>,
    pub random: Arc<dyn Random>,
}

/// What is to be done for a pusher.
enum Next {
    /// There is no such pusher at this gateway, or it is not to be told anything.
    Gone,
    Nothing,
    /// What waited need not be told any more.
    Pass(PushedRow),
    Tell {
        target: Box<Target>,
        what: Told,
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
        if gateway == MAIL {
            return self.mail(key).await;
        }
        let pushers = &self.noting.users.pushers;
        let told = match blocking(|| self.next(key, gateway))? {
            Next::Gone => return Ok(Outcome::Gone),
            Next::Nothing => return Ok(Outcome::Nothing),
            Next::Pass(told) => told,
            Next::Tell { target, what, told } => match self.tell(&target, &key.pushkey, what).await {
                Ok(()) => {
                    metrics::counter!("hearth_pushes_total", "result" => "told").increment(1);
                    told
                }
                Err(Failure::Gone) => {
                    tracing::info!(user = %key.user, app_id = key.app_id, "a push gateway rejects a pusher");
                    pushers.delete(&key.user, &key.app_id, &key.pushkey).await?;
                    metrics::counter!("hearth_pushes_total", "result" => "rejected").increment(1);
                    return Ok(Outcome::Gone);
                }
                Err(failure) => {
                    metrics::counter!("hearth_pushes_total", "result" => "failed").increment(1);
                    return Ok(match failure {
                        Failure::Refused(when) => Outcome::Refused(when),
                        _ => Outcome::Unreachable,
                    });
                }
            },
        };
        pushers.told(&key.user, &key.app_id, &key.pushkey, told).await?;
        Ok(Outcome::Told)
    }

    /// Tells a pusher something.
    pub async fn tell(&self, target: &Target, pushkey: &str, what: Told) -> Result<(), Failure> {
        let subscription = match &target.kind {
            Kind::Http => {
                let rejected = gateway::notify(&self.network, &target.url, what.body).await?;
                return if rejected.iter().any(|key| key == pushkey) { Err(Failure::Gone) } else { Ok(()) };
            }
            Kind::WebPush(subscription) => subscription,
            // It is told by `digest.rs`.
            Kind::Mail => return Ok(()),
        };
        let (mut key, mut salt) = ([0; 32], [0; 16]);
        self.random.fill(&mut key);
        self.random.fill(&mut salt);
        let body = subscription.encrypt(&what.body, &key, salt).map_err(|_| Failure::Refused(None))?;
        let (service, contact) =
            (format!("https://{}", target.gateway), format!("https://{}", self.noting.rooms.server_name()));
        let now = self.noting.clock.now_ms() / 1000;
        let headers = self.vapid.headers(&service, &contact, now, what.urgent);
        gateway::push(&self.network, &target.url, headers, body.into()).await
    }

    fn next(&self, key: &PusherKey, gateway: &str) -> Result<Next, PushError> {
        let PusherKey { user, app_id, pushkey } = key;
        let Noting { rooms, users, clock, .. } = &self.noting;
        let Some(pusher) = users.pushers.get(user, app_id, pushkey)?.filter(Pusher::is_active) else {
            return Ok(Next::Gone);
        };
        let Some(target) = Target::of(&pusher).filter(|target| target.gateway == gateway) else {
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
            if let Some(what) = self.event(&pusher, &target, key, &row, unread_rooms)? {
                return Ok(Next::Tell {
                    target: Box::new(target),
                    what,
                    told: PushedRow { through, unread_rooms },
                });
            }
        }
        let unread_rooms = self.unread.count(user)?;
        let told = PushedRow { through, unread_rooms };
        Ok(match told {
            _ if unread_rooms != pushed.unread_rooms => {
                let what = of_badge(&pusher, &target, unread_rooms);
                Next::Tell { target: Box::new(target), what, told }
            }
            _ if through != pushed.through => Next::Pass(told),
            _ => Next::Nothing,
        })
    }

    /// What tells of an event; `None` if it is no longer here.
    fn event(
        &self,
        pusher: &Pusher,
        target: &Target,
        key: &PusherKey,
        row: &NotificationRow,
        unread_rooms: u64,
    ) -> Result<Option<Told>, PushError> {
        let rooms = &self.noting.rooms;
        let Some(event) = rooms.event(row.event)? else { return Ok(None) };
        let Some(place) = self.place(&key.user, row.room, &event)? else { return Ok(None) };
        let actions: Vec<Action> = serde_json::from_str(&row.actions).unwrap_or_default();
        let tell = |ids_only| {
            of_event((&key.user, pusher, target), &event, place.clone(), &actions, ids_only, unread_rooms)
        };
        let told = tell(target.ids_only());
        // What a push service does not take whole the client fetches.
        let is_too_large = matches!(target.kind, Kind::WebPush(_)) && told.body.len() > MAX_PLAIN;
        Ok(Some(if is_too_large { tell(true) } else { told }))
    }
}
