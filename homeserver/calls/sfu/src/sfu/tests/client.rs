//! A client of one peer connection.

use std::{collections::HashMap, net::SocketAddr, time::Instant};

use str0m::{
    Candidate, Event, Input, Output, Rtc, RtcConfig,
    change::{SdpAnswer, SdpPendingOffer},
    channel::{ChannelConfig, ChannelId, Reliability},
    media::{Direction, MediaKind, Mid, Rid, Simulcast, SimulcastLayer},
    net::{Protocol, Receive},
    rtp::{RtpPacket, RtpWrite},
};
use tokio::sync::mpsc;

use super::Signals;
use crate::cryptography::provider;
use crate::messages::{ParticipantInfo, SessionDescription, SignalResponse, Told};

pub const SERVER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)), 7882);

const LAYERS: [&str; 3] = ["q", "h", "f"];

pub struct Client {
    pub address: SocketAddr,
    rtc: Rtc,
    signals: mpsc::Receiver<SignalResponse>,
    /// All that it was told, and what since it has its signalling connection.
    pub told: Vec<Told>,
    pub told_since: Vec<Told>,
    participants: HashMap<String, ParticipantInfo>,
    sid: String,
    pending: Option<SdpPendingOffer>,
    offers_again: bool,
    offers: u32,
    receiving: Vec<Mid>,
    /// What the next offer adds.
    audios_and_videos: (u32, u32),
    to_send: Vec<(MediaKind, String, bool)>,
    sending: Vec<Sending>,
    /// The track in each section, as the last answer told.
    tracks: HashMap<String, String>,
    pub received: Vec<(String, RtpPacket)>,
    channels: HashMap<String, ChannelId>,
    pub data: Vec<(String, Vec<u8>)>,
    outgoing: Vec<Vec<u8>>,
    connected: bool,
    /// It does nothing more.
    pub is_dead: bool,
}

struct Sending {
    mid: Mid,
    kind: MediaKind,
    layers: Vec<Layer>,
}

struct Layer {
    rid: Option<Rid>,
    number: u8,
    sequence: u64,
    keyframe: bool,
    next: Option<Instant>,
}

impl Client {
    pub fn new(number: usize, now: Instant) -> (Self, Signals) {
        let address = SocketAddr::from(([10, 0, 1, u8::try_from(number).unwrap()], 5000));
        let mut rtc = RtcConfig::new().set_rtp_mode(true).set_crypto_provider(provider()).build(now);
        rtc.add_local_candidate(Candidate::host(address, Protocol::Udp).unwrap());
        let (sender, signals) = mpsc::channel(256);
        let client = Self {
            address,
            rtc,
            signals,
            told: Vec::new(),
            told_since: Vec::new(),
            participants: HashMap::new(),
            sid: String::new(),
            pending: None,
            offers_again: false,
            offers: 0,
            receiving: Vec::new(),
            audios_and_videos: (0, 0),
            to_send: Vec::new(),
            sending: Vec::new(),
            tracks: HashMap::new(),
            received: Vec::new(),
            channels: HashMap::new(),
            data: Vec::new(),
            outgoing: Vec::new(),
            connected: false,
            is_dead: false,
        };
        (client, sender)
    }

    pub fn new_signals(&mut self) -> Signals {
        let (sender, signals) = mpsc::channel(256);
        self.signals = signals;
        self.told_since.clear();
        sender
    }

    pub fn sid(&self) -> String {
        self.sid.clone()
    }

    pub fn participant(&self, identity: &str) -> Option<&ParticipantInfo> {
        self.participants.get(identity)
    }

    pub fn packets_of(&self, track: &str) -> Vec<&RtpPacket> {
        self.received.iter().filter(|(of, _)| of == track).map(|(_, packet)| packet).collect()
    }

    /// The layer of the last packet: this client writes it into each.
    pub fn last_layer(&self, track: &str) -> Option<u8> {
        self.packets_of(track).last().and_then(|packet| packet.payload.last().copied())
    }

