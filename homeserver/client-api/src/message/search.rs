//! `POST /_matrix/client/v3/search`

mod answer;
mod terms;
mod token;

use std::sync::Arc;

use axum::extract::State;
use hearth_rooms::Event;
use hearth_storage::blocking;
use hearth_sync::{EventFilter, TimelineToken};
use ruma::api::client::search::search_events::v3::{Criteria, OrderBy, Request as Search};
use serde::{Deserialize, de::IgnoredAny};

use self::{
    answer::{Categories, SearchAnswer},
    terms::Terms,
    token::SearchToken,
};
use crate::{
    ClientApi, Json, Request, Requester, Result,
    message::{
        timelines::{Next, Timelines, views_of},
        view::View,
    },
};

/// How many events are looked at for one request. There is no index: whoever wants more asks with `next_batch`.
const MAX_LOOKED_AT: usize = 20_000;

/// Finds messages, room names and topics by their words, newest first, in all rooms that the user is or was in
/// and that are not encrypted ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3search)).
///
/// `count` counts what there is in what one request looks at, and `rank` orders no more than one answer.
pub async fn search(State(api): State<ClientApi>, request: Request<Search>) -> Result<Json<SearchAnswer>> {
    let Some(criteria) = request.body.search_categories.room_events else {
        return Ok(Json(SearchAnswer::default()));
    };
    let from = request.body.next_batch.as_deref().map(str::parse).transpose()?;
    let wanted = Wanted { context: wants_context(&request.bytes)?, criteria };
    let who = request.who;
    // As much as there is to read: not between the other requests.
    blocking(|| find(&api, &who, &wanted, from)).map(Json)
}

/// What is asked for.
struct Wanted {
    criteria: Criteria,
    /// Whether what was sent around each result is wanted as well.
    context: bool,
}

/// An event that matches.
struct Found<'a> {
    view: &'a View,
    event: Arc<Event>,
    /// How well, from 0 to 1.
    rank: f64,
}

/// Whether the request has `event_context`, whose defaults count only where it is there.
fn wants_context(body: &[u8]) -> Result<bool> {
    #[derive(Deserialize)]
    struct Body {
        search_categories: Categories,
    }
    #[derive(Deserialize)]
    struct Categories {
        room_events: RoomEvents,
    }
    #[derive(Deserialize)]
    struct RoomEvents {
        event_context: Option<IgnoredAny>,
    }
    let body: Body = serde_json::from_slice(body)?;
    Ok(body.search_categories.room_events.event_context.is_some())
}

fn find(
    api: &ClientApi,
    who: &Requester,
    wanted: &Wanted,
    from: Option<SearchToken>,
) -> Result<SearchAnswer> {
    let Criteria { search_term, keys, filter, order_by, .. } = &wanted.criteria;
    let filter = EventFilter::of(filter);
    let terms = Terms::new(search_term, keys.as_deref());
    let views = rooms(api, who, &filter)?;
    let Matches { mut found, count, next } =
        if terms.is_empty() { Matches::default() } else { matches(&views, &filter, &terms, from)? };
    if *order_by != Some(OrderBy::Recent) {
        // Of the same rank the newest stays first.
        found.sort_by(|one, other| other.rank.total_cmp(&one.rank));
    }
    let next = next.map(|place| SearchToken { place, count });
    let categories = Categories::write(api, who, wanted, &terms, &found, count, next)?;
    Ok(SearchAnswer { search_categories: categories })
}

/// The user's rooms in which events are looked for.
fn rooms(api: &ClientApi, who: &Requester, filter: &EventFilter<'_>) -> Result<Vec<View>> {
    let mut searched = Vec::new();
    for view in views_of(api, &who.user, |_, room| filter.takes_room(room))? {
        if view.room.state_event_at(view.state, "m.room.encryption", "")?.is_none() {
            searched.push(view);
        }
    }
    Ok(searched)
}

/// What was found.
#[derive(Default)]
struct Matches<'a> {
    /// The newest ones.
    found: Vec<Found<'a>>,
    /// How many there are, about: all that were seen before the bound was reached.
    count: usize,
    /// Where to look on, if there may be more.
    next: Option<TimelineToken>,
}

/// Looks for matches from a place on. The first request goes on where it has as many as are wanted, to count the
/// others.
fn matches<'a>(
    views: &'a [View],
    filter: &EventFilter<'_>,
    terms: &Terms,
    from: Option<SearchToken>,
) -> Result<Matches<'a>> {
    let mut matches = Matches { count: from.map_or(0, |from| from.count), ..Matches::default() };
    let mut timelines = Timelines::new(views, from.map(|from| from.place), MAX_LOOKED_AT);
    loop {
        let (view, event) = match timelines.next()? {
            Next::Event(view, event) => (view, event),
            Next::Later(place) => {
                matches.next.get_or_insert(place);
                break;
            }
            Next::End => break,
        };
        let full = matches.found.len() == filter.limit();
        if full && matches.next.is_none() {
            matches.next = event.order().map(TimelineToken::after);
            if from.is_some() {
                break;
            }
        }
        if !filter.matches(&event) || view.is_erased(&event)? {
            continue;
        }
        let Some(rank) = terms.rank(&event) else { continue };
        matches.count += usize::from(from.is_none());
        if !full {
            matches.found.push(Found { view, event, rank });
        }
    }
    Ok(matches)
}
