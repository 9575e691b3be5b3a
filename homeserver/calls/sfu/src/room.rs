//! Who is in a room, what they publish, and who receives what: rules without media, network or clock.
//!
//! What happens goes in, what follows comes out as [`Effect`]s: what participants are told, and what is to be done with
//! their media.

mod participant;
mod quality;
mod says;
mod speakers;
mod track;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

pub use self::{
    participant::{Newcomer, Participant, ParticipantId},
    quality::{Wish, fitting},
    track::{Track, TrackId},
};
use crate::{
    limits::Limits,
    messages::{
        self, DisconnectReason, LeaveAction, LeaveRequest, ParticipantInfo, ParticipantState,
        ParticipantUpdate, SpeakersChanged, Told, VideoQuality,
    },
    sdp::SectionKind,
};

/// What follows from what happened.
#[allow(clippy::large_enum_variant, reason = "most tell something, and none is kept")]
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    Tell(ParticipantId, Told),
    /// Somebody is to receive a track from now on.
    Subscribe {
        who: ParticipantId,
        track: TrackId,
        kind: SectionKind,
    },
    Unsubscribe {
        who: ParticipantId,
        track: TrackId,
    },
    /// The best quality in which somebody shows a track: `Off` if it is not shown.
    Show {
        who: ParticipantId,
        track: TrackId,
        quality: VideoQuality,
    },
    /// The connections of a participant are over.
    End(ParticipantId),
}

/// A call.
pub struct Room {
    sid: String,
    name: String,
    created_ms: u64,
    limits: Limits,
    participants: BTreeMap<ParticipantId, Participant>,
    by_identity: HashMap<String, ParticipantId>,
}

/// Why somebody cannot come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the room is full")]
    Full,
    #[error("what the client tells of its user is too long")]
    TooLong,
}

