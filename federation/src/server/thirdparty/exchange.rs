//! `PUT /_matrix/federation/v1/exchange_third_party_invite/{roomId}`

use axum::extract::State;
use hearth_http::{Answer, MatrixError, Result, invites};
use ruma::{
    OwnedUserId,
    api::federation::thirdparty::exchange_invite::v1::{Request as Exchange, Response},
};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{Federation, endpoint::Request, server::access};

/// Makes an invite of one by a third-party identifier, now that it is known whose that is. Whether the identity
/// server's word is good, the room's rules say
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1exchange_third_party_inviteroomid)).
pub async fn exchange_third_party_invite(
    State(federation): State<Federation>,
    request: Request<Exchange>,
) -> Result<Answer<Response>> {
    let Exchange { room_id, sender, state_key: invitee, content, .. } = request.body;
    let room = access::live_room(&federation, &request.origin, &room_id)?;
    let (signed_for, token) = signed(content.json().get())?;
    if signed_for != invitee {
        return Err(MatrixError::invalid_param("The invite was signed for another user."));
    }
    let invite = room.state_event("m.room.third_party_invite", &token)?;
    if !federation.is_own(sender.server_name()) || invite.is_none_or(|invite| invite.pdu.sender() != sender) {
        return Err(MatrixError::forbidden("That user of this server did not send such an invite."));
    }
    let mut content: Map<String, Value> = serde_json::from_str(content.json().get())?;
    content.retain(|key, _| key == "third_party_invite");
    if federation.is_own(invitee.server_name()) {
        invites::permitted(federation.users(), &invitee, &sender)?;
        room.set_membership(&sender, &invitee, "invite", content).await?;
    } else {
        federation.invite(&room, &sender, &invitee, content).await?;
    }
    Ok(Answer(Response::new()))
}

/// For whom an invite was signed, and under which token.
fn signed(content: &str) -> Result<(OwnedUserId, String)> {
    #[derive(Deserialize)]
    struct Content {
        third_party_invite: ThirdPartyInvite,
    }
    #[derive(Deserialize)]
    struct ThirdPartyInvite {
        signed: Signed,
    }
    #[derive(Deserialize)]
    struct Signed {
        mxid: OwnedUserId,
        token: String,
    }
    let Content { third_party_invite: ThirdPartyInvite { signed } } = serde_json::from_str(content)?;
    Ok((signed.mxid, signed.token))
}
