//! What participants say, as far as it is no media.

use super::{
    Effect, ParticipantId, Room, TrackId,
    quality::{self, Wish},
};
use crate::messages::{
    AddTrackRequest, MuteTrackRequest, RequestResponse, SyncState, Told, TrackPublishedResponse,
    UpdateParticipantMetadata, UpdateSubscription, UpdateTrackSettings,
};

/// [`RequestResponse::reason`].
const NOT_ALLOWED: i32 = 2;
const LIMIT_EXCEEDED: i32 = 3;

impl Room {
    /// A client will publish a track, which gets the id `sid`. Another codec of one that is known is not taken: who
    /// cannot receive the first one gets none.
    pub fn add_track(&mut self, who: ParticipantId, request: &AddTrackRequest, sid: String) -> Vec<Effect> {
        let limits = self.limits;
        let Some(participant) = self.participants.get_mut(&who) else { return Vec::new() };
        if !participant.grants().publish || !request.sid.is_empty() {
            return Vec::new();
        }
        let Some(track) = participant.announce(request, sid, &limits) else { return Vec::new() };
        let told = TrackPublishedResponse { cid: request.cid.clone(), track: Some(track.info.clone()) };
        vec![Effect::Tell(who, Told::TrackPublished(told))]
    }

    /// A publisher mutes a track, or not.
    pub fn mute(&mut self, who: ParticipantId, request: &MuteTrackRequest) -> Vec<Effect> {
        let Some(participant) = self.participants.get_mut(&who) else { return Vec::new() };
        let Some(track) = participant.track_by_sid(&request.sid) else { return Vec::new() };
        if std::mem::replace(&mut track.info.muted, request.muted) == request.muted || !track.is_published() {
            return Vec::new();
        }
        self.changed(who)
    }

    /// Somebody wants tracks, or wants them no more.
    pub fn update_subscription(&mut self, who: ParticipantId, request: &UpdateSubscription) -> Vec<Effect> {
        let named = request.participant_tracks.iter().flat_map(|tracks| &tracks.track_sids);
        let named: Vec<TrackId> =
            request.track_sids.iter().chain(named).filter_map(|sid| self.by_sid(sid)).collect();
        let mut effects = Vec::new();
        for track in named {
            if request.subscribe {
                effects.extend(self.subscribe(who, track));
            } else if self.participants.get_mut(&who).is_some_and(|receiver| receiver.unsubscribe(track)) {
                effects.push(Effect::Unsubscribe { who, track });
            }
            effects.extend(self.tell_wanted(track));
        }
        effects
    }

    /// Somebody shows tracks in another way.
    pub fn update_settings(&mut self, who: ParticipantId, settings: &UpdateTrackSettings) -> Vec<Effect> {
        let wish = Wish::from(settings);
        let tracks: Vec<TrackId> = settings.track_sids.iter().filter_map(|sid| self.by_sid(sid)).collect();
        let mut effects = Vec::new();
        for track in tracks {
            if !self.participants.get_mut(&who).is_some_and(|receiver| receiver.set_wish(track, wish)) {
                continue;
            }
            if let Some((_, published)) = self.track(track) {
                let quality = quality::fitting(&published.info, wish);
                effects.push(Effect::Show { who, track, quality });
            }
            effects.extend(self.tell_wanted(track));
        }
        effects
    }

    /// A client that resumes says what it knows.
    pub fn sync(&mut self, who: ParticipantId, state: &SyncState) -> Vec<Effect> {
        state.subscription.as_ref().map(|wanted| self.update_subscription(who, wanted)).unwrap_or_default()
    }

    /// A client changes what is told of its user.
    pub fn update_metadata(&mut self, who: ParticipantId, request: UpdateParticipantMetadata) -> Vec<Effect> {
        let limits = self.limits;
        let Some(participant) = self.participants.get_mut(&who) else { return Vec::new() };
        let UpdateParticipantMetadata { metadata, name, attributes, request_id } = request;
        let answer = |reason, message: &str| {
            let answer = RequestResponse { request_id, reason, message: message.to_owned() };
            vec![Effect::Tell(who, Told::RequestResponse(answer))]
        };
        if !participant.grants().update_own_metadata {
            return answer(NOT_ALLOWED, "the token does not allow it");
        }
        if !participant.describe(name, metadata, attributes, &limits) {
            return answer(LIMIT_EXCEEDED, "name, metadata and attributes are too long");
        }
        self.changed(who)
    }
}
