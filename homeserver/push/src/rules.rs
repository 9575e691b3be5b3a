//! Users whose push rules are the same but for their own name: an event is judged once for all of them.

use std::{
    collections::{HashMap, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
    sync::{Arc, OnceLock, Weak},
};

use hearth_spec::push::{CompiledRuleset, contains_user_name};
use hearth_storage::{Position, TimelineOrder};
use parking_lot::Mutex;
use ruma::{
    UserId,
    push::{ConditionalPushRule, Ruleset},
};

/// About how much larger than their JSON compiled rules are.
const COMPILED: usize = 3;

/// A user's push rules, compiled, and what they have in common with those of others.
#[derive(Debug)]
pub(crate) struct UserRules {
    /// Compiled when they are first asked for: most events are judged by the shared ones.
    own: OnceLock<CompiledRuleset>,
    /// What they say to someone whom the event does not name; `None` where every event has to be judged for
    /// this user alone.
    pub shared: Option<SharedRules>,
    /// The length of their JSON.
    length: usize,
}

/// Rules without those that name their user.
#[derive(Clone, Debug)]
pub(crate) struct SharedRules {
    /// Equal for equal rules.
    pub id: u128,
    pub compiled: Arc<CompiledRuleset>,
}

impl UserRules {
    /// The rules of a user, of which `source` is the whole.
    pub fn new(user: &UserId, source: &Ruleset, known: &KnownRules) -> Self {
        let (rules, length) = without_names(user, source);
        // A display name, or the user's name in a rule of their own, is looked for anywhere in an event.
        let shared = rules
            .filter(|(_, text)| !text.contains("contains_display_name") && !text.contains(user.as_str()))
            .map(|(rules, text)| known.intern(&rules, &text));
        Self { own: OnceLock::new(), shared, length }
    }

    /// All rules, compiled; `source` is what they were made of.
    pub fn own(&self, source: &Ruleset) -> &CompiledRuleset {
        self.own.get_or_init(|| CompiledRuleset::new(source))
    }

    /// About how many bytes they take, besides what is shared.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.own.get().map_or(0, |_| self.length * COMPILED)
    }
}

/// The rules without the predefined ones that match only for someone whom the event names, and their JSON; and the
/// length of that.
fn without_names(user: &UserId, source: &Ruleset) -> (Option<(Ruleset, String)>, usize) {
    let mut rules = source.clone();
    let by_name = contains_user_name(user);
    if rules.content.get(&*by_name.rule_id).is_some_and(|rule| rule.pattern == by_name.pattern) {
        rules.content.shift_remove(&*by_name.rule_id);
    }
    for predefined in [ConditionalPushRule::is_user_mention(user), ConditionalPushRule::invite_for_me(user)] {
        let same = rules.override_.get(predefined.rule_id.as_str()).is_some_and(|rule| {
            let conditions = |rule: &ConditionalPushRule| serde_json::to_string(&rule.conditions).ok();
            conditions(rule) == conditions(&predefined)
        });
        if same {
            rules.override_.shift_remove(predefined.rule_id.as_str());
        }
    }
    let text = serde_json::to_string(&rules).ok();
    let length = text.as_ref().map_or(0, String::len);
    (text.map(|text| (rules, text)), length)
}

/// The shared rules of all who count now: compiled once for all who have the same.
#[derive(Debug, Default)]
pub(crate) struct KnownRules(Mutex<HashMap<u128, Weak<CompiledRuleset>>>);

impl KnownRules {
    fn intern(&self, rules: &Ruleset, text: &str) -> SharedRules {
        let id = (u128::from(hash(0, text)) << 64) | u128::from(hash(1, text));
        let mut known = self.0.lock();
        if let Some(compiled) = known.get(&id).and_then(Weak::upgrade) {
            return SharedRules { id, compiled };
        }
        // Now and then those that nobody has any more are let go of.
        if known.len() == known.capacity() {
            known.retain(|_, rules| rules.strong_count() > 0);
        }
        let compiled = Arc::new(CompiledRuleset::new(rules));
        known.insert(id, Arc::downgrade(&compiled));
        SharedRules { id, compiled }
    }
}

/// A user's push rules, and what they were before: an event is judged by those that held when it came ("Push
/// Notifications").
pub(crate) struct RulesOverTime<'a> {
    pub now: (&'a UserRules, &'a Ruleset),
    /// What they were up to a position of the log, the oldest first.
    pub before: Vec<(Position, UserRules, Ruleset)>,
}

