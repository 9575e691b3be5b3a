//! Users whose push rules are the same but for their own name: an event is judged once for all of them.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
    sync::Arc,
};

use hearth_spec::push::CompiledRuleset;
use ruma::{
    UserId,
    push::{ConditionalPushRule, Ruleset},
};

/// A user's push rules, compiled, and what they have in common with those of others.
#[derive(Clone, Debug)]
pub(crate) struct UserRules {
    /// As the user has them.
    source: Arc<Ruleset>,
    pub own: Arc<CompiledRuleset>,
    /// What they say to someone whom the event does not name; `None` where every event has to be judged for
    /// this user alone.
    pub shared: Option<SharedRules>,
}

/// Rules without the two that name their user.
#[derive(Clone, Debug)]
pub(crate) struct SharedRules {
    /// Equal for equal rules.
    pub id: u128,
    pub compiled: Arc<CompiledRuleset>,
}

impl UserRules {
    pub fn new(user: &UserId, source: Arc<Ruleset>) -> Self {
        let own = Arc::new(CompiledRuleset::new(&source));
        let shared = SharedRules::of(user, &source);
        Self { source, own, shared }
    }

    /// Whether these are those rules. A change of rules makes a new set.
    pub fn is_of(&self, source: &Arc<Ruleset>) -> bool {
        Arc::ptr_eq(&self.source, source)
    }
}

impl SharedRules {
    fn of(user: &UserId, source: &Ruleset) -> Option<Self> {
        let mut rules = source.clone();
        for predefined in
            [ConditionalPushRule::is_user_mention(user), ConditionalPushRule::invite_for_me(user)]
        {
            let same = rules.override_.get(predefined.rule_id.as_str()).is_some_and(|rule| {
                let conditions = |rule: &ConditionalPushRule| serde_json::to_string(&rule.conditions).ok();
                conditions(rule) == conditions(&predefined)
            });
            if same {
                // It cannot match for someone whom the event does not name.
                rules.override_.shift_remove(predefined.rule_id.as_str());
            }
        }
        let text = serde_json::to_string(&rules).ok()?;
        // A display name, or the user's name in a rule of their own, is looked for anywhere in an event.
        if text.contains("contains_display_name") || text.contains(user.as_str()) {
            return None;
        }
        let id = (u128::from(hash(0, &text)) << 64) | u128::from(hash(1, &text));
        Some(Self { id, compiled: Arc::new(CompiledRuleset::new(&rules)) })
    }
}

fn hash(seed: u8, text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (seed, text).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use ruma::{
        push::{Action, NewPatternedPushRule, NewPushRule, RuleKind},
        user_id,
    };

    use super::*;

    fn id(user: &UserId, change: impl FnOnce(&mut Ruleset)) -> Option<u128> {
        let mut rules = Ruleset::server_default(user);
        change(&mut rules);
        UserRules::new(user, Arc::new(rules)).shared.map(|shared| shared.id)
    }

    fn keyword(pattern: &str) -> NewPushRule {
        let actions = vec![Action::Notify];
        NewPushRule::Content(NewPatternedPushRule::new("k".to_owned(), pattern.to_owned(), actions))
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
    fn rules_that_look_for_their_user_anywhere_are_not_shared() {
        let alice = user_id!("@alice:h.org");
        assert_eq!(id(alice, |rules| rules.insert(keyword("@alice:h.org"), None, None).unwrap()), None);
    }
}
