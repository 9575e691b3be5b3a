//! Searching messages where the server can read them; it cannot in encrypted rooms.

use hearth_client_state::timeline::Person;
use matrix_sdk::ruma::{
    UInt,
    api::client::{
        filter::RoomEventFilter,
        search::search_events::v3::{Categories, Criteria, EventContext, OrderBy, Request, SearchResult},
    },
    assign,
};
use serde::Deserialize;

use super::{Account, Problem};

/// So many messages are asked for at once.
const PAGE: u32 = 20;

/// A message that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    pub room: String,
    pub event: String,
    pub by: Person,
    pub text: String,
    /// Milliseconds since 1970.
    pub at: i64,
}

/// Some messages that were found, and where more of them begin.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Hits {
    pub count: u64,
    pub hits: Vec<Hit>,
    pub next: Option<String>,
}

impl Account {
    /// The messages in which words are, the newest first.
    pub async fn search(&self, words: &str, since: Option<String>) -> Result<Hits, Problem> {
        let filter = assign!(RoomEventFilter::default(), { limit: Some(UInt::from(PAGE)) });
        let mut context = EventContext::new();
        (context.before_limit, context.after_limit) = (UInt::MIN, UInt::MIN);
        context.include_profile = true;
        let criteria = assign!(Criteria::new(words.trim().to_owned()), {
            filter,
            order_by: Some(OrderBy::Recent),
            event_context: context,
        });
        let categories = assign!(Categories::new(), { room_events: Some(criteria) });
        let request = assign!(Request::new(categories), { next_batch: since });
        let found = self.client.send(request).await?.search_categories.room_events;
        Ok(Hits {
            count: found.count.map_or(0, u64::from),
            hits: found.results.iter().filter_map(hit).collect(),
            next: found.next_batch,
        })
    }
}

/// What is shown of an event, whatever else is in it.
#[derive(Deserialize)]
struct Event {
    event_id: String,
    room_id: String,
    sender: String,
    origin_server_ts: i64,
    content: Content,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    body: String,
}

fn hit(result: &SearchResult) -> Option<Hit> {
    let event: Event = result.result.as_ref()?.deserialize_as_unchecked().ok()?;
    let profiles = &result.context.profile_info;
    let profile = profiles.iter().find(|(user, _)| user.as_str() == event.sender).map(|(_, profile)| profile);
    let name = profile.and_then(|profile| profile.displayname.as_deref());
    let picture = profile.and_then(|profile| profile.avatar_url.as_ref()).map(ToString::to_string);
    Some(Hit {
        room: event.room_id,
        event: event.event_id,
        by: Person::new(&event.sender, name, picture),
        text: event.content.body,
        at: event.origin_server_ts,
    })
}
