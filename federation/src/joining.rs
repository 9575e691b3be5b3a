//! Rooms of other servers: joining, knocking, leaving, inviting (server-server API, "Joining Rooms",
//! "Inviting to a room", "Leaving Rooms", "Knocking upon a room").
//!
//! A server that is in the room proposes the event; we take from it where the event stands in the
//! room and nothing else, sign what our user wants ([`Member`](proposal::Member)), and send it back.

mod answer;
mod invite;
mod join;
mod knock;
mod leave;
mod members;
mod proposal;
mod servers;
mod stripped;

use hearth_rooms::RoomError;
use hearth_spec::Pdu;
use ruma::{
    ServerName,
    api::{OutgoingRequest, path_builder::SinglePath},
};
use serde_json::value::RawValue;

pub(crate) use self::servers::first_of;
pub use self::{members::FetchingMembers, stripped::stripped_state};
use crate::{BackOff, Federation, FederationError, Limits, client::Authenticates};

/// A user waits: who failed lately is tried again.
const ANEW: Limits = Limits { back_off: BackOff::Ignored, ..Limits::USUAL };

impl Federation {
    /// Asks a server that is in a room, or is to be, for a user who waits.
    async fn ask_for_user<R>(
        &self,
        server: &ServerName,
        request: R,
        limits: Limits,
    ) -> Result<R::IncomingResponse, FederationError>
    where
        R: OutgoingRequest<PathBuilder = SinglePath>,
        R::Authentication: Authenticates,
    {
        self.client().send_with(server, request, limits).await.map_err(FederationError::of_our_event)
    }
}

/// An event as it goes into a request.
pub(crate) fn raw(pdu: &Pdu) -> Result<Box<RawValue>, FederationError> {
    RawValue::from_string(pdu.text().to_owned()).map_err(|error| RoomError::Invalid(error.to_string()).into())
}

#[cfg(test)]
mod tests;
