//! What happens as time passes.

use std::time::{Duration, Instant};

use super::Sfu;
use crate::{messages::DisconnectReason, room::ParticipantId};

/// How often speakers and layers are looked at.
const TICK: Duration = Duration::from_millis(200);

/// How long somebody is in the call of whom nothing comes: no signal, no media, no answer.
const GONE: Duration = Duration::from_secs(15);

/// How long somebody may be without a signalling connection, though media comes.
const SILENT: Duration = Duration::from_secs(60);

impl Sfu {
    /// When [`Sfu::advance`] is to be called next.
    pub fn due(&self) -> Option<Instant> {
        if self.members.is_empty() {
            return None;
        }
        let tick = self.ticked + TICK;
        Some(self.due.first().map_or(tick, |(at, _)| tick.min(*at)))
    }

    /// Time passes.
    pub fn advance(&mut self, now: Instant) {
        self.now = now;
        while let Some((at, who)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            self.due.remove(&(at, who));
            if let Some(member) = self.members.get_mut(&who) {
                member.due = None;
                self.touched.insert(who);
            }
        }
        if now.duration_since(self.ticked) >= TICK {
            self.ticked = now;
            self.tick(now);
        }
        self.settle();
    }

    fn tick(&mut self, now: Instant) {
        let now_ms = self.outside.now_ms();
        let effects: Vec<_> = self.rooms.values_mut().flat_map(|room| room.listen(now_ms)).collect();
        self.apply(effects);
        self.look_at_layers();
        let gone: Vec<ParticipantId> = self
            .members
            .iter()
            .filter(|(_, member)| {
                let unheard = now.duration_since(member.heard_at) >= GONE;
                unheard || member.silent_since.is_some_and(|since| now.duration_since(since) >= SILENT)
            })
            .map(|(who, _)| *who)
            .collect();
        for who in gone {
            self.in_room(who, |room| room.remove(who, DisconnectReason::ConnectionTimeout, true));
        }
        metrics::gauge!("hearth_calls_participants").set(self.members.len() as f64);
    }
}
