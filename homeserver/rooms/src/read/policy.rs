//! Which policy server a room uses (server-server API, "Determining if a Policy Server is enabled in a room"), and who
//! asks it.

use std::sync::Arc;

use futures::future::BoxFuture;
use hearth_spec::{Pdu, RoomPolicy};
use hearth_storage::{StateId, schema};
use ruma::ServerName;

use crate::{
    RoomError,
    read::{
        reading::Reader,
        room::{Room, RoomInner},
        rooms::Rooms,
    },
};

/// Asks policy servers.
pub trait PolicyServers: Send + Sync {
    /// The event with the signature of that server.
    ///
    /// # Errors
    /// [`RoomError::Forbidden`] if it refuses, [`RoomError::NoPolicyServer`] if it does not answer.
    fn sign<'a>(&'a self, via: &'a ServerName, pdu: &'a Pdu) -> BoxFuture<'a, Result<Pdu, RoomError>>;
}

impl Rooms {
    /// Says who asks policy servers; only the first time counts. Before that none is asked.
    pub fn ask_policy_servers(&self, by: Arc<dyn PolicyServers>) {
        let _ = self.shared.policy_servers.set(by);
    }
}

impl Room {
    /// The room's policy server, if it uses one.
    pub fn policy(&self) -> Result<Option<RoomPolicy>, RoomError> {
        self.0.policy_in(&**self.shared(), self.head().state)
    }
}

impl RoomInner {
    /// The policy server that a set of state names, if a user of it is joined now.
    pub fn policy_in(&self, reader: &impl Reader, state: StateId) -> Result<Option<RoomPolicy>, RoomError> {
        // Asked for with every message: the pair is given a number, so that memory knows whether a set of state has it.
        let key = self.shared.state_keys.intern("m.room.policy", "")?;
        let Some(nid) = self.shared.trees.read(reader.view()).get(state, key)? else { return Ok(None) };
        let event = reader.referred(nid)?;
        let Some(policy) = RoomPolicy::of_content(event.pdu.content_str()) else { return Ok(None) };
        let is_in = reader.view().contains(&schema::ROOM_SERVERS, (self.nid, &policy.via))?;
        Ok(is_in.then_some(policy))
    }
}
