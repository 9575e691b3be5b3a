//! What is read of clients' offers, and what is changed in offers and answers, as text.
//!
//! A client offers media sections in which it would receive. Which track comes in one of them is said by the `msid` of
//! the answer; one that carries none is answered `inactive`, and a browser tells of a track only when a section was
//! inactive before.

use std::collections::{HashMap, HashSet};

/// What a media section is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SectionKind {
    Audio,
    Video,
    /// Data channels.
    Application,
}

/// A media section of an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    pub mid: String,
    pub kind: SectionKind,
    /// Whether the client would send in it.
    pub sends: bool,
    /// Whether it would receive.
    pub receives: bool,
    /// The client's id of the track that it would send.
    pub track: Option<String>,
}

/// The media sections of an offer, in their order. Those of an unknown kind are left out, and are refused.
pub fn sections(offer: &str) -> Vec<Section> {
    split(offer).1.into_iter().filter_map(read).collect()
}

/// The offer as if the client would only send in the sections in which it sends, and only receive in others, but for
/// those in `inactive`.
pub fn narrowed(offer: &str, inactive: &HashSet<String>) -> String {
    edited(offer, |section, lines| {
        let direction = if inactive.contains(&section.mid) {
            "a=inactive"
        } else if section.sends {
            "a=sendonly"
        } else {
            return;
        };
        for line in lines.iter_mut().filter(|line| is_direction(line)) {
            *line = direction.to_owned();
        }
    })
}

/// The answer with the tracks (stream and track id) that come in its sections.
pub fn with_tracks(answer: &str, tracks: &HashMap<String, (String, String)>) -> String {
    edited(answer, |section, lines| {
        let Some((stream, track)) = tracks.get(&section.mid) else { return };
        for line in lines {
            if line.starts_with("a=msid:") {
                *line = format!("a=msid:{stream} {track}");
            } else if let Some((source, _)) = line.split_once(" msid:") {
                *line = format!("{source} msid:{stream} {track}");
            }
        }
    })
}

/// The answer with the codec first in each section that the offer has first: it is what the client then sends.
pub fn with_preferred(answer: &str, offer: &str) -> String {
    edited(answer, |section, lines| {
        let Some(codec) = first_codec(offer, &section.mid) else { return };
        let of_codec: Vec<String> = lines.iter().filter_map(|line| payload_of(line, &codec)).collect();
        let mut parts = lines[0].split(' ').map(str::to_owned);
        let head: Vec<String> = parts.by_ref().take(3).collect();
        let (mut first, others): (Vec<String>, Vec<String>) = parts.partition(|part| of_codec.contains(part));
        first.extend(others);
        lines[0] = head.into_iter().chain(first).collect::<Vec<_>>().join(" ");
    })
}

/// The name of the codec that comes first in a section of an offer or answer, as `VP8` or `opus`.
pub fn first_codec(description: &str, mid: &str) -> Option<String> {
    let lines = split(description).1.into_iter().find(|lines| mid_of(lines) == Some(mid))?;
    let payload = lines.first()?.split(' ').nth(3)?;
    let map = format!("a=rtpmap:{payload} ");
    let codec = lines.iter().find_map(|line| line.strip_prefix(&map))?;
    Some(codec.split('/').next().unwrap_or(codec).to_owned())
}

/// The payload type that an `rtpmap` gives a codec.
fn payload_of(line: &str, codec: &str) -> Option<String> {
    let (payload, name) = line.strip_prefix("a=rtpmap:")?.split_once(' ')?;
    name.split('/').next().is_some_and(|name| name.eq_ignore_ascii_case(codec)).then(|| payload.to_owned())
}

fn edited(description: &str, edit: impl Fn(&Section, &mut [String])) -> String {
    let (head, bodies) = split(description);
    let mut lines: Vec<String> = head.into_iter().map(str::to_owned).collect();
    for body in bodies {
        let mut owned: Vec<String> = body.iter().map(|line| (*line).to_owned()).collect();
        if let Some(section) = read(body) {
            edit(&section, &mut owned);
        }
        lines.extend(owned);
    }
    lines.push(String::new());
    lines.join("\r\n")
}

