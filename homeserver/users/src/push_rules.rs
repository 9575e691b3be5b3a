//! Push rules: the account data `m.push_rules` (client-server API, "Push notifications").

use std::{mem, sync::Arc};

use hearth_spec::push::default_rules;
use hearth_storage::{Position, Scan, Transaction, View, schema};
use ruma::{
    RoomId, UserId,
    push::{
        Action, InsertPushRuleError, NewPushRule, NewSimplePushRule, RemovePushRuleError, RuleKind, Ruleset,
    },
};
use serde::{Deserialize, Serialize};

use crate::{AccountData, UsersError, shared::Shared};

pub(crate) const PUSH_RULES: &str = "m.push_rules";

/// How many rules of their own a user may have: each of their events is held against them.
const MAX_RULES: usize = 2000;
/// So many former rules of a user are kept, for counting what came then.
const KNOWN_BEFORE: usize = 8;

const NO_SUCH_RULE: UsersError = UsersError::NotFound("the push rule was not found");

/// The push rules of users.
#[derive(Clone)]
pub struct PushRules {
    shared: Arc<Shared>,
    account_data: AccountData,
}

/// The content of `m.push_rules`.
#[derive(Serialize, Deserialize)]
struct Content<R> {
    global: R,
}

/// Rules as clients get them: with a list of each kind, as there are clients that take a missing one for an error.
pub fn whole_ruleset(rules: &Ruleset) -> Result<serde_json::Value, serde_json::Error> {
    let mut rules = serde_json::to_value(rules)?;
    for kind in ["override", "content", "room", "sender", "underride"] {
        if rules[kind].is_null() {
            rules[kind] = serde_json::json!([]);
        }
    }
    Ok(rules)
}

impl PushRules {
    pub(crate) fn new(shared: Arc<Shared>, account_data: AccountData) -> Self {
        Self { shared, account_data }
    }

    /// The user's rules together with the server's default rules of this version. Also what a sync tells when
    /// the user has never changed any, and so has no such account data.
    pub fn ruleset(&self, user: &UserId) -> Result<Arc<Ruleset>, UsersError> {
        self.account_data.ruleset(user, || self.load(&self.shared.store.view(), user).map(Arc::new))
    }

    fn load(&self, view: &View, user: &UserId) -> Result<Ruleset, UsersError> {
        let content = self.account_data.get_from(view, user, None, PUSH_RULES)?;
        read(user, content.as_ref().map_or("", |content| content.get()))
    }

    /// The position at which the user's rules changed last; 0 if they never did.
    pub fn changed_at(&self, user: &UserId) -> Result<Position, UsersError> {
        let view = self.shared.store.view();
        let last =
            view.scan(&schema::PUSH_RULES_BEFORE, Scan::prefix((user,)).reversed()).next().transpose()?;
        Ok(last.map_or(Position(0), |((_, position), _)| position))
    }

    /// What the user's rules were before they changed, each with the position of the change, the oldest first: for
    /// events that came then. Of many changes the last few are known.
    pub fn before(&self, user: &UserId) -> Result<Vec<(Position, Ruleset)>, UsersError> {
        let view = self.shared.store.view();
        let rows = view.scan(&schema::PUSH_RULES_BEFORE, Scan::prefix((user,)));
        rows.map(|row| {
            let ((_, position), content) = row?;
            Ok((position, read(user, &content)?))
        })
        .collect()
    }

    /// Adds a rule or changes one, and puts it right after or right before another one of the user's.
    pub async fn insert(
        &self,
        user: &UserId,
        rule: NewPushRule,
        after: Option<&str>,
        before: Option<&str>,
    ) -> Result<(), UsersError> {
        self.change(user, |rules| {
            rules.insert(rule, after, before).map_err(|error| match error {
                InsertPushRuleError::UnknownRuleId => {
                    UsersError::NotFound("the rule to place this one by was not found")
                }
                error => UsersError::InvalidParam(error.to_string()),
            })
        })
        .await
    }

    /// Removes a rule of the user's own.
    pub async fn remove(&self, user: &UserId, kind: RuleKind, rule_id: &str) -> Result<(), UsersError> {
        self.change(user, |rules| {
            rules.remove(kind, rule_id).map_err(|error| match error {
                RemovePushRuleError::NotFound => NO_SUCH_RULE,
                error => UsersError::InvalidParam(error.to_string()),
            })
        })
        .await
    }

    /// Turns a rule on or off, also one of the server's.
    pub async fn set_enabled(
        &self,
        user: &UserId,
        kind: RuleKind,
        rule_id: &str,
        enabled: bool,
    ) -> Result<(), UsersError> {
        self.change(user, |rules| rules.set_enabled(kind, rule_id, enabled).map_err(|_| NO_SUCH_RULE)).await
    }

