//! Membership of rooms ("Room membership").

pub mod ban;
pub(crate) mod content;
pub mod forget;
pub(crate) mod guests;
pub mod invite;
pub mod join;
pub mod joined;
pub mod kick;
pub mod knock;
pub mod leave;
pub mod members;
pub mod mutual_rooms;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod turned_out_tests;

use crate::{Admits, EndpointRouter};

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router
        .endpoint_admitting(Admits::GUESTS, join::join_room_by_id)
        .endpoint_admitting(Admits::GUESTS, join::join_room)
        .endpoint(knock::knock_room)
        .endpoint(invite::invite_user)
        .endpoint_admitting(Admits::GUESTS, leave::leave_room)
        .endpoint(forget::forget_room)
        .endpoint(kick::kick)
        .endpoint(ban::ban)
        .endpoint(ban::unban)
        .endpoint_admitting(Admits::GUESTS, joined::get_joined_rooms)
        .endpoint_admitting(Admits::GUESTS, joined::get_joined_members)
        .endpoint_admitting(Admits::GUESTS, members::get_members)
        .endpoint(mutual_rooms::get_mutual_rooms)
        .endpoint(mutual_rooms::get_mutual_rooms_unstable)
}
