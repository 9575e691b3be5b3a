//! What a user keeps when they follow a room to its successor ("Room Upgrades").

use hearth_rooms::Room;
use ruma::{OwnedRoomId, UserId};
use serde::Deserialize;

use crate::{ClientApi, Result};

/// Gives a room that the user has come into the push rule and the tags that the user has for its predecessor,
/// where it has none of its own, and its place among the direct chats. That it fails is only logged: the user is in the room all the same.
pub(crate) async fn carry_over(api: &ClientApi, user: &UserId, room: &Room) {
    if let Err(error) = try_to_carry_over(api, user, room).await {
        tracing::warn!(room = %room.id(), %error, "what a user set for a room did not go over to its successor");
    }
}

async fn try_to_carry_over(api: &ClientApi, user: &UserId, room: &Room) -> Result<()> {
    let Some(old) = predecessor(room)? else { return Ok(()) };
    api.users.push_rules.carry_over(user, &old, room.id()).await?;
    api.users.account_data.carry_over_tags(user, &old, room.id()).await?;
    api.users.account_data.carry_over_direct(user, &old, room.id()).await?;
    Ok(())
}

/// The room that a room says it follows.
pub(crate) fn predecessor(room: &Room) -> Result<Option<OwnedRoomId>> {
    #[derive(Deserialize)]
    struct Create {
        predecessor: Predecessor,
    }
    #[derive(Deserialize)]
    struct Predecessor {
        room_id: OwnedRoomId,
    }
    let create = room.state_event("m.room.create", "")?;
    let create = create.and_then(|create| serde_json::from_str::<Create>(create.pdu.content_str()).ok());
    Ok(create.map(|create| create.predecessor.room_id))
}
