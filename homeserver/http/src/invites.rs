//! Whether a user takes an invite.

use hearth_spec::InviteRule;
use hearth_users::Users;
use http::StatusCode;
use ruma::UserId;

use crate::{MatrixError, Result};

/// Refuses an invite to a user of this server who blocks it ("Invite permission", and
/// [MSC4155](https://github.com/matrix-org/matrix-spec-proposals/pull/4155)). One that they ignore is let in, and `/sync`
/// does not tell them of it.
pub fn permitted(users: &Users, invitee: &UserId, sender: &UserId) -> Result<()> {
    match users.account_data.invite_filter(invitee)?.judge(sender) {
        InviteRule::Allow | InviteRule::Ignore => Ok(()),
        InviteRule::Block => Err(MatrixError::new(
            StatusCode::FORBIDDEN,
            "M_INVITE_BLOCKED",
            format!("{invitee} does not take this invite."),
        )),
    }
}