    /// Says what a rule does, also one of the server's.
    pub async fn set_actions(
        &self,
        user: &UserId,
        kind: RuleKind,
        rule_id: &str,
        actions: Vec<Action>,
    ) -> Result<(), UsersError> {
        self.change(user, |rules| rules.set_actions(kind, rule_id, actions).map_err(|_| NO_SUCH_RULE)).await
    }

    /// Gives a room the rule that the user has for another one, unless it has its own: for the successor of a
    /// room.
    pub async fn carry_over(&self, user: &UserId, from: &RoomId, to: &RoomId) -> Result<(), UsersError> {
        let is_due =
            |rules: &Ruleset| rules.room.contains(from.as_str()) && !rules.room.contains(to.as_str());
        if !is_due(&*self.ruleset(user)?) {
            return Ok(());
        }
        self.change(user, |rules| {
            let Some(rule) = rules.room.get(from.as_str()).cloned().filter(|_| is_due(rules)) else {
                return Ok(());
            };
            let new = NewPushRule::Room(NewSimplePushRule::new(to.to_owned(), rule.actions));
            rules
                .insert(new, Some(from.as_str()), None)
                .map_err(|error| UsersError::InvalidParam(error.to_string()))?;
            rules.set_enabled(RuleKind::Room, to, rule.enabled).map_err(|_| NO_SUCH_RULE)
        })
        .await
    }

    async fn change(
        &self,
        user: &UserId,
        change: impl FnOnce(&mut Ruleset) -> Result<(), UsersError>,
    ) -> Result<(), UsersError> {
        let guard = self.shared.locks.lock(user).await;
        let view = self.shared.store.written();
        let mut rules = self.load(&view, user)?;
        change(&mut rules)?;
        if rules.iter().filter(|rule| !rule.is_server_default()).count() > MAX_RULES {
            return Err(UsersError::LimitExceeded("you have too many push rules: delete some of them first"));
        }
        let global = whole_ruleset(&rules).map_err(UsersError::bad_json)?;
        let content = serde_json::to_string(&Content { global }).map_err(UsersError::bad_json)?;
        let before = self.account_data.get_from(&view, user, None, PUSH_RULES)?;
        let before = before.map_or_else(String::new, |content| content.get().to_owned());
        let known = view.scan(&schema::PUSH_RULES_BEFORE, Scan::prefix((user,)).reversed());
        let over = known.skip(KNOWN_BEFORE - 1).map(|row| row.map(|((_, position), _)| position));
        let over = over.collect::<Result<Vec<Position>, _>>()?;
        let keep = |transaction: &mut Transaction, position: Position| {
            transaction.put(&schema::PUSH_RULES_BEFORE, (user, position), &before);
            for position in over {
                transaction.delete(&schema::PUSH_RULES_BEFORE, (user, position));
            }
        };
        self.account_data.set_locked_with(guard, user, None, PUSH_RULES, content, keep).await?;
        Ok(())
    }
}

/// Lays the default rules of threads (MSC4306) under those that are kept, with what the user changed about them.
fn update_postcontent(rules: &mut Ruleset, defaults: &Ruleset) {
    let kept = mem::take(&mut rules.postcontent);
    let updated = defaults.postcontent.iter().cloned().map(|mut rule| {
        if let Some(kept) = kept.get(rule.rule_id.as_str()) {
            (rule.enabled, rule.actions) = (kept.enabled, kept.actions.clone());
        }
        rule
    });
    let updated: Vec<_> = updated.collect();
    rules.postcontent = kept.into_iter().filter(|rule| !rule.default).chain(updated).collect();
}

