//! `/_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}`

use axum::extract::State;
use hearth_users::Users;
use ruma::{
    api::client::config::{get_room_account_data::v3 as get, set_room_account_data::v3 as set},
    serde::Raw,
};

use crate::{Answer, MatrixError, Request, Result, account_data::set_or_delete};

/// A piece of what the user keeps with a room
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3useruseridroomsroomidaccount_datatype)).
pub async fn get_room_account_data(
    State(users): State<Users>,
    request: Request<get::Request>,
) -> Result<Answer<get::Response>> {
    request.who.is(&request.body.user_id)?;
    let data_type = request.body.event_type.to_string();
    let content = users.account_data.get(&request.who.user, Some(&request.body.room_id), &data_type)?;
    let content = content.ok_or_else(|| MatrixError::not_found("There is no such account data."))?;
    Ok(Answer(get::Response::new(Raw::from_json(content))))
}

/// Sets a piece of it
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3useruseridroomsroomidaccount_datatype)).
pub async fn set_room_account_data(
    State(users): State<Users>,
    request: Request<set::Request>,
) -> Result<Answer<set::Response>> {
    request.who.is(&request.body.user_id)?;
    let data_type = request.body.event_type.to_string();
    let room = Some(&*request.body.room_id);
    set_or_delete(&users, &request.who.user, room, &data_type, request.body.data.json()).await?;
    Ok(Answer(set::Response::new()))
}
