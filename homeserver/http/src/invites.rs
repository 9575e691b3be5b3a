//! Whether a user takes invites.

use hearth_users::Users;
use http::StatusCode;
use ruma::UserId;
use serde::Deserialize;

use crate::{MatrixError, Result};

/// Refuses an invite of a user of this server who takes none ("Invite permission").
pub fn permitted(users: &Users, invitee: &UserId) -> Result<()> {
    #[derive(Deserialize)]
    struct InvitePermission {
        default_action: Option<String>,
    }
    let permission = users.account_data.get(invitee, None, "m.invite_permission_config")?;
    let permission =
        permission.and_then(|content| serde_json::from_str::<InvitePermission>(content.get()).ok());
    match permission.and_then(|permission| permission.default_action).as_deref() {
        Some("block") => Err(MatrixError::new(
            StatusCode::FORBIDDEN,
            "M_INVITE_BLOCKED",
            format!("{invitee} takes no invites."),
        )),
        _ => Ok(()),
    }
}
