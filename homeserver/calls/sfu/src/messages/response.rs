//! What the server says.

use super::{
    Codec, LeaveRequest, MuteTrackRequest, ParticipantInfo, Room, ServerInfo, SessionDescription,
    SpeakerInfo, TrackInfo, TrickleRequest, VideoQuality,
    wire::{message, one_of},
};

one_of! {
    pub struct SignalResponse is Told {
        Join(Box<JoinResponse>) = 1,
        Answer(SessionDescription) = 2,
        Offer(SessionDescription) = 3,
        Trickle(TrickleRequest) = 4,
        Update(ParticipantUpdate) = 5,
        TrackPublished(TrackPublishedResponse) = 6,
        Leave(LeaveRequest) = 8,
        Mute(MuteTrackRequest) = 9,
        SpeakersChanged(SpeakersChanged) = 10,
        RoomUpdate(RoomUpdate) = 11,
        SubscribedQualityUpdate(SubscribedQualityUpdate) = 14,
        RefreshToken(String) = 16,
        TrackUnpublished(TrackUnpublishedResponse) = 17,
        Pong(i64) = 18,
        Reconnect(ReconnectResponse) = 19,
        PongResp(Pong) = 20,
        RequestResponse(RequestResponse) = 22,
        TrackSubscribed(TrackSubscribed) = 23,
        MediaSectionsRequirement(MediaSectionsRequirement) = 25,
    }
}

message! {
    pub struct JoinResponse {
        pub room: Option<Room> = 1,
        pub participant: Option<ParticipantInfo> = 2,
        pub other_participants: Vec<ParticipantInfo> = 3,
        pub server_version: String = 4,
        pub ice_servers: Vec<IceServer> = 5,
        /// Whether the connection by which the participant receives is the one that must stand.
        pub subscriber_primary: bool = 6,
        /// In seconds.
        pub ping_timeout: i32 = 10,
        /// In seconds.
        pub ping_interval: i32 = 11,
        pub server_info: Option<ServerInfo> = 12,
        pub enabled_publish_codecs: Vec<Codec> = 14,
        /// Whether the client should connect for publishing before it publishes.
        pub fast_publish: bool = 15,
    }

    pub struct IceServer {
        pub urls: Vec<String> = 1,
        pub username: String = 2,
        pub credential: String = 3,
    }

    pub struct ReconnectResponse {
        pub ice_servers: Vec<IceServer> = 1,
        pub server_info: Option<ServerInfo> = 3,
        /// The last reliable data packet that came.
        pub last_message_seq: u32 = 4,
    }

    pub struct ParticipantUpdate {
        pub participants: Vec<ParticipantInfo> = 1,
    }

    pub struct TrackPublishedResponse {
        pub cid: String = 1,
        pub track: Option<TrackInfo> = 2,
    }

    pub struct TrackUnpublishedResponse {
        pub track_sid: String = 1,
    }

    pub struct SpeakersChanged {
        pub speakers: Vec<SpeakerInfo> = 1,
    }

    pub struct RoomUpdate {
        pub room: Option<Room> = 1,
    }

    /// Which layers of a track anybody wants.
    pub struct SubscribedQualityUpdate {
        pub track_sid: String = 1,
        pub subscribed_qualities: Vec<SubscribedQuality> = 2,
        pub subscribed_codecs: Vec<SubscribedCodec> = 3,
    }

    pub struct SubscribedQuality {
        pub quality: VideoQuality = 1,
        pub enabled: bool = 2,
    }

    pub struct SubscribedCodec {
        pub codec: String = 1,
        pub qualities: Vec<SubscribedQuality> = 2,
    }

    pub struct Pong {
        pub last_ping_timestamp: i64 = 1,
        pub timestamp: i64 = 2,
    }

    /// How a request went that has a number.
    pub struct RequestResponse {
        pub request_id: u32 = 1,
        /// 0 means that it was done, 2 that it is not allowed, 3 that it is too much.
        pub reason: i32 = 2,
        pub message: String = 3,
    }

    /// Somebody receives a track of the participant, for the first time.
    pub struct TrackSubscribed {
        pub track_sid: String = 1,
    }

    /// How many more media sections the client's next offer needs. It offers anew even if it needs none.
    pub struct MediaSectionsRequirement {
        pub num_audios: u32 = 1,
        pub num_videos: u32 = 2,
    }
}
