//! A participant.

use std::collections::{BTreeMap, HashMap};

use super::{Refusal, Track, TrackId, quality::Wish, speakers::Speech, state};
use crate::{
    limits::Limits,
    messages::{
        AddTrackRequest, ClientInfo, ConnectionSettings, DisconnectReason, ParticipantInfo,
        ParticipantPermission, ParticipantState, SpeakerInfo,
    },
    token::{Grants, Token},
};

/// Numbers participants, of all rooms. One who comes again has another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParticipantId(pub u64);

/// Who comes in.
pub struct Newcomer {
    pub id: ParticipantId,
    /// The id that clients know, which begins with `PA_`.
    pub sid: String,
    pub token: Token,
    pub client: ClientInfo,
    pub settings: ConnectionSettings,
    /// What the client says of its user, over what the token does.
    pub metadata: String,
    pub attributes: HashMap<String, String>,
}

/// Somebody in a room.
pub struct Participant {
    pub(super) id: ParticipantId,
    sid: String,
    identity: String,
    name: String,
    metadata: String,
    attributes: HashMap<String, String>,
    grants: Grants,
    client: ClientInfo,
    auto_subscribe: bool,
    active: bool,
    joined_ms: u64,
    pub(super) version: u32,
    tracks: Vec<Track>,
    /// The number of the next track.
    next_track: u32,
    subscriptions: BTreeMap<TrackId, Wish>,
    pub(super) speech: Speech,
}

impl Newcomer {
    pub(super) fn check(&self, limits: &Limits) -> Result<(), Refusal> {
        let told = self.token.identity.len() + self.token.name.len() + self.token.metadata.len();
        let told = told + self.metadata.len() + bytes(&self.attributes);
        if told > limits.told_bytes { Err(Refusal::TooLong) } else { Ok(()) }
    }
}

fn bytes(attributes: &HashMap<String, String>) -> usize {
    attributes.iter().map(|(key, value)| key.len() + value.len()).sum()
}

impl Participant {
    pub(super) fn new(newcomer: Newcomer, now_ms: u64) -> Self {
        let Newcomer { id, sid, token, client, settings, metadata, attributes } = newcomer;
        Self {
            id,
            sid,
            identity: token.identity,
            name: token.name,
            metadata: if metadata.is_empty() { token.metadata } else { metadata },
            attributes,
            grants: token.grants,
            client,
            auto_subscribe: settings.auto_subscribe,
            active: false,
            joined_ms: now_ms,
            version: 1,
            tracks: Vec::new(),
            next_track: 0,
            subscriptions: BTreeMap::new(),
            speech: Speech::default(),
        }
    }

    pub fn id(&self) -> ParticipantId {
        self.id
    }

    pub fn sid(&self) -> &str {
        &self.sid
    }

    pub fn identity(&self) -> &str {
        &self.identity
    }

    pub fn grants(&self) -> Grants {
        self.grants
    }

    /// All that it announced, published or not.
    pub fn tracks(&self) -> impl Iterator<Item = &Track> {
        self.tracks.iter()
    }

    pub fn track(&self, id: TrackId) -> Option<&Track> {
        self.tracks.iter().find(|track| track.id == id)
    }

    pub(super) fn track_mut(&mut self, id: TrackId) -> Option<&mut Track> {
        self.tracks.iter_mut().find(|track| track.id == id)
    }

    pub(super) fn track_by_sid(&mut self, sid: &str) -> Option<&mut Track> {
        self.tracks.iter_mut().find(|track| track.info.sid == sid)
    }

    pub(super) fn drop_track(&mut self, id: TrackId) {
        self.tracks.retain(|track| track.id != id);
    }

    /// Notes a track that the client announces.
    pub(super) fn announce(
        &mut self,
        request: &AddTrackRequest,
        sid: String,
        limits: &Limits,
    ) -> Option<&Track> {
        let length = request.cid.len() + request.name.len() + request.stream.len();
        if self.tracks.len() >= limits.tracks || length > 1024 || request.layers.len() > 8 {
            return None;
        }
        let id = TrackId { publisher: self.id, number: self.next_track };
        self.next_track += 1;
        self.tracks.push(Track::new(id, sid, request));
        self.tracks.last()
    }

