//! Inviting a user of another server.

use hearth_rooms::{NewEvent, PolicyServers as _, Room, RoomError};
use hearth_spec::{Pdu, RoomVersion};
use hearth_sync::STRIPPED;
use http::StatusCode;
use ruma::{
    OwnedEventId, OwnedRoomId, ServerName, UserId,
    api::federation::membership::{RawStrippedState, create_invite::v2::Request as Invite},
};
use serde_json::{Map, Value, value::RawValue};

use super::{answer::signed_again, raw};
use crate::{Federation, FederationError, intake::RoomIntake, server::membership::invite_v1};

impl Federation {
    /// Invites a user of another server for one of this: their server signs the event, then it goes into the room.
    /// `content` is the rest of the member event's.
    ///
    /// # Errors
    /// What the room's rules have against it, or the other server's refusal.
    pub async fn invite(
        &self,
        room: &Room,
        sender: &UserId,
        target: &UserId,
        mut content: Map<String, Value>,
    ) -> Result<(), FederationError> {
        content.insert("membership".to_owned(), "invite".into());
        let event = NewEvent::state_json(sender, "m.room.member", target.as_str(), &content)?;
        let invite = self.rooms().seal(room.version(), &room.propose(event)?)?;
        let invite = match room.policy()? {
            Some(policy) => self.client().sign(&policy.via, &invite).await?,
            None => invite,
        };
        let signed = self.signed_by_invited(room, sender, target.server_name(), &invite).await?;
        match RoomIntake::new(self, room, target.server_name()).take_in(signed).await? {
            Ok(()) => Ok(()),
            // Something changed meanwhile.
            Err(reason) => Err(RoomError::Forbidden(reason).into()),
        }
    }

    /// The invite with the signature of the invited user's server.
    async fn signed_by_invited(
        &self,
        room: &Room,
        sender: &UserId,
        server: &ServerName,
        invite: &Pdu,
    ) -> Result<Pdu, FederationError> {
        let (id, event_id) = (room.id().to_owned(), invite.event_id_owned().clone());
        let told = told(room, sender)?;
        let request = Invite::new(id.clone(), event_id.clone(), room.version().id(), raw(invite)?, told);
        let answer = match self.client().send_with(server, request, super::ANEW).await {
            Ok(answer) => answer.event,
            // Servers from before v2 know no room versions after the second.
            Err(FederationError::Refused { status, .. })
                if OLDER.contains(&status) && room.version() <= RoomVersion::V2 =>
            {
                self.invite_v1(server, id, event_id, invite).await?
            }
            Err(error) => return Err(error.of_our_event()),
        };
        let signed = signed_again(invite, &answer)?;
        let verified = self.verified(server, room.version(), vec![signed]).await.pop();
        verified.ok_or_else(|| FederationError::Invalid("the invite came back without signatures".to_owned()))
    }

    async fn invite_v1(
        &self,
        server: &ServerName,
        room: OwnedRoomId,
        event: OwnedEventId,
        invite: &Pdu,
    ) -> Result<Box<RawValue>, FederationError> {
        let request = invite_v1::Request { room_id: room, event_id: event, event: raw(invite)? };
        let (_, signed) = self.ask_for_user(server, request, super::ANEW).await?.answer;
        Ok(signed.event)
    }
}

/// With what a server answers that may not know the second version of the endpoint.
const OLDER: [StatusCode; 3] =
    [StatusCode::BAD_REQUEST, StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED];

/// What an invited user is told of the room ("Stripped state"), as whole events.
fn told(room: &Room, sender: &UserId) -> Result<Vec<RawStrippedState>, FederationError> {
    let keys = STRIPPED.iter().map(|event_type| (*event_type, ""));
    let mut told = Vec::new();
    for (event_type, key) in keys.chain([("m.room.member", sender.as_str())]) {
        if let Some(event) = room.state_event(event_type, key)? {
            told.push(RawStrippedState::Pdu(raw(&event.pdu)?));
        }
    }
    Ok(told)
}
