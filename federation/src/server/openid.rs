//! `GET /_matrix/federation/v1/openid/userinfo` ("OpenID")

use axum::extract::State;
use hearth_http::{Answer, MatrixError, Result};
use http::StatusCode;
use ruma::api::federation::openid::get_openid_userinfo::v1::{Request as UserInfo, Response};

use crate::{
    Federation,
    endpoint::{EndpointRouter, Request},
};

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router.endpoint(get_openid_userinfo)
}

/// Whose a token is
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1openiduserinfo)).
pub async fn get_openid_userinfo(
    State(federation): State<Federation>,
    request: Request<UserInfo>,
) -> Result<Answer<Response>> {
    let user = federation.users().sessions.openid_user(&request.body.access_token)?;
    let unknown = || {
        MatrixError::new(StatusCode::UNAUTHORIZED, "M_UNKNOWN_TOKEN", "The token is not known, or expired.")
    };
    Ok(Answer(Response::new(user.ok_or_else(unknown)?)))
}
