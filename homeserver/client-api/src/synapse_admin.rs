//! Synapse's [admin API](https://element-hq.github.io/synapse/latest/usage/administration/admin_api/index.html), as its
//! tools use it: for administrators. `spec/endpoints.csv` has all of its routes, and which of them are served.

mod about_user;
mod devices;
mod reports;
mod request;
mod rooms;
#[cfg(test)]
mod tests;
mod users;
mod version;

use axum::response::{IntoResponse as _, Response};
use http::Method;
use ruma::{OwnedUserId, UserId};
use serde_json::Value;

pub use self::request::AdminRequest;
use crate::{ClientApi, EndpointRouter, MatrixError, Result};

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    let (get, post, put, delete) = (Method::GET, Method::POST, Method::PUT, Method::DELETE);
    router
        .admin(&get, "/_synapse/admin/v1/server_version", version::server_version)
        .admin(&get, "/_synapse/admin/v2/users", users::list)
        .admin(&get, "/_synapse/admin/v3/users", users::list_v3)
        .admin(&get, "/_synapse/admin/v2/users/{user_id}", users::get)
        .admin(&put, "/_synapse/admin/v2/users/{user_id}", users::put)
        .admin(&get, "/_synapse/admin/v1/users/{user_id}/admin", users::get_admin)
        .admin(&put, "/_synapse/admin/v1/users/{user_id}/admin", users::set_admin)
        .admin(&post, "/_synapse/admin/v1/deactivate/{user_id}", users::deactivate)
        .admin(&post, "/_synapse/admin/v1/reset_password/{user_id}", users::reset_password)
        .admin(&put, "/_synapse/admin/v1/suspend/{user_id}", users::suspend)
        .admin(&get, "/_synapse/admin/v1/username_available", users::username_available)
        .admin(&post, "/_synapse/admin/v1/users/{user_id}/login", users::login)
        .admin(&get, "/_synapse/admin/v1/whois/{user_id}", about_user::whois)
        .admin(&get, "/_synapse/admin/v1/users/{user_id}/joined_rooms", about_user::joined_rooms)
        .admin(&get, "/_synapse/admin/v1/users/{user_id}/memberships", about_user::memberships)
        .admin(&get, "/_synapse/admin/v1/users/{user_id}/pushers", about_user::pushers)
        .admin(&get, "/_synapse/admin/v1/users/{user_id}/accountdata", about_user::account_data)
        .admin(&get, "/_synapse/admin/v2/users/{user_id}/devices", devices::list)
        .admin(&post, "/_synapse/admin/v2/users/{user_id}/devices", devices::create)
        .admin(&post, "/_synapse/admin/v2/users/{user_id}/delete_devices", devices::delete_some)
        .admin(&get, "/_synapse/admin/v2/users/{user_id}/devices/{device_id}", devices::get)
        .admin(&put, "/_synapse/admin/v2/users/{user_id}/devices/{device_id}", devices::rename)
        .admin(&delete, "/_synapse/admin/v2/users/{user_id}/devices/{device_id}", devices::delete)
        .admin(&get, "/_synapse/admin/v1/rooms", rooms::list)
        .admin(&get, "/_synapse/admin/v1/rooms/{room_id}", rooms::get)
        .admin(&get, "/_synapse/admin/v1/rooms/{room_id}/members", rooms::members)
        .admin(&get, "/_synapse/admin/v1/rooms/{room_id}/state", rooms::state)
        .admin(&post, "/_synapse/admin/v1/join/{room_id_or_alias}", rooms::join)
        .admin(&get, "/_synapse/admin/v1/event_reports", reports::list)
        .admin(&get, "/_synapse/admin/v1/event_reports/{report_id}", reports::get)
        .admin(&delete, "/_synapse/admin/v1/event_reports/{report_id}", reports::delete)
}

/// An answer of this API.
fn told(answer: Value) -> Response {
    axum::Json(answer).into_response()
}

/// The user of this server whom a path names.
fn local_user(api: &ClientApi, request: &AdminRequest) -> Result<OwnedUserId> {
    let user: OwnedUserId = request.argument(0)?;
    match user.server_name() == api.options.server_name {
        true => Ok(user),
        false => Err(MatrixError::invalid_param("That user is not of this server.")),
    }
}

/// The same, with an account.
fn existing_user(api: &ClientApi, request: &AdminRequest) -> Result<OwnedUserId> {
    let user = local_user(api, request)?;
    match api.users.accounts.exists(&user)? {
        true => Ok(user),
        false => Err(no_such_user(&user)),
    }
}

fn no_such_user(user: &UserId) -> MatrixError {
    MatrixError::not_found(format!("There is no user {user}."))
}
