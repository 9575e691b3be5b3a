//! What clients say over their signalling connections.

use std::time::Instant;

use super::Sfu;
use crate::{
    ids::new_id,
    messages::{DisconnectReason, Pong, Said, Told},
    room::{Effect, ParticipantId, Room},
};

impl Sfu {
    /// Takes what was said on a signalling connection.
    pub fn say(&mut self, number: u64, said: Said, now: Instant) {
        self.now = now;
        let Some(who) = self.by_signals.get(&number).copied() else { return };
        if let Some(member) = self.members.get_mut(&who) {
            member.heard_at = now;
        }
        self.hear(who, said);
        self.settle();
    }

    /// A signalling connection is no more. Its participant may come again by another.
    pub fn silent(&mut self, number: u64, now: Instant) {
        let Some(who) = self.by_signals.remove(&number) else { return };
        if let Some(member) = self.members.get_mut(&who)
            && member.signals.as_ref().is_none_or(|(current, _)| *current == number)
        {
            (member.signals, member.silent_since) = (None, Some(now));
        }
    }

    pub(super) fn hear(&mut self, who: ParticipantId, said: Said) {
        let now_ms = self.outside.now_ms().cast_signed();
        match said {
            Said::Offer(offer) => self.negotiate(who, &offer),
            // This side makes no offers, and a server without a NAT has no use for candidates.
            Said::Answer(_) | Said::Trickle(_) => {}
            Said::AddTrack(request) => {
                let sid = new_id("TR_", &*self.outside);
                self.in_room(who, |room| room.add_track(who, &request, sid));
                self.publish_announced(who);
            }
            Said::Mute(request) => self.in_room(who, |room| room.mute(who, &request)),
            Said::Subscription(request) => self.in_room(who, |room| room.update_subscription(who, &request)),
            Said::TrackSetting(settings) => self.in_room(who, |room| room.update_settings(who, &settings)),
            Said::SyncState(state) => self.in_room(who, |room| room.sync(who, &state)),
            Said::UpdateMetadata(request) => self.in_room(who, |room| room.update_metadata(who, request)),
            Said::Leave(_) => {
                self.in_room(who, |room| room.remove(who, DisconnectReason::ClientInitiated, false));
            }
            Said::Ping(_) => self.tell(who, Told::Pong(now_ms)),
            Said::PingReq(ping) => {
                let pong = Pong { last_ping_timestamp: ping.timestamp, timestamp: now_ms };
                self.tell(who, Told::PongResp(pong));
            }
        }
    }

    pub(super) fn tell(&mut self, who: ParticipantId, told: Told) {
        if let Some(member) = self.members.get_mut(&who) {
            member.tell(told);
        }
    }

    /// Does something in a participant's room, and what follows from it.
    pub(super) fn in_room(&mut self, who: ParticipantId, act: impl FnOnce(&mut Room) -> Vec<Effect>) {
        let Some(member) = self.members.get(&who) else { return };
        let Some(room) = self.rooms.get_mut(&member.room) else { return };
        let effects = act(room);
        self.apply(effects);
    }
}