impl RulesOverTime<'_> {
    /// The rules that held when an event came, and what they were made of.
    pub fn at(&self, order: TimelineOrder) -> (&UserRules, &Ruleset) {
        let before = self.before.iter().find(|(until, ..)| order <= TimelineOrder::from(*until));
        before.map_or(self.now, |(_, rules, source)| (rules, source))
    }
}

fn hash(seed: u8, text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (seed, text).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use hearth_spec::push::default_rules;
    use ruma::{
        push::{Action, NewPatternedPushRule, NewPushRule, RuleKind},
        user_id,
    };

    use super::*;

    fn id(user: &UserId, change: impl FnOnce(&mut Ruleset)) -> Option<u128> {
        let mut rules = default_rules(user);
        change(&mut rules);
        UserRules::new(user, &rules, &KnownRules::default()).shared.map(|shared| shared.id)
    }

    fn keyword(pattern: &str) -> NewPushRule {
        let actions = vec![Action::Notify];
        NewPushRule::Content(NewPatternedPushRule::new(pattern.to_owned(), pattern.to_owned(), actions))
    }

    #[test]
    fn all_who_changed_nothing_share_their_rules() {
        let (alice, bob) = (user_id!("@alice:h.org"), user_id!("@bob:h.org"));
        assert!(id(alice, |_| ()).is_some());
        assert_eq!(id(alice, |_| ()), id(bob, |_| ()));
    }

    #[test]
    fn who_changed_the_same_shares_too_and_who_changed_more_does_not() {
        let (alice, bob) = (user_id!("@alice:h.org"), user_id!("@bob:h.org"));
        let tea = |rules: &mut Ruleset| rules.insert(keyword("tea"), None, None).unwrap();
        assert_eq!(id(alice, tea), id(bob, tea));
        assert_ne!(id(alice, tea), id(bob, |_| ()));
        let off =
            |rules: &mut Ruleset| rules.set_enabled(RuleKind::Override, ".m.rule.master", true).unwrap();
        assert_ne!(id(alice, off), id(bob, |_| ()));
    }

    #[test]
    fn an_event_is_judged_by_the_rules_that_held_when_it_came() {
        let alice = user_id!("@alice:h.org");
        let rules = |patterns: &[&str]| {
            let mut rules = default_rules(alice);
            patterns.iter().for_each(|pattern| rules.insert(keyword(pattern), None, None).unwrap());
            rules
        };
        let (before, now) = ([(Position(5), rules(&[])), (Position(9), rules(&["tea"]))], rules(&["ale"]));
        let known = KnownRules::default();
        let compiled = |rules: &Ruleset| UserRules::new(alice, rules, &known);
        let before = before.map(|(until, rules)| (until, compiled(&rules), rules)).into();
        let over_time = RulesOverTime { now: (&compiled(&now), &now), before };
        let id = |position: u64| {
            let (rules, source) = over_time.at(TimelineOrder::from(Position(position)));
            assert_eq!(
                rules.shared.as_ref().map(|shared| shared.id),
                compiled(source).shared.map(|shared| shared.id)
            );
            source.content.iter().map(|rule| rule.rule_id.clone()).collect::<Vec<_>>()
        };
        assert_eq!(id(1), id(5));
        assert_eq!(id(6), id(9));
        assert_eq!(id(10), id(99));
        assert!(id(5) != id(6) && id(9) != id(10));
    }

    #[test]
    fn what_users_share_is_compiled_once() {
        let known = KnownRules::default();
        let of = |name: &str| {
            let user = UserId::parse(format!("@{name}:h.org")).unwrap();
            UserRules::new(&user, &default_rules(&user), &known).shared.unwrap()
        };
        let one = of("one");
        assert!(Arc::ptr_eq(&one.compiled, &of("two").compiled));
        drop(one);
        assert_eq!(known.0.lock().values().filter(|rules| rules.strong_count() > 0).count(), 0);
    }

    #[test]
    fn rules_that_look_for_their_user_anywhere_are_not_shared() {
        let alice = user_id!("@alice:h.org");
        assert_eq!(id(alice, |rules| rules.insert(keyword("@alice:h.org"), None, None).unwrap()), None);
    }
}
