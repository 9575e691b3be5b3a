//! Rooms ([documentation](https://element-hq.github.io/synapse/latest/admin_api/rooms.html)).

use std::cmp::Reverse;

use axum::{extract::State, response::Response};
use hearth_federation::AskedBy;
use hearth_rooms::Room;
use hearth_storage::{blocking, schema::rooms::Membership};
use ruma::{OwnedRoomId, OwnedRoomOrAliasId, OwnedServerName, OwnedUserId};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::{
    ClientApi, MatrixError, Result,
    membership::content::member_content,
    room::{access, named::Named},
    state::events::EventWriter,
    synapse_admin::{
        AdminRequest,
        request::{Direction, Paging},
        told,
    },
};

#[derive(Deserialize)]
struct Filter {
    search_term: Option<String>,
    public_rooms: Option<bool>,
    empty_rooms: Option<bool>,
    #[serde(default)]
    order_by: Order,
}

/// By what a list is ordered: names upwards, numbers from the largest down.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Order {
    #[default]
    #[serde(alias = "alphabetical")]
    Name,
    CanonicalAlias,
    #[serde(alias = "size")]
    JoinedMembers,
    JoinedLocalMembers,
    Version,
    Creator,
    Encryption,
    Federatable,
    Public,
    JoinRules,
    GuestAccess,
    HistoryVisibility,
    #[serde(other)]
    Other,
}

impl Order {
    fn key(self) -> &'static str {
        match self {
            Self::Name | Self::Other => "name",
            Self::CanonicalAlias => "canonical_alias",
            Self::JoinedMembers => "joined_members",
            Self::JoinedLocalMembers => "joined_local_members",
            Self::Version => "version",
            Self::Creator => "creator",
            Self::Encryption => "encryption",
            Self::Federatable => "federatable",
            Self::Public => "public",
            Self::JoinRules => "join_rules",
            Self::GuestAccess => "guest_access",
            Self::HistoryVisibility => "history_visibility",
        }
    }
}

/// `GET /_synapse/admin/v1/rooms`
pub async fn list(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let (filter, paging): (Filter, Paging) = (request.query()?, request.query()?);
    if filter.search_term.as_deref() == Some("") {
        return Err(MatrixError::invalid_param("`search_term` is empty."));
    }
    // It reads every room.
    blocking(|| listed(&api, &filter, &paging)).map(told)
}

fn listed(api: &ClientApi, filter: &Filter, paging: &Paging) -> Result<Value> {
    let mut rooms = Vec::new();
    for room in api.rooms.all()? {
        let is_public = api.rooms.is_published(&room)?;
        if filter.public_rooms.is_some_and(|wanted| wanted != is_public)
            || filter.empty_rooms.is_some_and(|wanted| wanted != (room.head().joined == 0))
        {
            continue;
        }
        let room = described(api, &room, is_public)?;
        if filter.search_term.as_deref().is_none_or(|term| is_found(&room, term)) {
            rooms.push(room);
        }
    }
    let key = filter.order_by.key();
    rooms.sort_by_cached_key(|room| match &room[key] {
        Value::Number(number) => (Reverse(number.as_u64()), String::new()),
        Value::String(text) => (Reverse(None), text.to_lowercase()),
        other => (Reverse(None), other.to_string()),
    });
    if paging.dir == Direction::Backward {
        rooms.reverse();
    }
    let page = paging.page(rooms);
    let mut answer = json!({ "rooms": page.items, "offset": page.offset, "total_rooms": page.total });
    if let Some(next) = page.next {
        answer["next_batch"] = next.into();
    }
    if let Some(before) = paging.before() {
        answer["prev_batch"] = before.into();
    }
    Ok(answer)
}

fn is_found(room: &Value, term: &str) -> bool {
    let term = term.to_lowercase();
    let texts = ["name", "canonical_alias", "room_id"].iter().filter_map(|key| room[key].as_str());
    texts.into_iter().any(|text| text.to_lowercase().contains(&term))
}

