//! Summaries of rooms.

use hearth_rooms::RoomSummary as Summary;
use ruma::{
    RoomVersionId, UInt,
    room::{JoinRuleKind, JoinRuleSummary, RestrictedSummary, RoomSummary},
};

/// A summary as the specification writes it.
pub fn described(summary: Summary) -> RoomSummary {
    let allowed = RestrictedSummary::new(summary.allowed_room_ids);
    let join_rule = match JoinRuleKind::from(summary.join_rule) {
        JoinRuleKind::Restricted => JoinRuleSummary::Restricted(allowed),
        JoinRuleKind::KnockRestricted => JoinRuleSummary::KnockRestricted(allowed),
        known @ (JoinRuleKind::Public | JoinRuleKind::Knock | JoinRuleKind::Private) => known.into(),
        // By a rule that nobody knows, nobody joins uninvited.
        _ => JoinRuleSummary::Invite,
    };
    let joined = UInt::new_saturating(summary.joined_members);
    let mut described =
        RoomSummary::new(summary.room_id, join_rule, summary.guest_can_join, joined, summary.world_readable);
    described.canonical_alias = summary.canonical_alias;
    described.name = summary.name;
    described.topic = summary.topic;
    described.avatar_url = summary.avatar_url;
    described.room_type = summary.room_type.map(Into::into);
    described.encryption = summary.encryption.map(Into::into);
    described.room_version = RoomVersionId::try_from(summary.version).ok();
    described
}
