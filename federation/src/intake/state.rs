//! The state before an event, as another server tells it.

use std::{collections::BTreeSet, time::Duration};

use hearth_spec::Pdu;
use ruma::{
    OwnedEventId, ServerName,
    api::federation::event::{
        get_room_state::v1::Request as GetState, get_room_state_ids::v1::Request as GetStateIds,
    },
};

use crate::{
    BackOff, FederationError, Limits,
    intake::{fetch::SOME, room::RoomIntake},
};

/// So many missing events are fetched one by one, more all together.
const FEW: usize = 50;

/// For a whole state.
const WHOLE: Limits = Limits { timeout: Duration::from_secs(60), back_off: BackOff::Obeyed, ..Limits::ROOM };

impl RoomIntake<'_> {
    /// The ids of the events of the state before an event, all of which are here afterwards; `None` if no server
    /// gives it, or too much was asked for already.
    pub async fn fetch_state_before(
        &mut self,
        pdu: &Pdu,
    ) -> Result<Option<Vec<OwnedEventId>>, FederationError> {
        if !self.effort.another_state() {
            return Ok(None);
        }
        for server in self.servers()? {
            if let Some(state) = self.fetch_state_from(&server, pdu).await? {
                return Ok(Some(state));
            }
        }
        Ok(None)
    }

    async fn fetch_state_from(
        &self,
        server: &ServerName,
        pdu: &Pdu,
    ) -> Result<Option<Vec<OwnedEventId>>, FederationError> {
        let (event, room) = (pdu.event_id_owned().clone(), self.room.id().to_owned());
        let request = GetStateIds::new(event.clone(), room.clone());
        let limits = self.limits(server, SOME);
        let (state, chain) = match self.federation.client().send_with(server, request, limits).await {
            Ok(answer) => (answer.pdu_ids, answer.auth_chain_ids),
            Err(error) => {
                tracing::debug!(%server, %error, "the state before an event was not given");
                return Ok(None);
            }
        };
        let ids: Vec<OwnedEventId> = chain.iter().chain(&state).cloned().collect();
        let missing: BTreeSet<OwnedEventId> = self.room.absent(&ids)?.into_iter().collect();
        let fetched = if missing.len() > FEW {
            let (request, limits) = (GetState::new(event, room), self.limits(server, WHOLE));
            match self.federation.client().send_with(server, request, limits).await {
                Ok(answer) => {
                    let mut events = self.parse(answer.auth_chain.into_iter().chain(answer.pdus));
                    events.retain(|event| missing.contains(event.event_id()));
                    events
                }
                Err(_) => return Ok(None),
            }
        } else {
            // A state that lacks what only did not come in time is another state: the room would go another way here.
            match self.fetch_events(server, missing.into_iter().collect()).await {
                Ok(events) => events,
                Err(error) => {
                    tracing::debug!(%server, %error, "the state before an event came in part");
                    return Ok(None);
                }
            }
        };
        self.keep_outliers(fetched).await?;
        self.usable(state)
    }

    /// What is here of a state, unless it is not one of this room: then it has no create event of ours.
    fn usable(&self, mut state: Vec<OwnedEventId>) -> Result<Option<Vec<OwnedEventId>>, FederationError> {
        let absent: BTreeSet<OwnedEventId> = self.room.absent(&state)?.into_iter().collect();
        state.retain(|id| !absent.contains(id));
        let create = self.room.state_event("m.room.create", "")?;
        Ok(create.filter(|create| state.iter().any(|id| id == create.id())).map(|_| state))
    }
}
