//! Knocking on a room of other servers.

use hearth_rooms::OutOfRoom;
use hearth_spec::RoomVersion;
use hearth_storage::schema::rooms::Membership;
use ruma::{
    OwnedServerName, RoomId, ServerName, UserId,
    api::federation::membership::{
        create_knock_event::v1::Request as SendKnock, prepare_knock_event::v1::Request as MakeKnock,
    },
};
use serde_json::{Map, Value};

use super::{
    proposal::{Member, supported},
    raw,
    servers::first_of,
    stripped::stripped_state_with,
};
use crate::{Federation, FederationError};

impl Federation {
    /// Knocks for a user of this server on a room that is not here. `content` is the rest of the member event's.
    ///
    /// # Errors
    /// The clearest of the servers' refusals.
    pub async fn knock(
        &self,
        user: &UserId,
        room_id: &RoomId,
        via: &[OwnedServerName],
        content: Map<String, Value>,
    ) -> Result<(), FederationError> {
        let _turn = self.under_way().memberships.acquire((room_id.to_owned(), user.to_owned())).await?;
        let servers = self.servers_for(user, room_id, via)?;
        first_of(&servers, |server| self.knock_by(server, user, room_id, &content)).await
    }

    async fn knock_by(
        &self,
        server: &ServerName,
        user: &UserId,
        room_id: &RoomId,
        content: &Map<String, Value>,
    ) -> Result<(), FederationError> {
        let mut make = MakeKnock::new(room_id.to_owned(), user.to_owned());
        let knocking = RoomVersion::ALL.into_iter().filter(|version| version.rules().authorization.knocking);
        make.ver = knocking.map(RoomVersion::id).collect();
        let made = self.ask_for_user(server, make, super::ANEW).await?;
        let version = supported(Some(made.room_version))?;
        let member = Member { room: room_id, user, membership: "knock", content };
        let event = member.at(self, version, made.event.get())?;
        let send = SendKnock::new(room_id.to_owned(), event.event_id_owned().clone(), raw(&event)?);
        let sent = self.ask_for_user(server, send, super::ANEW).await?;
        let stripped_state = Some(stripped_state_with(&sent.knock_room_state, &event));
        let note = OutOfRoom {
            room_id: room_id.to_owned(),
            version,
            event,
            user: user.to_owned(),
            membership: Membership::Knock,
            stripped_state,
        };
        Ok(self.rooms().note_membership(note).await?)
    }
}
