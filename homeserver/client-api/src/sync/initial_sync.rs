//! `GET /_matrix/client/v3/initialSync`, deprecated

use std::{sync::Arc, time::Duration};

use axum::extract::State;
use hearth_rooms::{Room, RoomError};
use hearth_storage::{
    RoomNid, blocking,
    schema::rooms::{Membership, UserRoomRow},
};
use hearth_sync::SyncRequest;
use ruma::{
    RoomId,
    api::{OutgoingResponseExt as _, client::filter::FilterDefinition},
    presence::PresenceState,
};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::{
    ClientApi, Json, MatrixError, Request, Requester, Result, room::initial_sync::snapshot,
    state::events::EventWriter, sync::requests::InitialSync,
};

/// How many events of each room are given where the client does not say.
const DEFAULT: usize = 10;
/// How many at most.
const MAX: usize = 100;

#[derive(Deserialize)]
struct Query {
    limit: Option<usize>,
    /// Rooms that the user has left as well.
    #[serde(default)]
    archived: bool,
}

/// Everything that a user has to do with.
#[derive(Serialize)]
pub struct Everything {
    end: String,
    presence: Vec<Box<RawValue>>,
    account_data: Vec<Box<RawValue>>,
    rooms: Vec<Box<RawValue>>,
}

/// All rooms of the user with their state and newest events, to be followed by `/events`
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3initialsync)).
pub async fn initial_sync(
    State(api): State<ClientApi>,
    request: Request<InitialSync>,
) -> Result<Json<Everything>> {
    let query: Query = request.body.query()?;
    let who = request.who;
    let Outside { next_batch, presence, account_data } = Outside::read(&api, &who).await?;
    let limit = query.limit.unwrap_or(DEFAULT).min(MAX);
    // As much as there is to read: not between the other requests.
    let rooms = blocking(|| rooms(&api, &who, limit, query.archived))?;
    Ok(Json(Everything {
        end: next_batch,
        presence: presence.events,
        account_data: account_data.events,
        rooms,
    }))
}

/// What a sync tells of what is in no room.
#[derive(Deserialize)]
struct Outside {
    next_batch: String,
    #[serde(default)]
    presence: Events,
    #[serde(default)]
    account_data: Events,
}

#[derive(Deserialize, Default)]
struct Events {
    events: Vec<Box<RawValue>>,
}

impl Outside {
    async fn read(api: &ClientApi, who: &Requester) -> Result<Self> {
        let mut filter = FilterDefinition::default();
        filter.room.rooms = Some(Vec::new());
        let request = SyncRequest {
            user: who.user.clone(),
            device: who.device.clone(),
            filter: Arc::new(filter.into()),
            since: None,
            full_state: false,
            state_after: None,
            set_presence: PresenceState::Online,
            timeout: Duration::ZERO,
        };
        Ok(serde_json::from_str(&api.sync.sync(request).await?)?)
    }
}

fn rooms(api: &ClientApi, who: &Requester, limit: usize, archived: bool) -> Result<Vec<Box<RawValue>>> {
    let mut rooms = Vec::new();
    for (nid, row) in api.rooms.rooms_of(&who.user)? {
        let wanted = match row.membership {
            Membership::Join | Membership::Invite | Membership::Knock => true,
            Membership::Leave | Membership::Ban => archived && !row.forgotten,
        };
        if wanted && let Some(room) = room(api, who, nid, &row, limit)? {
            rooms.push(room);
        }
    }
    Ok(rooms)
}

fn room(
    api: &ClientApi,
    who: &Requester,
    nid: RoomNid,
    row: &UserRoomRow,
    limit: usize,
) -> Result<Option<Box<RawValue>>> {
    let room = match api.rooms.room_by_nid(nid) {
        Ok(room) => room,
        Err(RoomError::UnknownRoom) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if matches!(row.membership, Membership::Invite | Membership::Knock) {
        return invited(api, who, &room, row).map(Some);
    }
    match snapshot(api, who, room.id(), limit) {
        Ok(snapshot) => {
            let body = snapshot.try_into_http_response::<Vec<u8>>()?.into_body();
            Ok(Some(serde_json::from_slice(&body)?))
        }
        // Refused an invite, and never in it.
        Err(error) if error.errcode == Some("M_FORBIDDEN") => Ok(None),
        Err(error) => Err(error),
    }
}

/// A room that the user is not in yet: the event by which it is known.
fn invited(api: &ClientApi, who: &Requester, room: &Room, row: &UserRoomRow) -> Result<Box<RawValue>> {
    #[derive(Serialize)]
    struct Invited<'a> {
        room_id: &'a RoomId,
        membership: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        invite: Option<Box<RawValue>>,
    }
    let (membership, invite) = match row.membership {
        Membership::Invite => ("invite", api.rooms.event(row.event)?),
        _ => ("knock", None),
    };
    let invite = invite.map(|event| {
        let mut text = String::new();
        EventWriter::new(api, room, who)?.write(&event, &mut text)?;
        RawValue::from_string(text).map_err(MatrixError::from)
    });
    Ok(to_raw_value(&Invited { room_id: room.id(), membership, invite: invite.transpose()? })?)
}
