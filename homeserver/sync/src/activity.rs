//! A user's rooms by their last activity: whoever wants the first few does not look at all of them.
//!
//! The order belongs to a user who is online. Nothing is written for it, and an event in a room of many members changes
//! nothing in any of their orders: a room has one note of its last event, and an order takes it over when it is asked
//! for, from the rooms that are known to have changed since. Of a user of whom nothing was known the first places are
//! found by `active_rooms.rs`, and the others when somebody asks for them.

use std::collections::{HashMap, HashSet};

use hearth_storage::{Position, RoomNid, StorageError, schema::rooms::Membership, weight::of_map};

use crate::{
    SyncError,
    active_rooms::start_of,
    hub::Hub,
    online::{Candidates, Online, UserRoom},
    token::UpTo,
};

/// Rooms in the order of what happened last in them.
///
/// The order is a sorted list: a place is found by halving, and moving a room to the end, where the active ones are,
/// moves little memory.
#[derive(Debug, Default)]
pub(crate) struct RoomsByActivity {
    /// The latest last.
    order: Vec<(Position, RoomNid)>,
    /// The place of each room in the order.
    at: HashMap<RoomNid, Position>,
    /// Rooms whose places are not known yet: before those of the span `behind`.
    cold: HashSet<RoomNid>,
    behind: u64,
    /// All that happened up to here is in the order.
    through: Position,
    /// How many rooms were looked at so far.
    #[cfg(test)]
    pub looked_at: usize,
}

/// More rooms at once are sorted anew.
const FEW: usize = 16;
/// Besides one row for each room whose place is not known, so many rows of other rooms are looked at to find a place.
const EFFORT: usize = 1_000;

impl RoomsByActivity {
    /// Begins with rooms whose places are not known.
    fn begin(&mut self, cold: HashSet<RoomNid>) {
        (self.order, self.at, self.cold) = (Vec::new(), HashMap::new(), cold);
        self.behind = u64::MAX;
    }

    /// Whether the room at a place, counted from the latest one, is known for certain, and all before it.
    fn is_known(&self, place: usize) -> bool {
        let Some(from_start) = self.order.len().checked_sub(place.saturating_add(1)) else {
            return self.cold.is_empty();
        };
        self.cold.is_empty() || self.order[from_start].0 >= start_of(self.behind)
    }

    /// Something happened in these rooms, at these positions; `None` takes a room out.
    fn set(&mut self, rooms: impl ExactSizeIterator<Item = (RoomNid, Option<Position>)>) {
        let sort = rooms.len() > FEW;
        for (room, position) in rooms {
            self.cold.remove(&room);
            let before = match position {
                Some(position) => self.at.insert(room, position),
                None => self.at.remove(&room),
            };
            if before == position {
                continue;
            }
            if let (Some(before), false) = (before, sort)
                && let Ok(place) = self.order.binary_search(&(before, room))
            {
                self.order.remove(place);
            }
            if let (Some(position), false) = (position, sort) {
                let place = self.order.partition_point(|entry| *entry < (position, room));
                self.order.insert(place, (position, room));
            }
        }
        if sort {
            self.order.clear();
            self.order.extend(self.at.iter().map(|(room, position)| (*position, *room)));
            self.order.sort_unstable();
        }
    }

    /// The rooms whose places are known, each with the position of what happened last there, the latest first.
    pub fn latest_first(&self) -> impl Iterator<Item = (RoomNid, Position)> {
        self.order.iter().rev().map(|(position, room)| (*room, *position))
    }

    /// The rooms at some places, counted from the latest one, as far as they are [reached](Hub::reach).
    pub fn places(&self, first: usize, last: usize) -> impl Iterator<Item = RoomNid> {
        let end = self.order.len().saturating_sub(first);
        let start = self.order.len().saturating_sub(last.saturating_add(1)).min(end);
        self.order[start..end].iter().rev().map(|(_, room)| *room)
    }

    pub fn contains(&self, room: RoomNid) -> bool {
        self.at.contains_key(&room) || self.cold.contains(&room)
    }

