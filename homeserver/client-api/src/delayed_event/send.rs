//! `PUT /_matrix/client/unstable/org.matrix.msc4140/rooms/{roomId}/delayed_event/{eventType}/{txnId}`, and what becomes
//! of `?org.matrix.msc4140.delay=` where events are sent

use axum::extract::State;
use hearth_rooms::{ClientTransaction, NewEvent, Room};
use ruma::api::client::delayed_events::send_delayed_event::unstable::{Request as SendDelayed, Response};
use serde::Deserialize;

use crate::{
    Answer, ClientApi, MatrixError, Request, Requester, Result,
    room::access,
    state::{send::take_redacts, transaction::transaction},
};

/// By how much an event is to be delayed, as part of a query.
#[derive(Deserialize)]
pub(crate) struct Delay {
    /// Milliseconds.
    #[serde(rename = "org.matrix.msc4140.delay")]
    pub(crate) delay: Option<u64>,
}

/// Lets an event wait before it is sent.
pub async fn send_delayed_event(
    State(api): State<ClientApi>,
    request: Request<SendDelayed>,
) -> Result<Answer<Response>> {
    let Request { body, who, .. } = request;
    let room = access::room(&api.rooms, &body.room_id)?;
    let event = NewEvent {
        sender: who.user.clone(),
        event_type: body.event_type.to_string(),
        state_key: body.state_key,
        content: body.content.into_json(),
        redacts: None,
        sticky: None,
        origin_server_ts: None,
    };
    let transaction =
        transaction(&who, format!("delay {} {}", room.nid(), event.event_type), body.txn_id.as_str());
    let delay_id = send_later(&who, &room, event, body.delay.as_millis() as u64, Some(transaction)).await?;
    Ok(Answer(Response::new(delay_id)))
}

/// Lets an event wait, and gives its delay id.
///
/// # Errors
/// For who is not in the room, and for what is more than an event when it is sent: memberships other than leaving and
/// banning, and state that is checked or followed by something else. A redaction is for the user's own events.
pub(crate) async fn send_later(
    who: &Requester,
    room: &Room,
    mut event: NewEvent,
    delay_ms: u64,
    transaction: Option<ClientTransaction>,
) -> Result<String> {
    who.not_suspended()?;
    if !room.is_joined(&who.user)? {
        return Err(access::not_in_room());
    }
    if event.state_key.is_some() && !can_wait(&event) {
        return Err(MatrixError::forbidden(format!("Such an `{}` cannot be delayed.", event.event_type)));
    }
    if event.state_key.is_none() && event.event_type == "m.room.redaction" {
        let redacts = take_redacts(&mut event)?;
        // Whether they may redact another's is asked now, and could be otherwise then.
        if room.event(&redacts)?.is_none_or(|redacted| redacted.pdu.sender() != who.user) {
            return Err(MatrixError::forbidden("Only what you sent yourself can be redacted later."));
        }
        event.redacts = Some(redacts);
    }
    Ok(room.send_later(event, delay_ms, transaction.as_ref()).await?)
}

/// Whether a state event does all that it does by being sent.
fn can_wait(event: &NewEvent) -> bool {
    #[derive(Deserialize)]
    struct Member {
        membership: String,
    }
    match event.event_type.as_str() {
        "m.room.member" => serde_json::from_str::<Member>(event.content.get())
            .is_ok_and(|member| matches!(member.membership.as_str(), "leave" | "ban")),
        "m.room.canonical_alias" | "m.room.guest_access" => false,
        _ => true,
    }
}