    pub fn sections(&self) -> usize {
        self.receiving.len()
    }

    /// Adds sections to the next offer.
    pub fn receive_more(&mut self, audios: u32, videos: u32) {
        self.offers_again = true;
        self.audios_and_videos.0 += audios;
        self.audios_and_videos.1 += videos;
    }

    /// Adds a track to the next offer.
    pub fn send_track(&mut self, kind: MediaKind, cid: &str, layered: bool) {
        self.to_send.push((kind, cid.to_owned(), layered));
    }

    /// An offer with all that was added. None while one waits for its answer.
    pub fn offer(&mut self) -> Option<SessionDescription> {
        if self.pending.is_some() {
            self.offers_again = true;
            return None;
        }
        self.offers_again = false;
        let mut changes = self.rtc.sdp_api();
        if self.offers == 0 {
            changes.add_channel("_reliable".to_owned());
            changes.add_channel_with_config(ChannelConfig {
                label: "_lossy".to_owned(),
                ordered: false,
                reliability: Reliability::MaxRetransmits { retransmits: 0 },
                ..ChannelConfig::default()
            });
        }
        // A browser offers to receive anew in sections that were answered inactive.
        for mid in &self.receiving {
            changes.set_direction(*mid, Direction::Inactive);
            changes.set_direction(*mid, Direction::RecvOnly);
        }
        let (audios, videos) = std::mem::take(&mut self.audios_and_videos);
        for (kind, count) in [(MediaKind::Audio, audios), (MediaKind::Video, videos)] {
            for _ in 0..count {
                self.receiving.push(changes.add_media(kind, Direction::RecvOnly, None, None, None));
            }
        }
        for (kind, cid, layered) in self.to_send.drain(..) {
            let simulcast = layered.then(|| {
                let mut simulcast = Simulcast::new();
                LAYERS.iter().for_each(|rid| simulcast.add_send_layer(SimulcastLayer::new(rid)));
                simulcast
            });
            let layer = |number: u8, rid| Layer { rid, number, sequence: 1, keyframe: true, next: None };
            let layers = match layered {
                true => {
                    (0u8..).zip(LAYERS).map(|(number, rid)| layer(number, Some(Rid::from(rid)))).collect()
                }
                false => vec![layer(0, None)],
            };
            let mid =
                changes.add_media(kind, Direction::SendOnly, Some("-".to_owned()), Some(cid), simulcast);
            self.sending.push(Sending { mid, kind, layers });
        }
        let (offer, pending) = changes.apply()?;
        self.pending = Some(pending);
        self.offers += 1;
        Some(SessionDescription {
            r#type: "offer".to_owned(),
            sdp: offer.to_sdp_string(),
            id: self.offers,
            ..SessionDescription::default()
        })
    }

    /// Takes what it is told, and says what it offers then.
    pub fn hear(&mut self) -> Vec<SessionDescription> {
        let mut offers = Vec::new();
        if self.is_dead {
            return offers;
        }
        while let Ok(SignalResponse { message: Some(told) }) = self.signals.try_recv() {
            match &told {
                Told::Join(join) => {
                    self.sid = join.participant.as_ref().unwrap().sid.clone();
                    self.learn(&join.other_participants);
                }
                Told::Update(update) => self.learn(&update.participants),
                Told::Answer(answer) => {
                    assert_eq!(answer.id, self.offers);
                    let sdp = SdpAnswer::from_sdp_string(&answer.sdp).unwrap();
                    let pending = self.pending.take().unwrap();
                    self.rtc.sdp_api().accept_answer(pending, sdp).unwrap();
                    self.tracks = answer.mid_to_track_id.clone();
                }
                Told::MediaSectionsRequirement(required) => {
                    self.receive_more(required.num_audios, required.num_videos);
                }
                _ => {}
            }
            self.told.push(told.clone());
            self.told_since.push(told);
        }
        if self.offers_again {
            offers.extend(self.offer());
        }
        offers
    }

