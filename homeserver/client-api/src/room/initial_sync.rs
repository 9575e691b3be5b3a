//! `GET /_matrix/client/v3/rooms/{roomId}/initialSync`

use axum::extract::State;
use hearth_rooms::TimelineRange;
use hearth_sync::TimelineToken;
use ruma::{
    RoomId,
    api::client::{
        peeking::get_current_state::v3::{PaginationChunk, Request as InitialSync, Response},
        room::Visibility,
    },
    serde::Raw,
};
use serde_json::json;

use crate::{
    Answer, ClientApi, Request, Requester, Result, membership::content::membership_state, room::access,
    state::events::EventWriter,
};

/// How many of the newest events are given.
const EVENTS: usize = 20;

/// A room's state and newest events, for looking into it
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidinitialsync)).
pub async fn room_initial_sync(
    State(api): State<ClientApi>,
    request: Request<InitialSync>,
) -> Result<Answer<Response>> {
    snapshot(&api, &request.who, &request.body.room_id, EVENTS).map(Answer)
}

/// A room as the user may read it, with so many of its newest events.
pub(crate) fn snapshot(api: &ClientApi, who: &Requester, id: &RoomId, events: usize) -> Result<Response> {
    let readable = access::readable(&api.rooms, &who.user, id)?;
    let room = &readable.room;
    let mut writer = EventWriter::new(api, room, who)?;

    let range = TimelineRange { after: None, until: readable.until, backwards: true, limit: events };
    let mut newest = room.visible_to(&who.user, room.timeline(range)?)?;
    newest.reverse();
    let order = |at: Option<&std::sync::Arc<hearth_rooms::Event>>| at.and_then(|event| event.order());
    let end =
        order(newest.last()).map_or_else(|| TimelineToken::from(api.sync.position()), TimelineToken::after);
    let mut messages = PaginationChunk::new(writer.raw(&newest)?, end.to_string());
    messages.start = order(newest.first()).map(|order| TimelineToken::before(order).to_string());

    let mut response = Response::new(id.to_owned());
    response.messages = Some(messages);
    response.state = writer.raw(&room.full_state(readable.state)?)?;
    let row = api.rooms.user_room(&who.user, room.nid())?;
    response.membership = row.map(|row| membership_state(row.membership));
    response.visibility =
        Some(if api.rooms.is_published(room)? { Visibility::Public } else { Visibility::Private });
    for (data_type, content) in api.users.account_data.all(&who.user, Some(id))? {
        response
            .account_data
            .push(Raw::new(&json!({ "type": data_type, "content": content }))?.cast_unchecked());
    }
    Ok(response)
}
