//! `GET /_matrix/client/v1/room_summary/{roomIdOrAlias}`

use axum::extract::State;
use hearth_federation::AskedBy;
use hearth_http::rooms::{
    discover::{Asker, may_discover},
    summary::described,
};
use ruma::api::client::room::get_summary::v1::{Request as GetSummary, Response};

use crate::{
    Answer, ClientApi, Request, Result,
    membership::content::membership_state,
    room::{access, elsewhere, named::Named},
};

/// What a room says of itself to who is not in it
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1room_summaryroomidoralias)).
pub async fn get_room_summary(
    State(api): State<ClientApi>,
    request: Request<GetSummary>,
) -> Result<Answer<Response>> {
    let user = request.who.as_ref().map(|who| &*who.user);
    let asked_by =
        user.map_or_else(|| AskedBy::address(request.address), |user| AskedBy::User(user.to_owned()));
    let named = Named::of(&api, asked_by, request.body.room_id_or_alias, request.body.via).await?;
    let (summary, membership) = match named.here(&api.rooms)? {
        Some(room) => {
            let summary = room.summary()?;
            if !may_discover(&api.rooms, &room, &summary, user.map_or(Asker::Anyone, Asker::User))? {
                return Err(access::unknown_room());
            }
            let row = user.map(|user| room.membership(user)).transpose()?.flatten();
            (described(summary), row.map(|row| row.membership))
        }
        None => {
            // Other servers are asked for users only.
            let user = user.ok_or_else(access::unknown_room)?;
            let summary = api.federation.room_summary(user, &named.id, &named.via).await?;
            if summary.room_id != named.id || !elsewhere::may_discover(&api.rooms, &summary, user)? {
                return Err(access::unknown_room());
            }
            (summary, elsewhere::membership(&api.rooms, user, &named.id)?)
        }
    };
    let mut response = Response::new(summary);
    response.membership = membership.map(membership_state);
    Ok(Answer(response))
}
