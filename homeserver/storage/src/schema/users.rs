//! Rows of accounts and what belongs to them.

use ruma::{OwnedDeviceId, OwnedEventId, OwnedRoomId, OwnedUserId};
use serde::{Deserialize, Serialize};

use crate::{Position, RoomNid, keyspace::row};

/// An account.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AccountRow {
    /// A PHC string; `None` where no password was ever set.
    pub password_hash: Option<String>,
    pub kind: AccountKind,
    pub admin: bool,
    pub deactivated: bool,
    /// Deactivated with the wish that all be erased: newcomers see this user's events redacted.
    pub erased: bool,
    pub suspended: bool,
    pub locked: bool,
    /// Milliseconds.
    pub created_at: u64,
}

/// What an account is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum AccountKind {
    User,
    Guest,
}

/// What an administrator decided about a user beside their account.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct RestrictionsRow {
    /// Nobody else gets what they send, and they are not told so.
    pub shadow_banned: bool,
    pub rate: Option<RateRow>,
    /// Until when the user may replace their cross-signing keys without their password, in milliseconds.
    pub keys_replaceable_until: Option<u64>,
}

/// How often a user may do something, in the place of what holds for all. Nothing bounds who has zeros.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RateRow {
    pub per_second: u32,
    pub burst: u32,
}

/// A token with which somebody may register.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RegistrationTokenRow {
    /// How often; `None` for any number.
    pub uses_allowed: Option<u64>,
    /// How often it was used.
    pub completed: u64,
    /// Until when, in milliseconds; `None` for ever.
    pub expires_at: Option<u64>,
}

/// What an administrator did.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AuditRow {
    /// Who; for the command line the server itself.
    pub who: String,
    /// The method and the path of the request.
    pub request: String,
    /// What it said, as JSON, without secrets.
    pub body: String,
    /// The HTTP status of the answer; `None` for what was begun and not ended.
    pub status: Option<u16>,
}

/// A device.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DeviceRow {
    pub display_name: Option<String>,
    /// Milliseconds.
    pub last_seen_at: Option<u64>,
    pub last_seen_ip: Option<String>,
}

/// A device that is put aside; it is one of the user's, without a session.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DehydratedDeviceRow {
    pub device: OwnedDeviceId,
    /// What its client needs to bring it back, as JSON; encrypted by the client.
    pub data: String,
}

/// An access token.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AccessTokenRow {
    pub user: OwnedUserId,
    pub device: OwnedDeviceId,
    /// Milliseconds; `None` for one that lives until logout.
    pub expires_at: Option<u64>,
    /// The hash of the refresh token it was got with, which stays valid until this token is first used.
    pub replaces: Option<[u8; 32]>,
}

/// A refresh token.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RefreshTokenRow {
    pub user: OwnedUserId,
    pub device: OwnedDeviceId,
    /// The hash of the access token that came with it.
    pub access_token: [u8; 32],
    /// The hash of the refresh token it was got with, until this pair is first used.
    pub replaces: Option<[u8; 32]>,
    /// The hash of the refresh token that was got with it and has not been used yet.
    pub successor: Option<[u8; 32]>,
}

/// What a device's token is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum TokenKind {
    Access,
    Refresh,
}

/// A token that lives for minutes.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ShortTokenRow {
    pub user: OwnedUserId,
    /// The device that asked for it: it goes when the device goes.
    pub device: OwnedDeviceId,
    pub purpose: ShortTokenPurpose,
    /// Milliseconds.
    pub expires_at: u64,
}

/// What a short-lived token is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ShortTokenPurpose {
    Login,
    OpenId,
}

/// A piece of account data.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AccountDataRow {
    /// The content's JSON.
    pub content: String,
    /// When it changed.
    pub position: Position,
}

/// The key of a piece of account data, without its user.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AccountDataKeyRow {
    /// Empty for global account data.
    pub room: String,
    pub data_type: String,
}

/// What a user wants of a thread.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ThreadSubscriptionRow {
    /// `None` for one that was given up.
    pub subscription: Option<ThreadSubscription>,
    /// When that was said.
    pub position: Position,
}

/// How a user came to subscribe to a thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ThreadSubscription {
    /// They said so.
    Manual,
    /// Their client did, because of an event in the thread.
    Automatic,
}

