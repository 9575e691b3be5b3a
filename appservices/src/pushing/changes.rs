//! What a change of the log, or something ephemeral, means to a service.

use hearth_storage::{Change, EventNid, Position, RoomNid, schema::rooms::Membership};
use hearth_sync::Announcement;
use ruma::{OwnedUserId, UserId};
use tokio::sync::broadcast::error::RecvError;

use super::{event, reader::ServiceReader};
use crate::PushError;

/// The receipts that nobody but their user is told of, and services for which they are that user.
const PRIVATE: &str = "m.read.private";
/// In so many of a user's rooms is looked for one that is the service's business.
const MAX_ROOMS: usize = 1000;

impl ServiceReader {
    /// Takes in a change of the log.
    pub(super) fn change(&mut self, position: Position, change: &Change) -> Result<(), PushError> {
        match change {
            Change::Event { event, .. } => self.event(position, *event),
            Change::Membership { room, user, membership } if self.service.covers(user) => {
                self.interest.forget(*room);
                self.out_of_room(position, *room, user, *membership)
            }
            Change::Membership { room, user, membership } if self.service.encryption => {
                self.sharer(position, *room, user, *membership)
            }
            Change::Receipt { room, .. } if self.service.ephemeral => self.receipts(position, *room),
            Change::ToDevice { user, device } if self.service.ephemeral && self.service.covers(user) => {
                self.batch.to_device.insert((user.clone(), device.clone()));
                Ok(())
            }
            Change::DeviceList { user } if self.service.encryption => {
                if self.service.covers(user) || self.shares_room(position, user)? {
                    self.batch.changed_list(user);
                }
                Ok(())
            }
            Change::OneTimeKeys { user, .. } if self.service.encryption && self.service.covers(user) => {
                self.batch.counted.insert(user.clone());
                Ok(())
            }
            Change::Alias { alias } if self.service.aliases.contains(alias.as_str()) => {
                self.interest.forget_all();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn event(&mut self, position: Position, nid: EventNid) -> Result<(), PushError> {
        let rooms = &self.services.parts().rooms;
        let Some(event) = rooms.event(nid)? else { return Ok(()) };
        if self.interest.in_event(position, &event)? {
            let told = event::of_room(rooms, &event, self.interest.subject(&event).is_some())?;
            self.batch.event(event.room, told);
        }
        Ok(())
    }

    /// A service's user is invited to a room that is not here, or has knocked there: no event came into a timeline.
    fn out_of_room(
        &mut self,
        position: Position,
        room: RoomNid,
        user: &UserId,
        membership: Membership,
    ) -> Result<(), PushError> {
        let rooms = &self.services.parts().rooms;
        let Some(row) = rooms.user_room(user, room)? else { return Ok(()) };
        if row.position != position || row.membership != membership {
            return Ok(());
        }
        if let Some(event) = rooms.event(row.event)?.filter(|event| event.order().is_none()) {
            self.batch.event(room, event::out_of_room(rooms, &event, row.stripped_state));
        }
        Ok(())
    }

    /// Somebody came to a room of the service, or left it: the service has to know of their devices, or not any more.
    fn sharer(
        &mut self,
        position: Position,
        room: RoomNid,
        user: &OwnedUserId,
        membership: Membership,
    ) -> Result<(), PushError> {
        if matches!(membership, Membership::Invite | Membership::Knock)
            || !self.interest.in_room(room, position, None)?
        {
            return Ok(());
        }
        if membership == Membership::Join {
            self.batch.changed_list(user);
        } else if !self.shares_room(position, user)? {
            self.batch.left_list(user);
        }
        Ok(())
    }

    fn receipts(&mut self, position: Position, nid: RoomNid) -> Result<(), PushError> {
        if !self.interest.in_room(nid, position, None)? {
            return Ok(());
        }
        let room = self.services.parts().rooms.room_by_nid(nid)?;
        // Nothing, if the receipt moved on since: then that is told.
        for (key, row) in room.receipts_since(position.before(), position)? {
            if key.receipt_type != PRIVATE || self.service.covers(&key.user) {
                self.batch.receipts.push((nid, key, row));
            }
        }
        Ok(())
    }

    /// Takes in what a user does, of which the log does not tell.
    pub(super) fn announced(&mut self, said: Result<Announcement, RecvError>) -> Result<(), PushError> {
        // Nothing is told while much waits: it would be old by then.
        if self.batch.is_full() {
            return Ok(());
        }
        let now = self.store.published();
        match said {
            Ok(Announcement::Typing { room, .. }) => {
                if self.interest.in_room(room, now, None)? {
                    self.batch.typing.insert(room);
                }
            }
            Ok(Announcement::Presence { user, now: presence }) => {
                if self.service.covers(&user) || self.shares_room(now, &user)? {
                    self.batch.presence.insert(user, presence);
                }
            }
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => self.end_announcements(),
        }
        Ok(())
    }

    /// Whether a user is in a room that is the service's business.
    fn shares_room(&mut self, position: Position, user: &UserId) -> Result<bool, PushError> {
        let rooms = self.services.parts().rooms.rooms_of(user)?;
        let joined = rooms.into_iter().filter(|(_, row)| row.membership == Membership::Join);
        for (room, _) in joined.take(MAX_ROOMS) {
            if self.interest.in_room(room, position, None)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