/// Rules as they are kept, together with the server's default rules of this version.
fn read(user: &UserId, content: &str) -> Result<Ruleset, UsersError> {
    let defaults = default_rules(user);
    if content.is_empty() {
        return Ok(defaults);
    }
    let Content { global: mut rules } =
        serde_json::from_str::<Content<Ruleset>>(content).map_err(UsersError::corrupt)?;
    // ruma's update passes over these.
    update_postcontent(&mut rules, &defaults);
    rules.update_with_server_default(defaults);
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use ruma::{
        push::{NewConditionalPushRule, NewPatternedPushRule},
        room_id, user_id,
    };
    use serde_json::json;

    use super::*;
    use crate::testing::{World, boxed};

    fn rule(id: &str) -> NewPushRule {
        NewPushRule::Override(NewConditionalPushRule::new(id.to_owned(), vec![], vec![Action::Notify]))
    }

    fn overrides(world: &World) -> Vec<String> {
        let rules = world.users.push_rules.ruleset(user_id!("@alice:here")).unwrap();
        rules
            .override_
            .iter()
            .map(|rule| rule.rule_id.clone())
            .take_while(|id| id != ".org.matrix.msc4028.encrypted_event")
            .collect()
    }

    #[tokio::test]
    async fn rules_stand_where_they_are_put() {
        let world = World::new();
        let (user, rules) = (user_id!("@alice:here"), &world.users.push_rules);
        rules.insert(user, rule("a"), None, None).await.unwrap();
        rules.insert(user, rule("b"), None, None).await.unwrap();
        assert_eq!(overrides(&world), [".m.rule.master", "b", "a"]);
        rules.insert(user, rule("c"), Some("b"), None).await.unwrap();
        assert_eq!(overrides(&world), [".m.rule.master", "b", "c", "a"]);
        rules.insert(user, rule("d"), None, Some("b")).await.unwrap();
        assert_eq!(overrides(&world), [".m.rule.master", "d", "b", "c", "a"]);
        // A rule that is there moves only when it is told where.
        rules.insert(user, rule("a"), None, None).await.unwrap();
        assert_eq!(overrides(&world), [".m.rule.master", "d", "b", "c", "a"]);
        rules.insert(user, rule("a"), None, Some("d")).await.unwrap();
        assert_eq!(overrides(&world), [".m.rule.master", "a", "d", "b", "c"]);
        rules.remove(user, RuleKind::Override, "d").await.unwrap();
        let world = world.restart();
        assert_eq!(overrides(&world), [".m.rule.master", "a", "b", "c"]);
    }

    #[tokio::test]
    async fn what_the_specification_forbids_is_refused() {
        let world = World::new();
        let (user, rules) = (user_id!("@alice:here"), &world.users.push_rules);
        let invalid = |result| matches!(result, Err(UsersError::InvalidParam(_)));
        let missing = |result| matches!(result, Err(UsersError::NotFound(_)));
        assert!(invalid(rules.insert(user, rule(".mine"), None, None).await));
        assert!(invalid(rules.insert(user, rule("a/b"), None, None).await));
        assert!(invalid(rules.insert(user, rule("a"), Some(".m.rule.master"), None).await));
        assert!(missing(rules.insert(user, rule("a"), Some("nothing"), None).await));
        assert!(invalid(rules.remove(user, RuleKind::Override, ".m.rule.master").await));
        assert!(missing(rules.remove(user, RuleKind::Content, "nothing").await));
        assert!(missing(rules.set_enabled(user, RuleKind::Room, "!nothing:here", true).await));
        assert!(missing(rules.set_actions(user, RuleKind::Sender, "@nobody:here", vec![]).await));
        assert!(world.users.account_data.everything(user).unwrap().is_empty());
    }

    #[tokio::test]
    async fn default_rules_can_be_changed_and_are_always_all_there() {
        let world = World::new();
        let (user, rules) = (user_id!("@alice:here"), &world.users.push_rules);
        let count = rules.ruleset(user).unwrap().iter().count();
        // Rules as an older version of this server would have written them.
        let old = json!({"global": {"override": [
            {"rule_id": ".m.rule.master", "default": true, "enabled": true, "actions": [], "conditions": []},
            {"rule_id": ".org.example.gone", "default": true, "enabled": true, "actions": [], "conditions": []},
        ]}});
        world.users.account_data.set(user, None, PUSH_RULES, &boxed(old)).await.unwrap();
        let now = rules.ruleset(user).unwrap();
        assert_eq!(now.iter().count(), count);
        assert!(now.get(RuleKind::Override, ".m.rule.master").unwrap().enabled());
        rules.set_enabled(user, RuleKind::Override, ".m.rule.master", false).await.unwrap();
        rules.set_actions(user, RuleKind::Underride, ".m.rule.message", vec![]).await.unwrap();
        let of_threads = ".io.element.msc4306.rule.subscribed_thread";
        rules.set_enabled(user, RuleKind::PostContent, of_threads, false).await.unwrap();
        let pattern =
            NewPatternedPushRule::new("cake".to_owned(), "cake*lie".to_owned(), vec![Action::Notify]);
        rules.insert(user, NewPushRule::Content(pattern), None, None).await.unwrap();
        let now = rules.ruleset(user).unwrap();
        assert!(!now.get(RuleKind::PostContent, of_threads).unwrap().enabled());
        assert!(!now.get(RuleKind::Override, ".m.rule.master").unwrap().enabled());
        assert!(now.get(RuleKind::Underride, ".m.rule.message").unwrap().actions().is_empty());
        assert!(now.get(RuleKind::Content, "cake").unwrap().enabled());
    }

    #[tokio::test]
    async fn the_last_rules_before_these_are_known() {
        let world = World::new();
        let (user, rules) = (user_id!("@alice:here"), &world.users.push_rules);
        assert_eq!(rules.changed_at(user).unwrap(), Position(0));
        let own = |rules: &Ruleset| rules.override_.iter().filter(|rule| !rule.default).count();
        for n in 0..KNOWN_BEFORE + 3 {
            rules.insert(user, rule(&n.to_string()), None, None).await.unwrap();
            let before = rules.before(user).unwrap();
            assert_eq!(before.len(), KNOWN_BEFORE.min(n + 1));
            assert_eq!(before.last().map(|(_, rules)| own(rules)), Some(n));
            assert_eq!(before.last().map(|(until, _)| *until), Some(rules.changed_at(user).unwrap()));
            assert_eq!(
                before.first().map(|(_, rules)| own(rules)),
                Some((n + 1).saturating_sub(KNOWN_BEFORE))
            );
        }
    }

    #[tokio::test]
    async fn the_rule_of_a_room_goes_over_to_its_successor() {
        let world = World::new();
        let (user, rules) = (user_id!("@alice:here"), &world.users.push_rules);
        let (old, new, other) = (room_id!("!old:here"), room_id!("!new:here"), room_id!("!other:here"));
        rules.carry_over(user, old, new).await.unwrap();
        assert!(world.users.account_data.everything(user).unwrap().is_empty());
        for (room, actions) in [(old, vec![]), (other, vec![Action::Notify])] {
            let rule = NewSimplePushRule::new(room.to_owned(), actions);
            rules.insert(user, NewPushRule::Room(rule), None, None).await.unwrap();
        }
        rules.set_enabled(user, RuleKind::Room, old.as_str(), false).await.unwrap();
        for room in [new, other] {
            rules.carry_over(user, old, room).await.unwrap();
        }
        let now = rules.ruleset(user).unwrap();
        let of = |room: &RoomId| now.get(RuleKind::Room, room).unwrap();
        assert_eq!((of(new).actions().len(), of(new).enabled()), (0, false));
        assert_eq!(of(other).actions().len(), 1, "it had its own");
        assert!(!of(old).enabled());
    }

    #[test]
    fn polls_notify_as_messages_do_and_votes_do_not() {
        let world = World::new();
        let rules = world.users.push_rules.ruleset(user_id!("@alice:here")).unwrap();
        let rules = serde_json::to_value(&*rules).unwrap();
        let find = |kind: &str, id: &str| {
            let list = rules[kind].as_array().unwrap();
            let id = format!(".org.matrix.msc3930.rule.{id}");
            let place = list.iter().position(|rule| rule["rule_id"] == id).unwrap();
            (place, list[place].clone())
        };
        let (_, response) = find("override", "poll_response");
        assert_eq!(response["actions"], json!([]));
        let condition = |part: &str| {
            let event_type = format!("org.matrix.msc3381.poll.{part}");
            json!({"kind": "event_match", "key": "type", "pattern": event_type})
        };
        assert_eq!(response["conditions"], json!([condition("response")]));
        for part in ["start", "end"] {
            let (first, two) = find("underride", &format!("poll_{part}_one_to_one"));
            let (second, any) = find("underride", &format!("poll_{part}"));
            assert!(first < second);
            assert_eq!(two["actions"], json!(["notify", {"set_tweak": "sound", "value": "default"}]));
            let count = json!({"kind": "room_member_count", "is": "2"});
            assert_eq!(two["conditions"], json!([count, condition(part)]));
            assert_eq!(any["actions"], json!(["notify"]));
            assert_eq!((&any["default"], &any["enabled"]), (&json!(true), &json!(true)));
        }
    }

    #[tokio::test]
    async fn rules_are_bounded() {
        let world = World::new();
        let (user, rules) = (user_id!("@alice:here"), &world.users.push_rules);
        let mut many = Ruleset::server_default(user);
        for number in 0..MAX_RULES {
            many.insert(rule(&number.to_string()), None, None).unwrap();
        }
        let content = boxed(json!({"global": many}));
        world.users.account_data.set(user, None, PUSH_RULES, &content).await.unwrap();
        let more = rules.insert(user, rule("more"), None, None).await;
        assert!(matches!(more, Err(UsersError::LimitExceeded(_))));
        rules.insert(user, rule("0"), None, None).await.unwrap();
    }
}
