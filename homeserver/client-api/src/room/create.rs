//! `POST /_matrix/client/v3/createRoom`

use std::collections::HashSet;

use axum::extract::State;
use hearth_http::{
    invites,
    limits::{Asker, Class},
};
use hearth_rooms::{CreateRoom, Preset, RoomError};
use hearth_spec::RoomVersion;
use http::StatusCode;
use ruma::{
    OwnedUserId, RoomVersionId, UserId,
    api::client::room::{
        Visibility,
        create_room::v3::{Request as Create, Response, RoomPreset},
    },
    events::AnyInitialStateEvent,
    serde::Raw,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    Answer, ClientApi, MatrixError, Result,
    directory::alias::{self, local_alias},
    membership::{content::member_content, invite},
    room::{
        successor,
        version::{Versioned, unsupported},
    },
};

/// How many users a new room may invite, and how much state it may bring: all of it is one commit.
const MAX_INVITES: usize = 500;
const MAX_INITIAL_STATE: usize = 1000;

/// Makes a room ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3createroom)).
pub async fn create_room(
    State(api): State<ClientApi>,
    Versioned(request): Versioned<Create>,
) -> Result<Answer<Response>> {
    request.who.not_suspended()?;
    let mut room = wanted(&api, &request.who.user, request.body)?;
    if let Some(alias) = &room.alias {
        api.rooms.bans().allow_alias(alias)?;
        alias::may_be_given(&api, &request.who, alias)?;
    }
    if request.who.shadow_banned {
        room.invite.clear();
    }
    for invitee in &room.invite {
        invite::not_banned(&api, invitee)?;
    }
    for invitee in invitees(&api, &room)? {
        invites::permitted(&api.users, &invitee, &room.creator)?;
        invite::make_sure_of(&api, &invitee).await?;
    }
    if let invited @ 1.. = room.invite.len() as u32
        && request.who.is_limited()
    {
        api.limiter().take_many(Class::Invite, Asker::User(&request.who.user), invited, api.now_ms())?;
    }
    let elsewhere: Vec<OwnedUserId> =
        room.invite.iter().filter(|invitee| invite::is_elsewhere(&api, invitee)).cloned().collect();
    let is_direct = room.is_direct;
    let id = api.rooms.create_room(room).await.map_err(refused)?;
    let room = api.rooms.room(&id)?;
    successor::carry_over(&api, &request.who.user, &room).await;
    if !elsewhere.is_empty() {
        invite::invite_to_new_room(&api, &room, &request.who.user, elsewhere, is_direct).await;
    }
    Ok(Answer(Response::new(id)))
}

/// The room that a request describes.
fn wanted(api: &ClientApi, creator: &UserId, request: Create) -> Result<CreateRoom> {
    if !request.invite_3pid.is_empty() {
        return Err(invite::third_party());
    }
    if request.invite.len() > MAX_INVITES || request.initial_state.len() > MAX_INITIAL_STATE {
        return Err(MatrixError::invalid_param("That is more than a room may begin with."));
    }
    let published = match request.visibility {
        Visibility::Public => true,
        Visibility::Private => false,
        _ => return Err(MatrixError::invalid_param("A room's visibility is public or private.")),
    };
    let preset = match request.preset {
        Some(RoomPreset::PrivateChat) => Preset::PrivateChat,
        Some(RoomPreset::TrustedPrivateChat) => Preset::TrustedPrivateChat,
        Some(RoomPreset::PublicChat) => Preset::PublicChat,
        Some(_) => return Err(MatrixError::invalid_param("There is no such preset.")),
        None if published => Preset::PublicChat,
        None => Preset::PrivateChat,
    };
    let mut seen = HashSet::new();
    let invite: Vec<OwnedUserId> =
        request.invite.into_iter().filter(|invitee| seen.insert(invitee.clone())).collect();
    Ok(CreateRoom {
        creator: creator.to_owned(),
        version: request.room_version.as_ref().map(supported_version).transpose()?,
        preset,
        published,
        alias: request
            .room_alias_name
            .map(|name| local_alias(&name, &api.options.server_name))
            .transpose()?,
        name: request.name,
        topic: request.topic,
        invite,
        is_direct: request.is_direct,
        initial_state: request.initial_state.iter().map(initial_state).collect::<Result<_>>()?,
        creation_content: object(request.creation_content.as_ref())?,
        power_levels: object(request.power_level_content_override.as_ref())?,
        member_content: member_content(&api.users, creator, None)?,
    })
}

/// The version of that id, or `M_UNSUPPORTED_ROOM_VERSION`.
pub(crate) fn supported_version(id: &RoomVersionId) -> Result<RoomVersion> {
    RoomVersion::of(id).ok_or_else(|| unsupported(id.as_str()))
}

fn object<T>(raw: Option<&Raw<T>>) -> Result<Map<String, Value>> {
    raw.map_or_else(|| Ok(Map::new()), |raw| Ok(serde_json::from_str(raw.json().get())?))
}

fn initial_state(event: &Raw<AnyInitialStateEvent>) -> Result<(String, String, Value)> {
    #[derive(Deserialize)]
    struct InitialState {
        r#type: String,
        #[serde(default)]
        state_key: String,
        content: Map<String, Value>,
    }
    let event: InitialState = serde_json::from_str(event.json().get())?;
    Ok((event.r#type, event.state_key, event.content.into()))
}

/// All users of this server whom the new room invites, by `invite` or by `initial_state`.
fn invitees(api: &ClientApi, room: &CreateRoom) -> Result<Vec<OwnedUserId>> {
    let mut invitees = room.invite.clone();
    invitees.retain(|invitee| !invite::is_elsewhere(api, invitee));
    for (event_type, state_key, content) in &room.initial_state {
        if event_type == "m.room.member" && content["membership"] == "invite" {
            let invitee = UserId::parse(state_key.as_str());
            let invitee = invitee.map_err(|_| MatrixError::bad_json("An invited user has no valid id."))?;
            if invite::is_elsewhere(api, &invitee) {
                // Their server would not learn of it.
                return Err(MatrixError::invalid_param("Users of other servers are invited by `invite`."));
            }
            invitees.push(invitee);
        }
    }
    Ok(invitees)
}

fn refused(error: RoomError) -> MatrixError {
    match error {
        RoomError::AliasTaken => MatrixError::new(
            StatusCode::BAD_REQUEST,
            "M_ROOM_IN_USE",
            "There is a room with that alias already.",
        ),
        // The creator can do everything but what the request itself rules out.
        RoomError::Forbidden(reason) | RoomError::Invalid(reason) => {
            MatrixError::new(StatusCode::BAD_REQUEST, "M_INVALID_ROOM_STATE", reason)
        }
        error => error.into(),
    }
}
