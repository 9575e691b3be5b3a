//! `GET /_matrix/client/v3/profile/{userId}` and `GET /_matrix/client/v3/profile/{userId}/{keyName}`

use std::{collections::BTreeMap, sync::Arc};

use axum::extract::State;
use hearth_users::{Profile, Users};
use ruma::{
    UserId,
    api::client::profile::{
        get_profile::v3::Request as GetProfile, get_profile_field::v3::Request as GetProfileField,
    },
};
use serde_json::value::RawValue;

use crate::{Json, MatrixError, Request, Result};

/// All that a user says of themselves
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3profileuserid)).
pub async fn get_profile(
    State(users): State<Users>,
    request: Request<GetProfile>,
) -> Result<Json<BTreeMap<String, Box<RawValue>>>> {
    Ok(Json(profile(&users, &request.body.user_id)?.fields.clone()))
}

/// One field of it
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3profileuseridkeyname)).
pub async fn get_profile_field(
    State(users): State<Users>,
    request: Request<GetProfileField>,
) -> Result<Json<BTreeMap<String, Box<RawValue>>>> {
    let profile = profile(&users, &request.body.user_id)?;
    let name = request.body.field.to_string();
    let value = profile.fields.get(&name).cloned();
    let value = value.ok_or_else(|| MatrixError::not_found("The profile has no such field."))?;
    Ok(Json(BTreeMap::from([(name, value)])))
}

fn profile(users: &Users, user: &UserId) -> Result<Arc<Profile>> {
    match users.accounts.exists(user)? {
        true => Ok(users.profiles.get(user)?),
        false => Err(MatrixError::not_found("There is no such user.")),
    }
}
