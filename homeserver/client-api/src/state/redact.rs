//! `PUT /_matrix/client/v3/rooms/{roomId}/redact/{eventId}/{txnId}`

use std::sync::Arc;

use axum::extract::State;
use hearth_http::limits::{Asker, Class};
use hearth_rooms::{Event, NewEvent, RelationFilter, Room, TimelineRange};
use ruma::{
    EventId,
    api::client::redact::redact_event::v3::{Request as Redact, Response},
};
use serde::Deserialize;
use serde_json::value::to_raw_value;

use crate::{
    Answer, ClientApi, MatrixError, Request, Requester, Result,
    membership::content::because,
    relations::thread::relates_to,
    room::access,
    state::{shadow::pretended_event, transaction::transaction},
};

/// Redacts an event
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidredacteventidtxnid)).
pub async fn redact_event(
    State(api): State<ClientApi>,
    request: Request<Redact>,
) -> Result<Answer<Response>> {
    let Related { with_relations } = request.more()?;
    let Request { body, who, .. } = request;
    let room = access::room(&api.rooms, &body.room_id)?;
    if who.shadow_banned && room.is_joined(&who.user)? {
        return Ok(Answer(Response::new(pretended_event(&api)?)));
    }
    may_redact(&who, &room, &body.event_id)?;
    let content = to_raw_value(&because(body.reason))?;
    let transaction =
        transaction(&who, format!("redact {} {}", room.nid(), body.event_id), body.txn_id.as_str());
    let redaction = |event_id: &EventId| NewEvent {
        redacts: Some(event_id.to_owned()),
        ..NewEvent::message(&who.user, "m.room.redaction", content.clone())
    };
    let sent = room.send(redaction(&body.event_id), Some(transaction)).await?;
    let related = related(&who, &room, &body.event_id, &with_relations)?;
    if !related.is_empty() {
        api.limiter().take_many(
            Class::Message,
            Asker::User(&who.user),
            related.len() as u32,
            api.now_ms(),
        )?;
        room.send_many(related.iter().map(|event| redaction(event.id())).collect()).await?;
    }
    api.sync.active(&who.user);
    Ok(Answer(Response::new(sent.id().to_owned())))
}

/// What is redacted with an event ([MSC3912](https://github.com/matrix-org/matrix-spec-proposals/pull/3912)).
#[derive(Deserialize)]
struct Related {
    /// How it relates to the event; `*` is any way.
    #[serde(default, rename = "org.matrix.msc3912.with_relations", alias = "with_rel_types")]
    with_relations: Vec<String>,
}

/// How many of them are redacted at once, the newest.
const MAX_RELATED: usize = 500;

/// What relates to an event in one of these ways, as far as the user may redact it.
fn related(
    who: &Requester,
    room: &Room,
    event_id: &EventId,
    with_relations: &[String],
) -> Result<Vec<Arc<Event>>> {
    if with_relations.is_empty() {
        return Ok(Vec::new());
    }
    let range = TimelineRange { after: None, until: None, backwards: true, limit: MAX_RELATED };
    let mut related = room.relations(event_id, &RelationFilter::default(), range)?;
    let meant = |rel_type: &str| with_relations.iter().any(|meant| meant == "*" || meant == rel_type);
    related.retain(|event| relates_to(event).is_some_and(|relation| meant(&relation.rel_type)));
    related.retain(|event| may_redact(who, room, event.id()).is_ok());
    Ok(related)
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
