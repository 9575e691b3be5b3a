//! Evaluating push rules (client-server API, "Push rules").
//!
//! An event is flattened once for all users, and a user's rules are compiled once for all events,
//! so that judging one event for one user is a few look-ups.

use ruma::{
    OwnedRoomId, OwnedUserId, RoomId, UInt, UserId,
    push::{Action, AnyPushRuleRef, PushCondition, RoomMemberCountIs, Ruleset},
};

use crate::{
    glob::{Glob, lower_case},
    power_levels::PowerLevels,
};

mod defaults;
mod flat_event;

pub use defaults::{contains_user_name, default_rules};
pub use flat_event::FlatEvent;
use flat_event::Scalar;

/// Where and to whom an event is delivered.
#[derive(Clone, Copy, Debug)]
pub struct PushContext<'a> {
    pub room_id: &'a RoomId,
    /// The number of joined members.
    pub member_count: u64,
    /// Whose rules are evaluated.
    pub user_id: &'a UserId,
    /// The user's display name in the room.
    pub display_name: Option<&'a str>,
    /// The room's power levels; without them no rule that asks for them matches.
    pub power_levels: Option<&'a PowerLevels>,
    /// Whether the user is subscribed to the thread that the event is in; `None` for one in no thread, and where nothing
    /// is to follow from it.
    pub subscribed: Option<bool>,
}

/// What the first matching rule says.
#[derive(Clone, Copy, Debug)]
pub struct PushOutcome<'a> {
    /// The place of the rule in its set; `None` if none matched.
    pub rule: Option<usize>,
    pub notify: bool,
    pub highlight: bool,
    pub actions: &'a [Action],
}

impl PushOutcome<'_> {
    const NOTHING: Self = Self { rule: None, notify: false, highlight: false, actions: &[] };
}

/// A user's enabled push rules in the order they are tried.
#[derive(Clone, Debug)]
pub struct CompiledRuleset {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    conditions: Vec<Condition>,
    /// The rules of before `m.mentions` do not look at events that have it.
    only_without_mentions: bool,
    notify: bool,
    highlight: bool,
    actions: Vec<Action>,
}

#[derive(Clone, Debug)]
enum Condition {
    EventMatch {
        key: String,
        glob: Glob,
    },
    PropertyIs {
        key: String,
        value: Scalar,
    },
    PropertyContains {
        key: String,
        value: Scalar,
    },
    ContainsDisplayName,
    MemberCount(RoomMemberCountIs),
    SenderMayNotify(String),
    Room(OwnedRoomId),
    Sender(OwnedUserId),
    /// MSC4306
    ThreadSubscription(bool),
    /// A kind that is not known; it never matches.
    Unknown,
}

impl CompiledRuleset {
    pub fn new(ruleset: &Ruleset) -> Self {
        let rules = ruleset.iter().filter(|rule| rule.enabled()).map(Rule::new);
        Self { rules: rules.collect() }
    }

    /// What a rule says to do, by its place; nothing if there is none.
    pub fn actions(&self, rule: Option<usize>) -> &[Action] {
        rule.and_then(|rule| self.rules.get(rule)).map_or(&[], |rule| &rule.actions)
    }
}

impl Rule {
    fn new(rule: AnyPushRuleRef<'_>) -> Self {
        let conditions = match rule {
            AnyPushRuleRef::Override(rule)
            | AnyPushRuleRef::PostContent(rule)
            | AnyPushRuleRef::Underride(rule) => conditions(&rule.conditions),
            AnyPushRuleRef::Content(rule) => {
                vec![Condition::EventMatch { key: "content.body".to_owned(), glob: Glob::new(&rule.pattern) }]
            }
            AnyPushRuleRef::Room(rule) => vec![Condition::Room(rule.rule_id.clone())],
            AnyPushRuleRef::Sender(rule) => vec![Condition::Sender(rule.rule_id.clone())],
            _ => vec![Condition::Unknown],
        };
        Self {
            conditions,
            only_without_mentions: matches!(
                rule.rule_id(),
                ".m.rule.contains_display_name" | ".m.rule.contains_user_name" | ".m.rule.roomnotif"
            ),
            notify: rule.triggers_notification(),
            highlight: rule.triggers_highlight(),
            actions: rule.actions().to_vec(),
        }
    }

