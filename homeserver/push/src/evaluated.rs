//! What push rules make of the newest events of a room: evaluated once for all users whose rules are the same.

use std::{
    collections::{HashSet, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use hearth_rooms::{Event, Room, RoomError, Rooms, TimelineRange};
use hearth_spec::{
    PowerLevels,
    push::{CompiledRuleset, FlatEvent, PushContext, evaluate},
};
use hearth_storage::{EventNid, RoomNid, TimelineOrder};
use hearth_users::ThreadSubscriptions;
use parking_lot::Mutex;
use quick_cache::{
    DefaultHashBuilder, OptionsBuilder, Weighter,
    sync::{Cache, DefaultLifecycle},
};
use ruma::{OwnedEventId, OwnedUserId, UserId, push::Action, user_id};
use serde::Deserialize;

use crate::{
    PushError,
    facts::Facts,
    rules::{KnownRules, RulesOverTime},
};

/// So many events of a room are remembered.
const REMEMBERED: usize = 2048;
/// So many are read at most when counting begins: counts on a cold start do not look back further.
const COLD: usize = 1024;
/// So many different sets of rules are judged by per room.
const RULESETS: usize = 32;

/// The rooms whose newest events were evaluated lately, as many as fit into a number of bytes.
pub struct EvaluatedRooms {
    rooms: Cache<RoomNid, Weighed, ByWeight>,
    /// Each room that is evaluated anew has counts of its own: what was counted before is not taken for them.
    next_generation: AtomicU64,
    pub(crate) known_rules: KnownRules,
}

/// A room, and what it weighed when it was put here: a cache must be told the same every time.
#[derive(Clone)]
struct Weighed {
    room: Arc<EvaluatedRoom>,
    bytes: u64,
}

#[derive(Clone)]
struct ByWeight;

impl Weighter<RoomNid, Weighed> for ByWeight {
    fn weight(&self, _: &RoomNid, room: &Weighed) -> u64 {
        room.bytes
    }
}

/// As much as a small server has.
impl Default for EvaluatedRooms {
    fn default() -> Self {
        Self::new(16 << 20)
    }
}

impl EvaluatedRooms {
    /// Those that fit into so many bytes.
    pub fn new(bytes: usize) -> Self {
        // A room is too large for a part of the cache, which would then not take it.
        let options = OptionsBuilder::new()
            .shards(1)
            .estimated_items_capacity((bytes >> 14).max(16))
            .weight_capacity(bytes as u64)
            .build();
        let rooms = match options {
            Ok(options) => Cache::with_options(
                options,
                ByWeight,
                DefaultHashBuilder::default(),
                DefaultLifecycle::default(),
            ),
            // All of them were given.
            Err(_) => Cache::with_weighter(16, bytes as u64, ByWeight),
        };
        Self { rooms, next_generation: AtomicU64::new(1), known_rules: KnownRules::default() }
    }

    /// The room of that number, nothing evaluated if it is new here.
    pub fn room(&self, nid: RoomNid) -> Arc<EvaluatedRoom> {
        if let Some(known) = self.rooms.get(&nid) {
            let bytes = known.room.bytes();
            // What it weighs now is noted from time to time.
            if bytes.abs_diff(known.bytes) > known.bytes / 4 {
                self.rooms.insert(nid, Weighed { bytes, ..known.clone() });
            }
            return known.room;
        }
        // Two may come here at once; one of them reads the newest events in vain.
        let generation = self.next_generation.fetch_add(1, Relaxed) << 32;
        let room = Arc::new(EvaluatedRoom(Mutex::new(Evaluated { generation, ..Evaluated::default() })));
        self.rooms.insert(nid, Weighed { bytes: room.bytes(), room: room.clone() });
        room
    }

    /// How many bytes it takes, as noted.
    pub fn bytes(&self) -> u64 {
        self.rooms.weight()
    }
}

/// The newest events of one room.
#[derive(Default)]
pub struct EvaluatedRoom(Mutex<Evaluated>);

#[derive(Default)]
struct Evaluated {
    /// All events after `start` up to `end` are here, in order.
    start: TimelineOrder,
    end: TimelineOrder,
    facts: VecDeque<Facts>,
    /// What the facts take besides their places.
    facts_bytes: usize,
    judged: Vec<Judged>,
    /// Grows when an event that may have been counted is redacted.
    generation: u64,
    /// The last event that relates to another.
    last_relation: Option<TimelineOrder>,
    begun: bool,
}

/// What one set of rules makes of the remembered events, for those who are subscribed to their threads, or are not, or
/// never said so.
struct Judged {
    by: (u128, Option<bool>),
    /// As many as there are facts.
    verdicts: VecDeque<Option<Verdict>>,
}

/// What a user's rules make of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Verdict {
    pub notify: bool,
    pub highlight: bool,
    /// The place of the rule that matched, among those that judged.
    rule: Option<u16>,
}

/// An event that notifies a user.
pub(crate) struct Notifying<'a> {
    pub order: TimelineOrder,
    pub facts: &'a Facts,
    pub verdict: Verdict,
    /// What the rule says to do.
    pub actions: &'a [Action],
}

