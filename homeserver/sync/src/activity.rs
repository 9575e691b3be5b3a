//! A user's rooms by their last activity: whoever wants the first few does not look at all of them.
//!
//! The order belongs to a user who is online. Nothing is written for it, and an event in a room of many members changes
//! nothing in any of their orders: a room has one note of its last event, and an order takes it over when it is asked
//! for, from the rooms that are known to have changed since.

use std::collections::HashMap;

use hearth_storage::{Position, RoomNid, StorageError, schema::rooms::Membership, weight::of_map};

use crate::{
    SyncError,
    hub::Hub,
    online::{Online, UserRoom},
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
    /// All that happened up to here is in the order.
    through: Position,
    /// How many rooms were looked at so far.
    #[cfg(test)]
    pub looked_at: usize,
}

/// More rooms at once are sorted anew.
const FEW: usize = 16;

impl RoomsByActivity {
    /// Something happened in these rooms, at these positions; `None` takes a room out.
    fn set(&mut self, rooms: impl ExactSizeIterator<Item = (RoomNid, Option<Position>)>) {
        let sort = rooms.len() > FEW;
        for (room, position) in rooms {
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

    /// The rooms, each with the position of what happened last there, the latest first.
    pub fn latest_first(&self) -> impl Iterator<Item = (RoomNid, Position)> {
        self.order.iter().rev().map(|(position, room)| (*room, *position))
    }

    /// The rooms at some places, counted from the latest one.
    pub fn places(&self, first: usize, last: usize) -> impl Iterator<Item = RoomNid> {
        let end = self.order.len().saturating_sub(first);
        let start = self.order.len().saturating_sub(last.saturating_add(1)).min(end);
        self.order[start..end].iter().rev().map(|(_, room)| *room)
    }

    pub fn contains(&self, room: RoomNid) -> bool {
        self.at.contains_key(&room)
    }

    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// About how many bytes it takes.
    pub fn bytes(&self) -> usize {
        self.order.capacity() * size_of::<(Position, RoomNid)>()
            + of_map::<RoomNid, Position>(self.at.capacity())
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
        Ok(show(&by_activity))
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
        let mut changed = online.changed_rooms(told).rooms;
        changed.extend(others.filter_map(|room| online.room(room).map(|is| (room, is))));
        #[cfg(test)]
        {
            rooms.looked_at += changed.len();
        }
        let mut within = Vec::with_capacity(changed.len());
        let mut without = Vec::new();
        for (room, is) in changed {
            match belongs(room, is)? {
                true => within.push((room, is)),
                false => without.push((room, None)),
            }
        }
        let mut last = without;
        last.extend(self.last_activity(&within)?.into_iter().map(|(room, last)| (room, Some(last))));
        rooms.set(last.into_iter());
        rooms.through = position;
        Ok(())
    }

    /// What happened last in these rooms of a user.
    fn last_activity(&self, rooms: &[(RoomNid, UserRoom)]) -> Result<Vec<(RoomNid, Position)>, StorageError> {
        let mut last = Vec::with_capacity(rooms.len());
        let mut unknown = Vec::new();
        for (room, is) in rooms {
            let known = match is.membership {
                Membership::Join => self.last_event(*room),
                _ => Some(is.position),
            };
            match known {
                Some(position) => last.push((*room, position)),
                None => unknown.push(*room),
            }
        }
        let read = self.rooms.last_events(&unknown)?;
        for (room, position) in unknown.into_iter().zip(read) {
            self.set_last_event(room, position);
            last.push((room, position));
        }
        Ok(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
