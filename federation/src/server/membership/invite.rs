//! `PUT /_matrix/federation/v2/invite/{roomId}/{eventId}`

use axum::extract::State;
use hearth_http::{JsonText, MatrixError, Result, invites};
use hearth_rooms::OutOfRoom;
use hearth_spec::{Membership, Pdu, RoomVersion};
use hearth_storage::schema::rooms::Membership as Stored;
use ruma::{
    OwnedUserId, ServerName,
    api::federation::membership::{RawStrippedState, create_invite::v2::Request as Invite},
};

use crate::{
    Federation,
    endpoint::Request,
    server::{
        access,
        membership::{
            invite_state,
            submitted::{invalid, member_event, sent_from, signed, verified},
            template::incompatible,
        },
        pdus::Object,
    },
};

/// Takes in an invite of a user of this server, and signs it
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2inviteroomideventid)).
pub async fn invite(State(federation): State<Federation>, request: Request<Invite>) -> Result<JsonText> {
    let Invite { room_id, event_id, room_version, event, invite_room_state, .. } = request.body;
    let version = RoomVersion::of(&room_version).ok_or_else(|| incompatible(&room_version))?;
    let invite = member_event(version, &room_id, &event_id, &event, Membership::Invite)?;
    let signed = accept(&federation, &request.origin, invite, &invite_room_state).await?;
    Ok(Object::new().json("event", signed.text()).close())
}

/// Checks an invite, signs it and tells the invitee of it.
pub(super) async fn accept(
    federation: &Federation,
    origin: &ServerName,
    invite: Pdu,
    came: &[RawStrippedState],
) -> Result<Pdu> {
    sent_from(&invite, origin)?;
    if federation.rooms().bans().bans_user(invite.sender()) {
        return Err(MatrixError::forbidden("This server takes no invites of that user."));
    }
    let invitee = invitee(federation, &invite).await?;
    // A room that is here has the last word on who may be in it.
    let room = federation.rooms().find_room(invite.room_id())?;
    if room.is_some() {
        access::open_room(federation, origin, invite.room_id())?;
    }
    let version = invite.version();
    let invite = signed(federation, &verified(federation, invite).await?)?;
    let stripped_state = invite_state::received(federation, version, &invite, came).await?;
    invites::permitted(federation.users(), &invitee, invite.sender())?;
    // Whoever is in the room gets the invite from it.
    if !room.is_some_and(|room| room.is_here()) {
        let note = OutOfRoom {
            room_id: invite.room_id().to_owned(),
            version,
            event: invite.clone(),
            user: invitee,
            membership: Stored::Invite,
            stripped_state: Some(stripped_state),
        };
        federation.rooms().note_membership(note).await?;
    }
    Ok(invite)
}

/// The user of this server who is invited.
async fn invitee(federation: &Federation, invite: &Pdu) -> Result<OwnedUserId> {
    let invitee = invite.state_key().and_then(|user| OwnedUserId::try_from(user).ok());
    let invitee = invitee.filter(|user| federation.is_own(user.server_name()));
    let invitee = invitee.ok_or_else(|| invalid("The invited user is not of this server."))?;
    if !federation.users().accounts.exists(&invitee)? {
        federation.services().look_up_user(&invitee).await;
    }
    match federation.users().accounts.exists(&invitee)? {
        true => Ok(invitee),
        false => Err(MatrixError::not_found("There is no such user.")),
    }
}
