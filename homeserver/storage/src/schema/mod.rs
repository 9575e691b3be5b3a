//! Every keyspace of the database, in one table, with the rows they hold.
//!
//! A change of a name, a key or a row's shape is a migration (see `migration.rs`).

pub mod appservices;
pub mod federation;
pub mod media;
pub mod push;
pub mod rooms;
pub mod search;
pub mod timers;
pub mod users;

use crate::{
    EventNid, Position, RoomNid, StateId, StateKeyNid, TimelineOrder,
    keyspace::{
        Access::{Append, Blob, Point, Range},
        AnyKeyspace, Keyspace,
    },
    log::LogRow,
};
use appservices::*;
use federation::*;
use media::*;
use push::*;
use rooms::*;
use ruma::{OwnedDeviceId, OwnedEventId, OwnedRoomAliasId, OwnedRoomId, OwnedServerName, OwnedUserId};
use search::PersonRow;
use timers::Timer;
use users::*;

/// How many positions of the log a span has, for `ROOM_SPANS`.
pub const SPAN_POSITIONS: u64 = 1_024;

/// Declares the table: a constant for each keyspace, and `ALL` of them in order.
macro_rules! keyspaces {
    ($($(#[$doc:meta])* $name:ident: $key:ty => $value:ty, $access:ident;)*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum Index { $($name),* }
        $(
            $(#[$doc])*
            pub const $name: Keyspace<$key, $value> = Keyspace::new(stringify!($name), $access, Index::$name as usize);
        )*
        /// All keyspaces.
        pub const ALL: &[AnyKeyspace] = &[$($name.raw),*];
    };
}

keyspaces! {
    // The store's own.

    /// The commit log: what changed at each position, trimmed behind the slowest reader, and
    /// where it gets too long.
    LOG: (Position,) => LogRow, Append;
    /// How many bytes all changes up to a position take that ever were in the log; at every so many positions, and
    /// where the log was trimmed.
    LOG_MARKS: (Position,) => u64, Append;
    /// How far each durable reader of the log has come, by the reader's name.
    CURSORS: (String,) => Position, Point;
    /// What is to happen at a time in milliseconds.
    TIMERS: (u64, Timer) => (), Range;
    /// Facts about the folder: schema version, server name, keys and secrets.
    META: (String,) => String, Point;

    // Rooms (written by `hearth-rooms`).

    /// What never changes about a room, also of one that is known by an invite or a knock only.
    ROOMS: (RoomNid,) => RoomRow, Point;
    /// A room's number by its id.
    ROOM_NIDS: (OwnedRoomId,) => RoomNid, Point;
    /// A room's current state, forward extremities and counts; none for a room that never was here.
    ROOM_HEADS: (RoomNid,) => RoomHeadRow, Point;
    /// An event's number by its id.
    EVENT_NIDS: (OwnedEventId,) => EventNid, Point;
    /// Events, with all that was decided about them.
    EVENTS: (EventNid,) => EventRow, Blob;
    /// The events of each room's timeline in order of arrival; history that was fetched later stands before what it
    /// was missing before.
    TIMELINE: (RoomNid, TimelineOrder) => EventNid, Append;
    /// The same events by `origin_server_ts`, in milliseconds.
    TIMESTAMPS: (RoomNid, u64, TimelineOrder) => EventNid, Range;
    /// Events that others name as their prev events and that are in no timeline here, and who names them.
    MISSING_PREV: (RoomNid, OwnedEventId, EventNid) => (), Range;
    /// The places of those that name them: right before each, the timeline has a gap.
    GAPS: (RoomNid, TimelineOrder) => (), Range;
    /// Up to which place of its timeline a room was purged.
    PURGES: (RoomNid,) => TimelineOrder, Point;
    /// Rooms that a user of this server joined without being told their members, also once these were.
    PARTIAL_ROOMS: (RoomNid,) => PartialRoomRow, Range;
    /// The servers that are said to be in such a room, until its members are known.
    PARTIAL_SERVERS: (RoomNid, OwnedServerName) => (), Range;
    /// What was decided in such a room since then, by a state that lacks members, and when: it is decided again.
    PARTIAL_EVENTS: (RoomNid, EventNid) => Position, Range;
    /// Where the whole current state of a room changed: the set from that position on.
    STATE_HISTORY: (RoomNid, Position) => StateId, Append;
    /// Pairs of event type and state key, interned.
    STATE_KEYS: (String, String) => StateKeyNid, Point;
    /// The pair behind a number.
    STATE_KEY_NAMES: (StateKeyNid,) => StateKeyRow, Point;
    /// Nodes of the persistent state trees, by the hash of their content.
    STATE_NODES: (StateId,) => Vec<u8>, Point;
    /// Where each state event stands in the chain cover of the auth graph.
    CHAINS: (EventNid,) => ChainRow, Point;
    /// The state event at each place of a chain: (chain, sequence).
    CHAIN_EVENTS: (u64, u64) => EventNid, Range;
    /// Links out of a chain: (from chain, from sequence, to chain) to the sequence reached there.
    CHAIN_LINKS: (u64, u64, u64) => u64, Range;
    /// The same links backwards: (to chain, to sequence, from chain) to the sequence that reaches it.
    CHAIN_BACKLINKS: (u64, u64, u64) => u64, Range;
    /// Who is what in a room's current state.
    MEMBERSHIPS: (RoomNid, OwnedUserId) => MembershipRow, Range;
    /// The same users by what they are, and by server.
    MEMBERS: (RoomNid, Membership, OwnedServerName, OwnedUserId) => (), Range;
    /// The same by user, and for what only an invite or a knock tells us about.
    USER_ROOMS: (OwnedUserId, RoomNid) => UserRoomRow, Range;
    /// The servers in a room's current state: to how many of their users are joined, at least one. In a room whose
    /// members are not known yet also those that are said to be there: 0 of one of whose users nothing is known.
    ROOM_SERVERS: (RoomNid, OwnedServerName) => u64, Range;
    /// The same by server.
    SERVER_ROOMS: (OwnedServerName, RoomNid) => (), Range;
    /// Events that relate to another: (room, parent, order of the child, child).
    RELATIONS: (RoomNid, OwnedEventId, TimelineOrder, EventNid) => RelationRow, Range;
    /// The threads of a room by the order of their latest event: (room, order) to the root's id.
    THREADS_BY_ACTIVITY: (RoomNid, TimelineOrder) => OwnedEventIdValue, Range;
    /// What is known of each thread: (room, root).
    THREADS: (RoomNid, OwnedEventId) => ThreadRow, Point;
    /// Redactions that came before what they redact: (redacted, redaction).
    PENDING_REDACTIONS: (OwnedEventId, EventNid) => (), Range;
    /// What events said before they were redacted, for a week: (day since the Unix epoch, event) to the PDU's text.
    REDACTED: (u64, EventNid) => String, Range;
    /// Whose events of a room are being redacted, because they were turned out: (room, user).
    TURNED_OUT: (RoomNid, OwnedUserId) => TurnedOutRow, Point;
    /// Events sent by clients: (day since the Unix epoch, user, device, endpoint and transaction id) to the event's id.
    TRANSACTIONS: (u64, OwnedUserId, OwnedDeviceId, String) => TransactionRow, Point;
    /// Delayed events, those that wait and the last that are done with: (user, delay id).
    DELAYED_EVENTS: (OwnedUserId, String) => DelayedEventRow, Range;
    /// Whose each of those that wait is, by delay id.
    DELAYED_EVENT_USERS: (String,) => OwnedUserIdValue, Point;
    /// The state events among those that wait: (room, event type, state key, delay id) to whose each is.
    DELAYED_STATE: (RoomNid, String, String, String) => OwnedUserIdValue, Range;
    /// Events that are sticky, or were until lately, by the position at which they came: (room, position).
    STICKY: (RoomNid, Position) => StickyRow, Range;
    /// Sticky events that the state did not allow when they came, for when it does: (room, sender, event) to until when
    /// they are sticky, in milliseconds.
    STICKY_REFUSED: (RoomNid, OwnedUserId, EventNid) => u64, Range;
    /// Aliases of this server.
    ALIASES: (OwnedRoomAliasId,) => AliasRow, Point;
    /// The same by room.
    ROOM_ALIASES: (RoomNid, OwnedRoomAliasId) => (), Range;
    /// Rooms in the published directory.
    DIRECTORY: (RoomNid,) => (), Range;
    /// Receipts, the newest of each: (room, user, type, thread id or nothing for an unthreaded one).
    RECEIPTS: (RoomNid, OwnedUserId, String, String) => ReceiptRow, Range;
    /// The same by the position at which each changed.
    RECEIPT_CHANGES: (RoomNid, Position) => ReceiptChangeRow, Append;
    /// Reports of content, by time in milliseconds: (ts, reporter).
    REPORTS: (u64, OwnedUserId) => ReportRow, Append;
    /// In which span of the log each room's last event is. Written by `hearth-sync`, behind the log.
    ROOM_SPANS: (RoomNid,) => u64, Point;
    /// The same by span: (span, room).
    SPAN_ROOMS: (u64, RoomNid) => (), Range;
    /// What was reported as it was then, also if it was redacted since: the event, as its server sent it.
    REPORTED: (u64, OwnedUserId) => String, Blob;
    /// Rooms that nobody of this server may enter, whether they are known or not.
    BLOCKED_ROOMS: (OwnedRoomId,) => BlockedRoomRow, Point;
    /// Users, servers and aliases that this server has nothing to do with: (`user`, `server` or `alias`, glob).
    BANS: (String, String) => BanRow, Range;
    /// What administrators asked for and takes a while, by id. Kept for a week once it is done.
    WORKS: (String,) => WorkRow, Range;

    // Users (written by `hearth-users`).

    /// Accounts of this server.
    ACCOUNTS: (OwnedUserId,) => AccountRow, Point;
    /// Accounts that were deactivated with the wish that all be erased, and when.
    ERASED_USERS: (OwnedUserId,) => Position, Point;
    /// What administrators decided about users; none for most.
    RESTRICTIONS: (OwnedUserId,) => RestrictionsRow, Point;
    /// Users whom no administrator has let in yet.
    AWAITING_APPROVAL: (OwnedUserId,) => (), Point;
    /// Tokens with which somebody may register.
    REGISTRATION_TOKENS: (String,) => RegistrationTokenRow, Range;
    /// What administrators did: (time in milliseconds, number).
    AUDIT: (u64, u64) => AuditRow, Append;
    /// Devices of accounts.
    DEVICES: (OwnedUserId, OwnedDeviceId) => DeviceRow, Range;
    /// The device of a user that is put aside for when all others are gone.
    DEHYDRATED_DEVICES: (OwnedUserId,) => DehydratedDeviceRow, Point;
    /// Access tokens by the SHA-256 of the token.
    ACCESS_TOKENS: ([u8; 32],) => AccessTokenRow, Point;
    /// Refresh tokens by the SHA-256 of the token.
    REFRESH_TOKENS: ([u8; 32],) => RefreshTokenRow, Point;
    /// The tokens of a device: (user, device, hash), access tokens and refresh tokens.
    DEVICE_TOKENS: (OwnedUserId, OwnedDeviceId, [u8; 32]) => TokenKind, Range;
    /// Short-lived tokens (login, OpenID) by the SHA-256 of the token.
    SHORT_TOKENS: ([u8; 32],) => ShortTokenRow, Point;
    /// The same by user and device: (user, device, hash).
    DEVICE_SHORT_TOKENS: (OwnedUserId, OwnedDeviceId, [u8; 32]) => (), Range;
    /// Profile fields: (user, field) to the value's JSON.
    PROFILES: (OwnedUserId, String) => String, Range;
    /// How much a user keeps of what has a quota: (user, kind).
    USAGE: (OwnedUserId, String) => UsageRow, Point;
    /// Which fields of profiles changed since a position, the latest change of each only: (position, field) to whose.
    PROFILE_CHANGES: (Position, String) => OwnedUserIdValue, Append;
    /// The positions of a user's entries there: (user, field).
    PROFILE_CHANGED_AT: (OwnedUserId, String) => Position, Range;
    /// Stored filters: (user, number) to the filter's JSON.
    FILTERS: (OwnedUserId, u64) => String, Range;
    /// The same by content: (user, SHA-256 of the JSON) to the number.
    FILTER_NUMBERS: (OwnedUserId, [u8; 32]) => u64, Point;
    /// Account data: (user, room id or nothing, type).
    ACCOUNT_DATA: (OwnedUserId, String, String) => AccountDataRow, Range;
    /// Which account data changed since a position, the latest change of each only: (user, position).
    ACCOUNT_DATA_CHANGES: (OwnedUserId, Position) => AccountDataKeyRow, Append;
    /// The threads that a user subscribed to, or no longer does: (user, room, root).
    THREAD_SUBSCRIPTIONS: (OwnedUserId, OwnedRoomId, OwnedEventId) => ThreadSubscriptionRow, Range;
    /// Which of them changed since a position, the latest change of each only: (user, position).
    THREAD_SUBSCRIPTION_CHANGES: (OwnedUserId, Position) => ThreadKeyRow, Append;
    /// What the account data `m.push_rules` was before it changed at a position; empty for none. The last few.
    PUSH_RULES_BEFORE: (OwnedUserId, Position) => String, Range;
    /// Identity keys of devices, as JSON.
    DEVICE_KEYS: (OwnedUserId, OwnedDeviceId) => String, Range;
    /// One-time keys: (user, device, algorithm, position of the upload, key id) to the key's JSON.
    ONE_TIME_KEYS: (OwnedUserId, OwnedDeviceId, String, Position, String) => String, Range;
    /// One-time keys that were given out, the last ones of each device: (user, device, algorithm, key id).
    CLAIMED_ONE_TIME_KEYS: (OwnedUserId, OwnedDeviceId, String, String) => ClaimedKeyRow, Range;
    /// Fallback keys: (user, device, algorithm).
    FALLBACK_KEYS: (OwnedUserId, OwnedDeviceId, String) => FallbackKeyRow, Range;
    /// Cross-signing keys: (user, usage: master, self_signing, user_signing), as JSON.
    CROSS_SIGNING_KEYS: (OwnedUserId, String) => String, Range;
    /// Signatures uploaded onto keys: (owner, key or device id, signer, signing key id) to the signature.
    KEY_SIGNATURES: (OwnedUserId, String, OwnedUserId, String) => String, Range;
    /// Whose device list or cross-signing keys changed, the latest change of each user only.
    DEVICE_LIST_CHANGES: (Position,) => OwnedUserIdValue, Append;
    /// The position of each user's entry in `DEVICE_LIST_CHANGES`.
    DEVICE_LIST_LATEST: (OwnedUserId,) => Position, Point;
    /// When what other servers know of a device last changed, deleted devices included: (user, device).
    DEVICE_CHANGES: (OwnedUserId, OwnedDeviceId) => DeviceChangeRow, Range;
    /// When what other servers know of a user's cross-signing keys last changed.
    SIGNING_KEY_CHANGES: (OwnedUserId,) => Position, Point;
    /// Key backups: (user, version).
    BACKUPS: (OwnedUserId, u64) => BackupRow, Range;
    /// Keys in a backup: (user, version, room, session), as JSON.
    BACKUP_KEYS: (OwnedUserId, u64, OwnedRoomId, String) => String, Range;
    /// Messages for a device, until it has them: (user, device, position).
    TO_DEVICE: (OwnedUserId, OwnedDeviceId, Position) => ToDeviceRow, Append;
    /// Contents that several devices of a user get, until all have them: (user, position of the first), as JSON.
    TO_DEVICE_SHARED: (OwnedUserId, Position) => String, Blob;
    /// The devices that have yet to get such a content: (user, position of the first, device).
    TO_DEVICE_SHARERS: (OwnedUserId, Position, OwnedDeviceId) => (), Range;
    /// What the messages that wait for a device weigh together; none where none waits.
    TO_DEVICE_WEIGHTS: (OwnedUserId, OwnedDeviceId) => u64, Point;
    /// Requests to send to devices that were done: (sender, device, transaction id) to the time in milliseconds.
    TO_DEVICE_TRANSACTIONS: (OwnedUserId, OwnedDeviceId, String) => u64, Range;
    /// Pushers: (user, app id, pushkey).
    PUSHERS: (OwnedUserId, String, String) => PusherRow, Range;
    /// The same by (app id, pushkey, user).
    PUSHER_OWNERS: (String, String, OwnedUserId) => (), Range;
    /// The connections of sliding sync: (user, device, connection id). Written by `hearth-sync`.
    SLIDING_CONNECTIONS: (OwnedUserId, OwnedDeviceId, String) => SlidingConnectionRow, Range;
    /// What each was told of each room: (user, device, connection id, room). Written by `hearth-sync`.
    SLIDING_ROOMS: (OwnedUserId, OwnedDeviceId, String, RoomNid) => SlidingRoomRow, Range;

    // Push (written by `hearth-push`, and by `hearth-users` with the pushers).

    /// What notified a user who has pushers, the newest of it, by the position of the event: (user, position).
    NOTIFICATIONS: (OwnedUserId, Position) => NotificationRow, Append;
    /// Users who have pushers, and from behind which position on all that notified them is in `NOTIFICATIONS`.
    NOTIFIED_USERS: (OwnedUserId,) => Position, Point;
    /// What a pusher was told last: (user, app id, pushkey).
    PUSHED: (OwnedUserId, String, String) => PushedRow, Point;

    // The user directory (written by `hearth-search`).

    /// Users who may be found: those of this server, and those of others who are in rooms here.
    PEOPLE: (OwnedUserId,) => PersonRow, Point;
    /// The same by the words of their names and ids: (word, user).
    PEOPLE_BY_WORD: (String, OwnedUserId) => (), Range;

    // Media (written by `hearth-media`).

    /// What is known of each piece of media: (server name, media id).
    MEDIA: (String, String) => MediaRow, Point;
    /// Which media share the file with this hash: (SHA-256, server name, media id).
    MEDIA_FILES: ([u8; 32], String, String) => (), Range;
    /// Copies of other servers' media by when they came, in milliseconds: (time, server name, media id) to the size.
    MEDIA_COPIES: (u64, String, String) => u64, Range;
    /// Uploads that are awaited: (user, media id) to when they expire, in milliseconds.
    MEDIA_PENDING: (OwnedUserId, String) => u64, Range;

    /// Bytes that nobody gets, by their hash, whatever they are called.
    QUARANTINE: ([u8; 32],) => QuarantineRow, Point;
    /// What came into quarantine and out of it, numbered from 1.
    QUARANTINE_CHANGES: (u64,) => QuarantineChangeRow, Append;
    /// Media of this server that stay out of quarantine when all of a user or a room are put there: (media id).
    PROTECTED_MEDIA: (String,) => (), Point;

    // Federation (written by `hearth-federation`, and by `hearth-users` what waits to be sent).

    /// The known keys of other servers, as JSON.
    SERVER_KEYS: (OwnedServerName,) => String, Point;
    /// The devices of users of other servers who are in rooms of this one, as they were told last, as JSON.
    REMOTE_DEVICES: (OwnedUserId,) => String, Point;
    /// How it stands with the servers that were sent to; none for one that always answered.
    DESTINATIONS: (OwnedServerName,) => DestinationRow, Point;
    /// The rooms in which a server is behind: (server, room) to the position of the first event that it missed.
    DESTINATION_ROOMS: (OwnedServerName, RoomNid) => Position, Range;
    /// EDUs that a server must get, until it has them: (server, position), as JSON.
    DESTINATION_EDUS: (OwnedServerName, Position) => String, Range;
    /// The users whose device lists a server that is behind has to be told of.
    DESTINATION_DEVICE_LISTS: (OwnedServerName, OwnedUserId) => (), Range;

    // Application services (written by `hearth-appservices`).

    /// How far each service has been told, and the transaction that it did not acknowledge yet, by the service's id.
    APPSERVICES: (String,) => AppserviceRow, Point;
    /// Rooms that a service publishes in a network's directory: (service, network, room).
    APPSERVICE_DIRECTORY: (String, String, RoomNid) => (), Range;
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::ALL;

    #[test]
    fn every_keyspace_has_a_name_and_place_of_its_own() {
        let names: HashSet<_> = ALL.iter().map(|keyspace| keyspace.name).collect();
        assert_eq!(names.len(), ALL.len());
        assert!(ALL.iter().enumerate().all(|(place, keyspace)| keyspace.index == place));
    }
}