    pub fn len(&self) -> usize {
        self.order.len() + self.cold.len()
    }

    /// About how many bytes it takes.
    pub fn bytes(&self) -> usize {
        self.order.capacity() * size_of::<(Position, RoomNid)>()
            + of_map::<RoomNid, Position>(self.at.capacity())
            + of_map::<RoomNid, ()>(self.cold.capacity())
    }
}

impl Hub {
    /// Shows a user's rooms by their last activity: that of the timeline for rooms to which the user is joined, of the
    /// membership for others. It costs what happened since it was asked for last.
    pub fn rooms_by_activity<R>(
        &self,
        online: &Online,
        show: impl FnOnce(&RoomsByActivity) -> R,
    ) -> Result<R, SyncError> {
        let mut by_activity = online.by_activity.lock();
        self.bring_up(online, &mut by_activity, [].into_iter(), |_, _| Ok(true))?;
        self.reach(&mut by_activity, usize::MAX)?;
        Ok(show(&by_activity))
    }

    /// Finds out which rooms are at the places up to one, counted from the latest. It costs what lies before that place.
    pub fn reach(&self, rooms: &mut RoomsByActivity, place: usize) -> Result<(), SyncError> {
        let mut effort = rooms.cold.len() + EFFORT;
        while !rooms.is_known(place) {
            let is_last = place.saturating_add(1) >= rooms.len();
            let missing = place.saturating_add(1).saturating_sub(rooms.order.len()).max(1);
            let found = match is_last {
                true => None,
                false => self
                    .active
                    .before(rooms.behind, missing, &mut effort, |room| rooms.cold.contains(&room))?,
            };
            // Where it is not worth the effort all that are left are looked at.
            let (found, behind) = found.unwrap_or_else(|| (rooms.cold.iter().copied().collect(), 0));
            #[cfg(test)]
            {
                rooms.looked_at += found.len();
            }
            let last = self.read_last_events(found)?;
            rooms.set(last.into_iter().map(|(room, last)| (room, Some(last))));
            rooms.behind = behind;
        }
        Ok(())
    }

    /// Brings an order of those of a user's rooms up to date that belong into it. What changes whether a room does is
    /// noted with the user, as an event or a membership is, or the room is named among `others`.
    pub fn bring_up(
        &self,
        online: &Online,
        rooms: &mut RoomsByActivity,
        others: impl Iterator<Item = RoomNid>,
        mut belongs: impl FnMut(RoomNid, UserRoom) -> Result<bool, SyncError>,
    ) -> Result<(), SyncError> {
        // Before looking: what comes meanwhile is looked at again the next time.
        let position = self.position();
        let told = UpTo { log: rooms.through, ephemeral: u64::MAX };
        let Candidates { rooms: mut changed, all } = online.changed_rooms(told);
        changed.extend(others.filter_map(|room| online.room(room).map(|is| (room, is))));
        // What is not known of the rooms that the user entered came before, and is found by spans.
        let may_be_cold = all && self.active.reaches(online.entered());
        let mut within = Vec::with_capacity(changed.len());
        let mut without = Vec::new();
        for (room, is) in changed {
            match belongs(room, is)? {
                true => within.push((room, is)),
                false => without.push((room, None)),
            }
        }
        let (mut last, unknown) = self.last_activity(&within);
        #[cfg(test)]
        {
            rooms.looked_at += without.len() + within.len() - if may_be_cold { unknown.len() } else { 0 };
        }
        if may_be_cold {
            rooms.begin(unknown.into_iter().collect());
        } else {
            last.extend(self.read_last_events(unknown)?);
        }
        let last = last.into_iter().map(|(room, last)| (room, Some(last)));
        rooms.set(without.into_iter().chain(last).collect::<Vec<_>>().into_iter());
        rooms.through = position;
        Ok(())
    }

