//! One peer connection: ICE, DTLS, SRTP and data channels. This module alone names `str0m`, whose interface changes
//! often.
//!
//! It has no socket and no clock: it is given datagrams and times, and hands out datagrams, what came, and when it
//! wants to be asked again. After each thing that is done to it, all that it has must be taken ([`Connection::poll`]).

use std::{collections::HashMap, net::SocketAddr, sync::Arc, time::Instant};

use str0m::{
    Candidate, Event as RtcEvent, IceConnectionState, Input, Output, Rtc, RtcConfig,
    change::SdpOffer,
    channel::ChannelId,
    format::{Codec, CodecSpec},
    media::{KeyframeRequestKind, Pt},
    net::{Protocol, Receive},
    rtp::{ExtensionValues, RtpPacket, RtpWrite, Ssrc, VideoOrientation, Vp8Descriptor},
};

use crate::cryptography;

pub use str0m::media::{Mid, Rid};

/// How much may wait on the data channels of a connection, in bytes.
const MAX_BUFFERED_DATA: usize = 1 << 20;

/// Why something cannot be done with a connection. It is over then.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    #[error("the description cannot be used: {0}")]
    Description(String),
    #[error("the connection failed: {0}")]
    Failed(String),
}

/// What comes of a connection.
#[derive(Debug)]
pub enum Event {
    /// Media can go.
    Connected,
    /// Whether the other side answers.
    Reachable(bool),
    /// The other side closed it.
    Closed,
    Media(MediaPacket),
    /// Whoever receives in a section cannot go on without a whole picture.
    KeyframeWanted(Mid),
    Data(ChannelKind, Vec<u8>),
}

/// The two channels on which clients send data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChannelKind {
    Reliable,
    Lossy,
}

/// A packet of a track, as it came.
#[derive(Clone, Debug)]
pub struct MediaPacket {
    pub mid: Mid,
    /// Which layer of a simulcast.
    pub rid: Option<Rid>,
    pub codec: CodecSpec,
    /// Without an end: it does not start anew after 65,535.
    pub sequence: u64,
    /// In units of the codec's clock.
    pub time: u32,
    pub marker: bool,
    pub payload: Arc<[u8]>,
    /// How loud it is, in decibels below the loudest: 0 is as loud as can be.
    pub silence: Option<u8>,
    pub orientation: Option<VideoOrientation>,
    pub arrived: Instant,
}

/// What is rewritten in a packet that is passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rewritten {
    pub sequence: u64,
    pub time: u32,
    pub picture: Option<Picture>,
}

/// How VP8 numbers pictures; both go on through a change of layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Of 15 bits.
    pub id: u16,
    /// `TL0PICIDX`.
    pub base: Option<u8>,
}

impl MediaPacket {
    pub fn clock_rate(&self) -> u32 {
        self.codec.clock_rate.get()
    }

    pub fn is_audio(&self) -> bool {
        self.codec.codec.is_audio()
    }

    /// Whether a whole picture begins with it. Of a codec that is not known this is said of every packet: it can be
    /// passed on from anywhere.
    pub fn begins_keyframe(&self) -> bool {
        match self.codec.codec {
            Codec::Vp8 => str0m::format::detect_vp8_keyframe(&self.payload),
            Codec::Vp9 => str0m::format::detect_vp9_keyframe(&self.payload),
            Codec::Av1 => str0m::format::detect_av1_keyframe(&self.payload),
            Codec::H264 => str0m::format::detect_h264_keyframe(&self.payload),
            _ => true,
        }
    }

    /// How VP8 numbers the picture that it is of.
    pub fn picture(&self) -> Option<Picture> {
        if self.codec.codec != Codec::Vp8 {
            return None;
        }
        let descriptor = Vp8Descriptor::parse(&self.payload).ok()?;
        Some(Picture { id: descriptor.picture_id()?, base: descriptor.tl0_pic_idx() })
    }
}

/// A peer connection with a client.
pub struct Connection {
    rtc: Rtc,
    /// The local address by which a packet came, as ICE knows it: of each family one.
    addresses: Vec<SocketAddr>,
    channels: HashMap<ChannelKind, ChannelId>,
    ufrag: String,
}

