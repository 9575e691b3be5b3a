//! Offers and answers of a client's connection.

use std::collections::HashMap;

use super::{Sfu, media::Incoming, member::Unannounced};
use crate::{
    connection::{ConnectionError, Mid},
    forward::Target,
    messages::{MediaSectionsRequirement, SessionDescription, Told},
    room::{ParticipantId, TrackId},
    sdp::{self, Section, SectionKind},
};

/// The longest offer, in bytes: that of 512 sections.
pub(super) const MAX_OFFER: usize = 2 << 20;

/// The longest name of a section.
const MAX_MID: usize = 16;

impl Sfu {
    /// Answers an offer: what the client sends is published, and the tracks that wait get the sections that are free.
    pub(super) fn negotiate(&mut self, who: ParticipantId, offer: &SessionDescription) {
        let most = self.options.limits.sections;
        let sections = sdp::sections(&offer.sdp);
        let fits = offer.sdp.len() <= MAX_OFFER
            && sections.len() <= most
            && sections.iter().all(|section| section.mid.len() <= MAX_MID);
        if !fits {
            let too_large = || Err(ConnectionError::Description("it is too large".to_owned()));
            self.on_connection::<()>(who, |_| too_large());
            return;
        }
        self.unpublish_ended(who, &sections);
        let Some(member) = self.members.get_mut(&who) else { return };
        member.asked = false;
        let plan = member.sections.offered(&sections, most);
        let narrowed = sdp::narrowed(&offer.sdp, &plan.inactive);
        let Some(answer) = self.on_connection(who, |connection| connection.accept_offer(&narrowed)) else {
            return;
        };
        let answer = sdp::with_preferred(&answer, &offer.sdp);
        self.note_sent(who, &sections, &answer);
        let Some(member) = self.members.get_mut(&who) else { return };
        self.by_ufrag.insert(member.connection.ufrag().to_owned(), who);

        let room = self.rooms.get(&member.room);
        let names: HashMap<String, (String, String)> = plan
            .tracks
            .iter()
            .filter_map(|(mid, track)| {
                let publisher = room?.participant(track.publisher)?;
                Some((mid.clone(), (publisher.sid().to_owned(), publisher.track(*track)?.info.sid.clone())))
            })
            .collect();
        let streams = names.iter().map(|(mid, (participant, track))| {
            (mid.clone(), (format!("{participant}|{track}"), track.clone()))
        });
        let sdp = sdp::with_tracks(&answer, &streams.collect());
        let mut mid_to_track_id: HashMap<String, String> =
            names.into_iter().map(|(mid, (_, track))| (mid, track)).collect();
        let own = room.and_then(|room| room.participant(who));
        mid_to_track_id.extend(
            member
                .published
                .iter()
                .filter_map(|(mid, track)| Some((mid.to_string(), own?.track(*track)?.info.sid.clone()))),
        );
        let answer = SessionDescription { r#type: "answer".to_owned(), sdp, id: offer.id, mid_to_track_id };
        member.tell(Told::Answer(answer));
        for (mid, track) in plan.tracks {
            self.carry(who, track, Mid::from(mid.as_str()));
        }
        self.publish_announced(who);
        self.unsettled.insert(who);
    }

    /// Tracks whose section the client sends in no more.
    fn unpublish_ended(&mut self, who: ParticipantId, sections: &[Section]) {
        let Some(member) = self.members.get_mut(&who) else { return };
        let sends =
            |mid: &Mid| sections.iter().any(|section| section.sends && section.mid.as_str() == &**mid);
        let ended: Vec<(Mid, TrackId)> = member
            .published
            .iter()
            .filter(|(mid, _)| !sends(mid))
            .map(|(mid, track)| (*mid, *track))
            .collect();
        for (mid, track) in ended {
            if let Some(member) = self.members.get_mut(&who) {
                member.published.remove(&mid);
            }
            self.tracks.remove(&track);
            self.in_room(who, |room| room.unpublish(track));
        }
    }

    /// Notes the sections in which the client sends something new.
    fn note_sent(&mut self, who: ParticipantId, sections: &[Section], answer: &str) {
        let Some(member) = self.members.get_mut(&who) else { return };
        member.unannounced.clear();
        for section in sections.iter().filter(|section| section.sends) {
            let kind = match section.kind {
                SectionKind::Audio => "audio",
                SectionKind::Video => "video",
                SectionKind::Application => continue,
            };
            if member.published.contains_key(&Mid::from(section.mid.as_str())) {
                continue;
            }
            let codec = sdp::first_codec(answer, &section.mid).unwrap_or_default();
            member.unannounced.push(Unannounced {
                mid: section.mid.clone(),
                kind: section.kind,
                client_id: section.track.clone(),
                mime: format!("{kind}/{codec}"),
            });
        }
    }

    /// Publishes what the client both sends and announced: either may come first.
    pub(super) fn publish_announced(&mut self, who: ParticipantId) {
        let Some(member) = self.members.get_mut(&who) else { return };
        for section in std::mem::take(&mut member.unannounced) {
            let Some(member) = self.members.get_mut(&who) else { return };
            let participant = self.rooms.get(&member.room).and_then(|room| room.participant(who));
            let track = participant.and_then(|participant| {
                participant.track_of_section(section.client_id.as_deref(), section.kind)
            });
            let Some(track) = track else {
                member.unannounced.push(section);
                continue;
            };
            member.published.insert(Mid::from(section.mid.as_str()), track);
            self.tracks.insert(track, Incoming::new(Mid::from(section.mid.as_str())));
            self.in_room(who, |room| room.publish(track, &section.mid, section.mime));
        }
    }

    /// From now on a track goes to a participant in a section.
    fn carry(&mut self, who: ParticipantId, track: TrackId, mid: Mid) {
        let Some(member) = self.members.get_mut(&who) else { return };
        if member.carried.insert(track, mid).is_some() {
            return;
        }
        member.streams.entry(mid).or_default().restart();
        if let Some(incoming) = self.tracks.get_mut(&track) {
            incoming.receivers.push(who);
        }
        self.aim(who, track);
    }

    /// A track goes to a participant no more.
    pub(super) fn stop(&mut self, who: ParticipantId, track: TrackId) {
        let Some(member) = self.members.get_mut(&who) else { return };
        member.sections.remove(track);
        member.shows.remove(&track);
        if let Some(stream) = member.carried.remove(&track).and_then(|mid| member.streams.get_mut(&mid)) {
            stream.aim(Target::Nothing);
        }
        if let Some(incoming) = self.tracks.get_mut(&track) {
            incoming.receivers.retain(|receiver| *receiver != who);
        }
        self.unsettled.insert(who);
    }

    /// Asks a client to offer anew, with more sections where they are needed.
    pub(super) fn ask_for_sections(&mut self, who: ParticipantId) {
        let most = self.options.limits.sections;
        let Some(member) = self.members.get_mut(&who) else { return };
        if member.asked {
            return;
        }
        if let Some(lacking) = member.sections.lacking(most) {
            member.asked = true;
            let required =
                MediaSectionsRequirement { num_audios: lacking.audios, num_videos: lacking.videos };
            member.tell(Told::MediaSectionsRequirement(required));
        }
    }
}
