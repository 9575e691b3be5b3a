//! Keeping the ends of a room's graph few: each of them costs with every event that comes.

use hearth_storage::schema::rooms::Membership;
use ruma::OwnedUserId;
use serde_json::{json, value::to_raw_value};

use crate::{
    RoomError,
    read::{event::DUMMY, reading::Reader, room::Room},
    write::{
        staged::Staged,
        writer::{MAX_PREV_EVENTS, NewEvent},
    },
};

impl Room {
    /// Where an event that came makes the ends more than an event can follow, joins them by one of a user of this
    /// server who may send it. Where nobody may, they stay.
    pub(crate) fn join_extremities(&self, staged: &mut Staged) -> Result<(), RoomError> {
        if staged.head.extremities.len() <= MAX_PREV_EVENTS {
            return Ok(());
        }
        let Some(sender) = self.who_may_join_them(staged)? else { return Ok(()) };
        let content = to_raw_value(&json!({})).map_err(|error| RoomError::Invalid(error.to_string()))?;
        match self.0.make(staged, NewEvent::message(&sender, DUMMY, content), None) {
            // The event that came is as good without it.
            Ok(_) | Err(RoomError::Forbidden(_) | RoomError::Invalid(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn who_may_join_them(&self, staged: &Staged) -> Result<Option<OwnedUserId>, RoomError> {
        let levels = staged.power_levels(staged.head.state)?;
        let here = self.members_of(&self.shared().server_name, Membership::Join)?;
        Ok(here.into_iter().find(|user| levels.may_send(user, DUMMY, false)))
    }
}