/// A room as lists tell it.
fn described(api: &ClientApi, room: &Room, is_public: bool) -> Result<Value> {
    let summary = room.summary()?;
    let own_members = room.members_of(&api.options.server_name, Membership::Join)?.len();
    let create = room.state_event("m.room.create", "")?;
    let content = |event_type| room.state_content::<Value>(event_type, "");
    let federates = content("m.room.create")?.is_none_or(|create| create["m.federate"] != false);
    Ok(json!({
        "room_id": room.id(),
        "name": summary.name,
        "canonical_alias": summary.canonical_alias,
        "joined_members": summary.joined_members,
        "joined_local_members": own_members,
        "version": summary.version,
        "creator": create.map(|create| create.pdu.sender().to_owned()),
        "encryption": summary.encryption,
        "federatable": federates,
        "public": is_public,
        "join_rules": summary.join_rule,
        "guest_access": content("m.room.guest_access")?.map(|content| content["guest_access"].clone()),
        "history_visibility":
            content("m.room.history_visibility")?.map(|content| content["history_visibility"].clone()),
        "room_type": summary.room_type,
    }))
}

/// `GET /_synapse/admin/v1/rooms/{roomId}`
pub async fn get(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let room = room(&api, &request)?;
    let mut answer = described(&api, &room, api.rooms.is_published(&room)?)?;
    let summary = room.summary()?;
    answer["topic"] = summary.topic.into();
    answer["avatar"] = json!(summary.avatar_url);
    let own = room.members_of(&api.options.server_name, Membership::Join)?;
    let mut devices = 0;
    for user in &own {
        devices += api.users.devices.ids(user)?.len();
    }
    answer["joined_local_devices"] = devices.into();
    answer["state_events"] = room.full_state(room.head().state)?.len().into();
    answer["forgotten"] = is_forgotten(&api, &room)?.into();
    Ok(told(answer))
}

/// Whether nobody of this server has the room any more.
fn is_forgotten(api: &ClientApi, room: &Room) -> Result<bool> {
    for user in room.all_members_of(&api.options.server_name)? {
        if api.rooms.user_room(&user, room.nid())?.is_some_and(|row| !row.forgotten) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// `GET /_synapse/admin/v1/rooms/{roomId}/members`
pub async fn members(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let members = room(&api, &request)?.members_with(Membership::Join)?;
    Ok(told(json!({ "total": members.len(), "members": members })))
}

/// `GET /_synapse/admin/v1/rooms/{roomId}/state`
pub async fn state(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let room = room(&api, &request)?;
    let state = room.full_state(room.head().state)?;
    let mut text = String::new();
    EventWriter::new(&api, &room, &request.who)?.write_list(&state, &mut text)?;
    Ok(told(json!({ "state": RawValue::from_string(text)? })))
}

/// `POST /_synapse/admin/v1/join/{roomIdOrAlias}`: brings a user of this server into a room. Where it takes an invite,
/// the administrator must be able to give it.
pub async fn join(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    #[derive(Deserialize)]
    struct Body {
        user_id: OwnedUserId,
    }
    #[derive(Deserialize)]
    struct Query {
        server_name: Option<OwnedServerName>,
    }
    let Body { user_id: user } = request.body()?;
    if user.server_name() != api.options.server_name || !api.users.accounts.exists(&user)? {
        return Err(MatrixError::not_found("There is no such user on this server."));
    }
    let via = request.query::<Query>()?.server_name.into_iter().collect();
    let name: OwnedRoomOrAliasId = request.argument(0)?;
    let named = Named::of(&api, AskedBy::User(request.who.user.clone()), name, via).await?;
    if let Some(here) = named.here(&api.rooms)?
        && !here.is_joined(&user)?
        && here.summary()?.join_rule != "public"
    {
        let content = member_content(&api.users, &user, None)?;
        here.set_membership(&request.who.user, &user, "invite", content).await?;
    }
    let content = member_content(&api.users, &user, None)?;
    let room = match named.here(&api.rooms)? {
        Some(here) => {
            api.rooms.join(&here, &user, content).await?;
            here
        }
        None => api.federation.join(&user, &named.id, &named.via, content).await?,
    };
    Ok(told(json!({ "room_id": room.id() })))
}

/// The room that the path names first.
pub(super) fn room(api: &ClientApi, request: &AdminRequest) -> Result<Room> {
    let id: OwnedRoomId = request.argument(0)?;
    api.rooms.find_room(&id)?.ok_or_else(access::unknown_room)
}