impl Connection {
    /// One that answers at these addresses.
    pub fn new(addresses: &[SocketAddr], now: Instant) -> Result<Self, ConnectionError> {
        let mut rtc = RtcConfig::new()
            .set_ice_lite(true)
            .set_rtp_mode(true)
            .set_crypto_provider(cryptography::provider())
            .build(now);
        for address in addresses {
            let candidate = Candidate::host(*address, Protocol::Udp)
                .map_err(|error| ConnectionError::Failed(error.to_string()))?;
            rtc.add_local_candidate(candidate);
        }
        let ufrag = rtc.direct_api().local_ice_credentials().ufrag;
        Ok(Self { rtc, addresses: addresses.to_vec(), channels: HashMap::new(), ufrag })
    }

    /// By what name the other side's first packets ask for this connection. It changes with an offer.
    pub fn ufrag(&self) -> &str {
        &self.ufrag
    }

    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        !self.rtc.is_alive()
    }

    /// Answers an offer.
    pub fn accept_offer(&mut self, offer: &str) -> Result<String, ConnectionError> {
        let offer = SdpOffer::from_sdp_string(offer).map_err(unusable)?;
        let answer = self.rtc.sdp_api().accept_offer(offer).map_err(unusable)?;
        self.ufrag = self.rtc.direct_api().local_ice_credentials().ufrag;
        Ok(answer.to_sdp_string())
    }

    /// Whether a datagram is for this connection.
    pub fn accepts(&self, from: SocketAddr, datagram: &[u8], now: Instant) -> bool {
        self.input(from, datagram, now).is_some_and(|input| self.rtc.accepts(&input))
    }

    /// Takes a datagram.
    pub fn receive(
        &mut self,
        from: SocketAddr,
        datagram: &[u8],
        now: Instant,
    ) -> Result<(), ConnectionError> {
        match self.input(from, datagram, now) {
            Some(input) => self.rtc.handle_input(input).map_err(failed),
            None => Ok(()),
        }
    }

    fn input<'a>(&self, from: SocketAddr, datagram: &'a [u8], now: Instant) -> Option<Input<'a>> {
        let destination = *self.addresses.iter().find(|address| address.is_ipv4() == from.is_ipv4())?;
        let contents = datagram.try_into().ok()?;
        Some(Input::Receive(now, Receive { proto: Protocol::Udp, source: from, destination, contents }))
    }

    /// Time passes.
    pub fn advance(&mut self, now: Instant) -> Result<(), ConnectionError> {
        self.rtc.handle_input(Input::Timeout(now)).map_err(failed)
    }

    /// Hands out all datagrams and events that there are, and says when it wants to be asked again.
    pub fn poll(
        &mut self,
        mut send: impl FnMut(SocketAddr, Vec<u8>),
        events: &mut Vec<Event>,
    ) -> Result<Instant, ConnectionError> {
        loop {
            match self.rtc.poll_output().map_err(failed)? {
                Output::Timeout(at) => return Ok(at),
                Output::Transmit(datagram) => send(datagram.destination, datagram.contents.into()),
                Output::Event(event) => events.extend(self.event(event)),
            }
        }
    }

    fn event(&mut self, event: RtcEvent) -> Option<Event> {
        match event {
            RtcEvent::Connected => Some(Event::Connected),
            RtcEvent::IceConnectionStateChange(state) => {
                Some(Event::Reachable(state != IceConnectionState::Disconnected))
            }
            RtcEvent::Closed => Some(Event::Closed),
            RtcEvent::ChannelOpen(id, label) => {
                if let Some(kind) = ChannelKind::of(&label) {
                    self.channels.insert(kind, id);
                }
                None
            }
            RtcEvent::ChannelClose(id) => {
                self.channels.retain(|_, known| *known != id);
                None
            }
            RtcEvent::ChannelData(data) => {
                let (kind, _) = self.channels.iter().find(|(_, id)| **id == data.id)?;
                Some(Event::Data(*kind, data.data))
            }
            RtcEvent::KeyframeRequest(request) => Some(Event::KeyframeWanted(request.mid)),
            RtcEvent::RtpPacket(packet) => self.media(packet).map(Event::Media),
            _ => None,
        }
    }

    fn media(&mut self, packet: RtpPacket) -> Option<MediaPacket> {
        let RtpPacket { header, payload, seq_no, timestamp, .. } = packet;
        let codec =
            self.rtc.codec_config().params().iter().find(|params| params.pt() == header.payload_type)?;
        let codec = codec.spec();
        let (mid, rid) = self.section_of(header.ssrc)?;
        Some(MediaPacket {
            mid,
            rid,
            codec,
            sequence: *seq_no,
            time: header.timestamp,
            marker: header.marker,
            payload,
            silence: header.ext_vals.audio_level.map(i8::unsigned_abs),
            orientation: header.ext_vals.video_orientation,
            arrived: timestamp,
        })
    }

    fn section_of(&mut self, source: Ssrc) -> Option<(Mid, Option<Rid>)> {
        let mut direct = self.rtc.direct_api();
        let stream = direct.stream_rx(&source)?;
        Some((stream.mid(), stream.rid()))
    }

    /// Passes a packet on in a section. Nothing leaves before time advances.
    pub fn forward(&mut self, mid: Mid, packet: &MediaPacket, rewritten: Rewritten) {
        let Some(payload_type) = self.payload_type(mid, &packet.codec) else { return };
        let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(mid, None).map(|stream| stream.ssrc())
        else {
            return;
        };
        let extensions = ExtensionValues {
            audio_level: packet.silence.map(|silence| -i8::try_from(silence).unwrap_or(i8::MAX)),
            voice_activity: packet.silence.map(|silence| silence < 127),
            video_orientation: packet.orientation,
            ..ExtensionValues::default()
        };
        let mut write = RtpWrite::new(
            payload_type,
            rewritten.sequence.into(),
            rewritten.time,
            packet.arrived,
            packet.payload.clone(),
        )
        .marker(packet.marker)
        .ext_vals(extensions)
        .nackable(!packet.is_audio());
        if let Some(picture) = rewritten.picture
            && let Ok(descriptor) = Vp8Descriptor::parse(&packet.payload)
        {
            let mut patch = descriptor.patch().picture_id(picture.id);
            if let Some(base) = picture.base {
                patch = patch.tl0_pic_idx(base);
            }
            if let Ok(patch) = patch.build() {
                write = write.vp8_patch(patch);
            }
        }
        if let Some(stream) = self.rtc.direct_api().stream_tx(&stream) {
            stream.write_rtp(write);
        }
    }

    /// Payload types are numbered by each client: the same codec has another number here.
    fn payload_type(&self, mid: Mid, codec: &CodecSpec) -> Option<Pt> {
        let taken = self.rtc.media(mid)?.remote_pts();
        let known = self.rtc.codec_config().params().iter().filter(|params| taken.contains(&params.pt()));
        let alike = |spec: CodecSpec| {
            spec.codec == codec.codec && spec.format.packetization_mode == codec.format.packetization_mode
        };
        known
            .clone()
            .find(|params| params.spec() == *codec)
            .or_else(|| known.clone().find(|params| alike(params.spec())))
            .map(|params| params.pt())
    }

    /// Asks who sends in a section for a whole picture.
    pub fn request_keyframe(&mut self, mid: Mid, rid: Option<Rid>) {
        if let Some(stream) = self.rtc.direct_api().stream_rx_by_mid(mid, rid) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
        }
    }

    /// Sends data. Says whether there was room for it: who takes none gets none.
    pub fn send_data(&mut self, kind: ChannelKind, data: &[u8]) -> bool {
        let Some(id) = self.channels.get(&kind) else { return false };
        let Some(mut channel) = self.rtc.channel(*id) else { return false };
        channel.buffered_amount() + data.len() <= MAX_BUFFERED_DATA
            && channel.write(true, data).unwrap_or(false)
    }

    /// Says goodbye; what it has to send for that is to be polled.
    pub fn close(&mut self) {
        _ = self.rtc.close();
    }
}

impl ChannelKind {
    /// The label by which clients know it.
    const fn label(self) -> &'static str {
        match self {
            Self::Reliable => "_reliable",
            Self::Lossy => "_lossy",
        }
    }

    fn of(label: &str) -> Option<Self> {
        [Self::Reliable, Self::Lossy].into_iter().find(|kind| kind.label() == label)
    }
}

fn unusable(error: impl std::fmt::Display) -> ConnectionError {
    ConnectionError::Description(error.to_string())
}

fn failed(error: impl std::fmt::Display) -> ConnectionError {
    ConnectionError::Failed(error.to_string())
}
