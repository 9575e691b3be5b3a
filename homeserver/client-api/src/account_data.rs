//! Account data and room tags ("Client Config", "Room Tagging").

pub mod global;
pub mod room;
pub mod tags;
#[cfg(test)]
mod tests;

use http::StatusCode;

use crate::{EndpointRouter, MatrixError, Result};

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router
        .endpoint(global::get_global_account_data)
        .endpoint(global::set_global_account_data)
        .endpoint(room::get_room_account_data)
        .endpoint(room::set_room_account_data)
        .endpoint(tags::get_tags)
        .endpoint(tags::create_tag)
        .endpoint(tags::delete_tag)
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
