//! How much there is of something
//! ([documentation](https://element-hq.github.io/synapse/latest/admin_api/statistics.html)).

use std::{cmp::Reverse, collections::BTreeMap};

use axum::{extract::State, response::Response};
use hearth_media::Wanted;
use hearth_storage::blocking;
use ruma::OwnedRoomId;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    ClientApi, Result,
    synapse_admin::{
        AdminRequest,
        request::{Direction, Paging},
        told,
    },
};

/// `GET /_synapse/admin/v1/statistics/users/media`
pub async fn media_of_users(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    #[derive(Deserialize)]
    struct Query {
        from_ts: Option<u64>,
        until_ts: Option<u64>,
        search_term: Option<String>,
        order_by: Option<String>,
    }
    let (query, paging): (Query, Paging) = (request.query()?, request.query()?);
    let before = query.until_ts.map(|until| until.saturating_add(1));
    let wanted = Wanted { before, ..Wanted::default() };
    let mut users = BTreeMap::<_, (u64, u64)>::new();
    for found in blocking(|| api.media.uploads(&wanted))? {
        if query.from_ts.is_none_or(|from| found.row.created_at >= from)
            && let (Some(user), Some(file)) = (found.row.uploader, found.row.file)
        {
            let (count, length) = users.entry(user).or_default();
            (*count, *length) = (*count + 1, *length + file.size);
        }
    }
    let mut rows = Vec::new();
    for (user, (count, length)) in users {
        let name = api.users.profiles.get(&user)?.displayname.clone();
        let has = |text: &str, term: &str| text.to_lowercase().contains(&term.to_lowercase());
        let is_found = query.search_term.as_deref().is_none_or(|term| {
            has(user.localpart(), term) || name.as_deref().is_some_and(|name| has(name, term))
        });
        if is_found {
            rows.push(json!({
                "user_id": user, "displayname": name, "media_count": count, "media_length": length,
            }));
        }
    }
    match query.order_by.as_deref() {
        Some(key @ ("media_length" | "media_count")) => rows.sort_by_key(|row| row[key].as_u64()),
        Some("displayname") => rows.sort_by_key(|row| row["displayname"].to_string().to_lowercase()),
        _ => {}
    }
    if paging.dir == Direction::Backward {
        rows.reverse();
    }
    let page = paging.page(rows);
    let mut answer = json!({ "users": page.items, "total": page.total });
    if let Some(next) = page.next {
        answer["next_token"] = next.into();
    }
    Ok(told(answer))
}

/// How many rooms are told of.
const LARGEST: usize = 10;
/// What an event takes with its rows in the indexes, about, in bytes.
pub(crate) const EVENT_BYTES: u64 = 1024;

/// The rooms with most events, and how many each has. It reads a row for each event.
pub(crate) fn largest(api: &ClientApi) -> Result<Vec<(OwnedRoomId, u64)>> {
    let mut sizes = api.rooms.sizes()?;
    sizes.sort_by_key(|(id, events)| (Reverse(*events), id.clone()));
    sizes.truncate(LARGEST);
    Ok(sizes)
}

/// `GET /_synapse/admin/v1/statistics/database/rooms`: by the number of their events.
pub async fn largest_rooms(State(api): State<ClientApi>, _: AdminRequest) -> Result<Response> {
    let sizes = blocking(|| largest(&api))?;
    let rooms: Vec<Value> = sizes
        .iter()
        .map(|(id, events)| json!({ "room_id": id, "estimated_size": events * EVENT_BYTES }))
        .collect();
    Ok(told(json!({ "rooms": rooms })))
}
