//! Finding the best or the newest of what matches.
//!
//! What is found has an order that stays while messages come: how well a message matches depends on itself, on what is
//! looked for, and on [`Statistics`] that are those of the first page for all pages. So the next page is what comes
//! after the last place of the one before, and needs nothing remembered.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, HashSet},
    sync::Arc,
};

use hearth_storage::{EventNid, RoomNid, TimelineOrder};
use ruma::UserId;
use serde::{Deserialize, Serialize};
use tantivy::{
    DocId, Score, SegmentOrdinal, SegmentReader, Term,
    collector::{Collector, SegmentCollector},
    columnar::ColumnValues,
    query::Bm25StatisticsProvider,
    schema::Field,
};

use super::{
    Key, Searching, Terms,
    index::{column, sender},
};
use crate::SearchError;

/// What comes first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    Best,
    Newest,
}

/// Where something stands in the order of a search; the greatest comes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Place {
    /// How well it matches, where that counts, else 0.
    score: u32,
    /// When it was sent, in milliseconds.
    ts: u64,
    event: u64,
}

/// Something that matches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Hit {
    pub place: Place,
    pub event: EventNid,
    pub room: RoomNid,
    /// The event whose text matches, where that replaced the event's own.
    pub edit: Option<EventNid>,
    /// Whether it is among what is counted: who searches may see it for sure.
    pub counted: bool,
    /// How well it matches, in [`PARTS`]ths.
    score: u32,
}

impl Hit {
    /// How well it matches: more is better.
    pub fn rank(&self) -> f64 {
        f64::from(self.score) / f64::from(PARTS)
    }
}

/// Scores are rounded to so many parts of one: they are sums, and must not depend on the order of their summands, which
/// is another one when parts of the index were merged.
const PARTS: f32 = 256.0;

/// Where is searched.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Scope {
    /// The rooms, each with the place from which on all of it is for who searches to see.
    rooms: HashMap<u64, Option<TimelineOrder>>,
    keys: HashSet<u64>,
    senders: Option<HashSet<u64>>,
}

impl Scope {
    pub fn new(
        rooms: impl IntoIterator<Item = (RoomNid, Option<TimelineOrder>)>,
        keys: impl IntoIterator<Item = Key>,
    ) -> Self {
        Self {
            rooms: rooms.into_iter().map(|(room, since)| (room.0, since)).collect(),
            keys: keys.into_iter().map(|key| key as u64).collect(),
            senders: None,
        }
    }

    /// Only what these users sent, and a few others.
    pub fn by<'a>(self, senders: impl IntoIterator<Item = &'a UserId>) -> Self {
        Self { senders: Some(senders.into_iter().map(sender).collect()), ..self }
    }
}

/// How often words are found, by which it counts what they say. For as many words as there are.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Statistics {
    messages: u64,
    words: u64,
    /// In how many messages each of the words of a search is.
    with: Vec<u64>,
}

/// What was found.
#[derive(Debug)]
pub struct Found {
    /// As many as are wanted, in their order.
    pub hits: Vec<Hit>,
    /// How many match altogether, before and after the place too, of those that who searches may see for sure.
    pub counted: usize,
}

impl Searching {
    /// The statistics of what is there now, for the pages of a search.
    pub fn statistics(&self, terms: &Terms) -> Result<Statistics, SearchError> {
        let text = self.index.fields.text;
        let with = terms.words().map(|word| self.searcher.doc_freq(&Term::from_field_text(text, word)));
        Ok(Statistics {
            messages: self.searcher.total_num_docs()?,
            words: self.searcher.total_num_tokens(text)?,
            with: with.collect::<Result<_, _>>()?,
        })
    }

    /// The first of what has all the terms, after a place if there is one.
    pub fn find(
        &self,
        terms: &Terms,
        statistics: &Statistics,
        scope: &Arc<Scope>,
        order: Order,
        after: Option<Place>,
        limit: usize,
    ) -> Result<Found, SearchError> {
        let query = terms.query(self.index.fields.text);
        let first = First { scope: scope.clone(), order, after, limit };
        let frozen = Frozen { statistics, words: terms.words().collect() };
        Ok(self.searcher.search_with_statistics_provider(&query, &first, &frozen)?)
    }
}

/// Statistics of words, as tantivy asks for them. They may come from a client: what it computes with them stays within
/// bounds.
struct Frozen<'a> {
    statistics: &'a Statistics,
    words: Vec<&'a str>,
}

