//! The member events that other servers made of a draft.

use std::sync::Arc;

use hearth_http::{MatrixError, Result};
use hearth_rooms::{Event, Received, Room};
use hearth_spec::{Membership, Pdu, RoomVersion, sign_pdu};
use hearth_storage::schema::rooms::Standing;
use ruma::{EventId, OwnedUserId, RoomId, ServerName};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::Federation;

/// Reads a member event, and refuses one that is not what the path and the endpoint say.
pub(super) fn member_event(
    version: RoomVersion,
    room_id: &RoomId,
    event_id: &EventId,
    json: &RawValue,
    membership: Membership,
) -> Result<Pdu> {
    let pdu = Pdu::parse(version, json.get()).map_err(|error| invalid(error.to_string()))?;
    if pdu.room_id() != room_id {
        return Err(invalid("The event is of another room."));
    }
    if pdu.event_id() != event_id {
        return Err(invalid("The event has another id."));
    }
    if pdu.membership() != Some(membership) {
        return Err(invalid("The event is not of that membership."));
    }
    Ok(pdu)
}

/// The same for what a user of the asking server does to themselves.
pub(super) fn own_member_event(
    room: &Room,
    origin: &ServerName,
    event_id: &EventId,
    json: &RawValue,
    membership: Membership,
) -> Result<Pdu> {
    let pdu = member_event(room.version(), room.id(), event_id, json, membership)?;
    sent_from(&pdu, origin)?;
    if pdu.state_key() != Some(pdu.sender().as_str()) {
        return Err(invalid("The event is about another user than its sender."));
    }
    Ok(pdu)
}

/// Refuses an event whose sender is not of the asking server.
pub(super) fn sent_from(pdu: &Pdu, origin: &ServerName) -> Result<()> {
    match pdu.sender().server_name() == origin {
        true => Ok(()),
        false => Err(invalid("The sender is not of your server.")),
    }
}

/// Checks the signatures of an event.
pub(super) async fn verified(federation: &Federation, pdu: Pdu) -> Result<Pdu> {
    let from = pdu.sender().server_name().to_owned();
    let verified = federation.keys().verify(&from, pdu.version(), vec![pdu]).await;
    let verified = verified.into_iter().next().ok_or_else(|| invalid("The event is not signed."))?;
    verified.map_err(|error| invalid(error.to_string()))
}

/// The event with this server's signature.
pub(super) fn signed(federation: &Federation, pdu: &Pdu) -> Result<Pdu> {
    sign_pdu(pdu, federation.server_name(), federation.signing_key())
        .map_err(|error| invalid(error.to_string()))
}

/// The user who is said to vouch for a join by a `restricted` rule.
pub(super) fn authoriser(pdu: &Pdu) -> Option<OwnedUserId> {
    #[derive(Deserialize)]
    struct Content {
        join_authorised_via_users_server: Option<OwnedUserId>,
    }
    let content: Content = serde_json::from_str(pdu.content_str()).ok()?;
    content.join_authorised_via_users_server
}

/// Takes an event into its room, and sends it to the other servers there.
pub(super) async fn taken_in(federation: &Federation, room: &Room, pdu: Pdu) -> Result<Arc<Event>> {
    let pdu = federation.recommended(room, vec![pdu]).await?.remove(0);
    federation.relay(pdu.event_id());
    match room.receive(pdu).await? {
        Received::Accepted(event) => Ok(event),
        Received::Known(event) if event.standing == Standing::Accepted => Ok(event),
        Received::Known(_) => Err(MatrixError::forbidden("The event was refused before.")),
        Received::SoftFailed(_, reason) | Received::Rejected(reason) => Err(MatrixError::forbidden(reason)),
        Received::Purged => Err(MatrixError::forbidden("The event was here before, and was purged.")),
        Received::Missing { .. } => {
            Err(invalid("The event follows events that are not here: it was not drafted by this server."))
        }
    }
}

pub(super) fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> MatrixError {
    MatrixError::invalid_param(message)
}
