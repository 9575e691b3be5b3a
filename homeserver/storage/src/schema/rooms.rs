//! Rows of rooms and events.

use ruma::{OwnedDeviceId, OwnedEventId, OwnedRoomId, OwnedServerName, OwnedUserId};
use serde::{Deserialize, Serialize};

use crate::{AsPart, EventNid, KeyPart, Position, StateId, StorageError, TimelineOrder, keyspace::row};

/// What never changes about a room.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RoomRow {
    pub room_id: OwnedRoomId,
    /// The room version's name.
    pub version: String,
}

/// A room as it stands now.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct RoomHeadRow {
    /// The current state, resolved over all extremities.
    pub state: StateId,
    /// Forward extremities.
    pub extremities: Vec<EventNid>,
    /// The greatest depth of them.
    pub depth: u64,
    /// The position of the last event of the timeline.
    pub position: Position,
    /// The position at which `state` became the current state.
    pub state_position: Position,
    /// Users joined and invited in the current state.
    pub joined: u64,
    pub invited: u64,
    /// The position of the join with which the room last came here from elsewhere; 0 for one made here. What
    /// came before it and was followed by nothing is no extremity any more.
    pub arrived: Position,
}

/// A room that came without its members.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PartialRoomRow {
    /// The joins with which it came, in their order: of the states before them the members are missing. There are several
    /// where everyone here left before the members came, and somebody joined it anew.
    pub joins: Vec<OwnedEventId>,
    /// The server that told of it.
    pub via: OwnedServerName,
    /// From which position on all of its state is here; `None` until it is.
    pub whole: Option<Position>,
    /// Once it is whole: servers that were in it meanwhile, without its being known.
    pub missed: Vec<OwnedServerName>,
}

/// What was decided about an event when it came.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Standing {
    /// Part of the room: it passed every check.
    Accepted,
    /// It passed by its auth events and the state before it, but not by the state at the time it came: not
    /// shown to clients, never an extremity.
    SoftFailed,
    /// Not allowed: kept, so that it need not be fetched again, and never referred to.
    Rejected,
    /// It was part of the room, and is gone: never fetched again, and in no timeline. Of a state event the text is kept,
    /// as later events stand on it.
    Purged,
}

/// An event and all that was decided about it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct EventRow {
    pub room: crate::RoomNid,
    pub event_id: OwnedEventId,
    pub standing: Standing,
    /// Where it stands in the timeline; `None` for an outlier and for what clients are not shown.
    pub order: Option<TimelineOrder>,
    /// The state before it and after it; `None` for an outlier.
    pub state: Option<StateAround>,
    /// The redaction that emptied it; `text` is then what is left.
    pub redacted_by: Option<EventNid>,
    /// How a client of this server sent it.
    pub sent_by: Option<SentByRow>,
    /// The PDU as canonical JSON; empty for a message event that was purged.
    pub text: String,
}

/// The device that sent an event, and its transaction id.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SentByRow {
    pub device: OwnedDeviceId,
    pub transaction_id: String,
}

/// The state before and after an event; the same for all but state events.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct StateAround {
    pub before: StateId,
    pub after: StateId,
}

/// A pair of event type and state key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StateKeyRow {
    pub event_type: String,
    pub state_key: String,
}

/// A state event's place in the chain cover, and its auth events.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ChainRow {
    pub chain: u64,
    /// From 1.
    pub sequence: u64,
    pub auth_events: Vec<EventNid>,
}

/// A membership state, as stored.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Membership {
    Join,
    Invite,
    Knock,
    Leave,
    Ban,
}

impl KeyPart for Membership {
    fn read(bytes: &mut &[u8]) -> Result<Self, StorageError> {
        let [number] = <[u8; 1]>::read(bytes)?;
        let all = [Self::Join, Self::Invite, Self::Knock, Self::Leave, Self::Ban];
        all.get(usize::from(number))
            .copied()
            .ok_or_else(|| StorageError::corrupt("a key holds no membership"))
    }
}

impl AsPart<Membership> for Membership {
    fn write(&self, out: &mut crate::Buffer) {
        out.extend([*self as u8]);
    }
}

/// A user's membership in a room's current state.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct MembershipRow {
    pub membership: Membership,
    /// The membership event.
    pub event: EventNid,
    /// Since when the user is what they are: for one who is joined not that of another name.
    pub position: Position,
}

/// A room in a user's list.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct UserRoomRow {
    pub membership: Membership,
    /// The membership event.
    pub event: EventNid,
    /// As in [`MembershipRow`].
    pub position: Position,
    /// The user has left and wants to hear no more of it.
    pub forgotten: bool,
    /// Stripped state that came with an invite or a knock, as a JSON array, where the room is not here.
    pub stripped_state: Option<String>,
    /// The room's type, as far as it is known: lists of rooms are asked for by it.
    pub room_type: Option<String>,
}

/// A child of an event.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RelationRow {
    pub rel_type: String,
    pub event_type: String,
    pub sender: OwnedUserId,
}

/// A thread.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ThreadRow {
    /// The order of its latest event.
    pub latest: TimelineOrder,
    /// Events in it, the root not counted.
    pub count: u64,
    /// Who wrote in it.
    pub participants: Vec<OwnedUserId>,
}

/// An event id as a value.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OwnedEventIdValue(pub OwnedEventId);

