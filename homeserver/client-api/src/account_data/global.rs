//! `/_matrix/client/v3/user/{userId}/account_data/{type}`

use axum::extract::State;
use hearth_users::{Users, whole_ruleset};
use ruma::{
    api::client::config::{get_global_account_data::v3 as get, set_global_account_data::v3 as set},
    serde::Raw,
};
use serde_json::{json, value::to_raw_value};

use crate::{Answer, MatrixError, Request, Result, account_data::set_or_delete};

/// A piece of the user's account data
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3useruseridaccount_datatype)).
pub async fn get_global_account_data(
    State(users): State<Users>,
    request: Request<get::Request>,
) -> Result<Answer<get::Response>> {
    request.who.is(&request.body.user_id)?;
    let user = &request.who.user;
    let content = match request.body.event_type.to_string().as_str() {
        // These are kept as what differs from the defaults.
        "m.push_rules" => {
            Some(to_raw_value(&json!({ "global": whole_ruleset(&*users.push_rules.ruleset(user)?)? }))?)
        }
        data_type => users.account_data.get(user, None, data_type)?,
    };
    let content = content.ok_or_else(|| MatrixError::not_found("There is no such account data."))?;
    Ok(Answer(get::Response::new(Raw::from_json(content))))
}

/// Sets a piece of it
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3useruseridaccount_datatype)).
pub async fn set_global_account_data(
    State(users): State<Users>,
    request: Request<set::Request>,
) -> Result<Answer<set::Response>> {
    request.who.is(&request.body.user_id)?;
    let data_type = request.body.event_type.to_string();
    set_or_delete(&users, &request.who.user, None, &data_type, request.body.data.json()).await?;
    Ok(Answer(set::Response::new()))
}
