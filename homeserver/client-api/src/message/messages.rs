//! `GET /_matrix/client/v3/rooms/{roomId}/messages`

use axum::extract::State;
use hearth_sync::{EventFilter, TimelineToken};
use ruma::{
    OwnedRoomId, UInt,
    api::{Direction, auth_scheme::AccessToken, client::filter::RoomEventFilter, request, response},
    events::{AnyStateEvent, AnyTimelineEvent},
    metadata,
    serde::Raw,
};
use serde::Deserialize;

use crate::{
    Answer, ClientApi, Request as Asked, Result,
    message::{
        history,
        relation_filter::RelationFilter,
        view::{Stretch, View, limit, members_of_senders, place},
    },
    state::events::EventWriter,
};

/// How many events are given where the client does not say.
const DEFAULT: usize = 10;
/// How many at most.
const MAX: usize = 500;

metadata! {
    method: GET,
    rate_limited: false,
    authentication: AccessToken,
    history: {
        1.0 => "/_matrix/client/r0/rooms/{room_id}/messages",
        1.1 => "/_matrix/client/v3/rooms/{room_id}/messages",
    }
}

/// ruma's type of the request has no direction where none is said: forward, as on other servers.
#[request]
pub struct Request {
    #[ruma_api(path)]
    pub room_id: OwnedRoomId,
    #[ruma_api(query)]
    pub from: Option<String>,
    #[ruma_api(query)]
    pub to: Option<String>,
    #[ruma_api(query)]
    pub dir: Option<Direction>,
    #[ruma_api(query)]
    pub limit: Option<UInt>,
    #[ruma_api(query)]
    #[serde(with = "ruma::serde::json_string", default)]
    pub filter: RoomEventFilter,
}

#[response]
#[derive(Default)]
pub struct Response {
    pub start: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    pub chunk: Vec<Raw<AnyTimelineEvent>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub state: Vec<Raw<AnyStateEvent>>,
}

/// A part of a room's timeline
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidmessages)).
pub async fn get_messages(State(api): State<ClientApi>, request: Asked<Request>) -> Result<Answer<Response>> {
    #[derive(Deserialize)]
    struct Query {
        filter: Option<String>,
    }
    let relations = RelationFilter::of(request.query::<Query>()?.filter.as_deref())?;
    let Asked { body, who, .. } = request;
    let view = View::of(&api, &who.user, &body.room_id)?;
    let filter = EventFilter::of(&body.filter);
    let direction = body.dir.unwrap_or(Direction::Forward);
    let from = place(body.from.as_deref())?.unwrap_or_else(|| match direction {
        Direction::Backward => view.end(),
        Direction::Forward => TimelineToken::start(),
    });
    let start = body.from.unwrap_or_else(|| from.to_string());
    let mut response = Response { start, ..Response::default() };
    if !filter.takes_room(&body.room_id) {
        return Ok(Answer(response));
    }

    let to = place(body.to.as_deref())?;
    let stretch = Stretch { from, to, direction, limit: limit(body.limit, DEFAULT, MAX) };
    let page =
        history::messages(&api, &view, stretch, |event| filter.matches(event) && relations.matches(event))
            .await?;
    let mut writer = EventWriter::new(&api, &view.room, &who)?;
    // Also where nothing is left: as elsewhere, only an empty page has no end.
    let goes_on = page.more || !page.events.is_empty();
    response.end = goes_on.then(|| page.reached.unlike(&response.start));
    response.chunk = writer.raw(&page.events)?;
    if filter.lazy.is_some() {
        response.state = writer.raw(&members_of_senders(&view.room, &page.events)?)?;
    }
    Ok(Answer(response))
}
