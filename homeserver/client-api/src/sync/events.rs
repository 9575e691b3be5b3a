//! `GET /_matrix/client/v3/events` and `GET /_matrix/client/v3/events/{eventId}`, both deprecated

use std::{sync::Arc, time::Duration};

use axum::extract::State;
use hearth_rooms::Event;
use hearth_storage::{Position, schema::rooms::Membership};
use hearth_sync::TimelineToken;
use ruma::{OwnedEventId, OwnedRoomId, api::Direction};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use tokio::time::{Instant, sleep, timeout_at};

use crate::{
    ClientApi, Json, JsonText, MatrixError, Request, Requester, Result,
    message::{
        timelines::views_of,
        view::{Stretch, View, no_such_event, place},
    },
    state::events::EventWriter,
    sync::requests::{GetEvents, GetOneEvent},
};

/// How many events of one room are told at once.
const AT_ONCE: usize = 100;
/// No request waits for longer.
const MAX_TIMEOUT: Duration = Duration::from_secs(300);
/// For how long a request looks away after it was woken: every commit wakes it.
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Deserialize)]
struct Query {
    from: Option<String>,
    /// Milliseconds.
    #[serde(default)]
    timeout: u64,
    room_id: Option<OwnedRoomId>,
}

/// What is sent to the rooms that the user is joined to, or to one that may be looked into; waits until there
/// is something. Room events only: for the rest there is `/sync`
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3events)).
pub async fn get_events(State(api): State<ClientApi>, request: Request<GetEvents>) -> Result<Json<Value>> {
    let query: Query = request.body.query()?;
    let deadline = Instant::now() + Duration::from_millis(query.timeout).min(MAX_TIMEOUT);
    let mut published = api.rooms.store().subscribe();
    let position = *published.borrow_and_update();
    let from = place(query.from.as_deref())?.unwrap_or_else(|| position.into());
    loop {
        let position = *published.borrow_and_update();
        let news = News::read(&api, &request.who, query.room_id.as_ref(), from, position)?;
        let over = Instant::now() >= deadline;
        if over || !news.events.is_empty() {
            return news.answer(&api, &request.who, query.from.unwrap_or_else(|| from.to_string()));
        }
        match timeout_at(deadline, published.changed()).await {
            Ok(Ok(())) => sleep(PAUSE).await,
            Ok(Err(_)) => return Err(MatrixError::unavailable("The server is stopping.")),
            Err(_) => {}
        }
    }
}

/// What was sent to some rooms.
struct News {
    views: Vec<View>,
    /// With the place of their room among the views, in the order in which they came.
    events: Vec<(usize, Arc<Event>)>,
    /// The place behind them in every room.
    end: TimelineToken,
}

impl News {
    fn read(
        api: &ClientApi,
        who: &Requester,
        room: Option<&OwnedRoomId>,
        from: TimelineToken,
        position: Position,
    ) -> Result<Self> {
        let views = match room {
            Some(room) => vec![View::of(api, &who.user, room)?],
            None => views_of(api, &who.user, |membership, _| membership == Membership::Join)?,
        };
        let mut end = TimelineToken::from(position).max(from);
        let stretch = Stretch { from, to: Some(end), direction: Direction::Forward, limit: AT_ONCE };
        let mut events = Vec::new();
        for (index, view) in views.iter().enumerate() {
            let page = view.messages(stretch, |_| true)?;
            if page.more {
                end = end.min(page.reached);
            }
            events.extend(page.events.into_iter().map(|event| (index, event)));
        }
        // Where one room has more to tell, the others wait.
        events.retain(|(_, event)| event.order().is_some_and(|order| TimelineToken::after(order) <= end));
        events.sort_by_key(|(_, event)| event.order());
        Ok(Self { views, events, end })
    }

    fn answer(self, api: &ClientApi, who: &Requester, start: String) -> Result<Json<Value>> {
        let mut chunk = Vec::new();
        for (view, event) in &self.events {
            let mut text = String::new();
            EventWriter::new(api, &self.views[*view].room, who)?.write(event, &mut text)?;
            chunk.push(RawValue::from_string(text)?);
        }
        // The list is there also when it is empty.
        Ok(Json(json!({ "chunk": chunk, "start": start, "end": self.end.to_string() })))
    }
}

/// One event of any room
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3eventseventid)).
pub async fn get_one_event(State(api): State<ClientApi>, request: Request<GetOneEvent>) -> Result<JsonText> {
    let id = OwnedEventId::try_from(request.body.argument(0))
        .map_err(|_| MatrixError::invalid_param("That is no event id."))?;
    let event = api.rooms.event_by_id(&id)?.ok_or_else(no_such_event)?;
    let room = api.rooms.room_by_nid(event.room)?;
    let (view, event) = View::with_event(&api, &request.who.user, room.id(), &id)?;
    let mut out = String::new();
    EventWriter::new(&api, &view.room, &request.who)?.write(&event, &mut out)?;
    Ok(JsonText(out))
}
