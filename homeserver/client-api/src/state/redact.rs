//! `PUT /_matrix/client/v3/rooms/{roomId}/redact/{eventId}/{txnId}`

use axum::extract::State;
use hearth_rooms::{NewEvent, Room};
use ruma::{
    EventId,
    api::client::redact::redact_event::v3::{Request as Redact, Response},
};
use serde_json::value::to_raw_value;

use crate::{
    Answer, ClientApi, MatrixError, Request, Requester, Result, membership::content::because, room::access,
    state::transaction::transaction,
};

/// Redacts an event
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidredacteventidtxnid)).
pub async fn redact_event(
    State(api): State<ClientApi>,
    request: Request<Redact>,
) -> Result<Answer<Response>> {
    let Request { body, who, .. } = request;
    let room = access::room(&api.rooms, &body.room_id)?;
    may_redact(&who, &room, &body.event_id)?;
    let content = to_raw_value(&because(body.reason))?;
    let transaction =
        transaction(&who, format!("redact {} {}", room.nid(), body.event_id), body.txn_id.as_str());
    let mut event = NewEvent::message(&who.user, "m.room.redaction", content);
    event.redacts = Some(body.event_id);
    let sent = room.send(event, Some(transaction)).await?;
    api.sync.active(&who.user);
    Ok(Answer(Response::new(sent.id().to_owned())))
}

/// What nobody gets back: a room without it is another room, or closed to every server.
const NEVER: &[&str] = &["m.room.create", "m.room.server_acl"];

/// Refuses a redaction that would have no effect, or that is not the user's to make: others' events take the
/// power for it, or an administrator where the sender is of this server.
///
/// The rules of most room versions let such a redaction in and ignore it, and let every user of a server redact
/// the events of all others there.
pub(crate) fn may_redact(who: &Requester, room: &Room, event_id: &EventId) -> Result<()> {
    if !room.is_joined(&who.user)? {
        return Err(access::not_in_room());
    }
    let levels = room.power_levels()?;
    let has_power = levels.for_user(&who.user) >= levels.redact();
    let Some(event) = room.event(event_id)? else {
        // It may be one that has not come here yet.
        who.not_suspended()?;
        return match has_power {
            true => Ok(()),
            false => Err(MatrixError::not_found("There is no such event in this room.")),
        };
    };
    if event.pdu.is_state() && NEVER.contains(&event.pdu.type_str()) {
        return Err(MatrixError::forbidden("That event cannot be redacted."));
    }
    let sender = event.pdu.sender();
    if sender == who.user {
        return Ok(());
    }
    who.not_suspended()?;
    let administers = who.admin && sender.server_name() == who.user.server_name();
    match administers || has_power {
        true => Ok(()),
        false => Err(MatrixError::forbidden("You may only redact what you sent yourself.")),
    }
}
