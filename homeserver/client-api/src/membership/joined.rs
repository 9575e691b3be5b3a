//! `GET /_matrix/client/v3/joined_rooms` and `GET /_matrix/client/v3/rooms/{roomId}/joined_members`

use std::collections::BTreeMap;

use axum::extract::State;
use hearth_rooms::Rooms;
use hearth_storage::schema::rooms::Membership;
use ruma::{
    OwnedMxcUri, OwnedUserId,
    api::client::membership::{joined_members::v3 as members, joined_rooms::v3 as rooms_of_user},
};
use serde::{Deserialize, Serialize};

use crate::{Answer, Json, Request, Result, room::access};

/// The rooms the user is in
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3joined_rooms)).
pub async fn get_joined_rooms(
    State(rooms): State<Rooms>,
    request: Request<rooms_of_user::Request>,
) -> Result<Answer<rooms_of_user::Response>> {
    let mut joined = Vec::new();
    for (nid, row) in rooms.rooms_of(&request.who.user)? {
        if row.membership == Membership::Join {
            joined.push(rooms.room_by_nid(nid)?.id().to_owned());
        }
    }
    Ok(Answer(rooms_of_user::Response::new(joined)))
}

/// Who is in a room; ruma's answer leaves out what a member has not.
#[derive(Serialize)]
pub struct JoinedMembers {
    joined: BTreeMap<OwnedUserId, Profile>,
}

/// As the member event has it; `null` for what it has not.
#[derive(Serialize, Deserialize, Default)]
struct Profile {
    #[serde(rename(deserialize = "displayname"))]
    display_name: Option<String>,
    avatar_url: Option<OwnedMxcUri>,
}

/// Who is in a room, with their profiles there. Only for who is in it now
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidjoined_members)).
pub async fn get_joined_members(
    State(rooms): State<Rooms>,
    request: Request<members::Request>,
) -> Result<Json<JoinedMembers>> {
    let room = access::joined_room(&rooms, &request.who.user, &request.body.room_id)?;
    access::when_whole(&room).await?;
    let (users, events): (Vec<_>, Vec<_>) = room
        .members()?
        .into_iter()
        .filter(|(_, row)| row.membership == Membership::Join)
        .map(|(user, row)| (user, row.event))
        .unzip();
    let mut joined = BTreeMap::new();
    for (user, event) in users.into_iter().zip(rooms.events(&events)?) {
        // Anyone may write nonsense into their own member event.
        joined.insert(user, serde_json::from_str(event.pdu.content_str()).unwrap_or_default());
    }
    Ok(Json(JoinedMembers { joined }))
}
