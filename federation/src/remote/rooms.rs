//! Rooms that other servers know better.

use hearth_rooms::Room;
use ruma::{
    MilliSecondsSinceUnixEpoch, OwnedEventId, OwnedServerName, RoomId, UserId,
    api::{
        Direction,
        federation::{
            event::get_event_by_timestamp::v1::Request as GetEventByTimestamp,
            space::get_hierarchy::v1::{Request as GetHierarchy, Response as Hierarchy},
        },
    },
    room::RoomSummary,
};

use super::LOOKUP;
use crate::{AskedBy, BackOff, Federation, FederationError, Limits, joining::first_of};

/// How many servers are asked at most.
const ASKED: usize = 3;

impl Federation {
    /// A space and its children as servers that are in it tell: those in `via` first.
    pub async fn hierarchy(
        &self,
        user: &UserId,
        room: &RoomId,
        via: &[OwnedServerName],
        suggested_only: bool,
    ) -> Result<Hierarchy, FederationError> {
        let mut servers = self.servers_for(user, room, via)?;
        servers.truncate(ASKED);
        let mut request = GetHierarchy::new(room.to_owned());
        request.suggested_only = suggested_only;
        let ask = |server| self.client().send_with(server, request.clone(), LOOKUP);
        self.look_up(AskedBy::User(user.to_owned()), first_of(&servers, ask)).await
    }

    /// The summary of a room that is not here.
    pub async fn room_summary(
        &self,
        user: &UserId,
        room: &RoomId,
        via: &[OwnedServerName],
    ) -> Result<RoomSummary, FederationError> {
        Ok(self.hierarchy(user, room, via, false).await?.room.summary)
    }

    /// The event next to a moment in a room, by servers that are in it.
    pub async fn timestamp_to_event(
        &self,
        user: &UserId,
        room: &Room,
        at: MilliSecondsSinceUnixEpoch,
        direction: Direction,
    ) -> Result<(OwnedEventId, MilliSecondsSinceUnixEpoch), FederationError> {
        let servers = self.servers_to_ask(room)?;
        let request = GetEventByTimestamp::new(room.id().to_owned(), at, direction);
        let limits = Limits { back_off: BackOff::Obeyed, ..LOOKUP };
        let ask = |server| self.client().send_with(server, request.clone(), limits);
        let found = self.look_up(AskedBy::User(user.to_owned()), first_of(&servers, ask)).await?;
        Ok((found.event_id, found.origin_server_ts))
    }
}