impl Room {
    pub fn new(sid: String, name: String, limits: Limits, now_ms: u64) -> Self {
        let (participants, by_identity) = (BTreeMap::new(), HashMap::new());
        Self { sid, name, created_ms: now_ms, limits, participants, by_identity }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn is_empty(&self) -> bool {
        self.participants.is_empty()
    }

    pub fn len(&self) -> usize {
        self.participants.len()
    }

    pub fn participant(&self, who: ParticipantId) -> Option<&Participant> {
        self.participants.get(&who)
    }

    /// Who is in the room by that name.
    pub fn by_identity(&self, identity: &str) -> Option<ParticipantId> {
        self.by_identity.get(identity).copied()
    }

    /// The track of that id, and whose it is.
    fn track(&self, id: TrackId) -> Option<(&Participant, &Track)> {
        let publisher = self.participants.get(&id.publisher)?;
        Some((publisher, publisher.track(id)?))
    }

    fn by_sid(&self, sid: &str) -> Option<TrackId> {
        let tracks = self.participants.values().flat_map(Participant::tracks);
        tracks.filter(|track| track.info.sid == sid).map(|track| track.id).next()
    }

    /// Lets somebody in. One who is here by the same identity leaves.
    pub fn join(&mut self, newcomer: Newcomer, now_ms: u64) -> Result<Vec<Effect>, Refusal> {
        newcomer.check(&self.limits)?;
        let mut effects = Vec::new();
        let former = self.by_identity(&newcomer.token.identity);
        if former.is_none() && self.participants.len() >= self.limits.participants {
            return Err(Refusal::Full);
        }
        if let Some(former) = former {
            effects.extend(self.remove(former, DisconnectReason::DuplicateIdentity, true));
        }
        let who = newcomer.id;
        let participant = Participant::new(newcomer, now_ms);
        self.by_identity.insert(participant.identity().to_owned(), who);
        let others = self.participants.values().map(Participant::info).collect();
        effects.extend(self.tell_others(who, participant.info()));
        let info = participant.info();
        let subscribes = participant.subscribes_by_itself();
        self.participants.insert(who, participant);
        effects.push(Effect::Tell(who, Told::Join(Box::new(self.join_response(info, others)))));
        if subscribes {
            effects.extend(self.subscribe_to_all(who));
        }
        Ok(effects)
    }

    fn join_response(&self, info: ParticipantInfo, others: Vec<ParticipantInfo>) -> messages::JoinResponse {
        let enabled = ["audio/opus", "video/VP8", "video/H264", "video/VP9", "video/AV1"];
        messages::JoinResponse {
            room: Some(self.told()),
            participant: Some(info),
            other_participants: others,
            server_version: SERVER_VERSION.to_owned(),
            ice_servers: Vec::new(),
            subscriber_primary: false,
            ping_interval: PING_INTERVAL_S,
            ping_timeout: PING_TIMEOUT_S,
            server_info: Some(server_info()),
            enabled_publish_codecs: enabled.map(|mime| messages::Codec { mime: mime.to_owned() }).to_vec(),
            fast_publish: true,
        }
    }

    /// The room, as clients are told of it.
    pub fn told(&self) -> messages::Room {
        messages::Room {
            sid: self.sid.clone(),
            name: self.name.clone(),
            creation_time: (self.created_ms / 1000).cast_signed(),
            num_participants: u32::try_from(self.participants.len()).unwrap_or(u32::MAX),
        }
    }

    /// Everybody but one, as a client that resumes is told of them.
    pub fn others(&self, who: ParticipantId) -> Vec<ParticipantInfo> {
        let others = self.participants.values().filter(|participant| participant.id() != who);
        others.map(Participant::info).collect()
    }

    /// Media can go to and from a participant.
    pub fn connected(&mut self, who: ParticipantId) -> Vec<Effect> {
        let Some(participant) = self.participants.get_mut(&who) else { return Vec::new() };
        if !participant.become_active() {
            return Vec::new();
        }
        let info = participant.info();
        self.tell_all(info)
    }

    /// Somebody goes, or is sent away (`told`).
    pub fn remove(&mut self, who: ParticipantId, reason: DisconnectReason, told: bool) -> Vec<Effect> {
        let mut effects = Vec::new();
        let Some(participant) = self.participants.get(&who) else { return effects };
        let tracks: Vec<TrackId> = participant.tracks().map(|track| track.id).collect();
        for track in tracks {
            effects.extend(self.nobody_receives(track));
        }
        let Some(mut participant) = self.participants.remove(&who) else { return effects };
        if self.by_identity.get(participant.identity()) == Some(&who) {
            self.by_identity.remove(participant.identity());
        }
        if told {
            let leave = LeaveRequest { reason, action: LeaveAction::Disconnect };
            effects.push(Effect::Tell(who, Told::Leave(leave)));
        }
        effects.push(Effect::End(who));
        let received: Vec<TrackId> = participant.subscriptions().collect();
        effects.extend(self.tell_others(who, participant.gone(reason)));
        for track in received {
            effects.extend(self.tell_wanted(track));
        }
        effects
    }

    fn tell_all(&self, info: ParticipantInfo) -> Vec<Effect> {
        let update = ParticipantUpdate { participants: vec![info] };
        self.participants.keys().map(|who| Effect::Tell(*who, Told::Update(update.clone()))).collect()
    }

    fn tell_others(&self, who: ParticipantId, info: ParticipantInfo) -> Vec<Effect> {
        let mut effects = self.tell_all(info);
        effects.retain(|effect| !matches!(effect, Effect::Tell(told, _) if *told == who));
        effects
    }

    /// Tells all what changed in a participant.
    fn changed(&mut self, who: ParticipantId) -> Vec<Effect> {
        let Some(participant) = self.participants.get_mut(&who) else { return Vec::new() };
        participant.version += 1;
        let info = participant.info();
        self.tell_all(info)
    }

    /// The client sends a track that it announced: in the section `mid`, by the codec `mime`.
    pub fn publish(&mut self, track: TrackId, mid: &str, mime: String) -> Vec<Effect> {
        let Some(participant) = self.participants.get_mut(&track.publisher) else { return Vec::new() };
        let Some(published) = participant.track_mut(track) else { return Vec::new() };
        if !published.publish(mid, mime) {
            return Vec::new();
        }
        let mut effects = self.changed(track.publisher);
        let receivers: Vec<ParticipantId> = self
            .participants
            .values()
            .filter(|participant| participant.id() != track.publisher && participant.subscribes_by_itself())
            .map(Participant::id)
            .collect();
        for who in receivers {
            effects.extend(self.subscribe(who, track));
        }
        effects.extend(self.tell_wanted(track));
        effects
    }

    /// The client sends a track no more.
    pub fn unpublish(&mut self, track: TrackId) -> Vec<Effect> {
        let mut effects = self.nobody_receives(track);
        let Some(participant) = self.participants.get_mut(&track.publisher) else { return effects };
        participant.drop_track(track);
        effects.extend(self.changed(track.publisher));
        effects
    }

    fn nobody_receives(&mut self, track: TrackId) -> Vec<Effect> {
        let receivers = self.participants.values_mut();
        let dropped = receivers.filter_map(|who| who.unsubscribe(track).then_some(who.id));
        dropped.map(|who| Effect::Unsubscribe { who, track }).collect()
    }

    fn subscribe_to_all(&mut self, who: ParticipantId) -> Vec<Effect> {
        let others = self.participants.values().filter(|other| other.id() != who);
        let tracks: Vec<TrackId> = others
            .flat_map(Participant::tracks)
            .filter(|track| track.is_published())
            .map(|track| track.id)
            .collect();
        let mut effects = Vec::new();
        for track in tracks {
            effects.extend(self.subscribe(who, track));
            effects.extend(self.tell_wanted(track));
        }
        effects
    }

    /// Lets somebody receive a track, if they may.
    fn subscribe(&mut self, who: ParticipantId, track: TrackId) -> Vec<Effect> {
        let Some(kind) =
            self.track(track).filter(|(_, track)| track.is_published()).map(|(_, track)| track.kind())
        else {
            return Vec::new();
        };
        let Some(receiver) = self.participants.get_mut(&who) else { return Vec::new() };
        if who == track.publisher || !receiver.subscribe(track) {
            return Vec::new();
        }
        let mut effects = vec![Effect::Subscribe { who, track, kind }];
        let publisher = self.participants.get_mut(&track.publisher);
        if let Some(first) = publisher.and_then(|publisher| publisher.track_mut(track)?.first_receiver()) {
            let told = messages::TrackSubscribed { track_sid: first };
            effects.push(Effect::Tell(track.publisher, Told::TrackSubscribed(told)));
        }
        effects
    }

    /// Tells the publisher which layers of a track are wanted, if that changed.
    fn tell_wanted(&mut self, track: TrackId) -> Vec<Effect> {
        let wishes: Vec<Wish> =
            self.participants.values().filter_map(|participant| participant.wish(track)).collect();
        let publisher = self.participants.get_mut(&track.publisher);
        let Some(published) = publisher.and_then(|publisher| publisher.track_mut(track)) else {
            return Vec::new();
        };
        let update = published.wanted(&wishes);
        update
            .map(|update| Effect::Tell(track.publisher, Told::SubscribedQualityUpdate(update)))
            .into_iter()
            .collect()
    }

    /// How loud a track was, in decibels below the loudest, when a packet of it was recorded, and came, each in milliseconds
    /// of any clock.
    pub fn heard(&mut self, track: TrackId, silence: u8, recorded_ms: u64, now_ms: u64) {
        if let Some(participant) = self.participants.get_mut(&track.publisher) {
            participant.speech.heard(silence, recorded_ms, now_ms);
        }
    }

    /// Tells who began or ended to speak. To be asked some times a second.
    pub fn listen(&mut self, now_ms: u64) -> Vec<Effect> {
        let speaking = self.participants.values_mut();
        let speakers: Vec<_> =
            speaking.filter_map(|participant| participant.speech_changed(now_ms)).collect();
        if speakers.is_empty() {
            return Vec::new();
        }
        let changed = SpeakersChanged { speakers };
        self.participants
            .keys()
            .map(|who| Effect::Tell(*who, Told::SpeakersChanged(changed.clone())))
            .collect()
    }

    /// Whom a data packet of a participant goes to: those it names, or all others.
    pub fn destinations(&self, from: ParticipantId, identities: &[String]) -> Vec<ParticipantId> {
        let Some(sender) = self.participants.get(&from) else { return Vec::new() };
        if !sender.grants().publish_data {
            return Vec::new();
        }
        if identities.is_empty() {
            return self.participants.keys().copied().filter(|who| *who != from).collect();
        }
        let named = identities.iter().take(self.limits.participants);
        let mut named: Vec<ParticipantId> = named.filter_map(|identity| self.by_identity(identity)).collect();
        named.retain(|who| *who != from);
        named.sort_unstable();
        named.dedup();
        named
    }
}

/// Clients use what they know of that version of LiveKit's server. (Of a later one they expect SVC for all layers.)
const SERVER_VERSION: &str = "1.13.5";

/// With a later one, clients do not open data channels themselves.
const PROTOCOL: i32 = 17;

/// How often clients ask whether the server is there, in seconds, and after how long they think that it is not.
pub const PING_INTERVAL_S: i32 = 5;
pub const PING_TIMEOUT_S: i32 = 15;

/// The server, as clients are told of it.
pub fn server_info() -> messages::ServerInfo {
    messages::ServerInfo {
        version: SERVER_VERSION.to_owned(),
        protocol: PROTOCOL,
        node_id: "hearth".to_owned(),
    }
}

/// How a participant stands, as it is told.
fn state(active: bool) -> ParticipantState {
    if active { ParticipantState::Active } else { ParticipantState::Joined }
}
