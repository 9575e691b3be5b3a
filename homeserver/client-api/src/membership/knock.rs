//! `POST /_matrix/client/v3/knock/{roomIdOrAlias}`

use axum::extract::State;
use hearth_federation::AskedBy;
use ruma::api::client::knock::knock_room::v3::{Request as Knock, Response};

use crate::{Answer, ClientApi, Request, Result, membership::content::member_content, room::named::Named};

/// Asks to be let into a room
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3knockroomidoralias)).
pub async fn knock_room(State(api): State<ClientApi>, request: Request<Knock>) -> Result<Answer<Response>> {
    let Request { body, who, .. } = request;
    who.not_suspended()?;
    let room = Named::of(&api, AskedBy::User(who.user.clone()), body.room_id_or_alias, body.via).await?;
    let content = member_content(&api.users, &who.user, body.reason)?;
    match room.here(&api.rooms)? {
        Some(here) => {
            here.set_membership(&who.user, &who.user, "knock", content).await?;
        }
        None => api.federation.knock(&who.user, &room.id, &room.via, content).await?,
    }
    Ok(Answer(Response::new(room.id)))
}
