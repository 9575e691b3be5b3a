//! `POST /_matrix/client/v3/search`

mod answer;
mod looking;
mod scope;
mod token;

use axum::extract::State;
use hearth_search::{Order, Terms};
use hearth_storage::blocking;
use http::StatusCode;
use ruma::api::client::search::search_events::v3::{Criteria, OrderBy, Request as Search};
use serde::{Deserialize, de::IgnoredAny};

use self::{
    answer::{Categories, SearchAnswer},
    looking::Looking,
    token::SearchToken,
};
use crate::{ClientApi, Json, MatrixError, Request, Result};

/// Finds messages, room names and topics by their words, in all rooms that the user is or was in and that are not encrypted
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3search)).
///
/// `count` counts all that came while the user was in a room, and of what was before what is told.
pub async fn search(State(api): State<ClientApi>, request: Request<Search>) -> Result<Json<SearchAnswer>> {
    let Some(criteria) = request.body.search_categories.room_events else {
        return Ok(Json(SearchAnswer::default()));
    };
    let Some(search) = &api.search else { return Err(off()) };
    let from = request.body.next_batch.as_deref().map(str::parse::<SearchToken>).transpose()?;
    let wanted = Wanted {
        terms: Terms::new(&criteria.search_term),
        order: if criteria.order_by == Some(OrderBy::Recent) { Order::Newest } else { Order::Best },
        context: wants_context(&request.bytes)?,
        criteria,
    };
    let who = request.who;
    let searching = search.begin().await;
    // As much as there is to read: not between the other requests.
    blocking(|| {
        let found = Looking::begin(&api, &who, &wanted, &searching, from)?.look()?;
        Ok(Json(SearchAnswer { search_categories: Categories::write(&api, &who, &wanted, found)? }))
    })
}

fn off() -> MatrixError {
    let message = "The search for messages is turned off on this server.";
    MatrixError::new(StatusCode::BAD_REQUEST, "M_UNKNOWN", message)
}

/// What is asked for.
struct Wanted {
    terms: Terms,
    order: Order,
    /// Whether what was sent around each result is wanted as well.
    context: bool,
    criteria: Criteria,
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
