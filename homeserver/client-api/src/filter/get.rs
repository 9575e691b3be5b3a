//! `GET /_matrix/client/v3/user/{userId}/filter/{filterId}`

use axum::extract::State;
use hearth_users::Users;
use ruma::api::client::filter::get_filter::v3::Request as GetFilter;
use serde_json::value::RawValue;

use crate::{Json, MatrixError, Request, Result};

/// A filter that was kept
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3useruseridfilterfilterid)).
pub async fn get_filter(
    State(users): State<Users>,
    request: Request<GetFilter>,
) -> Result<Json<Box<RawValue>>> {
    request.who.is(&request.body.user_id)?;
    let filter = users.filters.get_raw(&request.who.user, &request.body.filter_id)?;
    filter.map(Json).ok_or_else(|| MatrixError::not_found("You have no such filter."))
}
