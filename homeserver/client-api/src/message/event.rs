//! `GET /_matrix/client/v3/rooms/{roomId}/event/{eventId}`

use std::sync::Arc;

use axum::extract::State;
use hearth_rooms::{Event, Rooms};
use http::StatusCode;
use ruma::api::client::room::get_room_event::v3::Request as GetEvent;
use serde::Deserialize;

use crate::{
    ClientApi, JsonText, MatrixError, Request, Requester, Result, message::view::View,
    state::events::EventWriter,
};

/// What may be asked for besides what the specification has.
#[derive(Deserialize)]
struct Query {
    /// [MSC2815](https://github.com/matrix-org/matrix-spec-proposals/pull/2815)
    #[serde(default, rename = "fi.mau.msc2815.include_unredacted_content")]
    unredacted: bool,
}

/// One event of a room
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomideventeventid)).
pub async fn get_event(State(api): State<ClientApi>, request: Request<GetEvent>) -> Result<JsonText> {
    let Query { unredacted } = request.query()?;
    let Request { body, who, .. } = request;
    let (view, mut event) = View::with_event(&api, &who.user, &body.room_id, &body.event_id)?;
    if unredacted && event.redacted_by.is_some() {
        event = before_redaction(&api, &who, &view, &event)?;
    }
    let mut out = String::new();
    EventWriter::new(&api, &view.room, &who)?.write(&event, &mut out)?;
    Ok(JsonText(out))
}

/// What an event said, for who may redact others' events in the room, or administers the server.
fn before_redaction(api: &ClientApi, who: &Requester, view: &View, event: &Event) -> Result<Arc<Event>> {
    let levels = view.room.power_levels()?;
    if who.is_admin().is_err()
        && (!view.room.is_joined(&who.user)? || levels.for_user(&who.user) < levels.redact())
    {
        return Err(MatrixError::forbidden("Only who may redact events sees what they said."));
    }
    let deleted = || {
        MatrixError::new(
            StatusCode::NOT_FOUND,
            "FI.MAU.MSC2815_UNREDACTED_CONTENT_DELETED",
            "What the event said is not kept any more.",
        )
        .with("fi.mau.msc2815.content_keep_ms", Rooms::REDACTED_KEPT_MS)
    };
    api.rooms.unredacted(event)?.ok_or_else(deleted)
}
