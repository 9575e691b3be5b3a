//! The member events that this server drafts for users of others.

use hearth_http::{MatrixError, Result};
use hearth_rooms::{NewEvent, Room};
use hearth_spec::RoomVersion;
use http::StatusCode;
use ruma::{RoomVersionId, ServerName, UserId};
use serde_json::{
    Value, json,
    value::{RawValue, to_raw_value},
};

/// Refuses to draft an event for a user of another server than the one that asks.
pub(super) fn is_of(user: &UserId, origin: &ServerName) -> Result<()> {
    match user.server_name() == origin {
        true => Ok(()),
        false => Err(MatrixError::forbidden("The user is not of your server.")),
    }
}

/// Refuses a room of a version that the server does not support.
pub(super) fn supports(versions: &[RoomVersionId], room: RoomVersion) -> Result<()> {
    match versions.contains(&room.id()) {
        true => Ok(()),
        false => Err(incompatible(&room.id())),
    }
}

pub(super) fn incompatible(version: &RoomVersionId) -> MatrixError {
    MatrixError::new(
        StatusCode::BAD_REQUEST,
        "M_INCOMPATIBLE_ROOM_VERSION",
        format!("The room is of version {version}, which is not supported."),
    )
    .with("room_version", version.as_str())
}

/// A member event of a user for their server to sign.
pub(super) fn draft(
    room: &Room,
    user: &UserId,
    membership: &str,
    authoriser: Option<&UserId>,
) -> Result<Box<RawValue>> {
    let mut content = json!({ "membership": membership });
    if let Some(authoriser) = authoriser {
        content["join_authorised_via_users_server"] = Value::from(authoriser.as_str());
    }
    let event = NewEvent::state_json(user, "m.room.member", user.as_str(), &content)?;
    let draft = room.propose(event)?;
    Ok(to_raw_value(&draft)?)
}
