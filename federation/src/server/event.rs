//! Events, state and history ("Retrieving events", "Backfilling and retrieving missing events").

pub mod auth;
pub mod backfill;
pub mod get;
pub mod missing;
pub mod state;
#[cfg(test)]
mod tests;
pub mod timestamp;

use crate::endpoint::EndpointRouter;

/// Serves this family.
pub fn routes(router: EndpointRouter) -> EndpointRouter {
    router
        .endpoint(auth::get_event_auth)
        .endpoint(backfill::backfill)
        .endpoint(get::get_event)
        .endpoint(missing::get_missing_events)
        .endpoint(state::get_room_state)
        .endpoint(state::get_room_state_ids)
        .endpoint(timestamp::timestamp_to_event)
}
