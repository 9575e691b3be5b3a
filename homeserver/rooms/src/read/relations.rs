//! Events that relate to others: replacements, annotations, references, threads.

use std::sync::Arc;

use hearth_storage::{
    EventNid, RoomNid, Scan, TimelineOrder, View,
    schema::{
        self,
        rooms::{OwnedEventIdValue, RelationRow, ThreadRow},
    },
};
use ruma::{EventId, OwnedEventId, UserId};
use serde::Deserialize;

use crate::{
    RoomError,
    read::{
        event::Event,
        reading::Reader,
        room::{Room, RoomInner},
        timeline::TimelineRange,
    },
};

/// The relation of a thread's events to its root.
pub(crate) const THREAD: &str = "m.thread";

/// Which children are asked for.
#[derive(Clone, Debug, Default)]
pub struct RelationFilter {
    pub rel_type: Option<String>,
    pub event_type: Option<String>,
}

/// What `m.relates_to` of a content says.
pub struct Relation {
    pub rel_type: String,
    pub parent: OwnedEventId,
    pub key: Option<String>,
}

impl Relation {
    pub fn of(content: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Content {
            #[serde(rename = "m.relates_to")]
            relates_to: Option<RelatesTo>,
        }
        #[derive(Deserialize)]
        struct RelatesTo {
            rel_type: Option<String>,
            event_id: Option<OwnedEventId>,
            key: Option<String>,
        }
        // Most contents relate to nothing: they are not parsed.
        if !content.contains("m.relates_to") {
            return None;
        }
        let relates_to = serde_json::from_str::<Content>(content).ok()?.relates_to?;
        Some(Self { rel_type: relates_to.rel_type?, parent: relates_to.event_id?, key: relates_to.key })
    }
}

impl RoomInner {
    /// The children of an event that pass a filter, within a stretch of the timeline.
    pub fn children(
        &self,
        view: &View,
        parent: &EventId,
        filter: &RelationFilter,
        range: TimelineRange,
    ) -> Result<Vec<(TimelineOrder, EventNid)>, RoomError> {
        let mut scan = Scan::prefix((self.nid, parent));
        if let Some(after) = range.after {
            scan = scan.after((self.nid, parent, after, EventNid(u64::MAX)));
        }
        if let Some(until) = range.until {
            scan = scan.through((self.nid, parent, until, EventNid(u64::MAX)));
        }
        if range.backwards {
            scan = scan.reversed();
        }
        let mut children = Vec::new();
        for row in view.scan(&schema::RELATIONS, scan) {
            let ((_, _, order, nid), row) = row?;
            if children.len() == range.limit {
                break;
            }
            if passes(filter, &row) {
                children.push((order, nid));
            }
        }
        Ok(children)
    }
}

pub(crate) fn thread(view: &View, room: RoomNid, root: &EventId) -> Result<Option<ThreadRow>, RoomError> {
    Ok(view.get(&schema::THREADS, (room, root))?)
}

pub(crate) fn passes(filter: &RelationFilter, row: &RelationRow) -> bool {
    filter.rel_type.as_ref().is_none_or(|rel_type| *rel_type == row.rel_type)
        && filter.event_type.as_ref().is_none_or(|event_type| *event_type == row.event_type)
}

impl Room {
    /// The children of an event within a stretch of the timeline.
    pub fn relations(
        &self,
        parent: &EventId,
        filter: &RelationFilter,
        range: TimelineRange,
    ) -> Result<Vec<Arc<Event>>, RoomError> {
        let children = self.0.children(&self.shared().view, parent, filter, range)?;
        let nids: Vec<EventNid> = children.into_iter().map(|(_, nid)| nid).collect();
        self.shared().events_of(&nids)
    }

    /// The roots of the room's threads, the one written in last first: (order of the latest event, root).
    pub fn threads(
        &self,
        before: Option<TimelineOrder>,
        limit: usize,
    ) -> Result<Vec<(TimelineOrder, Arc<Event>)>, RoomError> {
        let mut scan = Scan::prefix((self.nid(),)).reversed();
        if let Some(before) = before {
            scan = scan.until((self.nid(), before));
        }
        let mut roots = Vec::new();
        for row in self.shared().view.scan(&schema::THREADS_BY_ACTIVITY, scan) {
            let ((_, order), OwnedEventIdValue(root)) = row?;
            if let Some(root) = self.event(&root)? {
                roots.push((order, root));
            }
            if roots.len() == limit {
                break;
            }
        }
        Ok(roots)
    }

    /// Whether a user wrote in a thread or its root.
    pub fn participated(&self, user: &UserId, root: &Event) -> Result<bool, RoomError> {
        let thread = thread(&self.shared().view, self.nid(), root.id())?;
        Ok(root.pdu.sender() == user
            || thread.is_some_and(|thread| thread.participants.iter().any(|other| other == user)))
    }
}
