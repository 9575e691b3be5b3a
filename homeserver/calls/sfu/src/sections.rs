//! Which track comes to a participant in which media section of its connection.
//!
//! Sections are made by whoever offers, and are never taken away: one whose track ended is free for another. A browser
//! tells of a track only if its section was inactive in the negotiation before; so one that is left is answered
//! `inactive` once, and free from then on.

use std::collections::{HashMap, HashSet};

use crate::{
    connection::Mid,
    room::TrackId,
    sdp::{Section, SectionKind},
};

/// The sections in which a participant receives.
#[derive(Default)]
pub struct Sections {
    all: Vec<Receiving>,
    /// Tracks for which there is no section yet, the longest waiting first.
    waiting: Vec<(SectionKind, TrackId)>,
}

struct Receiving {
    mid: String,
    kind: SectionKind,
    carries: Carries,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Carries {
    Nothing,
    Track(TrackId),
    /// A track that ended, which the other side was not told yet.
    Former,
}

/// What an offer asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Sections that carry nothing.
    pub inactive: HashSet<String>,
    /// The track of each of the others.
    pub tracks: HashMap<String, TrackId>,
}

/// How many sections the next offer should add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lacking {
    pub audios: u32,
    pub videos: u32,
}

impl Sections {
    /// A track is to come.
    pub fn add(&mut self, kind: SectionKind, track: TrackId) {
        self.waiting.push((kind, track));
    }

    /// A track is to come no more. Tells in which section it did.
    pub fn remove(&mut self, track: TrackId) -> Option<Mid> {
        self.waiting.retain(|(_, waiting)| *waiting != track);
        let section = self.all.iter_mut().find(|section| section.carries == Carries::Track(track))?;
        section.carries = Carries::Former;
        Some(Mid::from(section.mid.as_str()))
    }

    /// Gives the sections of an offer to the tracks that wait.
    pub fn offered(&mut self, offered: &[Section], most: usize) -> Plan {
        let mut plan = Plan::default();
        let receiving =
            offered.iter().filter(|section| !section.sends && section.kind != SectionKind::Application);
        for section in receiving {
            let known = self.all.iter().position(|known| known.mid == section.mid);
            let place = known.unwrap_or_else(|| {
                let (mid, kind) = (section.mid.clone(), section.kind);
                self.all.push(Receiving { mid, kind, carries: Carries::Nothing });
                self.all.len() - 1
            });
            if place >= most {
                self.all.truncate(most);
                plan.inactive.insert(section.mid.clone());
                continue;
            }
            let carries = self.next_of(place);
            self.all[place].carries = carries;
            match carries {
                Carries::Track(track) if section.receives => {
                    plan.tracks.insert(section.mid.clone(), track);
                }
                _ => {
                    plan.inactive.insert(section.mid.clone());
                }
            }
        }
        plan
    }

    /// What a section carries after this negotiation.
    fn next_of(&mut self, place: usize) -> Carries {
        let section = &self.all[place];
        match section.carries {
            Carries::Track(track) => Carries::Track(track),
            Carries::Former => Carries::Nothing,
            Carries::Nothing => {
                let next = self.waiting.iter().position(|(kind, _)| *kind == section.kind);
                next.map_or(Carries::Nothing, |next| Carries::Track(self.waiting.remove(next).1))
            }
        }
    }

    /// What to ask the other side for, if something is to be negotiated.
    pub fn lacking(&self, most: usize) -> Option<Lacking> {
        let room = most.saturating_sub(self.all.len());
        let lacks = |kind| {
            let waiting = self.waiting.iter().filter(|(waiting, _)| *waiting == kind).count();
            let free = self
                .all
                .iter()
                .filter(|section| section.kind == kind && !matches!(section.carries, Carries::Track(_)));
            u32::try_from(waiting.saturating_sub(free.count()).min(room)).unwrap_or(u32::MAX)
        };
        let former = self.all.iter().any(|section| section.carries == Carries::Former);
        let lacking = Lacking { audios: lacks(SectionKind::Audio), videos: lacks(SectionKind::Video) };
        let free = |kind| {
            self.all.iter().any(|section| section.kind == kind && section.carries == Carries::Nothing)
                && self.waiting.iter().any(|(waiting, _)| *waiting == kind)
        };
        let asks = former
            || lacking.audios + lacking.videos > 0
            || free(SectionKind::Audio)
            || free(SectionKind::Video);
        asks.then_some(lacking)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::ParticipantId;

    fn track(number: u32) -> TrackId {
        TrackId { publisher: ParticipantId(1), number }
    }

    fn offer(kinds: &[SectionKind]) -> Vec<Section> {
        kinds
            .iter()
            .enumerate()
            .map(|(mid, kind)| Section {
                mid: mid.to_string(),
                kind: *kind,
                sends: false,
                receives: true,
                track: None,
            })
            .collect()
    }

    #[test]
    fn tracks_get_sections_of_their_kind_and_ask_for_more() {
        let mut sections = Sections::default();
        assert_eq!(sections.lacking(9), None);
        let offered = offer(&[SectionKind::Audio, SectionKind::Video]);
        let nothing = sections.offered(&offered, 9);
        assert_eq!(nothing.inactive.len(), 2);

        sections.add(SectionKind::Audio, track(1));
        // A free one is there: the client only has to offer anew.
        assert_eq!(sections.lacking(9), Some(Lacking { audios: 0, videos: 0 }));
        sections.add(SectionKind::Audio, track(2));
        assert_eq!(sections.lacking(9), Some(Lacking { audios: 1, videos: 0 }));
        let offered = offer(&[SectionKind::Audio, SectionKind::Video, SectionKind::Audio]);
        let plan = sections.offered(&offered, 9);
        assert_eq!(plan.tracks, HashMap::from([("0".to_owned(), track(1)), ("2".to_owned(), track(2))]));
        assert_eq!(plan.inactive, HashSet::from(["1".to_owned()]));
        assert_eq!(sections.lacking(9), None);
        // What is carried stays where it is.
        assert_eq!(sections.offered(&offered, 9), plan);
    }

    #[test]
    fn a_section_is_inactive_once_before_it_carries_another_track() {
        let mut sections = Sections::default();
        let offered = offer(&[SectionKind::Video]);
        sections.add(SectionKind::Video, track(1));
        assert_eq!(sections.offered(&offered, 9).tracks.len(), 1);
        sections.add(SectionKind::Video, track(2));
        assert_eq!(sections.remove(track(1)), Some(Mid::from("0")));
        assert_eq!(sections.lacking(9), Some(Lacking { audios: 0, videos: 0 }));
        assert_eq!(sections.offered(&offered, 9).inactive.len(), 1);
        assert_eq!(sections.lacking(9), Some(Lacking { audios: 0, videos: 0 }));
        assert_eq!(sections.offered(&offered, 9).tracks["0"], track(2));
        assert_eq!(sections.lacking(9), None);
    }

    #[test]
    fn no_more_sections_are_used_than_allowed() {
        let mut sections = Sections::default();
        for number in 0..5 {
            sections.add(SectionKind::Video, track(number));
        }
        assert_eq!(sections.lacking(3), Some(Lacking { audios: 0, videos: 3 }));
        let plan = sections.offered(&offer(&[SectionKind::Video; 5]), 3);
        assert_eq!((plan.tracks.len(), plan.inactive.len()), (3, 2));
        assert_eq!(sections.lacking(3), None);
    }
}
