//! Deleting account data ([MSC3391](https://github.com/matrix-org/matrix-spec-proposals/pull/3391)):
//! `DELETE /_matrix/client/unstable/org.matrix.msc3391/user/{userId}/account_data/{type}`, and the same of a room

use axum::extract::State;
use hearth_users::Users;
use ruma::{
    OwnedRoomId, OwnedUserId,
    api::{
        IncomingRequest,
        auth_scheme::AccessToken,
        client::config::{
            set_global_account_data::v3 as set_global, set_room_account_data::v3 as set_of_room,
        },
        error::{DeserializationError, Error},
    },
    metadata,
};

use crate::{Answer, Request, Result, account_data::is_clients};

/// Deletes a piece of the user's account data. What is not there is no error.
pub async fn delete_global_account_data(
    State(users): State<Users>,
    request: Request<DeleteGlobal>,
) -> Result<Answer<set_global::Response>> {
    let DeleteGlobal { user_id, data_type } = &request.body;
    request.who.is(user_id)?;
    is_clients(data_type)?;
    users.account_data.delete(user_id, None, data_type).await?;
    Ok(Answer(set_global::Response::new()))
}

/// Deletes a piece of what the user keeps with a room.
pub async fn delete_room_account_data(
    State(users): State<Users>,
    request: Request<DeleteOfRoom>,
) -> Result<Answer<set_of_room::Response>> {
    let DeleteOfRoom { user_id, room_id, data_type } = &request.body;
    request.who.is(user_id)?;
    is_clients(data_type)?;
    users.account_data.delete(user_id, Some(room_id), data_type).await?;
    Ok(Answer(set_of_room::Response::new()))
}

/// What is asked, which ruma does not know: global account data.
pub struct DeleteGlobal {
    user_id: OwnedUserId,
    data_type: String,
}

metadata! {
    @for DeleteGlobal,
    method: DELETE,
    rate_limited: false,
    authentication: AccessToken,
    path: "/_matrix/client/unstable/org.matrix.msc3391/user/{user_id}/account_data/{data_type}",
}

impl IncomingRequest for DeleteGlobal {
    type EndpointError = Error;
    type OutgoingResponse = set_global::Response;

    fn try_from_http_request_inner(
        _: http::Request<&[u8]>,
        path_args: &[&str],
    ) -> Result<Self, DeserializationError> {
        let argument = |place: usize| path_args.get(place).copied().unwrap_or_default();
        Ok(Self { user_id: argument(0).try_into()?, data_type: argument(1).to_owned() })
    }
}

/// The same of a room.
pub struct DeleteOfRoom {
    user_id: OwnedUserId,
    room_id: OwnedRoomId,
    data_type: String,
}

metadata! {
    @for DeleteOfRoom,
    method: DELETE,
    rate_limited: false,
    authentication: AccessToken,
    path: "/_matrix/client/unstable/org.matrix.msc3391/user/{user_id}/rooms/{room_id}/account_data/{data_type}",
}

impl IncomingRequest for DeleteOfRoom {
    type EndpointError = Error;
    type OutgoingResponse = set_of_room::Response;

    fn try_from_http_request_inner(
        _: http::Request<&[u8]>,
        path_args: &[&str],
    ) -> Result<Self, DeserializationError> {
        let argument = |place: usize| path_args.get(place).copied().unwrap_or_default();
        Ok(Self {
            user_id: argument(0).try_into()?,
            room_id: argument(1).try_into()?,
            data_type: argument(2).to_owned(),
        })
    }
}
