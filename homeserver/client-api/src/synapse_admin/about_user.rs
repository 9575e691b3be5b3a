//! What is known of a user ([documentation](https://element-hq.github.io/synapse/latest/admin_api/user_admin_api.html)).

use axum::{extract::State, response::Response};
use hearth_storage::schema::rooms::Membership;
use ruma::OwnedUserId;
use serde_json::{Map, Value, json};

use crate::{
    ClientApi, Result,
    admin::whois::connections,
    membership::content::membership_state,
    push::pushers::shown,
    synapse_admin::{AdminRequest, existing_user, told},
};

/// `GET /_synapse/admin/v1/whois/{userId}`
pub async fn whois(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let user = existing_user(&api, &request)?;
    let devices = connections(&api, &user)?;
    Ok(told(json!({ "user_id": user, "devices": devices })))
}

/// `GET /_synapse/admin/v1/users/{userId}/joined_rooms`
pub async fn joined_rooms(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let user = request.argument::<OwnedUserId>(0)?;
    let mut rooms = Vec::new();
    for (room, row) in api.rooms.rooms_of(&user)? {
        if row.membership == Membership::Join {
            rooms.extend(api.rooms.id_of(room)?);
        }
    }
    Ok(told(json!({ "total": rooms.len(), "joined_rooms": rooms })))
}

/// `GET /_synapse/admin/v1/users/{userId}/memberships`
pub async fn memberships(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let user = existing_user(&api, &request)?;
    let mut memberships = Map::new();
    for (room, row) in api.rooms.rooms_of(&user)? {
        if let Some(id) = api.rooms.id_of(room)? {
            memberships.insert(id.to_string(), membership_state(row.membership).as_str().into());
        }
    }
    Ok(told(json!({ "memberships": memberships })))
}

/// `GET /_synapse/admin/v1/users/{userId}/pushers`
pub async fn pushers(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let user = existing_user(&api, &request)?;
    let pushers = api.users.pushers.list(&user)?;
    let pushers: Vec<Value> = pushers.iter().map(shown).collect::<Result<_>>()?;
    Ok(told(json!({ "total": pushers.len(), "pushers": pushers })))
}

/// `GET /_synapse/admin/v1/users/{userId}/accountdata`
pub async fn account_data(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let user = existing_user(&api, &request)?;
    let (mut global, mut rooms) = (Map::new(), Map::<String, Value>::new());
    for item in api.users.account_data.everything(&user)? {
        let content: Value = serde_json::from_str(item.content.get())?;
        match item.room {
            None => drop(global.insert(item.data_type, content)),
            Some(room) => {
                rooms.entry(room.to_string()).or_insert_with(|| json!({}))[item.data_type] = content;
            }
        }
    }
    Ok(told(json!({ "account_data": { "global": global, "rooms": rooms } })))
}
