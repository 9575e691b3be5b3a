//! Redacting the messages of a user, because the event that turns them out says so
//! ([MSC4293](https://github.com/matrix-org/matrix-spec-proposals/pull/4293)): bit by bit, as it may be much.

use hearth_spec::Membership;
use hearth_storage::{
    RoomNid, Scan, TimelineOrder,
    schema::{self, rooms::TurnedOutRow, timers::Timer},
    timers::Fired,
};
use ruma::{OwnedUserId, UserId};
use serde::Deserialize;

use crate::{
    RoomError,
    read::{event::Event, reading::Reader, room::RoomInner, rooms::Rooms},
    write::staged::Staged,
};

/// How many events of the room are looked at, the newest; and how many of them at once.
const MAX_LOOKED_AT: u64 = 100_000;
const AT_ONCE: usize = 250;

impl RoomInner {
    /// Writes down that what a user sent is to be redacted, if an event turns them out, says so, and is by someone who may
    /// redact it.
    pub fn note_turned_out(&self, staged: &mut Staged, event: &Event) -> Result<(), RoomError> {
        let Some(user) = turned_out(event) else { return Ok(()) };
        let (Some(state), Some(order)) = (event.state, event.order()) else { return Ok(()) };
        let levels = staged.power_levels(state.before)?;
        if levels.for_user(event.pdu.sender()) < levels.redact() {
            return Ok(());
        }
        let row = TurnedOutRow { because: event.nid, left_before: order, left: MAX_LOOKED_AT };
        staged.tx.put(&schema::TURNED_OUT, (self.nid, &user), &row);
        staged.tx.set_timer(self.shared.clock.now_ms(), &Timer::RedactTurnedOut { room: self.nid, user });
        Ok(())
    }

    /// Redacts some of what a user sent. Says from which place on nothing is left, if anything is before it.
    fn redact_some(
        &self,
        staged: &mut Staged,
        user: &UserId,
        row: &TurnedOutRow,
    ) -> Result<Option<TimelineOrder>, RoomError> {
        let before = Scan::prefix((self.nid,)).until((self.nid, row.left_before)).reversed();
        let places =
            staged.tx.scan(&schema::TIMELINE, before).take(AT_ONCE).collect::<Result<Vec<_>, _>>()?;
        for (_, nid) in &places {
            let Some(event) = staged.event(*nid)? else { continue };
            // The room's state is not only its sender's.
            if event.pdu.sender() == user && !event.pdu.is_state() && event.redacted_by.is_none() {
                self.redact(staged, &event, row.because)?;
            }
        }
        let last = places.last().filter(|_| places.len() == AT_ONCE);
        Ok(last.map(|((_, order), _)| *order))
    }
}

impl Rooms {
    /// Redacts some of what a user sent to a room that they were turned out of.
    pub(crate) async fn redact_turned_out(&self, room: RoomNid, user: &UserId) -> Result<Fired, RoomError> {
        let room = match self.room_by_nid(room) {
            Err(RoomError::UnknownRoom) => return Ok(Fired::Done),
            found => found?,
        };
        let (commit, fired) = {
            let mut head = room.0.writer.lock().await;
            let mut staged = Staged::new(room.shared(), head.clone())?;
            let key = (room.nid(), user);
            let Some(row) = staged.tx.get(&schema::TURNED_OUT, key)? else { return Ok(Fired::Done) };
            let left = row.left.saturating_sub(AT_ONCE as u64);
            let fired = match room.0.redact_some(&mut staged, user, &row)?.filter(|_| left > 0) {
                Some(left_before) => {
                    staged.tx.put(&schema::TURNED_OUT, key, &TurnedOutRow { left_before, left, ..row });
                    Fired::More
                }
                None => {
                    staged.tx.delete(&schema::TURNED_OUT, key);
                    Fired::Done
                }
            };
            (room.0.commit(&mut head, staged)?, fired)
        };
        commit.await?;
        Ok(fired)
    }
}

/// Whom an event turns out of a room with all that they sent.
fn turned_out(event: &Event) -> Option<OwnedUserId> {
    #[derive(Deserialize)]
    struct Content {
        #[serde(rename = "org.matrix.msc4293.redact_events", alias = "redact_events")]
        redact_events: bool,
    }
    let out = matches!(event.pdu.membership(), Some(Membership::Ban | Membership::Leave));
    if !out || !event.pdu.content_str().contains("redact_events") {
        return None;
    }
    let user = event.pdu.state_key().and_then(|user| OwnedUserId::try_from(user).ok())?;
    let content: Content = serde_json::from_str(event.pdu.content_str()).ok()?;
    (content.redact_events && user != event.pdu.sender()).then_some(user)
}