    fn learn(&mut self, participants: &[ParticipantInfo]) {
        for info in participants {
            let known = self.participants.get(&info.identity);
            assert!(known.is_none_or(|known| known.sid != info.sid || known.version <= info.version));
            self.participants.insert(info.identity.clone(), info.clone());
        }
    }

    pub fn send_data(&mut self, label: &str, data: &[u8]) {
        let channel = self.channels[label];
        assert!(self.rtc.channel(channel).unwrap().write(true, data).unwrap());
    }

    pub fn receive(&mut self, datagram: &[u8], now: Instant) {
        if self.is_dead {
            return;
        }
        let contents = datagram.try_into().unwrap();
        let receive = Receive { proto: Protocol::Udp, source: SERVER, destination: self.address, contents };
        self.rtc.handle_input(Input::Receive(now, receive)).unwrap();
        self.poll();
    }

    /// Time passes: it sends 50 packets of sound a second, and 50 of pictures.
    pub fn advance(&mut self, now: Instant) {
        if self.is_dead {
            return;
        }
        if self.connected {
            self.write_media(now);
        }
        self.rtc.handle_input(Input::Timeout(now)).unwrap();
        self.poll();
    }

    fn write_media(&mut self, now: Instant) {
        for sending in &mut self.sending {
            let Some(media) = self.rtc.media(sending.mid) else { continue };
            let Some(payload_type) = media.remote_pts().first().copied() else { continue };
            for layer in &mut sending.layers {
                if layer.next.is_some_and(|next| now < next) {
                    continue;
                }
                layer.next = Some(now + std::time::Duration::from_millis(20));
                let mut direct = self.rtc.direct_api();
                let Some(stream) = direct.stream_tx_by_mid(sending.mid, layer.rid) else { continue };
                let audio = sending.kind == MediaKind::Audio;
                let ticks = if audio { 960 } else { 1800 };
                let time = u32::from(layer.number) * 1_000_000 + layer.sequence as u32 * ticks;
                // VP8: a picture in one packet, with a number of 15 bits; the last byte is the layer.
                let picture = (layer.sequence as u16 & 0x7fff) | 0x8000;
                let [high, low] = picture.to_be_bytes();
                let frame = u8::from(!std::mem::take(&mut layer.keyframe));
                let payload = if audio {
                    vec![1, 2, 3]
                } else {
                    vec![0x90, 0x80, high, low, frame, 0, 0, layer.number]
                };
                let mut write =
                    RtpWrite::new(payload_type, layer.sequence.into(), time, now, payload).marker(true);
                write = write.nackable(!audio);
                stream.write_rtp(write);
                layer.sequence += 1;
            }
        }
    }

    fn poll(&mut self) {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(_) => return,
                Output::Transmit(datagram) => self.outgoing.push(datagram.contents.to_vec()),
                Output::Event(event) => self.event(event),
            }
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Connected => self.connected = true,
            Event::RtpPacket(packet) => {
                let stream = self.rtc.direct_api().stream_rx(&packet.header.ssrc).unwrap().mid();
                let track = self.tracks.get(&*stream).cloned().unwrap_or_default();
                self.received.push((track, packet));
            }
            Event::KeyframeRequest(request) => {
                let sending = self.sending.iter_mut().filter(|sending| sending.mid == request.mid);
                for layer in sending.flat_map(|sending| &mut sending.layers) {
                    if layer.rid == request.rid {
                        layer.keyframe = true;
                    }
                }
            }
            Event::ChannelOpen(id, label) => _ = self.channels.insert(label, id),
            Event::ChannelData(data) => {
                let (label, _) = self.channels.iter().find(|(_, id)| **id == data.id).unwrap();
                self.data.push((label.clone(), data.data));
            }
            _ => {}
        }
    }

    pub fn outgoing(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.outgoing)
    }
}
