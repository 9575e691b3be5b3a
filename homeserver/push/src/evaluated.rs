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
use hearth_storage::{EventNid, RoomNid, TimelineOrder, weight::of_text};
use parking_lot::Mutex;
use quick_cache::{
    DefaultHashBuilder, OptionsBuilder, Weighter,
    sync::{Cache, DefaultLifecycle},
};
use ruma::{OwnedEventId, OwnedUserId, UserId, user_id};
use serde::Deserialize;

use crate::rules::{KnownRules, RulesOverTime};

/// So many events of a room are remembered.
const REMEMBERED: usize = 2048;
/// So many are read at most when counting begins: counts on a cold start do not look back further.
const COLD: usize = 1024;
/// So many different sets of rules are judged by per room.
const RULESETS: usize = 32;
/// Of an event that names more users than this it is not remembered whom it names.
const NAMED: usize = 32;
/// How far relations are followed from an event to its thread.
const HOPS: usize = 3;

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

/// What there is to know of an event.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    order: TimelineOrder,
    nid: EventNid,
    sender: OwnedUserId,
    /// Whom it names: what they make of it is their own. `None` for too many to remember.
    named: Option<Box<[OwnedUserId]>>,
    /// The root of the thread it is in.
    pub thread: Option<Arc<OwnedEventId>>,
    redacted: bool,
}

impl Facts {
    /// Whether it names a user, or may.
    fn names(&self, user: &UserId) -> bool {
        self.named.as_ref().is_none_or(|named| named.iter().any(|named| named == user))
    }

    /// About how many bytes it takes besides its place.
    fn bytes(&self) -> usize {
        let named = self.named.iter().flatten().map(|user| size_of::<OwnedUserId>() + of_text(user.as_str()));
        let thread = self.thread.iter().map(|root| size_of::<OwnedEventId>() + 2 * of_text(root.as_str()));
        of_text(self.sender.as_str()) + named.sum::<usize>() + thread.sum::<usize>()
    }
}

/// What one set of rules makes of the remembered events.
struct Judged {
    rules: u128,
    /// As many as there are facts.
    verdicts: VecDeque<Option<Verdict>>,
}

/// What a user's rules make of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Verdict {
    pub notify: bool,
    pub highlight: bool,
}

/// Who counts, and where.
pub(crate) struct Counter<'a> {
    pub rooms: &'a Rooms,
    pub room: &'a Room,
    pub user: &'a UserId,
    pub rules: &'a RulesOverTime<'a>,
    /// Whom the user ignores.
    pub ignored: &'a HashSet<OwnedUserId>,
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
        mut show: impl FnMut(TimelineOrder, &Facts, Verdict),
    ) -> Result<(), RoomError> {
        let mut evaluated = self.0.lock();
        evaluated.extend(counter.room, until)?;
        evaluated.extend_back(counter.room, after)?;
        let mut judge = Judge { counter, levels: None };
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
            let verdict = match &rules.shared {
                Some(shared) if !facts.names(counter.user) => {
                    let nid = facts.nid;
                    let judged = evaluated.judged(shared.id);
                    match evaluated.judged[judged].verdicts[at] {
                        Some(verdict) => verdict,
                        None => {
                            let verdict = judge.judge(&shared.compiled, None, nid)?;
                            evaluated.judged[judged].verdicts[at] = Some(verdict);
                            verdict
                        }
                    }
                }
                Some(_) => judge.judge(rules.own(source), Some((counter.user, false)), facts.nid)?,
                None => judge.judge(rules.own(source), Some((counter.user, true)), facts.nid)?,
            };
            if verdict.notify || verdict.highlight {
                let facts = &evaluated.facts[at];
                show(facts.order, facts, verdict);
            }
        }
        Ok(())
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
        let relation = Relation::of(event.pdu.content_str());
        if relation.is_some() {
            self.last_relation = self.last_relation.max(Some(order));
        }
        Ok(Some(Facts {
            order,
            nid: event.nid,
            sender: event.pdu.sender().to_owned(),
            named: named_in(event),
            thread: relation.map(|relation| thread_of(room, relation)).transpose()?.flatten().map(Arc::new),
            redacted: event.redacted_by.is_some(),
        }))
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
    fn judged(&mut self, rules: u128) -> usize {
        if let Some(place) = self.judged.iter().position(|judged| judged.rules == rules) {
            return place;
        }
        if self.judged.len() == RULESETS {
            self.judged.remove(0);
        }
        let verdicts = std::iter::repeat_n(None, self.facts.len()).collect();
        self.judged.push(Judged { rules, verdicts });
        self.judged.len() - 1
    }
}

/// Judges events of a room.
struct Judge<'a> {
    counter: &'a Counter<'a>,
    /// Read when the first event is judged.
    levels: Option<Option<PowerLevels>>,
}

impl Judge<'_> {
    /// What rules make of an event for a user, with whether they ask for the user's display name, or for someone whom
    /// the event does not name.
    fn judge(
        &mut self,
        rules: &CompiledRuleset,
        user: Option<(&UserId, bool)>,
        nid: EventNid,
    ) -> Result<Verdict, RoomError> {
        let room = self.counter.room;
        let Some(event) = self.counter.rooms.event(nid)? else {
            return Ok(Verdict { notify: false, highlight: false });
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
        };
        let outcome = evaluate(rules, &FlatEvent::new(&event.pdu), &context);
        Ok(Verdict { notify: outcome.notify, highlight: outcome.highlight })
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

/// Whom an event names: those it mentions, and the user whose state it is; `None` for too many to remember.
fn named_in(event: &Event) -> Option<Box<[OwnedUserId]>> {
    #[derive(Deserialize)]
    struct Content {
        #[serde(rename = "m.mentions")]
        mentions: Option<Mentions>,
    }
    #[derive(Deserialize)]
    struct Mentions {
        #[serde(default)]
        user_ids: Vec<serde_json::Value>,
    }
    let mut named = Vec::new();
    let content = event.pdu.content_str();
    if content.contains("\"m.mentions\"")
        && let Ok(Content { mentions: Some(mentions) }) = serde_json::from_str(content)
    {
        let users = mentions.user_ids.iter().filter_map(|user| user.as_str()?.try_into().ok());
        named.extend(users);
    }
    named.extend(event.pdu.state_key().and_then(|key| OwnedUserId::try_from(key).ok()));
    (named.len() <= NAMED).then(|| named.into())
}

/// What an event relates to.
struct Relation {
    rel_type: String,
    parent: OwnedEventId,
}

impl Relation {
    fn of(content: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Content {
            #[serde(rename = "m.relates_to")]
            relates_to: RelatesTo,
        }
        #[derive(Deserialize)]
        struct RelatesTo {
            rel_type: String,
            event_id: OwnedEventId,
        }
        // Most relate to nothing: look before parsing.
        if !content.contains("\"m.relates_to\"") {
            return None;
        }
        let Content { relates_to } = serde_json::from_str(content).ok()?;
        Some(Self { rel_type: relates_to.rel_type, parent: relates_to.event_id })
    }
}

fn thread_of(room: &Room, mut relation: Relation) -> Result<Option<OwnedEventId>, RoomError> {
    for _ in 0..HOPS {
        if relation.rel_type == "m.thread" {
            return Ok(Some(relation.parent));
        }
        let parent = room.event(&relation.parent)?;
        match parent.and_then(|parent| Relation::of(parent.pdu.content_str())) {
            Some(next) => relation = next,
            None => break,
        }
    }
    Ok(None)
}