    /// The announced track which a section of the client's offer sends: that with this id of the client, or the only
    /// one of the kind that is not sent yet (some browsers give it another id there).
    pub fn track_of_section(
        &self,
        client_id: Option<&str>,
        kind: crate::sdp::SectionKind,
    ) -> Option<TrackId> {
        let named = self.tracks.iter().find(|track| client_id.is_some_and(|id| track.is_known_as(id)));
        let mut unsent = self.tracks.iter().filter(|track| !track.is_published() && track.kind() == kind);
        let only = || unsent.next().filter(|_| unsent.next().is_none());
        Some(named.or_else(only)?.id)
    }

    /// Whether it receives all that it may without asking.
    pub(super) fn subscribes_by_itself(&self) -> bool {
        self.auto_subscribe && self.grants.subscribe
    }

    /// Whether that is new, and allowed.
    pub(super) fn subscribe(&mut self, track: TrackId) -> bool {
        let allowed = self.grants.subscribe && !self.subscriptions.contains_key(&track);
        if allowed {
            self.subscriptions.insert(track, Wish::default());
        }
        allowed
    }

    pub(super) fn unsubscribe(&mut self, track: TrackId) -> bool {
        self.subscriptions.remove(&track).is_some()
    }

    /// The tracks it receives.
    pub fn subscriptions(&self) -> impl Iterator<Item = TrackId> {
        self.subscriptions.keys().copied()
    }

    /// How it shows a track that it receives.
    pub(super) fn wish(&self, track: TrackId) -> Option<Wish> {
        self.subscriptions.get(&track).copied()
    }

    pub(super) fn set_wish(&mut self, track: TrackId, wish: Wish) -> bool {
        self.subscriptions.get_mut(&track).is_some_and(|former| std::mem::replace(former, wish) != wish)
    }

    pub(super) fn become_active(&mut self) -> bool {
        let news = !self.active;
        if news {
            self.active = true;
            self.version += 1;
        }
        news
    }

    /// Changes what is told of it.
    pub(super) fn describe(
        &mut self,
        name: String,
        metadata: String,
        attributes: HashMap<String, String>,
        limits: &Limits,
    ) -> bool {
        let mut merged = self.attributes.clone();
        for (key, value) in attributes {
            if value.is_empty() {
                merged.remove(&key);
            } else {
                merged.insert(key, value);
            }
        }
        let kept = |new: String, old: &str| if new.is_empty() { old.to_owned() } else { new };
        let (name, metadata) = (kept(name, &self.name), kept(metadata, &self.metadata));
        let fits = name.len() + metadata.len() + bytes(&merged) <= limits.told_bytes;
        if fits {
            (self.name, self.metadata, self.attributes) = (name, metadata, merged);
        }
        fits
    }

    pub(super) fn speech_changed(&mut self, now_ms: u64) -> Option<SpeakerInfo> {
        let (level, active) = self.speech.changed(now_ms)?;
        Some(SpeakerInfo { sid: self.sid.clone(), level, active })
    }

    /// What others are told of it.
    pub fn info(&self) -> ParticipantInfo {
        let published = self.tracks.iter().filter(|track| track.is_published());
        let tracks: Vec<_> = published.map(|track| track.info.clone()).collect();
        ParticipantInfo {
            sid: self.sid.clone(),
            identity: self.identity.clone(),
            state: state(self.active),
            is_publisher: !tracks.is_empty(),
            tracks,
            metadata: self.metadata.clone(),
            joined_at: (self.joined_ms / 1000).cast_signed(),
            joined_at_ms: self.joined_ms.cast_signed(),
            name: self.name.clone(),
            version: self.version,
            permission: Some(ParticipantPermission {
                can_subscribe: self.grants.subscribe,
                can_publish: self.grants.publish,
                can_publish_data: self.grants.publish_data,
                can_update_metadata: self.grants.update_own_metadata,
            }),
            attributes: self.attributes.clone(),
            disconnect_reason: DisconnectReason::UnknownReason,
            client_protocol: self.client.client_protocol,
            capabilities: self.client.capabilities.clone(),
        }
    }

    /// What others are told when it is gone.
    pub(super) fn gone(&mut self, reason: DisconnectReason) -> ParticipantInfo {
        self.version += 1;
        ParticipantInfo {
            state: ParticipantState::Disconnected,
            disconnect_reason: reason,
            tracks: Vec::new(),
            ..self.info()
        }
    }
}
