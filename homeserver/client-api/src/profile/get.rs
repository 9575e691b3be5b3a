//! `GET /_matrix/client/v3/profile/{userId}` and `GET /_matrix/client/v3/profile/{userId}/{keyName}`

use std::collections::BTreeMap;

use axum::extract::State;
use hearth_federation::AskedBy;
use ruma::{
    UserId,
    api::client::profile::{
        get_profile::v3::Request as GetProfile, get_profile_field::v3::Request as GetProfileField,
    },
    profile::ProfileFieldName,
};
use serde_json::value::{RawValue, to_raw_value};

use crate::{ClientApi, Json, MatrixError, Request, Result};

/// What a user says of themselves, by the names of the fields.
type Fields = BTreeMap<String, Box<RawValue>>;

/// All that a user says of themselves
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3profileuserid)).
pub async fn get_profile(State(api): State<ClientApi>, request: Request<GetProfile>) -> Result<Json<Fields>> {
    let asked_by = AskedBy::address(request.address);
    Ok(Json(fields(&api, asked_by, &request.body.user_id, None).await?))
}

/// One field of it
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3profileuseridkeyname)).
pub async fn get_profile_field(
    State(api): State<ClientApi>,
    request: Request<GetProfileField>,
) -> Result<Json<Fields>> {
    let asked_by = AskedBy::address(request.address);
    let GetProfileField { user_id, field, .. } = request.body;
    let name = field.to_string();
    let mut fields = fields(&api, asked_by, &user_id, Some(field)).await?;
    fields.retain(|other, _| *other == name);
    match fields.is_empty() {
        true => Err(MatrixError::not_found("The profile has no such field.")),
        false => Ok(Json(fields)),
    }
}

/// A user's profile, or at least one field of it, as the user's server knows it.
async fn fields(
    api: &ClientApi,
    asked_by: AskedBy,
    user: &UserId,
    field: Option<ProfileFieldName>,
) -> Result<Fields> {
    if !api.federation.is_own(user.server_name()) {
        let told = api.federation.profile(asked_by, user, field).await?;
        return told.into_iter().map(|(name, value)| Ok((name, to_raw_value(&value)?))).collect();
    }
    match api.users.accounts.exists(user)? {
        true => Ok(api.users.profiles.get(user)?.fields.clone()),
        false => Err(MatrixError::not_found("There is no such user.")),
    }
}
