//! Account data and room tags ("Client Config", "Room Tagging").

pub mod delete;
pub mod global;
pub mod room;
pub mod tags;
#[cfg(test)]
mod tests;

use hearth_users::Users;
use http::StatusCode;
use ruma::{RoomId, UserId, serde::JsonObject};
use serde_json::value::RawValue;

use crate::{EndpointRouter, MatrixError, Result};

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router
        .endpoint(global::get_global_account_data)
        .endpoint(global::set_global_account_data)
        .endpoint(room::get_room_account_data)
        .endpoint(room::set_room_account_data)
        .endpoint(delete::delete_global_account_data)
        .endpoint(delete::delete_room_account_data)
        .endpoint(tags::get_tags)
        .endpoint(tags::create_tag)
        .endpoint(tags::delete_tag)
}

/// Sets a piece of account data, or deletes it where its content is empty (MSC3391).
async fn set_or_delete(
    users: &Users,
    user: &UserId,
    room: Option<&RoomId>,
    data_type: &str,
    content: &RawValue,
) -> Result<()> {
    is_clients(data_type)?;
    match serde_json::from_str::<JsonObject>(content.get())?.is_empty() {
        true => users.account_data.delete(user, room, data_type).await?,
        false => drop(users.account_data.set(user, room, data_type, content).await?),
    }
    Ok(())
}

/// Refuses the types that have endpoints of their own.
fn is_clients(data_type: &str) -> Result<()> {
    match data_type {
        "m.fully_read" | "m.push_rules" => Err(MatrixError::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "M_BAD_JSON",
            format!("{data_type} cannot be set through this API."),
        )),
        _ => Ok(()),
    }
}
