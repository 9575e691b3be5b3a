//! History from other servers ("Backfilling and retrieving missing events").

use std::time::Duration;

use hearth_rooms::Room;
use hearth_spec::Pdu;
use hearth_storage::TimelineOrder;
use ruma::{OwnedEventId, UInt, api::federation::backfill::get_backfill::v1::Request as Backfill};

use crate::{
    Federation, FederationError, Limits,
    intake::{RoomIntake, order},
};

/// How many events are asked for at most.
const MOST: u64 = 100;
/// How many ends of what is here are asked for at once.
const ENDS: usize = 10;
/// For 100 events of the largest size.
const EVENTS: Limits = Limits { timeout: Duration::from_secs(30), body_bytes: 10 << 20, ..Limits::USUAL };

/// What became of a gap in a room's history.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Backfilled {
    /// Something new came.
    Some,
    /// Nothing is missing there, or no server that was asked has it.
    Nothing,
    /// A server that may have it did not answer, or what it gave could not be verified now: to be tried again.
    NotNow,
}

impl Federation {
    /// Fetches history of a room that is missing right before a place of its timeline, from a server that is in the
    /// room.
    pub async fn backfill(
        &self,
        room: &Room,
        gap: TimelineOrder,
        limit: u64,
    ) -> Result<Backfilled, FederationError> {
        if room.missing_before(gap)?.is_empty() {
            return Ok(Backfilled::Nothing);
        }
        let _turn = self.under_way().backfills.acquire(room.nid()).await?;
        let missing: Vec<OwnedEventId> = room.missing_before(gap)?.into_iter().take(ENDS).collect();
        if missing.is_empty() {
            // Another was faster.
            return Ok(Backfilled::Some);
        }
        let servers = self.servers_to_ask(room)?;
        let Some(first) = servers.first() else { return Ok(Backfilled::Nothing) };
        let mut intake = RoomIntake::new(self, room, first);
        let mut outcome = Backfilled::Nothing;
        for server in servers {
            let limit = UInt::new_saturating(limit.clamp(1, MOST));
            let request = Backfill::new(room.id().to_owned(), missing.clone(), limit);
            let answer = match self.client().send_with(&server, request, EVENTS).await {
                Ok(answer) => answer,
                Err(error) => {
                    tracing::debug!(%server, %error, "history was not given");
                    if !error.is_refusal() {
                        outcome = Backfilled::NotNow;
                    }
                    continue;
                }
            };
            let events = intake.parse(answer.pdus.into_iter().take(MOST as usize));
            let events = order::before(&missing, intake.not_here(events)?);
            if events.is_empty() {
                continue;
            }
            let events = order::sorted(intake.verified(events).await, Pdu::prev_events);
            // Without a good signature: whoever has the keys may not have answered.
            let Some(oldest) = events.first().cloned() else {
                outcome = Backfilled::NotNow;
                continue;
            };
            // Its state first from who gave it.
            intake.first = server;
            let state = match intake.unknown(oldest.prev_events(), &[])?.is_empty() {
                true => Some(Vec::new()),
                false => intake.fetch_state_before(&oldest).await?,
            };
            let Some(state) = state else {
                outcome = Backfilled::NotNow;
                continue;
            };
            if !room.take_in_history(events, &state).await?.is_empty() {
                return Ok(Backfilled::Some);
            }
        }
        Ok(outcome)
    }
}
