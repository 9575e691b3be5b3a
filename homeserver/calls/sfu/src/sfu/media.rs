//! Tracks on their way from who publishes them to who receives them.

use std::time::{Duration, Instant};

use super::Sfu;
use crate::{
    connection::{ChannelKind, Event, MediaPacket, Mid, Rid},
    forward::Target,
    messages::{DataPacket, Message, VideoQuality},
    room::{ParticipantId, TrackId},
};

/// A layer of which nothing came for so long is not sent at present.
const SILENT_LAYER: Duration = Duration::from_millis(1500);

/// Whole pictures of a layer are asked for once in that time.
const KEYFRAME_PAUSE: Duration = Duration::from_millis(500);

/// How many layers a track has at most.
const MAX_LAYERS: usize = 3;

/// The longest data packet that is passed on, in bytes.
const MAX_DATA: usize = 64_000;

/// How a participant shows a track: in no better quality than that.
pub(super) type Showing = VideoQuality;

/// A track as it comes.
pub(super) struct Incoming {
    /// The section of the publisher in which it does.
    pub mid: Mid,
    pub receivers: Vec<ParticipantId>,
    layers: Vec<Layer>,
}

struct Layer {
    rid: Option<Rid>,
    last: Instant,
    keyframe_asked: Option<Instant>,
}

impl Incoming {
    pub fn new(mid: Mid) -> Self {
        Self { mid, receivers: Vec::new(), layers: Vec::new() }
    }

    /// Notes that something came of a layer. Says whether nothing had come of it lately.
    fn came(&mut self, rid: Option<Rid>, now: Instant) -> bool {
        if let Some(layer) = self.layers.iter_mut().find(|layer| layer.rid == rid) {
            return now.duration_since(std::mem::replace(&mut layer.last, now)) > SILENT_LAYER;
        }
        let has_room = self.layers.len() < MAX_LAYERS;
        if has_room {
            self.layers.push(Layer { rid, last: now, keyframe_asked: None });
        }
        has_room
    }

    /// The best layer that comes and is no better than wanted; where all are better, the least of them.
    fn layer(&self, wanted: VideoQuality, now: Instant) -> Target {
        let coming = self.layers.iter().filter(|layer| now.duration_since(layer.last) <= SILENT_LAYER);
        let mut coming: Vec<_> = coming.map(|layer| (quality_of(layer.rid), layer.rid)).collect();
        coming.sort_by_key(|(quality, _)| *quality);
        let fitting = coming.iter().rev().find(|(quality, _)| *quality <= wanted);
        fitting.or(coming.first()).map_or(Target::Nothing, |(_, rid)| Target::Layer(*rid))
    }

    /// Whether a whole picture of a layer is to be asked for now.
    fn asks_for_keyframe(&mut self, rid: Option<Rid>, now: Instant) -> bool {
        let Some(layer) = self.layers.iter_mut().find(|layer| layer.rid == rid) else { return false };
        let due = layer.keyframe_asked.is_none_or(|asked| now.duration_since(asked) >= KEYFRAME_PAUSE);
        if due {
            layer.keyframe_asked = Some(now);
        }
        due
    }
}

/// Clients call their layers `q`, `h` and `f`, the least first. An only one is as good as it gets.
fn quality_of(rid: Option<Rid>) -> VideoQuality {
    match rid.as_deref() {
        Some("q") => VideoQuality::Low,
        Some("h") => VideoQuality::Medium,
        _ => VideoQuality::High,
    }
}

impl Sfu {
    pub(super) fn event(&mut self, who: ParticipantId, event: Event) {
        match event {
            Event::Connected => self.in_room(who, |room| room.connected(who)),
            Event::Reachable(true) => self.refresh(who),
            Event::Reachable(false) | Event::Closed => {}
            Event::Media(packet) => self.media(who, &packet),
            Event::KeyframeWanted(mid) => {
                let Some(member) = self.members.get(&who) else { return };
                let Some(track) = member.carried_in(mid) else { return };
                if let Some(Target::Layer(rid)) = member.streams.get(&mid).map(|stream| stream.target()) {
                    self.ask_for_keyframe(track, rid);
                }
            }
            Event::Data(kind, data) => self.data(who, kind, data),
        }
    }