/// Who counts, and where.
pub(crate) struct Counter<'a> {
    pub rooms: &'a Rooms,
    pub room: &'a Room,
    pub user: &'a UserId,
    pub rules: &'a RulesOverTime<'a>,
    /// Whom the user ignores.
    pub ignored: &'a HashSet<OwnedUserId>,
    /// Which threads the user is subscribed to.
    pub threads: &'a ThreadSubscriptions,
}

impl EvaluatedRoom {
    /// Takes in the events up to `until`; says how often what was counted before has become wrong.
    pub(crate) fn follow(&self, room: &Room, until: TimelineOrder) -> Result<u64, RoomError> {
        let mut evaluated = self.0.lock();
        evaluated.extend(room, until)?;
        Ok(evaluated.generation)
    }

    /// Shows the events after one place and up to another that someone else sent and that notify, oldest first.
    pub(crate) fn count(
        &self,
        counter: &Counter<'_>,
        after: TimelineOrder,
        until: TimelineOrder,
        mut show: impl FnMut(Notifying<'_>),
    ) -> Result<(), PushError> {
        let mut evaluated = self.0.lock();
        evaluated.extend(counter.room, until)?;
        evaluated.extend_back(counter.room, after)?;
        let mut judge = Judge { counter, levels: None, subscribes: None };
        let first = evaluated.facts.partition_point(|facts| facts.order <= after);
        for at in first..evaluated.facts.len() {
            let facts = &evaluated.facts[at];
            if facts.order > until {
                break;
            }
            if facts.redacted || facts.sender == counter.user || counter.ignored.contains(&facts.sender) {
                continue;
            }
            let (rules, source) = counter.rules.at(facts.order);
            let nid = facts.nid;
            let subscribed = judge.subscribed(facts.thread.as_deref())?;
            let (by, verdict) = match &rules.shared {
                Some(shared) if !facts.names(counter.user) => {
                    let judged = evaluated.judged((shared.id, subscribed));
                    let verdict = match evaluated.judged[judged].verdicts[at] {
                        Some(verdict) => verdict,
                        None => judge.judge(&shared.compiled, None, subscribed, nid)?,
                    };
                    evaluated.judged[judged].verdicts[at] = Some(verdict);
                    (&*shared.compiled, verdict)
                }
                shared => {
                    let own = rules.own(source);
                    let user = Some((counter.user, shared.is_none()));
                    (own, judge.judge(own, user, subscribed, nid)?)
                }
            };
            if verdict.notify || verdict.highlight {
                let facts = &evaluated.facts[at];
                let actions = by.actions(verdict.rule.map(usize::from));
                show(Notifying { order: facts.order, facts, verdict, actions });
            }
        }
        Ok(())
    }

    /// Whether all events after this place are here, or can still be read in.
    pub(crate) fn reaches_back_to(&self, after: TimelineOrder) -> bool {
        let evaluated = self.0.lock();
        !evaluated.begun || after >= evaluated.start
    }

    /// About how many bytes it takes.
    fn bytes(&self) -> u64 {
        let evaluated = self.0.lock();
        let verdicts = evaluated.judged.iter().map(|judged| judged.verdicts.capacity());
        let verdicts = verdicts.sum::<usize>() * size_of::<Option<Verdict>>();
        let facts = evaluated.facts.capacity() * size_of::<Facts>() + evaluated.facts_bytes;
        (size_of::<Self>() + 64 + evaluated.judged.capacity() * size_of::<Judged>() + verdicts + facts) as u64
    }

    /// Whether something may relate to an event; only where this is certain it says no.
    pub fn may_have_relations(&self, order: TimelineOrder) -> bool {
        let evaluated = self.0.lock();
        order < evaluated.start || evaluated.last_relation.is_some_and(|last| last > order)
    }
}

impl Evaluated {
    fn extend(&mut self, room: &Room, until: TimelineOrder) -> Result<(), RoomError> {
        if !self.begun {
            (self.start, self.end, self.begun) = (until, until, true);
            return Ok(());
        }
        if until <= self.end {
            return Ok(());
        }
        let range =
            TimelineRange { after: Some(self.end), until: Some(until), backwards: true, limit: REMEMBERED };
        let newest = room.timeline(range)?;
        if newest.len() == REMEMBERED {
            // There may be a gap before them, and redactions in it that were not seen.
            self.facts.clear();
            self.facts_bytes = 0;
            self.judged.clear();
            self.generation += 1;
            self.start = newest.last().and_then(|event| event.order()).map_or(until, TimelineOrder::before);
        }
        for event in newest.iter().rev() {
            self.redacts(room, event)?;
            if let Some(facts) = self.facts_of(room, event)? {
                self.facts_bytes += facts.bytes();
                self.facts.push_back(facts);
                self.judged.iter_mut().for_each(|judged| judged.verdicts.push_back(None));
            }
        }
        self.end = until;
        while self.facts.len() > REMEMBERED {
            if let Some(facts) = self.facts.pop_front() {
                self.facts_bytes -= facts.bytes();
                self.start = facts.order;
            }
            for judged in &mut self.judged {
                judged.verdicts.pop_front();
            }
        }
        Ok(())
    }

