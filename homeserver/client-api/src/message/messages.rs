//! `GET /_matrix/client/v3/rooms/{roomId}/messages`

use axum::extract::State;
use hearth_sync::{EventFilter, TimelineToken};
use ruma::api::{
    Direction,
    client::message::get_message_events::v3::{Request as GetMessages, Response},
};
use serde::Deserialize;

use crate::{
    Answer, ClientApi, Request, Result,
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

/// A part of a room's timeline
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidmessages)).
pub async fn get_messages(
    State(api): State<ClientApi>,
    request: Request<GetMessages>,
) -> Result<Answer<Response>> {
    #[derive(Deserialize)]
    struct Query {
        filter: Option<String>,
    }
    let relations = RelationFilter::of(request.query::<Query>()?.filter.as_deref())?;
    let Request { body, who, .. } = request;
    let view = View::of(&api, &who.user, &body.room_id)?;
    let filter = EventFilter::of(&body.filter);
    let from = place(body.from.as_deref())?.unwrap_or_else(|| match body.dir {
        Direction::Backward => view.end(),
        Direction::Forward => TimelineToken::start(),
    });
    let mut response = Response::new();
    response.start = body.from.unwrap_or_else(|| from.to_string());
    if !filter.takes_room(&body.room_id) {
        return Ok(Answer(response));
    }

    let to = place(body.to.as_deref())?;
    let stretch = Stretch { from, to, direction: body.dir, limit: limit(Some(body.limit), DEFAULT, MAX) };
    let page =
        history::messages(&api, &view, stretch, |event| filter.matches(event) && relations.matches(event))
            .await?;
    let mut writer = EventWriter::new(&api, &view.room, &who)?;
    response.end = page.more.then(|| page.reached.unlike(&response.start));
    response.chunk = writer.raw(&page.events)?;
    if filter.lazy.is_some() {
        response.state = writer.raw(&members_of_senders(&view.room, &page.events)?)?;
    }
    Ok(Answer(response))
}
