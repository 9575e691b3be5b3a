//! Noting which events are sticky ([MSC4354](https://github.com/matrix-org/matrix-spec-proposals/pull/4354)): for at most
//! an hour, everyone who is in their room or comes into it is told of them.
//!
//! One that was soft-failed by the state is decided on again when its sender joins. A timer deletes what is no longer
//! sticky: one for an hour, set with the first.

use hearth_spec::Pdu;
use hearth_storage::{
    Scan, StorageError,
    schema::{
        self,
        rooms::{Membership, Standing, StickyRow},
        timers::Timer,
    },
    timers::Fired,
};

use crate::{
    RoomError,
    read::{event::Event, reading::Reader, room::RoomInner, rooms::Rooms},
    write::staged::{Staged, TimelinePlace},
};

const HOUR_MS: u64 = hearth_spec::MAX_STICKY_MS as u64;
/// How many events of a room are sticky at once, and how large they are together, in bytes: what comes beyond that is like
/// any other event.
const MAX_IN_ROOM: usize = 1000;
const MAX_BYTES_IN_ROOM: u64 = 4 << 20;
/// How many of a user in a room are kept that were refused.
const MAX_REFUSED: usize = 100;
/// So many are deleted in one commit.
const AT_ONCE: usize = 500;

impl RoomInner {
    /// Until when an event is sticky that comes now, in milliseconds; `None` for one that is not, or no longer.
    pub fn sticky_until(&self, pdu: &Pdu) -> Option<u64> {
        let duration = pdu.sticky()?;
        let (now, sent): (_, u64) = (self.shared.clock.now_ms(), pdu.origin_server_ts().get().into());
        // One that says that it is of the future begins when it comes.
        let until = sent.min(now) + u64::from(duration);
        (until > now).then_some(until)
    }

    /// Notes an event that came to the end of the timeline, if it is sticky.
    pub fn note_sticky(&self, staged: &mut Staged, event: &Event) -> Result<(), RoomError> {
        let (Some(until), Some(order)) = (self.sticky_until(&event.pdu), event.order) else { return Ok(()) };
        let now = self.shared.clock.now_ms();
        let (mut count, mut bytes) = (1, event.pdu.text().len() as u64);
        for entry in staged.tx.scan(&schema::STICKY, Scan::prefix((self.nid,))) {
            let (_, row) = entry?;
            if row.until > now {
                count += 1;
                bytes += u64::from(row.bytes);
            }
        }
        if count > MAX_IN_ROOM || bytes > MAX_BYTES_IN_ROOM {
            return Ok(());
        }
        let row = StickyRow { event: event.nid, until, bytes: event.pdu.text().len() as u32 };
        staged.tx.put(&schema::STICKY, (self.nid, order.position()), &row);
        forget_later(staged, now)
    }

    /// Notes an event that the state does not allow now, if it is sticky. State events have state resolution.
    pub fn note_refused_sticky(&self, staged: &mut Staged, event: &Event) -> Result<(), RoomError> {
        let Some(until) = self.sticky_until(&event.pdu).filter(|_| !event.pdu.is_state()) else {
            return Ok(());
        };
        let sender = event.pdu.sender();
        if staged.tx.scan(&schema::STICKY_REFUSED, Scan::prefix((self.nid, sender))).count() < MAX_REFUSED {
            staged.tx.put(&schema::STICKY_REFUSED, (self.nid, sender, event.nid), &until);
            forget_later(staged, self.shared.clock.now_ms())?;
        }
        Ok(())
    }

    /// Takes in what was refused of users who join, where the state that is to be committed allows it.
    pub fn reconsider_sticky(&self, staged: &mut Staged) -> Result<(), RoomError> {
        if staged.memberships.is_empty()
            || staged.tx.scan(&schema::STICKY_REFUSED, Scan::prefix((self.nid,))).next().is_none()
        {
            return Ok(());
        }
        let joins =
            staged.memberships.iter().filter(|change| matches!(change.is, Some((Membership::Join, _))));
        let users: Vec<_> = joins.map(|change| change.user.clone()).collect();
        for user in users {
            let refused = staged.tx.scan(&schema::STICKY_REFUSED, Scan::prefix((self.nid, &user)));
            for ((.., nid), _) in refused.collect::<Result<Vec<_>, StorageError>>()? {
                let Some(event) = staged.event(nid)?.filter(|event| event.standing == Standing::SoftFailed)
                else {
                    continue;
                };
                let Some(state) = event.state.filter(|_| self.sticky_until(&event.pdu).is_some()) else {
                    continue;
                };
                let allowed = self.verdict(staged, staged.head.state, &event.pdu)?.is_ok()
                    && self.check_advice(staged, &event.pdu)?.is_ok();
                if allowed {
                    staged.tx.delete(&schema::STICKY_REFUSED, (self.nid, &user, nid));
                    let pdu = event.pdu.clone();
                    self.stage(staged, pdu, Standing::Accepted, TimelinePlace::End, state.before, None)?;
                }
            }
        }
        Ok(())
    }
}

/// Sets the timer of this hour, by which nothing of it is sticky any more.
fn forget_later(staged: &mut Staged, now: u64) -> Result<(), RoomError> {
    let hour = now / HOUR_MS;
    Ok(staged.tx.set_timer_once((hour + 2) * HOUR_MS, &Timer::ForgetSticky { hour })?)
}

impl Rooms {
    /// Deletes some of what is no longer sticky.
    pub(crate) async fn forget_sticky(&self) -> Result<Fired, RoomError> {
        let (view, now) = (self.shared.store.view(), self.now_ms());
        let mut tx = self.shared.store.begin()?;
        let mut deleted = 0;
        for entry in view.scan(&schema::STICKY, Scan::all()) {
            let (key, row) = entry?;
            if deleted == AT_ONCE {
                break;
            }
            if row.until <= now {
                tx.delete(&schema::STICKY, key);
                deleted += 1;
            }
        }
        for entry in view.scan(&schema::STICKY_REFUSED, Scan::all()) {
            let ((room, sender, event), until) = entry?;
            if deleted == AT_ONCE {
                break;
            }
            if until <= now {
                tx.delete(&schema::STICKY_REFUSED, (room, &sender, event));
                deleted += 1;
            }
        }
        tx.submit().await?;
        Ok(if deleted < AT_ONCE { Fired::Done } else { Fired::More })
    }
}
