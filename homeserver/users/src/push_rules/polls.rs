//! The push rules of polls ([MSC3930](https://github.com/matrix-org/matrix-spec-proposals/pull/3930)), among the
//! server's default rules.

use ruma::{
    push::{
        Action, ConditionalPushRule, ConditionalPushRuleInit, EventMatchConditionData, PushCondition,
        RoomMemberCountConditionData, RoomMemberCountIs, Ruleset, SoundTweakValue, Tweak,
    },
    uint,
};

/// Adds them: votes are silent, and the begin and the end of a poll are like a message.
pub(super) fn add(rules: &mut Ruleset) {
    rules.override_.insert(rule("poll_response", vec![event("response")], Vec::new()));
    for what in ["start", "end"] {
        let two = RoomMemberCountConditionData::new(RoomMemberCountIs::from(uint!(2)));
        let two = PushCondition::RoomMemberCount(two);
        let sound = Action::SetTweak(Tweak::Sound(SoundTweakValue::Default));
        for rule in [
            rule(&format!("poll_{what}_one_to_one"), vec![two, event(what)], vec![Action::Notify, sound]),
            rule(&format!("poll_{what}"), vec![event(what)], vec![Action::Notify]),
        ] {
            rules.underride.insert(rule);
        }
    }
}

fn rule(id: &str, conditions: Vec<PushCondition>, actions: Vec<Action>) -> ConditionalPushRule {
    let rule_id = format!(".org.matrix.msc3930.rule.{id}");
    ConditionalPushRuleInit { actions, default: true, enabled: true, rule_id, conditions }.into()
}

/// The event is this part of a poll.
fn event(part: &str) -> PushCondition {
    let event_type = format!("org.matrix.msc3381.poll.{part}");
    PushCondition::EventMatch(EventMatchConditionData::new("type".to_owned(), event_type))
}