    fn matches(&self, event: &FlatEvent, context: &PushContext<'_>) -> bool {
        !(self.only_without_mentions && event.has_mentions())
            && self.conditions.iter().all(|condition| condition.holds(event, context))
    }
}

fn conditions(conditions: &[PushCondition]) -> Vec<Condition> {
    conditions.iter().map(Condition::new).collect()
}

impl Condition {
    fn new(condition: &PushCondition) -> Self {
        match condition {
            PushCondition::EventMatch(data) => {
                Self::EventMatch { key: data.key.clone(), glob: Glob::new(&data.pattern) }
            }
            PushCondition::EventPropertyIs(data) => {
                Self::PropertyIs { key: data.key.clone(), value: (&data.value).into() }
            }
            PushCondition::EventPropertyContains(data) => {
                Self::PropertyContains { key: data.key.clone(), value: (&data.value).into() }
            }
            #[allow(deprecated)]
            PushCondition::ContainsDisplayName => Self::ContainsDisplayName,
            PushCondition::RoomMemberCount(data) => Self::MemberCount(data.is),
            PushCondition::SenderNotificationPermission(data) => Self::SenderMayNotify(data.key.to_string()),
            PushCondition::ThreadSubscription(data) => Self::ThreadSubscription(data.subscribed),
            _ => Self::Unknown,
        }
    }

    fn holds(&self, event: &FlatEvent, context: &PushContext<'_>) -> bool {
        match self {
            Self::EventMatch { key, glob } => match key.as_str() {
                "content.body" => event.lower_case(key).is_some_and(|text| glob.matches_words(text)),
                // Not all forms of an event carry it.
                "room_id" => glob.matches(&lower_case(context.room_id.as_str())),
                _ => event.lower_case(key).is_some_and(|text| glob.matches(text)),
            },
            Self::PropertyIs { key, value } => event.scalar(key) == Some(value),
            Self::PropertyContains { key, value } => {
                event.list(key).is_some_and(|values| values.contains(value))
            }
            Self::ContainsDisplayName => {
                let name = context.display_name.filter(|name| !name.is_empty());
                name.zip(event.lower_case("content.body"))
                    .is_some_and(|(name, body)| Glob::literal(name).matches_words(body))
            }
            Self::MemberCount(is) => UInt::new(context.member_count)
                .is_some_and(|count| std::ops::RangeBounds::contains(is, &count)),
            Self::SenderMayNotify(key) => context
                .power_levels
                .is_some_and(|levels| levels.for_user(event.sender()) >= levels.notifications(key)),
            Self::Room(room_id) => room_id == context.room_id,
            Self::Sender(user_id) => user_id == event.sender(),
            Self::ThreadSubscription(subscribed) => context.subscribed == Some(*subscribed),
            Self::Unknown => false,
        }
    }
}

/// What a user's rules say of an event. A user's own events never notify them.
pub fn evaluate<'a>(
    ruleset: &'a CompiledRuleset,
    event: &FlatEvent,
    context: &PushContext<'_>,
) -> PushOutcome<'a> {
    if event.sender() == context.user_id {
        return PushOutcome::NOTHING;
    }
    match ruleset.rules.iter().enumerate().find(|(_, rule)| rule.matches(event, context)) {
        None => PushOutcome::NOTHING,
        Some((place, rule)) => PushOutcome {
            rule: Some(place),
            notify: rule.notify,
            highlight: rule.highlight,
            actions: &rule.actions,
        },
    }
}
