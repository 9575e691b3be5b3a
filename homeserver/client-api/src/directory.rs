//! Finding rooms and users: aliases, the published room directory, the user directory.

pub mod alias;
pub mod public_rooms;
pub(crate) mod resolve;
#[cfg(test)]
mod tests;
pub mod users;
pub mod visibility;

use crate::{Admits, EndpointRouter};

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router
        .endpoint(alias::get_room_id_by_alias)
        .endpoint(alias::set_room_alias)
        .endpoint(alias::delete_room_alias)
        .endpoint(visibility::get_room_visibility)
        .endpoint(visibility::set_room_visibility)
        .endpoint_admitting(Admits::GUESTS, public_rooms::get_public_rooms)
        .endpoint_admitting(Admits::GUESTS, public_rooms::query_public_rooms)
        .endpoint(users::search_user_directory)
}
