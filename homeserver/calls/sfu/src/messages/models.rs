//! Rooms, participants and tracks.

use std::collections::HashMap;

use super::wire::{enumeration, message};

message! {
    pub struct Room {
        pub sid: String = 1,
        pub name: String = 2,
        /// In seconds since the Unix epoch.
        pub creation_time: i64 = 5,
        pub num_participants: u32 = 9,
    }

    pub struct Codec {
        pub mime: String = 1,
    }

    pub struct ParticipantPermission {
        pub can_subscribe: bool = 1,
        pub can_publish: bool = 2,
        pub can_publish_data: bool = 3,
        pub can_update_metadata: bool = 10,
    }

    pub struct ParticipantInfo {
        pub sid: String = 1,
        pub identity: String = 2,
        pub state: ParticipantState = 3,
        pub tracks: Vec<TrackInfo> = 4,
        pub metadata: String = 5,
        /// In seconds since the Unix epoch.
        pub joined_at: i64 = 6,
        /// In milliseconds since the Unix epoch.
        pub joined_at_ms: i64 = 17,
        pub name: String = 9,
        /// Grows with each change: clients take no older one.
        pub version: u32 = 10,
        pub permission: Option<ParticipantPermission> = 11,
        pub is_publisher: bool = 13,
        pub attributes: HashMap<String, String> = 15,
        pub disconnect_reason: DisconnectReason = 16,
        pub client_protocol: i32 = 20,
        /// What the client said of itself, for the others' clients.
        pub capabilities: Vec<i32> = 21,
    }
}

enumeration! {
    pub enum ParticipantState {
        Joining = 0,
        Joined = 1,
        Active = 2,
        Disconnected = 3,
    }

    pub enum DisconnectReason {
        UnknownReason = 0,
        ClientInitiated = 1,
        DuplicateIdentity = 2,
        ServerShutdown = 3,
        ParticipantRemoved = 4,
        RoomDeleted = 5,
        StateMismatch = 6,
        JoinFailure = 7,
        SignalClose = 9,
        ConnectionTimeout = 14,
        MediaFailure = 15,
    }

    pub enum TrackType {
        Audio = 0,
        Video = 1,
        Data = 2,
    }

    pub enum TrackSource {
        Unknown = 0,
        Camera = 1,
        Microphone = 2,
        ScreenShare = 3,
        ScreenShareAudio = 4,
    }

    pub enum VideoQuality {
        Low = 0,
        Medium = 1,
        High = 2,
        Off = 3,
    }
}

message! {
    /// One of the pictures of a simulcast, by its quality.
    pub struct VideoLayer {
        pub quality: VideoQuality = 1,
        pub width: u32 = 2,
        pub height: u32 = 3,
        /// In bits a second, as the publisher means to send it.
        pub bitrate: u32 = 4,
        pub ssrc: u32 = 5,
        pub spatial_layer: i32 = 6,
        pub rid: String = 7,
    }

    pub struct SimulcastCodecInfo {
        pub mime_type: String = 1,
        pub mid: String = 2,
        pub cid: String = 3,
        pub layers: Vec<VideoLayer> = 4,
        pub video_layer_mode: i32 = 5,
    }

    pub struct TrackInfo {
        pub sid: String = 1,
        pub r#type: TrackType = 2,
        pub name: String = 3,
        pub muted: bool = 4,
        pub width: u32 = 5,
        pub height: u32 = 6,
        pub simulcast: bool = 7,
        pub disable_dtx: bool = 8,
        pub source: TrackSource = 9,
        pub layers: Vec<VideoLayer> = 10,
        pub mime_type: String = 11,
        pub mid: String = 12,
        pub codecs: Vec<SimulcastCodecInfo> = 13,
        pub stereo: bool = 14,
        pub disable_red: bool = 15,
        pub encryption: i32 = 16,
        pub stream: String = 17,
        pub audio_features: Vec<i32> = 19,
        pub backup_codec_policy: i32 = 20,
        pub packet_trailer_features: Vec<i32> = 21,
    }

    pub struct SpeakerInfo {
        pub sid: String = 1,
        /// From 0 (silent) to 1 (as loud as can be).
        pub level: f32 = 2,
        pub active: bool = 3,
    }

    pub struct ServerInfo {
        pub version: String = 2,
        pub protocol: i32 = 3,
        pub node_id: String = 5,
    }

    pub struct ClientInfo {
        pub sdk: i32 = 1,
        pub version: String = 2,
        pub protocol: i32 = 3,
        pub client_protocol: i32 = 12,
        pub capabilities: Vec<i32> = 13,
    }

    /// What of a packet on a data channel says whom it is for. The rest of it is passed on unread.
    pub struct DataPacket {
        pub user: Option<UserPacket> = 2,
        pub participant_identity: String = 4,
        /// Everybody, where nobody is named.
        pub destination_identities: Vec<String> = 5,
        /// Numbers the reliable ones of a sender.
        pub sequence: u32 = 16,
        pub participant_sid: String = 17,
    }

    /// What users send each other.
    pub struct UserPacket {
        pub destination_identities: Vec<String> = 6,
    }
}
