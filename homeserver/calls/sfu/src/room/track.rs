//! A track that somebody publishes.

use super::{
    ParticipantId,
    quality::{self, Wish},
};
use crate::{
    messages::{
        AddTrackRequest, SimulcastCodecInfo, SubscribedCodec, SubscribedQuality, SubscribedQualityUpdate,
        TrackInfo, TrackType, VideoQuality,
    },
    sdp::SectionKind,
};

/// Numbers tracks, of all participants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackId {
    pub publisher: ParticipantId,
    pub number: u32,
}

/// A track, from when it is announced.
pub struct Track {
    pub id: TrackId,
    /// What others are told of it.
    pub info: TrackInfo,
    /// By what the client's offers may name it.
    client_ids: Vec<String>,
    published: bool,
    received: bool,
    /// The best quality that the publisher was told to send.
    wanted: Option<VideoQuality>,
}

impl Track {
    pub(super) fn new(id: TrackId, sid: String, request: &AddTrackRequest) -> Self {
        let first = request.simulcast_codecs.first();
        // Layers are those of the codec that is sent first, where they are not said for all.
        let layers = if request.layers.is_empty() {
            first.map(|codec| codec.layers.clone()).unwrap_or_default()
        } else {
            request.layers.clone()
        };
        let mut client_ids = vec![request.cid.clone()];
        client_ids.extend(first.map(|codec| codec.cid.clone()).filter(|cid| !cid.is_empty()));
        let info = TrackInfo {
            sid,
            r#type: request.r#type,
            name: request.name.clone(),
            muted: request.muted,
            width: request.width,
            height: request.height,
            simulcast: layers.len() > 1,
            disable_dtx: request.disable_dtx,
            source: request.source,
            layers,
            mime_type: String::new(),
            mid: String::new(),
            codecs: Vec::new(),
            stereo: request.stereo,
            disable_red: request.disable_red,
            encryption: request.encryption,
            stream: request.stream.clone(),
            audio_features: request.audio_features.clone(),
            backup_codec_policy: request.backup_codec_policy,
            packet_trailer_features: request.packet_trailer_features.clone(),
        };
        Self { id, info, client_ids, published: false, received: false, wanted: None }
    }

    pub(super) fn is_known_as(&self, client_id: &str) -> bool {
        self.client_ids.iter().any(|known| known == client_id)
    }

    pub fn kind(&self) -> SectionKind {
        match self.info.r#type {
            TrackType::Audio => SectionKind::Audio,
            TrackType::Video | TrackType::Data => SectionKind::Video,
        }
    }

    /// Whether the client sends it, or will as soon as it is not muted.
    pub fn is_published(&self) -> bool {
        self.published
    }

    pub(super) fn publish(&mut self, mid: &str, mime: String) -> bool {
        let news = !self.published;
        self.published = true;
        self.info.mid = mid.to_owned();
        if news {
            self.info.codecs = vec![SimulcastCodecInfo {
                mime_type: mime.clone(),
                mid: mid.to_owned(),
                cid: self.client_ids[0].clone(),
                layers: self.info.layers.clone(),
                video_layer_mode: 0,
            }];
            self.info.mime_type = mime;
        }
        news
    }

    /// Its id, if nobody had received it before.
    pub(super) fn first_receiver(&mut self) -> Option<String> {
        (!std::mem::replace(&mut self.received, true)).then(|| self.info.sid.clone())
    }

    /// What the publisher is to be told of what others want, if that changed.
    pub(super) fn wanted(&mut self, wishes: &[Wish]) -> Option<SubscribedQualityUpdate> {
        if self.kind() != SectionKind::Video || !self.published {
            return None;
        }
        let best = wishes
            .iter()
            .map(|wish| quality::fitting(&self.info, *wish))
            .filter(|best| *best != VideoQuality::Off);
        let best = best.max().unwrap_or(VideoQuality::Off);
        if self.wanted.replace(best) == Some(best) {
            return None;
        }
        let qualities = [VideoQuality::Low, VideoQuality::Medium, VideoQuality::High].map(|quality| {
            let enabled = best != VideoQuality::Off && quality <= best;
            SubscribedQuality { quality, enabled }
        });
        let codec = self.info.mime_type.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        Some(SubscribedQualityUpdate {
            track_sid: self.info.sid.clone(),
            subscribed_qualities: qualities.to_vec(),
            subscribed_codecs: vec![SubscribedCodec { codec, qualities: qualities.to_vec() }],
        })
    }
}
