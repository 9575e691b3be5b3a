//! `POST /_matrix/client/v3/user/{userId}/filter`

use axum::extract::State;
use hearth_users::Users;
use ruma::api::client::filter::create_filter::v3::{Request as CreateFilter, Response};
use serde_json::value::RawValue;

use crate::{Answer, Request, Result};

/// Keeps a filter
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3useruseridfilter)).
pub async fn create_filter(
    State(users): State<Users>,
    request: Request<CreateFilter>,
) -> Result<Answer<Response>> {
    request.who.is(&request.body.user_id)?;
    // As it was sent: what ruma does not know of it is the client's all the same.
    let filter: &RawValue = match request.bytes.is_empty() {
        true => serde_json::from_str("{}")?,
        false => serde_json::from_slice(&request.bytes)?,
    };
    let filter_id = users.filters.define(&request.who.user, filter).await?;
    Ok(Answer(Response::new(filter_id)))
}