    /// Passes a packet on to all who receive the track.
    fn media(&mut self, from: ParticipantId, packet: &MediaPacket) {
        let Some(publisher) = self.members.get(&from) else { return };
        let Some(track) = publisher.published.get(&packet.mid).copied() else { return };
        if let Some(silence) = packet.silence
            && let Some(room) = self.rooms.get_mut(&publisher.room)
        {
            let recorded_ms = u64::from(packet.time) * 1000 / u64::from(packet.clock_rate());
            room.heard(track, silence, recorded_ms, self.outside.now_ms());
        }
        let Some(incoming) = self.tracks.get_mut(&track) else { return };
        let appeared = incoming.came(packet.rid, self.now);
        let receivers = std::mem::take(&mut incoming.receivers);
        if appeared {
            receivers.iter().for_each(|who| self.aim(*who, track));
        }
        for who in &receivers {
            let Some(member) = self.members.get_mut(who) else { continue };
            let Some(mid) = member.carried.get(&track).copied() else { continue };
            let Some(rewritten) = member.streams.get_mut(&mid).and_then(|stream| stream.pass(packet)) else {
                continue;
            };
            self.on_connection(*who, |connection| {
                connection.forward(mid, packet, rewritten);
                Ok(())
            });
        }
        if let Some(incoming) = self.tracks.get_mut(&track) {
            // Whoever failed meanwhile is gone.
            incoming.receivers = receivers;
            incoming.receivers.retain(|who| self.members.contains_key(who));
        }
    }

    /// Notes in which quality somebody shows a track.
    pub(super) fn show(&mut self, who: ParticipantId, track: TrackId, quality: VideoQuality) {
        if let Some(member) = self.members.get_mut(&who) {
            member.shows.insert(track, quality);
        }
        self.aim(who, track);
    }

    /// Chooses the layer of a track that somebody gets.
    pub(super) fn aim(&mut self, who: ParticipantId, track: TrackId) {
        let Some(incoming) = self.tracks.get(&track) else { return };
        let Some(member) = self.members.get_mut(&who) else { return };
        let wanted = member.shows.get(&track).copied().unwrap_or(VideoQuality::High);
        let target = match wanted {
            VideoQuality::Off => Target::Nothing,
            wanted => incoming.layer(wanted, self.now),
        };
        let Some(mid) = member.carried.get(&track) else { return };
        let Some(stream) = member.streams.get_mut(mid) else { return };
        if stream.target() != target
            && stream.aim(target)
            && let Target::Layer(rid) = target
        {
            self.ask_for_keyframe(track, rid);
        }
    }

    /// Asks the publisher for a whole picture, not more often than it can make them.
    fn ask_for_keyframe(&mut self, track: TrackId, rid: Option<Rid>) {
        let Some(incoming) = self.tracks.get_mut(&track) else { return };
        if incoming.asks_for_keyframe(rid, self.now) {
            let mid = incoming.mid;
            self.on_connection(track.publisher, |connection| {
                connection.request_keyframe(mid, rid);
                Ok(())
            });
        }
    }

    /// Asks for whole pictures of all that somebody receives: some was lost on the way.
    fn refresh(&mut self, who: ParticipantId) {
        let Some(member) = self.members.get(&who) else { return };
        let received = member
            .carried
            .iter()
            .filter_map(|(track, mid)| Some((*track, member.streams.get(mid)?.target())));
        for (track, target) in received.collect::<Vec<_>>() {
            if let Target::Layer(rid) = target {
                self.ask_for_keyframe(track, rid);
            }
        }
    }

    /// Looks at all tracks: which layers come, and who waits for a whole picture.
    pub(super) fn look_at_layers(&mut self) {
        let carried: Vec<(ParticipantId, TrackId)> = self
            .tracks
            .iter()
            .flat_map(|(track, incoming)| incoming.receivers.iter().map(|who| (*who, *track)))
            .collect();
        for (who, track) in carried {
            self.aim(who, track);
            let member = self.members.get(&who);
            let stream = member.and_then(|member| member.streams.get(member.carried.get(&track)?));
            if let Some(stream) = stream.filter(|stream| stream.waits())
                && let Target::Layer(rid) = stream.target()
            {
                self.ask_for_keyframe(track, rid);
            }
        }
    }

    /// Passes data on, with the name of who sent it.
    fn data(&mut self, from: ParticipantId, kind: ChannelKind, mut data: Vec<u8>) {
        let Some(member) = self.members.get_mut(&from) else { return };
        let Ok(packet) = DataPacket::decode(&data) else { return };
        if data.len() > MAX_DATA {
            return;
        }
        if packet.sequence > 0 {
            member.last_sequence = packet.sequence;
        }
        let Some(room) = self.rooms.get(&member.room) else { return };
        let Some(sender) = room.participant(from) else { return };
        // Of a field that comes twice, the last one counts.
        let sender = DataPacket {
            participant_identity: sender.identity().to_owned(),
            participant_sid: sender.sid().to_owned(),
            ..DataPacket::default()
        };
        data.extend(sender.encode());
        // Older packets name them within.
        let mut named = packet.destination_identities;
        named.extend(packet.user.unwrap_or_default().destination_identities);
        for who in room.destinations(from, &named) {
            let sent = self.on_connection(who, |connection| Ok(connection.send_data(kind, &data)));
            if sent == Some(false) {
                metrics::counter!("hearth_calls_data_dropped_total").increment(1);
            }
        }
    }
}
