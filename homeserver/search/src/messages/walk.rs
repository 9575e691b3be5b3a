//! Making the index from the timelines, step by step, while the log is followed.
//!
//! A room that is walked is taken out of the index first: so the index may be an old one, of which nobody knows what it lacks.

use hearth_rooms::{RoomError, Rooms};
use hearth_storage::{RoomNid, Scan, StorageError, TimelineOrder, schema};

use super::{index::Walk, reader::MessageReader};
use crate::SearchError;

/// How many events of a room are looked at in one step.
const AT_ONCE: usize = 256;
/// After so many events it is told how far it is.
const TELL_EVERY: u64 = 100_000;

/// A walk that is under way.
pub(super) struct Walking {
    pub place: Walk,
    /// How many rooms are done, and how many there were at the beginning.
    rooms: (u64, u64),
    events: u64,
}

impl Walking {
    pub fn begin(place: Walk, rooms: &Rooms) -> Result<Self, StorageError> {
        let view = rooms.store().view();
        let mut counts = (0, 0);
        for row in view.scan(&schema::ROOM_HEADS, Scan::all()) {
            let ((room,), _) = row?;
            counts.0 += u64::from(room < place.room);
            counts.1 += 1;
        }
        tracing::info!(rooms = counts.1 - counts.0, "the search index is made from the timelines");
        Ok(Self { place, rooms: counts, events: 0 })
    }

    fn tell(&self) {
        let (done, all) = self.rooms;
        metrics::gauge!("hearth_search_complete_ratio").set(done as f64 / all.max(1) as f64);
    }
}

impl MessageReader {
    /// Goes on with some events of the room that is walked, or to the next room.
    pub(super) fn step(&mut self) -> Result<(), SearchError> {
        let Some(walking) = &mut self.walking else { return Ok(()) };
        let place = walking.place;
        let view = self.rooms.store().view();
        let stretch =
            Scan::prefix((place.room,)).after((place.room, place.after)).through((place.room, place.until));
        let rows = view.scan(&schema::TIMELINE, stretch).take(AT_ONCE);
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        let Some(((_, last), _)) = rows.last() else { return self.next_room(place.room) };
        walking.place.after = *last;
        walking.events += rows.len() as u64;
        if walking.events / TELL_EVERY > (walking.events - rows.len() as u64) / TELL_EVERY {
            let (events, (rooms, all)) = (walking.events, walking.rooms);
            tracing::info!(events, rooms, all, "the search index is being made");
        }
        for (_, nid) in rows {
            let added = match self.rooms.event(nid) {
                Ok(Some(event)) => self.add(&event, false),
                // Purged meanwhile.
                Ok(None) => Ok(()),
                Err(error) => Err(error.into()),
            };
            self.pass(added, nid)?;
        }
        Ok(())
    }

    fn next_room(&mut self, after: RoomNid) -> Result<(), SearchError> {
        let view = self.rooms.store().view();
        let next = view.scan(&schema::ROOM_HEADS, Scan::all().after((after,))).next().transpose()?;
        let Some(((room,), _)) = next else {
            self.walking = None;
            metrics::gauge!("hearth_search_complete_ratio").set(1.0);
            tracing::info!("the search index is complete");
            self.commit()?;
            self.searches.complete.send_replace(true);
            return Ok(());
        };
        self.writer.remove_room(room)?;
        self.encrypted.clear();
        let is_searched = match self.rooms.room_by_nid(room) {
            Ok(_) => !self.is_encrypted(room)?,
            Err(RoomError::UnknownRoom) => false,
            Err(error) => return Err(error.into()),
        };
        // Of an encrypted room nothing is to be done.
        let until = if is_searched { self.done.into() } else { TimelineOrder::MIN };
        if let Some(walking) = &mut self.walking {
            walking.place = Walk { room, after: TimelineOrder::MIN, until };
            walking.rooms.0 += 1;
            walking.tell();
        }
        Ok(())
    }
}
