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

    /// Joins the ends of the graph by an event of a user of this server who may send it.
    ///
    /// # Errors
    /// [`RoomError::Forbidden`] if nobody may.
    pub async fn join_ends(&self) -> Result<(), RoomError> {
        if self.head().extremities.len() < 2 {
            return Ok(());
        }
        let _place = self.0.waiting.try_acquire().map_err(|_| RoomError::Busy)?;
        let mut head = self.0.writer.lock().await;
        let mut staged = Staged::new(self.shared(), head.clone())?;
        let sender = self.who_may_join_them(&staged)?;
        let sender =
            sender.ok_or_else(|| RoomError::Forbidden("no user of this server may join them".to_owned()))?;
        let content = to_raw_value(&json!({})).map_err(|error| RoomError::Invalid(error.to_string()))?;
        self.0.make(&mut staged, NewEvent::message(&sender, DUMMY, content), None)?;
        let commit = self.0.commit(&mut head, staged)?;
        drop(head);
        commit.await?;
        Ok(())
    }

    fn who_may_join_them(&self, staged: &Staged) -> Result<Option<OwnedUserId>, RoomError> {
        let levels = staged.power_levels(staged.head.state)?;
        let here = self.members_of(&self.shared().server_name, Membership::Join)?;
        Ok(here.into_iter().find(|user| levels.may_send(user, DUMMY, false)))
    }
}
