//! The index on the disk: a folder of tantivy's.

use std::{fs, path::Path};

use hearth_storage::{EventNid, Position, RoomNid, TimelineOrder};
use ruma::UserId;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tantivy::{
    DocSet as _, IndexReader, IndexSettings, ReloadPolicy, Searcher, TERMINATED, TantivyError, Term,
    directory::MmapDirectory,
    schema::{Field, IndexRecordOption, NumericOptions, Schema, TextFieldIndexing, TextOptions},
    tokenizer::{Token, TokenStream, Tokenizer},
};

use crate::SearchError;

/// What is indexed, and how. An index of another form is made anew.
const FORM: u32 = 1;

/// The name of the tokenizer in the schema.
const WORDS: &str = "words";

/// Up to where an index knows what happened; it is written with what it knows, or not at all.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Mark {
    form: u32,
    /// All changes up to here are in it, but for what the walk has yet to come by.
    pub position: Position,
    /// How far it is in making it from the timelines.
    pub walk: Option<Walk>,
}

impl Mark {
    pub fn new(position: Position, walk: Option<Walk>) -> Self {
        Self { form: FORM, position, walk }
    }
}

/// A place on the way through all timelines: rooms in the order of their numbers, each from its oldest event on.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Walk {
    pub room: RoomNid,
    /// The last place that is done.
    pub after: TimelineOrder,
    /// The last place that is to be done: what came later is told by the log.
    pub until: TimelineOrder,
}

impl Walk {
    /// Before the first room.
    pub const START: Self = Self { room: RoomNid(0), after: TimelineOrder::MIN, until: TimelineOrder::MIN };

    /// Whether an event is still to come.
    pub fn will_pass(&self, room: RoomNid, order: TimelineOrder) -> bool {
        room == self.room && self.after < order && order <= self.until
    }
}

/// The fields of what is indexed: a message, a room's name or topic.
#[derive(Clone, Copy)]
pub(super) struct Fields {
    /// The event's number.
    pub event: Field,
    pub room: Field,
    /// The number of the event by which its text was replaced; none where it was not.
    pub edit: Field,
    /// By whom, as [`sender`] names them.
    pub sender: Field,
    /// The number of a [`Key`](super::Key).
    pub key: Field,
    /// The place in the timeline.
    pub order: Field,
    /// When it was sent, in milliseconds.
    pub ts: Field,
    pub text: Field,
}

/// The names of the columns.
pub(super) mod column {
    pub const EVENT: &str = "event";
    pub const ROOM: &str = "room";
    pub const EDIT: &str = "edit";
    pub const SENDER: &str = "sender";
    pub const KEY: &str = "key";
    pub const ORDER: &str = "order";
    pub const TS: &str = "ts";
}

fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let kept = NumericOptions::default().set_fast();
    let found_by = kept.clone().set_indexed();
    let indexing = TextFieldIndexing::default()
        .set_tokenizer(WORDS)
        .set_index_option(IndexRecordOption::WithFreqsAndPositions);
    let fields = Fields {
        event: schema.add_u64_field(column::EVENT, found_by.clone()),
        room: schema.add_u64_field(column::ROOM, found_by.clone()),
        edit: schema.add_u64_field(column::EDIT, found_by),
        sender: schema.add_u64_field(column::SENDER, kept.clone()),
        key: schema.add_u64_field(column::KEY, kept.clone()),
        order: schema.add_i64_field(column::ORDER, kept.clone()),
        ts: schema.add_u64_field(column::TS, kept),
        text: schema.add_text_field("text", TextOptions::default().set_indexing_options(indexing)),
    };
    (schema.build(), fields)
}

/// A number for a user that takes four bytes. Few share one: it keeps out most others, and the event tells for sure.
pub(super) fn sender(user: &UserId) -> u64 {
    let hash = Sha256::digest(user.as_bytes());
    u64::from(u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]))
}

/// The index, as it is read.
pub(super) struct Index {
    pub tantivy: tantivy::Index,
    pub fields: Fields,
    reader: IndexReader,
}

impl Index {
    /// Opens the index in a folder, or makes an empty one: where there is none, where it is of another form or damaged, and
    /// where it knows more than the store, whose positions up to `published` are given.
    pub fn open(folder: &Path, published: Position) -> Result<Self, SearchError> {
        match Self::open_as_it_is(folder) {
            Ok(index) if index.mark()?.is_none_or(|mark| mark.form == FORM && mark.position <= published) => {
                Ok(index)
            }
            Ok(_) => {
                tracing::warn!("the search index is of another server or version, and made anew");
                Self::make_anew(folder)
            }
            Err(error) => {
                tracing::warn!(%error, "the search index cannot be read, and is made anew");
                Self::make_anew(folder)
            }
        }
    }

    fn make_anew(folder: &Path) -> Result<Self, SearchError> {
        fs::remove_dir_all(folder)
            .map_err(|source| SearchError::Folder { folder: folder.to_owned(), source })?;
        Self::open_as_it_is(folder)
    }

    fn open_as_it_is(folder: &Path) -> Result<Self, SearchError> {
        fs::create_dir_all(folder)
            .map_err(|source| SearchError::Folder { folder: folder.to_owned(), source })?;
        let directory = MmapDirectory::open(folder).map_err(TantivyError::from)?;
        let (schema, fields) = schema();
        let tantivy = tantivy::Index::builder()
            .schema(schema)
            .settings(IndexSettings::default())
            .open_or_create(directory)?;
        tantivy.tokenizers().register(WORDS, Words);
        let reader = tantivy.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Self { tantivy, fields, reader })
    }

    /// Up to where the index knows what happened; `None` for an empty one.
    pub fn mark(&self) -> Result<Option<Mark>, SearchError> {
        let payload = self.tantivy.load_metas()?.payload;
        Ok(payload.and_then(|payload| serde_json::from_str(&payload).ok()))
    }

    /// What was committed last.
    pub fn searcher(&self) -> Searcher {
        self.reader.searcher()
    }

    /// Makes what is committed readable.
    pub fn reload(&self) -> Result<(), SearchError> {
        Ok(self.reader.reload()?)
    }

    /// The messages whose text was replaced by this event.
    pub fn edited_by(&self, edit: EventNid) -> Result<Vec<EventNid>, SearchError> {
        let term = Term::from_field_u64(self.fields.edit, edit.0);
        let mut messages = Vec::new();
        for segment in self.searcher().segment_readers() {
            let edits = segment.inverted_index(self.fields.edit)?;
            let found = edits.read_postings(&term, IndexRecordOption::Basic).map_err(TantivyError::from)?;
            let Some(mut found) = found else { continue };
            let events = segment.fast_fields().u64(column::EVENT)?;
            let mut doc = found.doc();
            while doc != TERMINATED {
                messages.extend(events.first(doc).map(EventNid));
                doc = found.advance();
            }
        }
        Ok(messages)
    }
}

/// Hands words to tantivy.
#[derive(Clone)]
struct Words;

impl Tokenizer for Words {
    type TokenStream<'a> = Tokens;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Tokens {
        let words = hearth_text::words(text).into_iter().map(|word| word.folded).collect::<Vec<_>>();
        Tokens { words: words.into_iter(), token: Token::default() }
    }
}

struct Tokens {
    words: std::vec::IntoIter<String>,
    token: Token,
}

impl TokenStream for Tokens {
    fn advance(&mut self) -> bool {
        let Some(word) = self.words.next() else { return false };
        self.token.text = word;
        // The first one's position is the one after the greatest.
        self.token.position = self.token.position.wrapping_add(1);
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}