impl Bm25StatisticsProvider for Frozen<'_> {
    fn total_num_tokens(&self, _: Field) -> tantivy::Result<u64> {
        Ok(self.statistics.words.max(1))
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        let most = self.statistics.with.iter().copied().max().unwrap_or_default();
        Ok(self.statistics.messages.max(most).max(1))
    }

    fn doc_freq(&self, term: &Term) -> tantivy::Result<u64> {
        let value = term.value();
        let place = self.words.iter().position(|word| value.as_str() == Some(*word));
        Ok(place.and_then(|place| self.statistics.with.get(place)).copied().unwrap_or_default())
    }
}

/// Collects the first hits in an order.
struct First {
    scope: Arc<Scope>,
    order: Order,
    after: Option<Place>,
    limit: usize,
}

/// The same in a part of the index.
struct Part {
    scope: Arc<Scope>,
    order: Order,
    after: Option<Place>,
    columns: Columns,
    best: Best,
    counted: usize,
}

struct Columns {
    event: Arc<dyn ColumnValues<u64>>,
    room: Arc<dyn ColumnValues<u64>>,
    edit: Arc<dyn ColumnValues<u64>>,
    sender: Arc<dyn ColumnValues<u64>>,
    key: Arc<dyn ColumnValues<u64>>,
    order: Arc<dyn ColumnValues<i64>>,
    ts: Arc<dyn ColumnValues<u64>>,
}

impl Columns {
    fn of(segment: &SegmentReader) -> tantivy::Result<Self> {
        let columns = segment.fast_fields();
        let number = |name| Ok::<_, tantivy::TantivyError>(columns.u64(name)?.first_or_default_col(0));
        Ok(Self {
            event: number(column::EVENT)?,
            room: number(column::ROOM)?,
            edit: number(column::EDIT)?,
            sender: number(column::SENDER)?,
            key: number(column::KEY)?,
            order: columns.i64(column::ORDER)?.first_or_default_col(0),
            ts: number(column::TS)?,
        })
    }
}

/// The greatest of many hits.
struct Best {
    least_first: BinaryHeap<Reverse<Hit>>,
    limit: usize,
}

impl Best {
    fn new(limit: usize) -> Self {
        Self { least_first: BinaryHeap::with_capacity(limit + 1), limit }
    }

    fn add(&mut self, hit: Hit) {
        if self.least_first.len() == self.limit
            && self.least_first.peek().is_none_or(|Reverse(least)| hit.place <= least.place)
        {
            return;
        }
        self.least_first.push(Reverse(hit));
        if self.least_first.len() > self.limit {
            self.least_first.pop();
        }
    }

    /// The greatest first.
    fn sorted(self) -> Vec<Hit> {
        self.least_first.into_sorted_vec().into_iter().map(|Reverse(hit)| hit).collect()
    }
}

impl Collector for First {
    type Fruit = Found;
    type Child = Part;

    fn for_segment(&self, _: SegmentOrdinal, segment: &SegmentReader) -> tantivy::Result<Part> {
        Ok(Part {
            scope: self.scope.clone(),
            order: self.order,
            after: self.after,
            columns: Columns::of(segment)?,
            best: Best::new(self.limit),
            counted: 0,
        })
    }

    fn requires_scoring(&self) -> bool {
        true
    }

    fn merge_fruits(&self, parts: Vec<Found>) -> tantivy::Result<Found> {
        let mut best = Best::new(self.limit);
        let mut counted = 0;
        for part in parts {
            counted += part.counted;
            part.hits.into_iter().for_each(|hit| best.add(hit));
        }
        Ok(Found { hits: best.sorted(), counted })
    }
}

impl SegmentCollector for Part {
    type Fruit = Found;

    fn collect(&mut self, doc: DocId, score: Score) {
        let room = self.columns.room.get_val(doc);
        let Some(since) = self.scope.rooms.get(&room) else { return };
        if !self.scope.keys.contains(&self.columns.key.get_val(doc)) {
            return;
        }
        if let Some(senders) = &self.scope.senders
            && !senders.contains(&self.columns.sender.get_val(doc))
        {
            return;
        }
        let counted = since.is_some_and(|since| self.columns.order.get_val(doc) >= since.0);
        self.counted += usize::from(counted);
        let score = (score * PARTS).round() as u32;
        let event = self.columns.event.get_val(doc);
        let counts = if self.order == Order::Best { score } else { 0 };
        let place = Place { score: counts, ts: self.columns.ts.get_val(doc), event };
        if self.after.is_none_or(|after| place < after) {
            let edit = Some(self.columns.edit.get_val(doc)).filter(|edit| *edit != 0).map(EventNid);
            let (event, room) = (EventNid(event), RoomNid(room));
            self.best.add(Hit { place, event, room, edit, counted, score });
        }
    }

    fn harvest(self) -> Found {
        Found { hits: self.best.sorted(), counted: self.counted }
    }
}
