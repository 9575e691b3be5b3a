//! `POST /_matrix/client/v3/rooms/{roomId}/leave`

use axum::extract::State;
use hearth_storage::schema::rooms::Membership;
use ruma::api::client::membership::leave_room::v3::{Request as Leave, Response};

use crate::{
    Answer, ClientApi, Request, Result, membership::content::because, room::access, synapse_admin::notices,
};

/// Leaves a room, turns an invite down, or takes a knock back. Suspended users may, too
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidleave)).
pub async fn leave_room(State(api): State<ClientApi>, request: Request<Leave>) -> Result<Answer<Response>> {
    let (user, id) = (&request.who.user, &request.body.room_id);
    let room = api.rooms.find_room(id)?;
    let now = room.as_ref().map(|room| room.membership(user)).transpose()?.flatten();
    if let Some(invite) = now.as_ref().filter(|row| row.membership == Membership::Invite) {
        notices::may_be_turned_down(&api, invite)?;
    }
    match (room, now.map(|row| row.membership)) {
        (Some(room), Some(Membership::Join)) => {
            room.set_membership(user, user, "leave", because(request.body.reason)).await?;
        }
        // An invite or a knock of which the state that is here does not tell.
        _ if api.rooms.out_of_room(user, id)?.is_some() => {
            api.federation.leave(user, id, because(request.body.reason)).await?;
        }
        // A second time changes nothing.
        (Some(_), Some(Membership::Leave)) => {}
        (Some(room), Some(_)) => {
            room.set_membership(user, user, "leave", because(request.body.reason)).await?;
        }
        _ => return Err(access::not_in_room()),
    }
    Ok(Answer(Response::new()))
}
