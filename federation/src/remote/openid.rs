//! Users of other servers who say who they are.

use ruma::{OwnedUserId, ServerName, api::federation::openid::get_openid_userinfo::v1::Request as UserInfo};

use super::lookup_for;
use crate::{AskedBy, Federation, FederationError};

impl Federation {
    /// Whose OpenID token this is, by the word of the server that made it; `None` if it made none such. A server has a say
    /// about its own users alone.
    pub async fn openid_user(
        &self,
        asked_by: AskedBy,
        server: &ServerName,
        token: String,
    ) -> Result<Option<OwnedUserId>, FederationError> {
        let limits = lookup_for(&asked_by);
        let answer =
            self.look_up(asked_by, self.client().send_with(server, UserInfo::new(token), limits)).await;
        match answer {
            Ok(answer) => Ok(Some(answer.sub).filter(|user| user.server_name() == server)),
            Err(FederationError::Refused { status, .. }) if status.is_client_error() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
