//! A user's rooms by their last activity: whoever wants the first few does not look at all of them.
//!
//! The order belongs to a user who is online. Nothing is written for it, and an event in a room of many members changes
//! nothing in any of their orders: a room has one note of its last event, and an order takes it over when it is asked
//! for, from the rooms that are known to have changed since.

use std::collections::{BTreeSet, HashMap};

use hearth_storage::{Position, RoomNid, StorageError, schema::rooms::Membership, weight::of_map};

use crate::{
    hub::Hub,
    online::{Online, UserRoom},
    token::UpTo,
};

/// Rooms in the order of what happened last in them.
#[derive(Debug, Default)]
pub(crate) struct RoomsByActivity {
    order: BTreeSet<(Position, RoomNid)>,
    /// The place of each room in the order.
    at: HashMap<RoomNid, Position>,
    /// All that happened up to here is in the order.
    through: Position,
    /// How many rooms were looked at so far.
    #[cfg(test)]
    pub looked_at: usize,
}

impl RoomsByActivity {
    /// Something happened in a room.
    fn set(&mut self, room: RoomNid, position: Position) {
        if let Some(before) = self.at.insert(room, position) {
            self.order.remove(&(before, room));
        }
        self.order.insert((position, room));
    }

    /// The rooms, each with the position of what happened last there, the latest first.
    pub fn latest_first(&self) -> impl Iterator<Item = (RoomNid, Position)> {
        self.order.iter().rev().map(|(position, room)| (*room, *position))
    }

    /// About how many bytes it takes.
    pub fn bytes(&self) -> usize {
        const NODE: usize = size_of::<(Position, RoomNid)>() * 3 / 2;
        self.order.len() * NODE + of_map::<RoomNid, Position>(self.at.capacity())
    }
}

impl Hub {
    /// Shows a user's rooms by their last activity: that of the timeline for rooms to which the user is joined, of the
    /// membership for others. It costs what happened since it was asked for last.
    pub fn rooms_by_activity<R>(
        &self,
        online: &Online,
        show: impl FnOnce(&RoomsByActivity) -> R,
    ) -> Result<R, StorageError> {
        let mut by_activity = online.by_activity.lock();
        // Before looking: what comes meanwhile is looked at again the next time.
        let position = self.position();
        let told = UpTo { log: by_activity.through, ephemeral: u64::MAX };
        let changed = online.changed_rooms(told).rooms;
        #[cfg(test)]
        {
            by_activity.looked_at += changed.len();
        }
        for (room, is) in self.last_activity(&changed)? {
            by_activity.set(room, is);
        }
        by_activity.through = position;
        Ok(show(&by_activity))
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
        for room in 1..=5 {
            rooms.set(RoomNid(room), Position(room));
        }
        rooms.set(RoomNid(2), Position(9));
        rooms.set(RoomNid(2), Position(10));
        let order: Vec<_> = rooms.latest_first().map(|(room, position)| (room.0, position.0)).collect();
        assert_eq!(order, [(2, 10), (5, 5), (4, 4), (3, 3), (1, 1)]);
    }
}
