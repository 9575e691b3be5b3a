//! Joining, knocking, leaving and inviting ("Joining Rooms", "Knocking upon a room", "Leaving Rooms", "Inviting
//! to a room").

mod event_request;
pub mod invite;
mod invite_state;
pub mod invite_v1;
pub mod make_join;
pub mod make_knock;
pub mod make_leave;
pub mod send_join;
pub mod send_join_v1;
pub mod send_knock;
pub mod send_leave;
pub mod send_leave_v1;
mod submitted;
mod template;
#[cfg(test)]
mod tests;

use crate::endpoint::EndpointRouter;

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router
        .endpoint(make_join::make_join)
        .endpoint(send_join::send_join)
        .endpoint(send_join_v1::send_join)
        .endpoint(make_knock::make_knock)
        .endpoint(send_knock::send_knock)
        .endpoint(make_leave::make_leave)
        .endpoint(send_leave::send_leave)
        .endpoint(send_leave_v1::send_leave)
        .endpoint(invite::invite)
        .endpoint(invite_v1::invite)
}
