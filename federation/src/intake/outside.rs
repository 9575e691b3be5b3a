//! What comes for rooms in which nobody of this server is.

use hearth_rooms::OutOfRoom;
use hearth_spec::{Membership, Pdu};
use hearth_storage::schema::rooms::Membership as StoredMembership;
use ruma::{OwnedEventId, OwnedUserId, RoomId, ServerName};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{Federation, FederationError, intake::transaction::Outcome};

#[derive(Deserialize)]
struct MemberEvent {
    #[serde(rename = "type")]
    event_type: String,
    state_key: Option<OwnedUserId>,
}

impl Federation {
    /// Only one kind of event is of use: that an invite is taken back, or a knock turned down. Without the room
    /// nobody can tell who may do so: of an invite it is believed of who invited, of a knock of any.
    /// The rest is none of this server's business and is passed over.
    pub(crate) async fn take_in_outside(
        &self,
        origin: &ServerName,
        room_id: &RoomId,
        texts: Vec<Box<RawValue>>,
    ) -> Result<Vec<(OwnedEventId, Outcome)>, FederationError> {
        let mut outcomes = Vec::new();
        for text in texts {
            let Ok(member) = serde_json::from_str::<MemberEvent>(text.get()) else { continue };
            let Some(user) = member.state_key.filter(|user| self.is_own(user.server_name())) else {
                continue;
            };
            if member.event_type != "m.room.member" {
                continue;
            }
            let Some((version, known, row)) = self.rooms().out_of_room(&user, room_id)? else { continue };
            let membership = match row.membership {
                StoredMembership::Invite | StoredMembership::Knock => row.membership,
                _ => continue,
            };
            let Ok(pdu) = Pdu::parse(version, text.get()) else { continue };
            let id = pdu.event_id_owned().clone();
            if pdu.sender() == user || !matches!(pdu.membership(), Some(Membership::Leave | Membership::Ban))
            {
                continue;
            }
            let believed = membership == StoredMembership::Knock || pdu.sender() == known.pdu.sender();
            if !believed || pdu.sender().server_name() != origin {
                outcomes.push((id, Err("only who invited may take an invite back".to_owned())));
                continue;
            }
            let Some(pdu) = self.verified(origin, version, vec![pdu]).await.pop() else {
                outcomes.push((id, Err("the event is not signed by its sender's server".to_owned())));
                continue;
            };
            let membership = match pdu.membership() {
                Some(Membership::Ban) => StoredMembership::Ban,
                _ => StoredMembership::Leave,
            };
            let note = OutOfRoom {
                room_id: room_id.to_owned(),
                version,
                event: pdu,
                user,
                membership,
                stripped_state: None,
            };
            self.rooms().note_membership(note).await?;
            outcomes.push((id, Ok(())));
        }
        Ok(outcomes)
    }
}
