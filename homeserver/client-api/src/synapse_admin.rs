//! Synapse's [admin API](https://element-hq.github.io/synapse/latest/usage/administration/admin_api/index.html), as its
//! tools use it: for administrators. `spec/endpoints.csv` has all of its routes, and which of them are served.

mod about_user;
mod counts;
mod devices;
mod federation;
mod looking_in;
mod meaningless;
mod media;
pub(crate) mod notices;
mod registration_tokens;
mod reports;
mod request;
mod restrictions;
mod room_affairs;
mod rooms;
mod shown_media;
mod statistics;
mod successor;
#[cfg(test)]
mod tests;
mod users;
mod version;
mod works;

use axum::response::{IntoResponse as _, Response};
use http::Method;
use ruma::{OwnedUserId, UserId};
use serde_json::Value;

pub use self::request::AdminRequest;
pub(crate) use self::statistics::{EVENT_BYTES, largest};
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
        .admin(&post, "/_synapse/admin/v1/users/{user_id}/shadow_ban", restrictions::shadow_ban)
        .admin(&delete, "/_synapse/admin/v1/users/{user_id}/shadow_ban", restrictions::end_shadow_ban)
        .admin(&get, "/_synapse/admin/v1/users/{user_id}/override_ratelimit", restrictions::get_rate)
        .admin(&post, "/_synapse/admin/v1/users/{user_id}/override_ratelimit", restrictions::set_rate)
        .admin(&delete, "/_synapse/admin/v1/users/{user_id}/override_ratelimit", restrictions::end_rate)
        .admin(
            &post,
            "/_synapse/admin/v1/users/{user_id}/_allow_cross_signing_replacement_without_uia",
            restrictions::let_keys_be_replaced,
        )
        .admin(&get, "/_synapse/admin/v1/users/{user_id}/sent_invite_count", counts::sent_invites)
        .admin(&get, "/_synapse/admin/v1/users/{user_id}/cumulative_joined_room_count", counts::joined_rooms)
        .admin(&get, "/_synapse/admin/v1/users/{user_id}/media", media::list_of_user)
        .admin(&delete, "/_synapse/admin/v1/users/{user_id}/media", media::delete_of_user)
        .admin(&post, "/_synapse/admin/v1/user/{user_id}/media/quarantine", media::quarantine_of_user)
        .admin(&post, "/_synapse/admin/v1/user/{user_id}/redact", works::redact_user)
        .admin(&get, "/_synapse/admin/v1/user/redact_status/{redact_id}", works::redact_status)
        .admin(&get, "/_synapse/admin/v1/rooms/{room_id}/block", room_affairs::get_block)
        .admin(&put, "/_synapse/admin/v1/rooms/{room_id}/block", room_affairs::block)
        .admin(&post, "/_synapse/admin/v1/rooms/{room_id}/make_room_admin", room_affairs::make_room_admin)
        .admin(
            &get,
            "/_synapse/admin/v1/rooms/{room_id}/forward_extremities",
            room_affairs::forward_extremities,
        )
        .admin(
            &delete,
            "/_synapse/admin/v1/rooms/{room_id}/forward_extremities",
            room_affairs::join_forward_extremities,
        )
        .admin(&get, "/_synapse/admin/v1/rooms/{room_id}/messages", looking_in::messages)
        .admin(&get, "/_synapse/admin/v1/rooms/{room_id}/context/{event_id}", looking_in::event_context)
        .admin(&get, "/_synapse/admin/v1/rooms/{room_id}/timestamp_to_event", looking_in::timestamp_to_event)
        .admin(&get, "/_synapse/admin/v1/rooms/{room_id}/hierarchy", looking_in::hierarchy)
        .admin(&get, "/_synapse/admin/v1/fetch_event/{event_id}", looking_in::fetch_event)
        .admin(&delete, "/_synapse/admin/v1/rooms/{room_id}", works::delete_room_now)
        .admin(&delete, "/_synapse/admin/v2/rooms/{room_id}", works::delete_room)
        .admin(&get, "/_synapse/admin/v2/rooms/{room_id}/delete_status", works::delete_status_of_room)
        .admin(&get, "/_synapse/admin/v2/rooms/delete_status/{delete_id}", works::delete_status)
        .admin(&post, "/_synapse/admin/v1/purge_history/{room_id}", works::purge_history)
        .admin(&post, "/_synapse/admin/v1/purge_history/{room_id}/{event_id}", works::purge_history)
        .admin(&get, "/_synapse/admin/v1/purge_history_status/{purge_id}", works::purge_history_status)
        .admin(&get, "/_synapse/admin/v1/scheduled_tasks", works::scheduled_tasks)
        .admin(&get, "/_synapse/admin/v1/room/{room_id}/media", media::list_of_room)
        .admin(&post, "/_synapse/admin/v1/room/{room_id}/media/quarantine", media::quarantine_of_room)
        .admin(&get, "/_synapse/admin/v1/media/quarantine_changes", media::quarantine_changes)
        .admin(&get, "/_synapse/admin/v1/media/{server_name}/{media_id}", media::get)
        .admin(&delete, "/_synapse/admin/v1/media/{server_name}/{media_id}", media::delete)
        .admin(&post, "/_synapse/admin/v1/media/delete", media::delete_uploads)
        .admin(&post, "/_synapse/admin/v1/media/{server_name}/delete", media::delete_uploads)
        .admin(&post, "/_synapse/admin/v1/media/protect/{media_id}", media::protect)
        .admin(&post, "/_synapse/admin/v1/media/unprotect/{media_id}", media::end_protection)
        .admin(&post, "/_synapse/admin/v1/media/quarantine/{server_name}/{media_id}", media::quarantine)
        .admin(&post, "/_synapse/admin/v1/media/unquarantine/{server_name}/{media_id}", media::end_quarantine)
        .admin(&post, "/_synapse/admin/v1/purge_media_cache", media::purge_copies)
        .admin(&get, "/_synapse/admin/v1/statistics/users/media", statistics::media_of_users)
        .admin(&get, "/_synapse/admin/v1/statistics/database/rooms", statistics::largest_rooms)
        .admin(&post, "/_synapse/admin/v1/send_server_notice", notices::send)
        .admin(&put, "/_synapse/admin/v1/send_server_notice/{txn_id}", notices::send)
        .admin(&get, "/_synapse/admin/v1/registration_tokens", registration_tokens::list)
        .admin(&post, "/_synapse/admin/v1/registration_tokens/new", registration_tokens::create)
        .admin(&get, "/_synapse/admin/v1/registration_tokens/{token}", registration_tokens::get)
        .admin(&put, "/_synapse/admin/v1/registration_tokens/{token}", registration_tokens::change)
        .admin(&delete, "/_synapse/admin/v1/registration_tokens/{token}", registration_tokens::delete)
        .admin(&get, "/_synapse/admin/v1/federation/destinations", federation::destinations)
        .admin(&get, "/_synapse/admin/v1/federation/destinations/{destination}", federation::destination)
        .admin(&get, "/_synapse/admin/v1/federation/destinations/{destination}/rooms", federation::rooms)
        .admin(
            &post,
            "/_synapse/admin/v1/federation/destinations/{destination}/reset_connection",
            federation::reset,
        )
        .admin(
            &get,
            "/_synapse/admin/v1/threepid/{medium}/users/{address}",
            meaningless::user_of_third_party_id,
        )
        .admin(
            &get,
            "/_synapse/admin/v1/auth_providers/{provider}/users/{external_id}",
            meaningless::user_of_external_id,
        )
        .admin(&post, "/_synapse/admin/v1/account_validity/validity", meaningless::account_validity)
        .admin(&get, "/_synapse/admin/v1/experimental_features/{user_id}", meaningless::experimental_features)
        .admin(
            &put,
            "/_synapse/admin/v1/experimental_features/{user_id}",
            meaningless::set_experimental_features,
        )
        .admin(&get, "/_synapse/admin/v1/background_updates/status", meaningless::background_updates)
        .admin(&get, "/_synapse/admin/v1/background_updates/enabled", meaningless::background_updates_enabled)
        .admin(&post, "/_synapse/admin/v1/background_updates/enabled", meaningless::enable_background_updates)
        .admin(&post, "/_synapse/admin/v1/background_updates/start_job", meaningless::start_background_job)
}

/// An answer of this API.
pub(crate) fn told(answer: Value) -> Response {
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