/// An event sent under a transaction id.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TransactionRow {
    pub event_id: OwnedEventId,
}

/// How far the events of a user who was turned out are redacted.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TurnedOutRow {
    /// The membership event that says so.
    pub because: EventNid,
    /// Those before this place are left.
    pub left_before: TimelineOrder,
    /// How many more events of the room are looked at.
    pub left: u64,
}

/// An event that is sent later.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DelayedEventRow {
    pub room: crate::RoomNid,
    pub event_type: String,
    /// `Some` for a state event.
    pub state_key: Option<String>,
    /// For `m.room.redaction`.
    pub redacts: Option<OwnedEventId>,
    /// JSON.
    pub content: String,
    /// How long it waits, in milliseconds.
    pub delay: u64,
    /// Since when, in milliseconds.
    pub running_since: u64,
    /// Under which transaction it came: device, endpoint and transaction id.
    pub transaction: Option<String>,
    /// When it was done with, in milliseconds, and how; `None` while it waits.
    pub ended: Option<(u64, DelayedEventEnd)>,
    /// For how many milliseconds it is sticky from when it is sent.
    pub sticky: Option<u32>,
}

impl DelayedEventRow {
    /// When it is sent, in milliseconds.
    pub fn due(&self) -> u64 {
        self.running_since.saturating_add(self.delay)
    }
}

/// A sticky event.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StickyRow {
    pub event: EventNid,
    /// Until when it is sticky, in milliseconds.
    pub until: u64,
    /// How large the event is.
    pub bytes: u32,
}

/// What came of a delayed event.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum DelayedEventEnd {
    Sent(OwnedEventId),
    /// By its user, or because another user set the same state.
    Cancelled,
    /// The room did not take it, and why.
    Failed {
        forbidden: bool,
        reason: String,
    },
}

/// An alias of this server.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AliasRow {
    pub room_id: OwnedRoomId,
    pub creator: OwnedUserId,
}

/// A receipt.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ReceiptRow {
    pub event_id: OwnedEventId,
    /// Where that event stands in the timeline.
    pub order: TimelineOrder,
    /// Milliseconds.
    pub ts: u64,
    /// When the receipt changed.
    pub position: Position,
}

/// The key of a receipt, without its room.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ReceiptKeyRow {
    pub user: OwnedUserId,
    pub receipt_type: String,
    /// Empty for an unthreaded receipt.
    pub thread: String,
}

/// A receipt and whose it is: many are read in the order in which they changed, and none is looked up by itself.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ReceiptChangeRow {
    pub key: ReceiptKeyRow,
    pub receipt: ReceiptRow,
}

/// A report of content to the administrators.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ReportRow {
    pub room_id: Option<OwnedRoomId>,
    pub event_id: Option<OwnedEventId>,
    pub user_id: Option<OwnedUserId>,
    pub reason: String,
}

/// A room that nobody of this server may enter.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct BlockedRoomRow {
    /// The administrator who blocked it.
    pub by: OwnedUserId,
    /// Milliseconds.
    pub at: u64,
}

/// A ban that holds for the whole server.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct BanRow {
    /// The administrator who made it.
    pub by: OwnedUserId,
    /// Milliseconds.
    pub at: u64,
    pub reason: Option<String>,
}

/// Something that an administrator asked for and that takes a while.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct WorkRow {
    pub work: Work,
    pub status: WorkStatus,
    /// When it was asked for, in milliseconds.
    pub asked_at: u64,
    /// When its status changed last, in milliseconds.
    pub changed_at: u64,
}

/// What it is, and how far.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Work {
    /// Purging what was sent before a place.
    PurgeHistory {
        room: crate::RoomNid,
        before: TimelineOrder,
        /// Whether events of users of this server stay.
        keep_own: bool,
        /// Up to where it is done.
        done: TimelineOrder,
    },
    /// Taking all users of this server out of a room, and what is known of it away.
    DeleteRoom {
        room: crate::RoomNid,
        purge: bool,
        /// The room that they are brought into instead.
        successor: Option<OwnedRoomId>,
        kicked: Vec<OwnedUserId>,
        failed: Vec<OwnedUserId>,
        aliases: Vec<String>,
    },
    /// Redacting what a user sent to rooms.
    RedactUser {
        user: OwnedUserId,
        /// Who redacts.
        by: OwnedUserId,
        reason: Option<String>,
        /// The rooms that are left, the last of them first.
        rooms: Vec<crate::RoomNid>,
        /// In that room, what was sent before this place is left.
        before: TimelineOrder,
        /// How many events are redacted in each room, and how many of those are left in that one.
        limit: u64,
        left: u64,
        /// What could not be redacted, and why: the first of them.
        failed: Vec<(OwnedEventId, String)>,
    },
}

/// How it stands with it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum WorkStatus {
    Active,
    Complete,
    Failed(String),
}

row!(
    BlockedRoomRow,
    BanRow,
    WorkRow,
    RoomRow,
    RoomHeadRow,
    PartialRoomRow,
    EventRow,
    StateKeyRow,
    ChainRow,
    MembershipRow,
    UserRoomRow,
    RelationRow,
    ThreadRow,
    OwnedEventIdValue,
    TransactionRow,
    DelayedEventRow,
    StickyRow,
    TurnedOutRow,
    AliasRow,
    ReceiptRow,
    ReceiptKeyRow,
    ReceiptChangeRow,
    ReportRow,
);
