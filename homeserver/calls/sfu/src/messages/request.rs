//! What clients say.

use std::collections::HashMap;

use super::{
    ClientInfo, DisconnectReason, TrackSource, TrackType, VideoLayer, VideoQuality,
    wire::{enumeration, message, one_of},
};

one_of! {
    pub struct SignalRequest is Said {
        Offer(SessionDescription) = 1,
        Answer(SessionDescription) = 2,
        Trickle(TrickleRequest) = 3,
        AddTrack(AddTrackRequest) = 4,
        Mute(MuteTrackRequest) = 5,
        Subscription(UpdateSubscription) = 6,
        TrackSetting(UpdateTrackSettings) = 7,
        Leave(LeaveRequest) = 8,
        SyncState(SyncState) = 12,
        Ping(i64) = 14,
        UpdateMetadata(UpdateParticipantMetadata) = 15,
        PingReq(Ping) = 16,
    }
}

message! {
    /// An offer or an answer.
    pub struct SessionDescription {
        pub r#type: String = 1,
        pub sdp: String = 2,
        /// The number of the offer; an answer has that of the offer it is to.
        pub id: u32 = 3,
        /// Which track each media section carries.
        pub mid_to_track_id: HashMap<String, String> = 4,
    }
}

enumeration! {
    /// Which of a participant's two connections is meant. One that has but one publishes by it.
    pub enum SignalTarget {
        Publisher = 0,
        Subscriber = 1,
    }
}

message! {
    pub struct TrickleRequest {
        /// JSON: an `RTCIceCandidateInit`.
        pub candidate_init: String = 1,
        pub target: SignalTarget = 2,
    }

    pub struct SimulcastCodec {
        pub codec: String = 1,
        pub cid: String = 2,
        pub layers: Vec<VideoLayer> = 4,
        pub video_layer_mode: i32 = 5,
    }

    pub struct AddTrackRequest {
        /// The client's id of the track, which its offer names as well.
        pub cid: String = 1,
        pub name: String = 2,
        pub r#type: TrackType = 3,
        pub width: u32 = 4,
        pub height: u32 = 5,
        pub muted: bool = 6,
        pub disable_dtx: bool = 7,
        pub source: TrackSource = 8,
        pub layers: Vec<VideoLayer> = 9,
        pub simulcast_codecs: Vec<SimulcastCodec> = 10,
        /// The track of which this is another codec.
        pub sid: String = 11,
        pub stereo: bool = 12,
        pub disable_red: bool = 13,
        pub encryption: i32 = 14,
        pub stream: String = 15,
        pub backup_codec_policy: i32 = 16,
        pub audio_features: Vec<i32> = 17,
        pub packet_trailer_features: Vec<i32> = 18,
    }

    pub struct MuteTrackRequest {
        pub sid: String = 1,
        pub muted: bool = 2,
    }

    pub struct UpdateSubscription {
        pub track_sids: Vec<String> = 1,
        pub subscribe: bool = 2,
        pub participant_tracks: Vec<ParticipantTracks> = 3,
    }

    pub struct ParticipantTracks {
        pub participant_sid: String = 1,
        pub track_sids: Vec<String> = 2,
    }

    /// How a participant shows tracks.
    pub struct UpdateTrackSettings {
        pub track_sids: Vec<String> = 1,
        /// They are not shown.
        pub disabled: bool = 3,
        pub quality: VideoQuality = 4,
        pub width: u32 = 5,
        pub height: u32 = 6,
    }

    pub struct LeaveRequest {
        pub reason: DisconnectReason = 2,
        pub action: LeaveAction = 3,
    }
}

enumeration! {
    /// What a client does that is told to leave.
    pub enum LeaveAction {
        Disconnect = 0,
        Resume = 1,
        Reconnect = 2,
    }
}

message! {
    /// What a client that resumes knows.
    pub struct SyncState {
        pub subscription: Option<UpdateSubscription> = 2,
        pub track_sids_disabled: Vec<String> = 6,
    }

    pub struct UpdateParticipantMetadata {
        pub metadata: String = 1,
        pub name: String = 2,
        /// Those to set; one that is empty is removed.
        pub attributes: HashMap<String, String> = 3,
        pub request_id: u32 = 4,
    }

    pub struct Ping {
        pub timestamp: i64 = 1,
    }

    /// How a client comes in, in the query of its WebSocket.
    pub struct WrappedJoinRequest {
        /// Whether the request is compressed by gzip.
        pub compression: Compression = 1,
        pub join_request: Vec<u8> = 2,
    }
}

enumeration! {
    pub enum Compression {
        None = 0,
        Gzip = 1,
    }
}

message! {
    pub struct JoinRequest {
        pub client_info: Option<ClientInfo> = 1,
        pub connection_settings: Option<ConnectionSettings> = 2,
        pub metadata: String = 3,
        pub participant_attributes: HashMap<String, String> = 4,
        pub add_track_requests: Vec<AddTrackRequest> = 5,
        pub publisher_offer: Option<SessionDescription> = 6,
        pub reconnect: bool = 7,
        pub participant_sid: String = 9,
        pub sync_state: Option<SyncState> = 10,
    }

    pub struct ConnectionSettings {
        pub auto_subscribe: bool = 1,
        pub adaptive_stream: bool = 2,
    }
}
