//! A user whose events are judged.

use std::{
    collections::HashSet,
    sync::{Arc, Weak},
};

use hearth_rooms::Rooms;
use hearth_storage::{Position, TimelineOrder};
use hearth_users::Users;
use ruma::{OwnedUserId, UserId, push::Ruleset};

use crate::{
    PushError, ReadRoom,
    evaluated::{Counter, EvaluatedRooms, Notifying},
    rules::{RulesOverTime, UserRules},
};

/// A user whose events are judged and counted.
pub struct PushUser<'a> {
    pub rooms: &'a Rooms,
    pub users: &'a Users,
    pub user: &'a UserId,
    pub rules: Arc<Ruleset>,
    pub evaluated: &'a EvaluatedRooms,
    pub ignored: &'a HashSet<OwnedUserId>,
}

/// A user's push rules as they were last, compiled.
#[derive(Debug, Default)]
pub(crate) struct CompiledRules(Option<Compiled>);

#[derive(Debug)]
struct Compiled {
    /// Which they are: a change of rules makes a new set. It does not keep them in memory.
    source: Weak<Ruleset>,
    rules: UserRules,
    /// Up to here they were others; 0 for never.
    changed: Position,
}

impl CompiledRules {
    /// About how many bytes they take.
    pub fn bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |known| known.rules.bytes())
    }
}

impl PushUser<'_> {
    /// Shows the events of a room after one place and up to another that notify the user, oldest first: each is judged by
    /// the rules that held when it came.
    pub(crate) fn notifying(
        &self,
        compiled: &mut CompiledRules,
        read: ReadRoom<'_>,
        (after, until): (TimelineOrder, TimelineOrder),
        show: impl FnMut(Notifying<'_>),
    ) -> Result<(), PushError> {
        let known = compiled.0.take().filter(|known| known.source.as_ptr() == Arc::as_ptr(&self.rules));
        let known = match known {
            Some(known) => known,
            None => Compiled {
                source: Arc::downgrade(&self.rules),
                rules: UserRules::new(self.user, &self.rules, &self.evaluated.known_rules),
                changed: self.users.push_rules.changed_at(self.user)?,
            },
        };
        let known = compiled.0.insert(known);
        let before = match after < known.changed.into() {
            true => self.rules_before()?,
            false => Vec::new(),
        };
        let rules = RulesOverTime { now: (&known.rules, &self.rules), before };
        let counter = Counter {
            rooms: self.rooms,
            room: read.room,
            user: self.user,
            rules: &rules,
            ignored: self.ignored,
            threads: &self.users.thread_subscriptions,
        };
        read.evaluated.count(&counter, after, until, show)
    }

    /// What the rules were before, each up to a position.
    fn rules_before(&self) -> Result<Vec<(Position, UserRules, Ruleset)>, PushError> {
        let before = self.users.push_rules.before(self.user)?.into_iter();
        let compiled = |rules: &Ruleset| UserRules::new(self.user, rules, &self.evaluated.known_rules);
        Ok(before.map(|(until, rules)| (until, compiled(&rules), rules)).collect())
    }
}
