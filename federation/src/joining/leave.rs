//! Leaving a room that is not here: turning an invite down, taking a knock back.

use std::{sync::Arc, time::Duration};

use hearth_rooms::{OutOfRoom, RoomError};
use hearth_spec::{Pdu, RoomVersion};
use hearth_storage::schema::rooms::Membership;
use parking_lot::Mutex;
use ruma::{
    OwnedEventId, OwnedRoomId, OwnedServerName, OwnedUserId, RoomId, ServerName, UserId,
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

/// How long a user waits for a server to take note: clients give up after 30 seconds.
const PATIENCE: Duration = Duration::from_secs(10);

impl Federation {
    /// Leaves a room that is not here. The user is rid of it even where no server takes note; one that is slow is told
    /// in the background.
    ///
    /// # Errors
    /// [`RoomError::UnknownRoom`] if the user has nothing to do with the room, or storage's.
    pub async fn leave(
        &self,
        user: &UserId,
        room_id: &RoomId,
        content: Map<String, Value>,
    ) -> Result<(), FederationError> {
        self.leave_within(PATIENCE, user, room_id, content).await
    }

    pub(super) async fn leave_within(
        &self,
        patience: Duration,
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
        let leaving = Leaving {
            federation: self.clone(),
            user: user.to_owned(),
            room: room_id.to_owned(),
            content,
            version,
            known: Arc::new(Mutex::new(vec![known.id().to_owned()])),
        };
        let by_servers = leaving.clone();
        let by_servers =
            tokio::spawn(async move { first_of(&servers, |server| by_servers.leave_by(server)).await });
        let event = match tokio::time::timeout(patience, by_servers).await {
            Ok(Ok(Ok(event))) => event,
            unheard => {
                tracing::info!(room = %room_id, ?unheard, "no server took note yet that a user left");
                leaving.member().after(self, &known.pdu)?
            }
        };
        leaving.known.lock().push(event.event_id_owned().clone());
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
}

/// A user's leave on its way through other servers, which may outlive the request.
#[derive(Clone)]
struct Leaving {
    federation: Federation,
    user: OwnedUserId,
    room: OwnedRoomId,
    content: Map<String, Value>,
    version: RoomVersion,
    /// What is known here of the user and the room: the event that is turned down, and the leave. If it is another one,
    /// the user was invited anew, or is in the room.
    known: Arc<Mutex<Vec<OwnedEventId>>>,
}

impl Leaving {
    fn member(&self) -> Member<'_> {
        Member { room: &self.room, user: &self.user, membership: "leave", content: &self.content }
    }

    async fn leave_by(&self, server: &ServerName) -> Result<Pdu, FederationError> {
        let make = MakeLeave::new(self.room.clone(), self.user.clone());
        let made = self.federation.ask_for_user(server, make, super::ANEW).await?;
        if supported(made.room_version)? != self.version {
            return Err(FederationError::Invalid("the room is of another version".to_owned()));
        }
        if !self.is_wanted()? {
            return Err(FederationError::Invalid("the user does not leave any more".to_owned()));
        }
        let event = self.member().at(&self.federation, self.version, made.event.get())?;
        let send = SendLeave::new(self.room.clone(), event.event_id_owned().clone(), raw(&event)?);
        self.federation.ask_for_user(server, send, super::ANEW).await?;
        Ok(event)
    }

    /// Whether the user is still to leave, after it took a while.
    fn is_wanted(&self) -> Result<bool, FederationError> {
        let now = self.federation.rooms().out_of_room(&self.user, &self.room)?;
        Ok(now.is_some_and(|(_, event, _)| self.known.lock().iter().any(|known| known == event.id())))
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