/// Which thread it is.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ThreadKeyRow {
    pub room: OwnedRoomId,
    pub root: OwnedEventId,
}

/// A fallback key.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct FallbackKeyRow {
    pub key_id: String,
    /// The key's JSON.
    pub key: String,
    pub used: bool,
}

/// A one-time key that was given out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ClaimedKeyRow {
    /// When: later ones come after it.
    pub position: Position,
    /// SHA-256 of the key's JSON.
    pub hash: [u8; 32],
}

/// The last change of a device.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DeviceChangeRow {
    /// When it came: the change's number in the stream of the user's.
    pub position: Position,
    /// The number of the change before it, of whichever device of the user.
    pub previous: Option<Position>,
}

/// A message that waits for a device.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ToDeviceRow {
    pub sender: OwnedUserId,
    pub event_type: String,
    /// Milliseconds.
    pub sent_at: u64,
    /// Of the content, in bytes.
    pub size: u32,
    pub content: ToDeviceContent,
}

/// The content of a message.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum ToDeviceContent {
    /// JSON.
    Own(String),
    /// In `TO_DEVICE_SHARED`, as several devices of the user get it.
    Shared(Position),
}

/// How much a user keeps of one kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct UsageRow {
    pub count: u64,
    pub bytes: u64,
}

/// A pusher.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PusherRow {
    /// The device that set it: it goes when the device goes.
    pub device: OwnedDeviceId,
    /// JSON.
    pub pusher: String,
    /// When it was set, in milliseconds.
    pub set_at: u64,
    /// Whether the user wants it to be told anything.
    pub enabled: bool,
    /// What the client has to say before it is told anything; `None` if it has, or need not.
    pub awaits: Option<ActivationRow>,
}

/// How a pusher is activated.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ActivationRow {
    pub token: String,
    /// Milliseconds.
    pub expires_at: u64,
}

/// A user id as a value.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OwnedUserIdValue(pub OwnedUserId);

/// A version of a key backup.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct BackupRow {
    pub algorithm: String,
    /// JSON.
    pub auth_data: String,
    pub etag: u64,
    pub count: u64,
    pub deleted: bool,
}

/// What one connection of sliding sync was told, but for its rooms. Its states are numbered; the client may come back
/// to the one it has, or to the next.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SlidingConnectionRow {
    /// When it began, in milliseconds: tells it from an earlier one of the same name.
    pub begun: u64,
    /// When it was written last, in milliseconds.
    pub used: u64,
    /// The number of the state that the client has: it is here and in `SLIDING_ROOMS`.
    pub number: u64,
    /// The extensions that were told whole.
    pub extensions: u8,
    /// How rooms were asked for, as JSON; rooms name them by their place.
    pub configs: Vec<String>,
    /// The state that the client may have instead, if the answer reached it.
    pub next: Option<SlidingChangeRow>,
}

/// What leads from one state of a connection to the next.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SlidingChangeRow {
    pub number: u64,
    pub extensions: u8,
    /// `None` for a room that is forgotten.
    pub rooms: Vec<(RoomNid, Option<SlidingRoomRow>)>,
}

/// What a connection of sliding sync was told of a room.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SlidingRoomRow {
    /// Up to where, for a room that is out of view; `None` for one in view: up to what the client's `pos` says.
    pub told: Option<Position>,
    /// How it was asked for when it was told last.
    pub config: u32,
    /// It was told that the room is a direct chat.
    pub direct: bool,
    /// Its receipts were told.
    pub receipts: bool,
    /// Its account data was told.
    pub account_data: bool,
}

row!(
    AccountRow,
    DeviceRow,
    AccessTokenRow,
    RefreshTokenRow,
    TokenKind,
    ShortTokenRow,
    AccountDataRow,
    DehydratedDeviceRow,
    AccountDataKeyRow,
    ThreadSubscriptionRow,
    ThreadKeyRow,
    FallbackKeyRow,
    ClaimedKeyRow,
    DeviceChangeRow,
    ToDeviceRow,
    UsageRow,
    RestrictionsRow,
    RegistrationTokenRow,
    AuditRow,
    PusherRow,
    ActivationRow,
    OwnedUserIdValue,
    BackupRow,
    SlidingConnectionRow,
    SlidingRoomRow,
);
