//! The rules that every user has ("Predefined Rules"), and those that clients of today look for beyond them.

use ruma::{
    UserId,
    push::{
        Action, ConditionalPushRule, ConditionalPushRuleInit, EventMatchConditionData,
        EventPropertyIsConditionData, HighlightTweakValue, PatternedPushRule, PatternedPushRuleInit,
        PushCondition, Ruleset, ScalarJsonValue, SoundTweakValue, Tweak,
    },
};

/// Messages that name their user without `m.mentions`: from clients and bridges of before it. The specification had this
/// rule up to v1.16.
const CONTAINS_USER_NAME: &str = ".m.rule.contains_user_name";
/// MSC4028
const ENCRYPTED_EVENT: &str = ".org.matrix.msc4028.encrypted_event";
/// How the ids of the rules for polls begin (MSC3930).
const OF_POLLS: &str = ".org.matrix.msc3930.rule.";

/// The predefined rules of a user.
pub fn default_rules(user: &UserId) -> Ruleset {
    let mut rules = Ruleset::server_default(user);
    // Behind `.m.rule.master`, before all the others.
    let (place, _) = rules.override_.insert_full(encrypted_event());
    rules.override_.move_index(place, 1.min(place));
    rules.content.insert(contains_user_name(user));
    rules.override_ = rules.override_.into_iter().map(in_words_of_msc3930).collect();
    rules.underride = rules.underride.into_iter().map(in_words_of_msc3930).collect();
    rules
}

/// A rule for polls as the proposal and the other servers have it: an event's type matches a pattern, where ruma says
/// that a property has a value.
fn in_words_of_msc3930(mut rule: ConditionalPushRule) -> ConditionalPushRule {
    if rule.rule_id.starts_with(OF_POLLS) {
        for condition in &mut rule.conditions {
            if let PushCondition::EventPropertyIs(EventPropertyIsConditionData { key, value, .. }) = condition
                && let ScalarJsonValue::String(value) = value
            {
                *condition = PushCondition::EventMatch(EventMatchConditionData::new(
                    std::mem::take(key),
                    std::mem::take(value),
                ));
            }
        }
    }
    rule
}

/// Wakes a user's clients for every encrypted event: for those who turn it on, as their clients decide by what is in it.
fn encrypted_event() -> ConditionalPushRule {
    let is_encrypted = EventMatchConditionData::new("type".to_owned(), "m.room.encrypted".to_owned());
    ConditionalPushRuleInit {
        actions: vec![Action::Notify],
        default: true,
        enabled: false,
        rule_id: ENCRYPTED_EVENT.to_owned(),
        conditions: vec![PushCondition::EventMatch(is_encrypted)],
    }
    .into()
}

/// The rule that looks for the user's name in messages that say nothing of whom they mention.
pub fn contains_user_name(user: &UserId) -> PatternedPushRule {
    PatternedPushRuleInit {
        actions: vec![
            Action::Notify,
            Action::SetTweak(Tweak::Sound(SoundTweakValue::Default)),
            Action::SetTweak(Tweak::Highlight(HighlightTweakValue::Yes)),
        ],
        default: true,
        enabled: true,
        rule_id: CONTAINS_USER_NAME.to_owned(),
        pattern: user.localpart().to_owned(),
    }
    .into()
}
