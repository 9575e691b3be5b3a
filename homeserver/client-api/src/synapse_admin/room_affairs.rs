//! Setting rooms right: who may enter, who has a say, and what their graphs end with
//! ([documentation](https://element-hq.github.io/synapse/latest/admin_api/rooms.html#block-room-api)).

use axum::{extract::State, response::Response};
use hearth_federation::AskedBy;
use hearth_rooms::{NewEvent, Room};
use hearth_spec::PowerLevel;
use hearth_storage::schema::rooms::Membership;
use ruma::{OwnedRoomId, OwnedRoomOrAliasId, OwnedUserId, UserId};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    ClientApi, MatrixError, Result,
    membership::content::member_content,
    room::{access, named::Named},
    synapse_admin::{AdminRequest, told},
};

/// `GET /_synapse/admin/v1/rooms/{roomId}/block`
pub async fn get_block(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let id: OwnedRoomId = request.argument(0)?;
    Ok(told(match api.rooms.blocked(&id)? {
        Some(row) => json!({ "block": true, "user_id": row.by }),
        None => json!({ "block": false }),
    }))
}

/// `PUT /_synapse/admin/v1/rooms/{roomId}/block`
pub async fn block(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    #[derive(Deserialize)]
    struct Body {
        block: bool,
    }
    let id: OwnedRoomId = request.argument(0)?;
    let Body { block } = request.body()?;
    api.rooms.set_blocked(&id, &request.who.user, block).await?;
    Ok(told(json!({ "block": block })))
}

/// `POST /_synapse/admin/v1/rooms/{roomIdOrAlias}/make_room_admin`: whoever of this server has the greatest power there
/// gives it to a user, the administrator if none is named; who is not in the room is invited.
pub async fn make_room_admin(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    #[derive(Deserialize)]
    struct Body {
        user_id: Option<OwnedUserId>,
    }
    let room = named(&api, &request).await?;
    let user = request.body::<Body>()?.user_id.unwrap_or_else(|| request.who.user.clone());
    if user.server_name() != api.options.server_name {
        return Err(MatrixError::invalid_param("That user is not of this server."));
    }
    let levels = room.power_levels()?;
    let needed = levels.required_for_event("m.room.power_levels", true);
    let joined = room.members_of(&api.options.server_name, Membership::Join)?;
    let giver = joined.iter().max_by_key(|member| levels.for_user(member));
    let giver = giver.filter(|giver| levels.for_user(giver) >= needed);
    let giver =
        giver.ok_or_else(|| MatrixError::invalid_param("Nobody of this server may give power there."))?;
    if levels.for_user(&user) < levels.for_user(giver) {
        give_power(&room, giver, &user, levels.for_user(giver)).await?;
    }
    if !room.is_joined(&user)? && room.summary()?.join_rule != "public" {
        let content = member_content(&api.users, &user, None)?;
        room.set_membership(giver, &user, "invite", content).await?;
    }
    Ok(told(json!({})))
}

/// What a creator gives, whose own power is above all numbers.
const OF_CREATORS: i64 = 100;

async fn give_power(room: &Room, giver: &UserId, to: &UserId, level: PowerLevel) -> Result<()> {
    let mut content: Map<String, Value> = room.state_content("m.room.power_levels", "")?.unwrap_or_default();
    let level = match level {
        PowerLevel::Int(level) => level,
        PowerLevel::Infinite => OF_CREATORS,
    };
    let users = content.entry("users").or_insert_with(|| json!({}));
    if let Value::Object(users) = users {
        users.insert(to.to_string(), level.into());
    }
    room.send(NewEvent::state_json(giver, "m.room.power_levels", "", &content)?, None).await?;
    Ok(())
}

/// `GET /_synapse/admin/v1/rooms/{roomIdOrAlias}/forward_extremities`
pub async fn forward_extremities(State(api): State<ClientApi>, request: AdminRequest) -> Result<Response> {
    let room = named(&api, &request).await?;
    let events = api.rooms.events(&room.head().extremities)?;
    let results: Vec<Value> = events
        .iter()
        .map(|event| {
            json!({
                "event_id": event.id(),
                // States have no numbers here.
                "state_group": null,
                "depth": event.pdu.depth(),
                "received_ts": event.ts(),
            })
        })
        .collect();
    Ok(told(json!({ "count": results.len(), "results": results })))
}

/// `DELETE /_synapse/admin/v1/rooms/{roomIdOrAlias}/forward_extremities`: an event of a user of this server joins them,
/// so that nothing is lost.
pub async fn join_forward_extremities(
    State(api): State<ClientApi>,
    request: AdminRequest,
) -> Result<Response> {
    let room = named(&api, &request).await?;
    let before = room.head().extremities.len();
    room.join_ends().await?;
    Ok(told(json!({ "deleted": before.saturating_sub(room.head().extremities.len()) })))
}

async fn named(api: &ClientApi, request: &AdminRequest) -> Result<Room> {
    let name: OwnedRoomOrAliasId = request.argument(0)?;
    let named = Named::of(api, AskedBy::User(request.who.user.clone()), name, Vec::new()).await?;
    named.here(&api.rooms)?.ok_or_else(access::unknown_room)
}
