//! Purging what is older than it may be: once a day, room by room.

use hearth_storage::{
    RoomNid, Scan, TimelineOrder,
    schema::{self, timers::Timer},
    timers::Fired,
};

use crate::{
    RoomError,
    read::{room::Room, rooms::Rooms},
    write::delayed::DAY_MS,
};

/// How many rooms are looked at at once.
const AT_ONCE: usize = 50;

impl Rooms {
    /// Lets what is too old be purged from now on, if anything ever is. To be called once at the start.
    pub async fn begin_to_retain(&self) -> Result<(), RoomError> {
        if !self.shared.retention.is_on() {
            return Ok(());
        }
        let mut tx = self.shared.store.begin()?;
        tx.set_timer(next_day(self.now_ms()), &Timer::Retain { after: RoomNid(0) });
        tx.submit().await?;
        Ok(())
    }

    /// Purges some of what is too old in the next rooms.
    pub(crate) async fn retain(&self, after: RoomNid) -> Result<Fired, RoomError> {
        let now = self.now_ms();
        if !self.shared.retention.is_on() {
            return Ok(Fired::Done);
        }
        let scan = Scan::all().after((after,));
        let rows = self.shared.view.scan(&schema::ROOM_HEADS, scan).take(AT_ONCE);
        let next: Vec<RoomNid> = rows.map(|row| row.map(|((room,), _)| room)).collect::<Result<_, _>>()?;
        let mut done = after;
        for room in &next {
            let is_done = match self.room_by_nid(*room) {
                Ok(room) => room.purge_old(now).await?,
                Err(RoomError::UnknownRoom) => true,
                Err(error) => return Err(error),
            };
            if !is_done {
                break;
            }
            done = *room;
        }
        let is_last = next.len() < AT_ONCE && next.last().is_none_or(|last| *last == done);
        let (due, timer) = match is_last {
            true => (next_day(now), Timer::Retain { after: RoomNid(0) }),
            false => (now, Timer::Retain { after: done }),
        };
        if is_last {
            self.sweep_in_background();
        }
        if timer == (Timer::Retain { after }) && !is_last {
            return Ok(Fired::More);
        }
        let mut tx = self.shared.store.begin()?;
        tx.set_timer(due, &timer);
        tx.submit().await?;
        Ok(Fired::Done)
    }
}

impl Room {
    /// Purges some of what is too old. Says whether that was all.
    async fn purge_old(&self, now: u64) -> Result<bool, RoomError> {
        let Some(lifetime) = self.retained_ms()? else { return Ok(true) };
        let Some(since) = now.checked_sub(lifetime) else { return Ok(true) };
        // The first that is young enough stays, and all that stands after it; if there is none, all but the newest goes.
        let place = match self.event_near(since, false)? {
            Some(event) => event.order(),
            None => Some(TimelineOrder::from(self.head().position)),
        };
        let Some(place) = place else { return Ok(true) };
        Ok(self.purge_some(TimelineOrder::MIN, place, false).await?.rest.is_none())
    }
}

fn next_day(now: u64) -> u64 {
    (now / DAY_MS + 1) * DAY_MS
}
