//! Which rooms guests may be in ("Guest Access").

use hearth_rooms::Room;
use hearth_storage::schema::{rooms::Membership, users::AccountKind};
use serde::Deserialize;

use crate::{ClientApi, MatrixError, Requester, Result, membership::content::because};

#[derive(Deserialize)]
struct GuestAccess {
    guest_access: String,
}

/// Refuses a guest whom the room does not let in.
pub(crate) fn may_enter(room: &Room, who: &Requester) -> Result<()> {
    match who.guest() && !admits(room)? {
        true => Err(MatrixError::guest_access_forbidden("This room does not let guests in.")),
        false => Ok(()),
    }
}

fn admits(room: &Room) -> Result<bool> {
    let content = room.state_content::<GuestAccess>("m.room.guest_access", "")?;
    Ok(content.is_some_and(|content| content.guest_access == "can_join"))
}

/// Makes the guests of this server leave a room that no longer lets them in.
pub(crate) async fn turn_out(api: &ClientApi, room: &Room) -> Result<()> {
    if admits(room)? {
        return Ok(());
    }
    for member in room.members_of(&api.options.server_name, Membership::Join)? {
        let account = api.users.accounts.get(&member)?;
        if account.is_some_and(|account| account.kind == AccountKind::Guest) {
            let reason = because(Some("This room no longer lets guests in.".to_owned()));
            room.set_membership(&member, &member, "leave", reason).await?;
        }
    }
    Ok(())
}
