//! Who is a member no more, hears and sees no more: a reader of the log.

use hearth_rooms::Rooms;
use hearth_sfu::Calls;
use hearth_storage::{
    Behind, Change, Position,
    readers::{Progress, ReadFrom, Reader, ReaderError, ReaderTask},
    schema::rooms::Membership,
};

use crate::tokens::holder;

struct Departures {
    calls: Calls,
    rooms: Rooms,
    position: Position,
}

/// Follows the log from now on: there is nobody in a call yet.
pub fn follow(calls: Calls, rooms: Rooms) -> ReaderTask {
    let (store, from) = (rooms.store().clone(), ReadFrom::Position(rooms.store().published()));
    store.start_reader("calls", from, Progress::default(), move |position| {
        Ok(Departures { calls: calls.clone(), rooms: rooms.clone(), position })
    })
}

impl Reader for Departures {
    async fn take(&mut self, changes: &[(Position, Change)]) -> Result<Position, ReaderError> {
        for (position, change) in changes {
            if let Change::Membership { room, user, membership } = change
                && *membership != Membership::Join
                // Of a room that is not here there are no calls.
                && let Ok(room) = self.rooms.room_by_nid(*room)
            {
                self.calls.look_again(Some(holder(room.id(), user))).await;
            }
            self.position = *position;
        }
        Ok(self.position)
    }

    async fn catch_up(&mut self, gap: Behind) -> Result<Position, ReaderError> {
        self.calls.look_again(None).await;
        self.position = gap.to;
        Ok(gap.to)
    }
}
