//! Events that follow others which are not here ("Retrieving missing events").

use std::time::Duration;

use hearth_spec::Pdu;
use ruma::{OwnedEventId, UInt, api::federation::event::get_missing_events::v1::Request as GetMissingEvents};

use crate::{
    FederationError,
    intake::{
        order,
        room::{Reception, RoomIntake},
        transaction::Outcome,
    },
};

/// How many events are asked for at once.
const AT_ONCE: u32 = 20;
/// How many rounds of that there are for one event.
const ROUNDS: usize = 5;
/// How long one waits for another who is filling a gap of the same room.
const PATIENCE: Duration = Duration::from_secs(20);

impl RoomIntake<'_> {
    /// Takes in an event whose signatures are good; what it follows and is not here is fetched first.
    pub async fn take_in(&mut self, pdu: Pdu) -> Result<Outcome, FederationError> {
        if let Reception::Decided(outcome) = self.receive(pdu.clone()).await? {
            return Ok(outcome);
        }
        // Whoever comes next finds what this one fetched. Who waits in vain goes on all the same: a slow server
        // must not hold up the room for others.
        let (federation, nid) = (self.federation, self.room.nid());
        let _turn = tokio::time::timeout(PATIENCE, federation.under_way().gaps.acquire(nid)).await;
        match tokio::time::timeout_at(self.effort.deadline, self.fill(pdu)).await {
            Ok(filled) => filled,
            Err(_) => Ok(Err("what the event follows could not be fetched in time".to_owned())),
        }
    }

    async fn fill(&mut self, pdu: Pdu) -> Result<Outcome, FederationError> {
        match self.receive(pdu.clone()).await? {
            Reception::Decided(outcome) => return Ok(outcome),
            Reception::Missing { prev_events, .. } if prev_events.is_empty() => {}
            Reception::Missing { .. } => {
                let earlier = self.missing_before(&pdu).await?;
                let set_aside = self.effort.set_aside_state();
                for earlier in earlier {
                    let id = earlier.event_id_owned().clone();
                    if let Err(reason) = self.settle(earlier).await? {
                        tracing::debug!(event = %id, reason, "a fetched event was not taken in");
                    }
                }
                self.effort.give_back_state(set_aside);
            }
        }
        self.settle(pdu).await
    }

    /// Takes in an event before which all was fetched that could be: with the state that another server tells
    /// where that was not enough.
    async fn settle(&mut self, pdu: Pdu) -> Result<Outcome, FederationError> {
        match self.receive(pdu.clone()).await? {
            Reception::Decided(outcome) => return Ok(outcome),
            Reception::Missing { prev_events, auth_events } => {
                if !auth_events.is_empty() && self.effort.another_auth_chain() {
                    self.fetch_auth_chain(&pdu).await?;
                }
                if prev_events.is_empty() {
                    return Ok(decided(self.receive(pdu).await?, "its auth events could not be fetched"));
                }
            }
        }
        let Some(state) = self.fetch_state_before(&pdu).await? else {
            return Ok(Err("neither what the event follows nor the state there could be fetched".to_owned()));
        };
        Ok(decided(self.receive_with_state(pdu, &state).await?, "its auth events could not be fetched"))
    }

    /// The events between an event and what is here, as far as they can be had, in their order and with good
    /// signatures.
    async fn missing_before(&mut self, pdu: &Pdu) -> Result<Vec<Pdu>, FederationError> {
        let earliest = self.extremities()?;
        let mut latest = vec![pdu.event_id_owned().clone()];
        let mut frontier = self.unknown(pdu.prev_events(), &[])?;
        let mut found: Vec<Pdu> = Vec::new();
        for _ in 0..ROUNDS {
            if frontier.is_empty() || !self.effort.another_round() {
                break;
            }
            let mut request =
                GetMissingEvents::new(self.room.id().to_owned(), earliest.clone(), latest.clone());
            request.limit = UInt::from(AT_ONCE);
            let Some(answer) = self.ask(request).await? else { break };
            let events = self.parse(answer.events.into_iter().take(AT_ONCE as usize));
            let events = self.verified(self.not_here(events)?).await;
            let events = order::before(&frontier, events);
            if events.is_empty() {
                break;
            }
            found.extend(events);
            frontier.clear();
            latest.clear();
            for event in &found {
                let missing = self.unknown(event.prev_events(), &found)?;
                if !missing.is_empty() && latest.len() < AT_ONCE as usize {
                    latest.push(event.event_id_owned().clone());
                    frontier.extend(missing);
                }
            }
        }
        Ok(order::sorted(found, Pdu::prev_events))
    }

    /// Those that are neither here nor in `found`.
    pub fn unknown(&self, ids: &[OwnedEventId], found: &[Pdu]) -> Result<Vec<OwnedEventId>, FederationError> {
        let mut unknown = Vec::new();
        for id in ids {
            if !self.room.is_known(id)? && !found.iter().any(|pdu| pdu.event_id() == id) {
                unknown.push(id.clone());
            }
        }
        Ok(unknown)
    }

    /// The events at the ends of what is here.
    fn extremities(&self) -> Result<Vec<OwnedEventId>, FederationError> {
        let events = self.federation.rooms().events(&self.room.head().extremities)?;
        Ok(events.into_iter().take(AT_ONCE as usize).map(|event| event.id().to_owned()).collect())
    }
}

fn decided(reception: Reception, otherwise: &str) -> Outcome {
    match reception {
        Reception::Decided(outcome) => outcome,
        Reception::Missing { .. } => Err(otherwise.to_owned()),
    }
}