/// The lines before the first media section, and those of each.
fn split(description: &str) -> (Vec<&str>, Vec<Vec<&str>>) {
    let mut head = Vec::new();
    let mut sections: Vec<Vec<&str>> = Vec::new();
    for line in description.lines().filter(|line| !line.is_empty()) {
        if line.starts_with("m=") {
            sections.push(vec![line]);
        } else {
            sections.last_mut().unwrap_or(&mut head).push(line);
        }
    }
    (head, sections)
}

fn read(lines: Vec<&str>) -> Option<Section> {
    let kind = match lines.first()?.strip_prefix("m=")?.split(' ').next()? {
        "audio" => SectionKind::Audio,
        "video" => SectionKind::Video,
        "application" => SectionKind::Application,
        _ => return None,
    };
    let direction = lines.iter().find(|line| is_direction(line)).map_or("sendrecv", |line| &line[2..]);
    let track = lines.iter().find_map(|line| line.strip_prefix("a=msid:")?.split(' ').nth(1));
    Some(Section {
        mid: mid_of(&lines)?.to_owned(),
        kind,
        sends: matches!(direction, "sendrecv" | "sendonly"),
        receives: matches!(direction, "sendrecv" | "recvonly"),
        track: track.map(str::to_owned),
    })
}

fn mid_of<'a>(lines: &[&'a str]) -> Option<&'a str> {
    lines.iter().find_map(|line| line.strip_prefix("a=mid:"))
}

fn is_direction(line: &str) -> bool {
    matches!(line, "a=sendrecv" | "a=sendonly" | "a=recvonly" | "a=inactive")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2 3\r\n\
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\na=sctp-port:5000\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\na=recvonly\r\na=rtpmap:111 opus/48000/2\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96 97 98\r\na=mid:2\r\na=sendonly\r\na=msid:- camera\r\n\
        a=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=rtpmap:98 VP9/90000\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:3\r\na=recvonly\r\na=msid:old id\r\n\
        a=ssrc:7 cname:x\r\na=ssrc:7 msid:old id\r\n";

    #[test]
    fn sections_are_read() {
        let sections = sections(OFFER);
        let told: Vec<_> = sections
            .iter()
            .map(|section| (section.mid.as_str(), section.kind, section.sends, section.receives))
            .collect();
        use SectionKind::{Application, Audio, Video};
        let expected = [
            ("0", Application, true, true),
            ("1", Audio, false, true),
            ("2", Video, true, false),
            ("3", Video, false, true),
        ];
        assert_eq!(told, expected);
        assert_eq!(sections[2].track.as_deref(), Some("camera"));
    }

    #[test]
    fn sections_without_a_track_become_inactive() {
        let narrowed = narrowed(OFFER, &HashSet::from(["1".to_owned()]));
        assert_eq!(narrowed, OFFER.replacen("a=recvonly", "a=inactive", 1));
        let both = OFFER.replace("a=sendonly", "a=sendrecv");
        assert_eq!(super::narrowed(&both, &HashSet::new()), OFFER);
    }

    #[test]
    fn a_section_names_the_track_that_comes_in_it() {
        let tracks = HashMap::from([("3".to_owned(), ("PA_x".to_owned(), "TR_y".to_owned()))]);
        assert_eq!(with_tracks(OFFER, &tracks), OFFER.replace("msid:old id", "msid:PA_x TR_y"));
    }

    #[test]
    fn the_codec_that_the_client_likes_best_comes_first() {
        let offer = OFFER.replace("SAVPF 96 97 98", "SAVPF 98 96 97");
        assert_eq!(with_preferred(OFFER, &offer), offer);
        assert_eq!(first_codec(OFFER, "2").as_deref(), Some("VP8"));
        assert_eq!(first_codec(&offer, "2").as_deref(), Some("VP9"));
        assert_eq!(first_codec(OFFER, "9"), None);
    }

    #[test]
    fn any_text_is_taken() {
        for text in ["", "\n\n", "m=", "m=audio", "m=audio\na=mid:", "a=mid:1\nm=video 9 x 1\na=msid:"] {
            sections(text);
            narrowed(text, &HashSet::from(["".to_owned()]));
            with_preferred(text, text);
        }
    }
}
