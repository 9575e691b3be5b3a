//! The room into which users are brought whose room is deleted.

use hearth_rooms::{CreateRoom, NewEvent, Preset};
use ruma::{OwnedRoomId, UserId};
use serde_json::{json, value::to_raw_value};

use crate::{ClientApi, MatrixError, Result, membership::content::member_content};

const NAME: &str = "Content Violation Notification";
const MESSAGE: &str =
    "Sharing illegal content on this server is not permitted and rooms in violation will be blocked.";

/// Makes the room: only its creator speaks there, and says what happened.
pub(super) async fn successor(
    api: &ClientApi,
    creator: &UserId,
    name: Option<String>,
    message: Option<String>,
) -> Result<OwnedRoomId> {
    if creator.server_name() != api.options.server_name || !api.users.accounts.exists(creator)? {
        return Err(MatrixError::invalid_param("The creator of the new room must be a user of this server."));
    }
    let mut room = CreateRoom::new(creator.to_owned(), Preset::PublicChat);
    room.name = Some(name.unwrap_or_else(|| NAME.to_owned()));
    room.member_content = member_content(&api.users, creator, None)?;
    room.power_levels.insert("users_default".to_owned(), json!(-10));
    let id = api.rooms.create_room(room).await?;
    let body = message.unwrap_or_else(|| MESSAGE.to_owned());
    let content = to_raw_value(&json!({ "msgtype": "m.text", "body": body }))?;
    api.rooms.room(&id)?.send(NewEvent::message(creator, "m.room.message", content), None).await?;
    Ok(id)
}