    /// What happened last in these rooms of a user, and the rooms of which that is not known.
    fn last_activity(&self, rooms: &[(RoomNid, UserRoom)]) -> (Vec<(RoomNid, Position)>, Vec<RoomNid>) {
        let (mut last, mut unknown) = (Vec::new(), Vec::with_capacity(rooms.len()));
        let events = self.last_events(rooms.iter().map(|(room, _)| *room));
        for ((room, is), event) in rooms.iter().zip(events) {
            let known = if is.membership == Membership::Join { event } else { Some(is.position) };
            match known {
                Some(position) => last.push((*room, position)),
                None => unknown.push(*room),
            }
        }
        (last, unknown)
    }

    /// Looks into the rooms for what happened last.
    fn read_last_events(&self, rooms: Vec<RoomNid>) -> Result<Vec<(RoomNid, Position)>, StorageError> {
        let read = self.rooms.last_events(&rooms)?;
        let last: Vec<_> = rooms.into_iter().zip(read).collect();
        last.iter().for_each(|(room, position)| self.set_last_event(*room, *position));
        Ok(last)
    }
}

#[cfg(test)]
mod tests {
    use hearth_storage::schema::SPAN_POSITIONS;

    use super::*;

    #[test]
    fn a_place_is_known_when_no_other_room_can_come_before_it() {
        let mut rooms = RoomsByActivity::default();
        rooms.begin((1..=4).map(RoomNid).collect());
        let at = |span: u64| Position(span * SPAN_POSITIONS);
        rooms.set([(RoomNid(5), Some(at(3))), (RoomNid(6), Some(at(9)))].into_iter());
        assert_eq!((rooms.len(), rooms.is_known(0)), (6, false));
        assert!(rooms.contains(RoomNid(1)) && rooms.contains(RoomNid(5)));
        // All spans from 8 on were looked at.
        rooms.behind = 8;
        rooms.set([(RoomNid(1), Some(at(8)))].into_iter());
        assert_eq!([0, 1, 2, 3].map(|place| rooms.is_known(place)), [true, true, false, false]);
        rooms.set([(RoomNid(2), None)].into_iter());
        assert_eq!((rooms.len(), rooms.contains(RoomNid(2))), (5, false));
        rooms.set([(RoomNid(3), Some(at(1))), (RoomNid(4), Some(at(7)))].into_iter());
        assert!(rooms.is_known(4) && rooms.is_known(usize::MAX));
        let order: Vec<_> = rooms.places(0, usize::MAX).map(|room| room.0).collect();
        assert_eq!(order, [6, 1, 4, 5, 3]);
    }

    #[test]
    fn a_room_stands_where_it_was_active_last() {
        let mut rooms = RoomsByActivity::default();
        rooms.set((1..=5).map(|room| (RoomNid(room), Some(Position(room)))).collect::<Vec<_>>().into_iter());
        rooms.set([(RoomNid(2), Some(Position(9)))].into_iter());
        rooms.set([(RoomNid(2), Some(Position(10)))].into_iter());
        let order = |rooms: &RoomsByActivity| -> Vec<_> {
            rooms.latest_first().map(|(room, position)| (room.0, position.0)).collect()
        };
        assert_eq!(order(&rooms), [(2, 10), (5, 5), (4, 4), (3, 3), (1, 1)]);
        assert_eq!(rooms.places(1, 2).map(|room| room.0).collect::<Vec<_>>(), [5, 4]);
        assert_eq!(rooms.places(3, 99).map(|room| room.0).collect::<Vec<_>>(), [3, 1]);
        assert_eq!(rooms.places(9, 99).count() + rooms.places(2, 1).count(), 0);
        rooms.set([(RoomNid(5), None), (RoomNid(7), None)].into_iter());
        assert_eq!(order(&rooms), [(2, 10), (4, 4), (3, 3), (1, 1)]);
        assert!(!rooms.contains(RoomNid(5)) && rooms.contains(RoomNid(4)));
        // Many at once are the same as one by one.
        let many: Vec<_> = (1..=40).map(|room| (RoomNid(room), Some(Position(100 - room)))).collect();
        rooms.set(many.into_iter());
        assert_eq!((rooms.len(), order(&rooms)[0]), (40, (1, 99)));
    }
}