    /// Reads back to `after`, or as far as is looked back on a cold start.
    fn extend_back(&mut self, room: &Room, after: TimelineOrder) -> Result<(), RoomError> {
        if after >= self.start || self.facts.len() >= COLD {
            return Ok(());
        }
        let limit = COLD - self.facts.len();
        let range = TimelineRange { after: Some(after), until: Some(self.start), backwards: true, limit };
        let older = room.timeline(range)?;
        for event in &older {
            if let Some(facts) = self.facts_of(room, event)? {
                self.facts_bytes += facts.bytes();
                self.facts.push_front(facts);
                self.judged.iter_mut().for_each(|judged| judged.verdicts.push_front(None));
            }
        }
        let oldest = older.last().and_then(|event| event.order());
        self.start = match oldest {
            Some(oldest) if older.len() == limit => oldest.before(),
            _ => after,
        };
        Ok(())
    }

    fn facts_of(&mut self, room: &Room, event: &Event) -> Result<Option<Facts>, RoomError> {
        let Some(order) = event.order() else { return Ok(None) };
        let facts = Facts::of(room, event, order)?;
        if facts.is_related {
            self.last_relation = self.last_relation.max(Some(order));
        }
        Ok(Some(facts))
    }

    /// An event that a redaction took away counts no more.
    fn redacts(&mut self, room: &Room, event: &Event) -> Result<(), RoomError> {
        let Some(redacted) = event.pdu.redacts() else { return Ok(()) };
        let Some(redacted) = room.event(redacted)?.filter(|event| event.redacted_by.is_some()) else {
            return Ok(());
        };
        let Some(order) = redacted.order() else { return Ok(()) };
        if let Ok(at) = self.facts.binary_search_by_key(&order, |facts| facts.order) {
            self.facts[at].redacted = true;
            self.generation += 1;
        }
        Ok(())
    }

    /// The place of what a set of rules makes of the events.
    fn judged(&mut self, by: (u128, Option<bool>)) -> usize {
        if let Some(place) = self.judged.iter().position(|judged| judged.by == by) {
            return place;
        }
        if self.judged.len() == RULESETS {
            self.judged.remove(0);
        }
        let verdicts = std::iter::repeat_n(None, self.facts.len()).collect();
        self.judged.push(Judged { by, verdicts });
        self.judged.len() - 1
    }
}

/// Judges events of a room.
struct Judge<'a> {
    counter: &'a Counter<'a>,
    /// Read when the first event is judged.
    levels: Option<Option<PowerLevels>>,
    /// Whether the user has ever spoken of a thread; read when the first event in one is judged.
    subscribes: Option<bool>,
}

impl Judge<'_> {
    /// Whether the user is subscribed to a thread. Of one who has never spoken of any the clients do not know that there
    /// are subscriptions (MSC4306): nothing follows for them.
    fn subscribed(&mut self, thread: Option<&OwnedEventId>) -> Result<Option<bool>, PushError> {
        let Counter { user, threads, room, .. } = self.counter;
        let Some(thread) = thread else { return Ok(None) };
        let subscribes = match self.subscribes {
            Some(subscribes) => subscribes,
            None => *self.subscribes.insert(threads.any(user)?),
        };
        match subscribes {
            true => Ok(Some(threads.get(user, room.id(), thread)?.is_some())),
            false => Ok(None),
        }
    }

    /// What rules make of an event for a user, with whether they ask for the user's display name, or for all whom
    /// the event does not name.
    fn judge(
        &mut self,
        rules: &CompiledRuleset,
        user: Option<(&UserId, bool)>,
        subscribed: Option<bool>,
        nid: EventNid,
    ) -> Result<Verdict, RoomError> {
        let room = self.counter.room;
        let Some(event) = self.counter.rooms.event(nid)? else {
            return Ok(Verdict { notify: false, highlight: false, rule: None });
        };
        let levels = self.levels.get_or_insert_with(|| room.power_levels().ok());
        let display_name = match user {
            Some((user, true)) => display_name(room, user)?,
            _ => None,
        };
        let context = PushContext {
            room_id: room.id(),
            member_count: room.head().joined,
            user_id: user.map_or(user_id!("@:invalid"), |(user, _)| user),
            display_name: display_name.as_deref(),
            power_levels: levels.as_ref(),
            subscribed,
        };
        let outcome = evaluate(rules, &FlatEvent::new(&event.pdu), &context);
        let rule = outcome.rule.and_then(|rule| u16::try_from(rule).ok());
        Ok(Verdict { notify: outcome.notify, highlight: outcome.highlight, rule })
    }
}

fn display_name(room: &Room, user: &UserId) -> Result<Option<String>, RoomError> {
    #[derive(Deserialize)]
    struct Member {
        displayname: Option<String>,
    }
    let member = room.state_content::<Member>("m.room.member", user.as_str())?;
    Ok(member.and_then(|member| member.displayname))
}
