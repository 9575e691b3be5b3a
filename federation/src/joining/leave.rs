//! Leaving a room that is not here: turning an invite down, taking a knock back.

use hearth_rooms::{OutOfRoom, RoomError};
use hearth_spec::{Pdu, RoomVersion};
use hearth_storage::schema::rooms::Membership;
use ruma::{
    OwnedServerName, RoomId, ServerName, UserId,
    api::federation::membership::{
        create_leave_event::v2::Request as SendLeave, prepare_leave_event::v1::Request as MakeLeave,
    },
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    proposal::{Member, supported},
    raw,
    servers::first_of,
};
use crate::{Federation, FederationError};

impl Federation {
    /// Leaves a room that is not here. The user is rid of it even where no server takes note.
    ///
    /// # Errors
    /// [`RoomError::UnknownRoom`] if the user has nothing to do with the room, or storage's.
    pub async fn leave(
        &self,
        user: &UserId,
        room_id: &RoomId,
        content: Map<String, Value>,
    ) -> Result<(), FederationError> {
        let _turn = self.under_way().memberships.acquire((room_id.to_owned(), user.to_owned())).await?;
        let Some((version, known, row)) = self.rooms().out_of_room(user, room_id)? else {
            return Err(RoomError::UnknownRoom.into());
        };
        if matches!(row.membership, Membership::Leave | Membership::Ban) {
            return Ok(());
        }
        let mut servers = self.servers_for(user, room_id, &[])?;
        let told = senders(row.stripped_state.as_deref());
        for server in told.into_iter().filter(|server| !self.is_own(server)) {
            if !servers.contains(&server) {
                servers.push(server);
            }
        }
        servers.truncate(5);
        let member = Member { room: room_id, user, membership: "leave", content: &content };
        let left = first_of(&servers, |server| self.leave_by(server, &member, version)).await;
        let event = match left {
            Ok(event) => event,
            Err(error) => {
                tracing::info!(room = %room_id, %error, "no server took note that a user left");
                member.after(self, &known.pdu)?
            }
        };
        let note = OutOfRoom {
            room_id: room_id.to_owned(),
            version,
            event,
            user: user.to_owned(),
            membership: Membership::Leave,
            stripped_state: None,
        };
        Ok(self.rooms().note_membership(note).await?)
    }

    async fn leave_by(
        &self,
        server: &ServerName,
        member: &Member<'_>,
        version: RoomVersion,
    ) -> Result<Pdu, FederationError> {
        let make = MakeLeave::new(member.room.to_owned(), member.user.to_owned());
        let made = self.client().send_with(server, make, super::ANEW).await?;
        if supported(made.room_version)? != version {
            return Err(FederationError::Invalid("the room is of another version".to_owned()));
        }
        let event = member.at(self, version, made.event.get())?;
        let send = SendLeave::new(member.room.to_owned(), event.event_id_owned().clone(), raw(&event)?);
        self.client().send_with(server, send, super::ANEW).await?;
        Ok(event)
    }
}

/// The servers whose users are heard of in stripped state: of a room that was only knocked on, all that is known.
fn senders(stripped: Option<&str>) -> Vec<OwnedServerName> {
    #[derive(Deserialize)]
    struct Sent {
        sender: ruma::OwnedUserId,
    }
    let sent: Vec<Sent> = stripped.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    sent.into_iter().map(|event| event.sender.server_name().to_owned()).collect()
}
