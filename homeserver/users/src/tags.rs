//! Room tags: the account data `m.tag` (client-server API, "Room tagging").

use hearth_storage::View;
use ruma::{
    RoomId, UserId,
    events::tag::{TagEventContent, TagInfo, TagName, Tags},
};

use crate::{AccountData, UsersError, locks::UserGuard};

const TAG: &str = "m.tag";

impl AccountData {
    /// The tags a user gave to a room.
    pub fn tags(&self, user: &UserId, room: &RoomId) -> Result<Tags, UsersError> {
        self.tags_from(&self.shared.store.view(), user, room)
    }

    fn tags_from(&self, view: &View, user: &UserId, room: &RoomId) -> Result<Tags, UsersError> {
        let content = self.get_from(view, user, Some(room), TAG)?;
        // Clients may also write this as account data of any shape.
        let content = content.and_then(|json| serde_json::from_str::<TagEventContent>(json.get()).ok());
        Ok(content.map(|content| content.tags).unwrap_or_default())
    }

    /// Gives a room a tag, or another place within it.
    pub async fn set_tag(
        &self,
        user: &UserId,
        room: &RoomId,
        tag: TagName,
        info: TagInfo,
    ) -> Result<(), UsersError> {
        let guard = self.shared.locks.lock(user).await;
        let mut tags = self.tags_from(&self.shared.store.written(), user, room)?;
        tags.insert(tag, info);
        self.set_tags(guard, user, room, tags).await
    }

    /// Takes a tag from a room; one that it does not have is no error.
    pub async fn delete_tag(&self, user: &UserId, room: &RoomId, tag: &TagName) -> Result<(), UsersError> {
        let guard = self.shared.locks.lock(user).await;
        let mut tags = self.tags_from(&self.shared.store.written(), user, room)?;
        match tags.remove(tag) {
            Some(_) => self.set_tags(guard, user, room, tags).await,
            None => self.shared.nothing_to_write(guard).await,
        }
    }

    /// Gives a room the tags of another one, unless it has its own: for the successor of a room.
    pub async fn carry_over_tags(&self, user: &UserId, from: &RoomId, to: &RoomId) -> Result<(), UsersError> {
        let guard = self.shared.locks.lock(user).await;
        let view = self.shared.store.written();
        let tags = self.tags_from(&view, user, from)?;
        if tags.is_empty() || self.get_from(&view, user, Some(to), TAG)?.is_some() {
            return self.shared.nothing_to_write(guard).await;
        }
        self.set_tags(guard, user, to, tags).await
    }

    async fn set_tags(
        &self,
        guard: UserGuard,
        user: &UserId,
        room: &RoomId,
        tags: Tags,
    ) -> Result<(), UsersError> {
        let content = serde_json::to_string(&TagEventContent::new(tags)).map_err(UsersError::bad_json)?;
        self.set_locked(guard, user, Some(room), TAG, content).await?;
        Ok(())
    }
}
