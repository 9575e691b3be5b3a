//! What is in the requests: who asks, and for which membership in a call.

use std::net::IpAddr;

use hearth_calls::Participant;
use hearth_federation::AskedBy;
use http::StatusCode;
use ruma::{OwnedDeviceId, OwnedRoomId, OwnedServerName, OwnedUserId};
use serde::Deserialize;

use crate::{ClientApi, MatrixError, Result};

/// What a homeserver gives its user to show ("OpenID").
#[derive(Deserialize)]
pub struct OpenIdToken {
    access_token: String,
    matrix_server_name: OwnedServerName,
}

impl OpenIdToken {
    /// Whose it is: a user of this server or of another.
    ///
    /// # Errors
    /// `M_UNAUTHORIZED` if it is nobody's.
    pub async fn user(self, api: &ClientApi, address: IpAddr) -> Result<OwnedUserId> {
        let Self { access_token, matrix_server_name: server } = self;
        let user = match api.federation.is_own(&server) {
            true => api.users.sessions.openid_user(&access_token)?,
            false => api.federation.openid_user(AskedBy::address(address), &server, access_token).await?,
        };
        user.ok_or_else(|| unauthorized("The OpenID token is not known, or expired."))
    }
}

/// A membership in a slot of a room's calls, as its member event has it.
#[derive(Deserialize)]
pub struct Membership {
    room_id: OwnedRoomId,
    slot_id: String,
    openid_token: OpenIdToken,
    member: Member,
}

#[derive(Deserialize)]
struct Member {
    id: String,
    claimed_user_id: OwnedUserId,
    claimed_device_id: OwnedDeviceId,
}

impl Membership {
    /// Whose it is.
    ///
    /// # Errors
    /// `M_UNAUTHORIZED` if it is not the asker's.
    pub async fn participant(self, api: &ClientApi, address: IpAddr) -> Result<Participant> {
        let Self { room_id, slot_id, openid_token, member } = self;
        let user = openid_token.user(api, address).await?;
        if member.claimed_user_id != user {
            return Err(unauthorized("The OpenID token is another user's."));
        }
        let membership = (&*member.claimed_device_id, &*member.id);
        Ok(Participant::by_membership(user, room_id, &slot_id, membership))
    }
}

fn unauthorized(message: &'static str) -> MatrixError {
    MatrixError::new(StatusCode::UNAUTHORIZED, "M_UNAUTHORIZED", message)
}
