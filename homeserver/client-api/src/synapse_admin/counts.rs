//! What a user did since a time
//! ([documentation](https://element-hq.github.io/synapse/latest/admin_api/user_admin_api.html)). It reads the events of
//! their rooms since then, the newest 100,000 of all together.

use axum::{extract::State, response::Response};
use hearth_rooms::{Event, TimelineRange};
use hearth_spec::Membership;
use hearth_storage::blocking;
use ruma::{OwnedUserId, UserId};
use serde::Deserialize;
use serde_json::json;

use crate::{
    ClientApi, Result,
    synapse_admin::{AdminRequest, existing_user, told},
};

const MAX_LOOKED_AT: usize = 100_000;
const AT_ONCE: usize = 500;

/// `GET /_synapse/admin/v1/users/{userId}/sent_invite_count`
pub async fn sent_invites(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let (user, since) = asked(&api, &request)?;
    let mut invites = 0;
    let is_invite =
        |event: &Event| event.pdu.membership() == Some(Membership::Invite) && event.pdu.sender() == user;
    blocking(|| each_room(&api, &user, since, |event| invites += u64::from(is_invite(event))))?;
    Ok(told(json!({ "invite_count": invites })))
}

/// `GET /_synapse/admin/v1/users/{userId}/cumulative_joined_room_count`
pub async fn joined_rooms(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let (user, since) = asked(&api, &request)?;
    let mut rooms = std::collections::HashSet::new();
    let is_join = |event: &Event| {
        event.pdu.membership() == Some(Membership::Join) && event.pdu.state_key() == Some(user.as_str())
    };
    let note = |event: &Event| {
        if is_join(event) {
            rooms.insert(event.room);
        }
    };
    blocking(|| each_room(&api, &user, since, note))?;
    Ok(told(json!({ "cumulative_joined_room_count": rooms.len() })))
}

fn asked(api: &ClientApi, request: &AdminRequest) -> Result<(OwnedUserId, u64)> {
    #[derive(Deserialize)]
    struct Query {
        #[serde(default)]
        from_ts: u64,
    }
    Ok((existing_user(api, request)?, request.query::<Query>()?.from_ts))
}

/// Looks at what was sent since a time in each room that a user has to do with.
fn each_room(api: &ClientApi, user: &UserId, since: u64, mut note: impl FnMut(&Event)) -> Result<()> {
    let mut looked_at = 0;
    for (nid, _) in api.rooms.rooms_of(user)? {
        if looked_at >= MAX_LOOKED_AT {
            break;
        }
        // Of one to which they are only invited nothing is known.
        let Some(room) = api.rooms.id_of(nid)?.map(|id| api.rooms.find_room(&id)).transpose()?.flatten()
        else {
            continue;
        };
        let mut until = None;
        loop {
            let range = TimelineRange { after: None, until, backwards: true, limit: AT_ONCE };
            let events = room.timeline(range)?;
            looked_at += events.len();
            let recent = events.iter().take_while(|event| event.ts() >= since);
            let count = recent.map(|event| note(event)).count();
            let last = events.last().and_then(|event| event.order()).filter(|_| count == AT_ONCE);
            match last {
                Some(order) if looked_at < MAX_LOOKED_AT => until = Some(order.before()),
                _ => break,
            }
        }
    }
    Ok(())
}
