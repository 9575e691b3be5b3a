//! `GET /_matrix/federation/v1/query/profile`

use std::collections::BTreeMap;

use axum::extract::State;
use hearth_http::{Json, MatrixError, Result};
use ruma::api::federation::query::get_profile_information::v1::Request as QueryProfile;
use serde_json::value::RawValue;

use crate::{Federation, endpoint::Request};

/// What a user of this server says of themselves: all of it, or one field
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1queryprofile)).
pub async fn query_profile(
    State(federation): State<Federation>,
    request: Request<QueryProfile>,
) -> Result<Json<BTreeMap<String, Box<RawValue>>>> {
    let QueryProfile { user_id, field, .. } = request.body;
    let users = federation.users();
    if !federation.is_own(user_id.server_name()) || !users.accounts.exists(&user_id)? {
        return Err(MatrixError::not_found("There is no such user."));
    }
    let mut fields = users.profiles.get(&user_id)?.fields.clone();
    if let Some(field) = field {
        fields.retain(|name, _| name == field.as_str());
    }
    Ok(Json(fields))
}
