//! Writing into the index.

use std::{mem, sync::Arc};

use hearth_rooms::Event;
use hearth_storage::{EventNid, RoomNid, TimelineOrder};
use tantivy::{
    IndexWriter, TantivyDocument, TantivyError, Term,
    indexer::{IndexWriterOptions, LogMergePolicy, UserOperation},
};

use super::{
    Key,
    index::{Index, Mark, sender},
};
use crate::SearchError;

/// The least memory with which tantivy writes.
pub const LEAST_MEMORY: usize = 15_000_000;

/// How many bytes of texts may wait to be committed. (tantivy has a queue in front of its memory, which counts documents.)
const MAX_WAITING: usize = 4 << 20;
/// What a text takes besides its bytes.
const OVERHEAD: usize = 256;

/// So many operations are handed to tantivy at once: each handing over wakes its thread.
const AT_ONCE: usize = 256;

/// How much of a part of the index may be deleted before it is written anew without that: what was redacted is not to lie
/// on the disk for ever.
const MAX_DELETED: f32 = 0.2;

/// The writer of an index; there is one at a time.
pub(super) struct Writer {
    index: Arc<Index>,
    tantivy: IndexWriter,
    /// What is still to be handed to tantivy, in order.
    operations: Vec<UserOperation>,
    /// What waits to be committed, in bytes, about.
    waiting: usize,
}

impl Writer {
    pub fn open(index: Arc<Index>, memory_bytes: usize) -> Result<Self, SearchError> {
        let options = IndexWriterOptions::builder()
            .num_worker_threads(1)
            .num_merge_threads(1)
            .memory_budget_per_thread(memory_bytes.max(LEAST_MEMORY))
            .build();
        let tantivy: IndexWriter = index.tantivy.writer_with_options(options)?;
        let mut merging = LogMergePolicy::default();
        merging.set_del_docs_ratio_before_merge(MAX_DELETED);
        tantivy.set_merge_policy(Box::new(merging));
        Ok(Self { index, tantivy, operations: Vec::new(), waiting: 0 })
    }

    /// Adds a text.
    pub fn add(
        &mut self,
        event: &Event,
        order: TimelineOrder,
        ts: u64,
        (key, text): (Key, String),
        edit: Option<EventNid>,
    ) -> Result<(), SearchError> {
        let fields = self.index.fields;
        let mut document = TantivyDocument::default();
        document.add_u64(fields.event, event.nid.0);
        document.add_u64(fields.room, event.room.0);
        if let Some(edit) = edit {
            document.add_u64(fields.edit, edit.0);
        }
        document.add_u64(fields.sender, sender(event.pdu.sender()));
        document.add_u64(fields.key, key as u64);
        document.add_i64(fields.order, order.0);
        document.add_u64(fields.ts, ts);
        self.waiting += OVERHEAD + text.len();
        document.add_text(fields.text, text);
        metrics::counter!("hearth_search_indexed_total").increment(1);
        self.operate(UserOperation::Add(document))
    }

    /// Takes a message out, if it is there.
    pub fn remove(&mut self, event: EventNid) -> Result<(), SearchError> {
        self.waiting += OVERHEAD;
        self.operate(UserOperation::Delete(Term::from_field_u64(self.index.fields.event, event.0)))
    }

    /// Takes out all of a room.
    pub fn remove_room(&mut self, room: RoomNid) -> Result<(), SearchError> {
        self.waiting += OVERHEAD;
        self.operate(UserOperation::Delete(Term::from_field_u64(self.index.fields.room, room.0)))
    }

    fn operate(&mut self, operation: UserOperation) -> Result<(), SearchError> {
        self.operations.push(operation);
        match self.operations.len() < AT_ONCE {
            true => Ok(()),
            false => self.hand_over(),
        }
    }

    fn hand_over(&mut self) -> Result<(), SearchError> {
        self.tantivy.run(mem::take(&mut self.operations))?;
        Ok(())
    }

    /// Whether there is anything to be committed.
    pub fn has_waiting(&self) -> bool {
        self.waiting > 0
    }

    /// Whether there is so much of it that it has to be committed.
    pub fn is_full(&self) -> bool {
        self.waiting >= MAX_WAITING
    }

    /// Writes what waits, together with up to where it goes, and makes it readable.
    pub fn commit(&mut self, mark: &Mark) -> Result<(), SearchError> {
        self.hand_over()?;
        let payload = serde_json::to_string(mark)
            .map_err(|error| TantivyError::InternalError(format!("a mark cannot be written: {error}")))?;
        let mut commit = self.tantivy.prepare_commit()?;
        commit.set_payload(&payload);
        commit.commit()?;
        self.waiting = 0;
        self.index.reload()?;
        metrics::gauge!("hearth_search_messages").set(self.index.searcher().num_docs() as f64);
        Ok(())
    }
}
