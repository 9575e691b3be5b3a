//! Room versions 1 to 12 as a table of rules.

use std::fmt;

use ruma::{
    RoomVersionId,
    room_version_rules::{EventIdFormatVersion, EventsReferenceFormatVersion, RoomVersionRules},
};

/// A room version that this server knows the rules of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomVersion(u8);

/// Which state resolution algorithm a room version uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateResolution {
    /// By type, depth and SHA-1 of the event id: room version 1.
    V1,
    /// Reverse topological power ordering and mainline ordering: room versions 2 to 11.
    V2,
    /// As `V2`, with the conflicted state subgraph and from an empty state: room version 12.
    V2_1,
}

/// How an event id comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventIdFormat {
    /// `$opaque:server`, carried in the event: room versions 1 and 2.
    Chosen,
    /// `$` and the reference hash in standard unpadded base64: room version 3.
    Hash,
    /// `$` and the reference hash in URL-safe unpadded base64: room versions 4 and later.
    UrlSafeHash,
}

static RULES: [RoomVersionRules; 12] = [
    RoomVersionRules::V1,
    RoomVersionRules::V2,
    RoomVersionRules::V3,
    RoomVersionRules::V4,
    RoomVersionRules::V5,
    RoomVersionRules::V6,
    RoomVersionRules::V7,
    RoomVersionRules::V8,
    RoomVersionRules::V9,
    RoomVersionRules::V10,
    RoomVersionRules::V11,
    RoomVersionRules::V12,
];

impl RoomVersion {
    pub const V1: Self = Self(1);
    pub const V2: Self = Self(2);
    pub const V3: Self = Self(3);
    pub const V4: Self = Self(4);
    pub const V5: Self = Self(5);
    pub const V6: Self = Self(6);
    pub const V7: Self = Self(7);
    pub const V8: Self = Self(8);
    pub const V9: Self = Self(9);
    pub const V10: Self = Self(10);
    pub const V11: Self = Self(11);
    pub const V12: Self = Self(12);

    /// Every room version this server takes part in, oldest first. All are stable.
    pub const ALL: [Self; 12] = [
        Self::V1,
        Self::V2,
        Self::V3,
        Self::V4,
        Self::V5,
        Self::V6,
        Self::V7,
        Self::V8,
        Self::V9,
        Self::V10,
        Self::V11,
        Self::V12,
    ];

    /// The room version of that id, if it is supported.
    pub fn of(id: &RoomVersionId) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.id() == *id)
    }

    /// The id under which the specification and `m.room.create` name it.
    pub fn id(self) -> RoomVersionId {
        match self.0 {
            1 => RoomVersionId::V1,
            2 => RoomVersionId::V2,
            3 => RoomVersionId::V3,
            4 => RoomVersionId::V4,
            5 => RoomVersionId::V5,
            6 => RoomVersionId::V6,
            7 => RoomVersionId::V7,
            8 => RoomVersionId::V8,
            9 => RoomVersionId::V9,
            10 => RoomVersionId::V10,
            11 => RoomVersionId::V11,
            _ => RoomVersionId::V12,
        }
    }

    /// The number of the version, 1 to 12: what storage writes in a row.
    pub fn number(self) -> u8 {
        self.0
    }

    /// The version of that number.
    pub fn from_number(number: u8) -> Option<Self> {
        (1..=12).contains(&number).then_some(Self(number))
    }

    /// The specification's rules for it.
    pub fn rules(self) -> &'static RoomVersionRules {
        &RULES[usize::from(self.0) - 1]
    }

    pub fn state_resolution(self) -> StateResolution {
        match self.0 {
            1 => StateResolution::V1,
            2..=11 => StateResolution::V2,
            _ => StateResolution::V2_1,
        }
    }

    /// Whether numbers must be integers within ±(2^53 − 1): room versions 6 and later.
    pub fn strict_canonical_json(self) -> bool {
        self.rules().authorization.strict_canonical_json
    }

    pub fn event_id_format(self) -> EventIdFormat {
        match self.rules().event_id_format {
            EventIdFormatVersion::V1 => EventIdFormat::Chosen,
            EventIdFormatVersion::V2 => EventIdFormat::Hash,
            _ => EventIdFormat::UrlSafeHash,
        }
    }

    /// Whether `prev_events` and `auth_events` are `[id, hashes]` pairs: room versions 1 and 2.
    pub fn references_are_pairs(self) -> bool {
        matches!(self.rules().events_reference_format, EventsReferenceFormatVersion::V1)
    }

    /// Whether the room id is the id of the create event, which then has none itself: version 12.
    pub fn room_id_is_create_event_id(self) -> bool {
        self.rules().authorization.room_create_event_id_as_room_id
    }

    /// The largest `depth` of an event.
    pub fn max_depth(self) -> u64 {
        if self.strict_canonical_json() { (1 << 53) - 1 } else { i64::MAX as u64 }
    }

    /// The depth of an event that follows events of this one at most. Past the largest it stays there: one event
    /// of another server must not end the room (server-server API, "PDUs").
    pub fn depth_after(self, depth: u64) -> u64 {
        depth.saturating_add(1).min(self.max_depth())
    }
}

impl fmt::Debug for RoomVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RoomVersion({})", self.0)
    }
}

impl fmt::Display for RoomVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
