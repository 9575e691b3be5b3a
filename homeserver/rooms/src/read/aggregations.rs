//! What relates to an event, as far as a user may know of it (client-server API, "Aggregations of child events").

use std::{collections::HashSet, sync::Arc};

use hearth_storage::{EventNid, Scan, schema, schema::rooms::RelationRow};
use ruma::OwnedUserId;

use crate::{
    RoomError,
    read::{
        event::Event,
        reading::Reader,
        relations::{Relation, THREAD},
        room::Room,
        visibility::Viewer,
    },
};

/// The relation of an event that stands for another.
const REPLACE: &str = "m.replace";

/// How many of the newest children of one kind are looked at. The older replies of a thread are counted all the same.
const MAX_LOOKED_AT: usize = 256;
/// How many references to an event are told with it.
const MAX_REFERENCES: usize = 100;

/// What is told of an event's children together with it.
#[derive(Debug, Default)]
pub struct Aggregations {
    /// The newest valid `m.replace`.
    pub replacement: Option<Arc<Event>>,
    pub thread: Option<ThreadSummary>,
    /// The events of `m.reference`, oldest first.
    pub references: Vec<Arc<Event>>,
}

/// What is told of a thread with its root.
#[derive(Debug)]
pub struct ThreadSummary {
    pub latest: Arc<Event>,
    /// How many events it has, the root not counted.
    pub count: u64,
    /// Whether the user wrote in it or began it.
    pub participated: bool,
}

impl Aggregations {
    pub fn is_empty(&self) -> bool {
        self.replacement.is_none() && self.thread.is_none() && self.references.is_empty()
    }
}

/// The children of an event by kind, newest first, without those of ignored users.
#[derive(Default)]
struct Children {
    replacements: Vec<EventNid>,
    replies: Vec<EventNid>,
    references: Vec<EventNid>,
    participated: bool,
}

impl Room {
    /// What relates to an event and what the viewer may see, without what users of `ignored` sent.
    pub fn aggregations(
        &self,
        event: &Event,
        viewer: &mut Viewer<'_>,
        ignored: &HashSet<OwnedUserId>,
    ) -> Result<Aggregations, RoomError> {
        let children = self.children_of(event, viewer, ignored)?;
        let mut references = children.references;
        // The oldest of them, in their order.
        references.reverse();
        references.truncate(MAX_REFERENCES);
        Ok(Aggregations {
            replacement: self.replacement(event, children.replacements, |child| viewer.sees(child))?,
            thread: self.thread_summary(viewer, &children.replies, children.participated)?,
            references: viewer.visible(self.shared().events_of(&references)?)?,
        })
    }

    /// Whether a viewer may see any event of a thread that is by nobody whom they ignore.
    pub fn thread_is_seen(
        &self,
        root: &Event,
        viewer: &mut Viewer<'_>,
        ignored: &HashSet<OwnedUserId>,
    ) -> Result<bool, RoomError> {
        for nid in self.children_of(root, viewer, ignored)?.replies.into_iter().take(MAX_LOOKED_AT) {
            let reply = self.shared().referred(nid)?;
            if viewer.sees(&reply)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The event whose content stands for this one's, whoever may see it.
    pub fn replaced_by(&self, event: &Event) -> Result<Option<Arc<Event>>, RoomError> {
        let newest_first = Scan::prefix((self.nid(), event.id())).reversed();
        let mut replacements = Vec::new();
        for row in self.shared().view.scan(&schema::RELATIONS, newest_first) {
            let ((.., nid), row) = row?;
            if row.rel_type == REPLACE && may_replace(event, &row) && replacements.len() < MAX_LOOKED_AT {
                replacements.push(nid);
            }
        }
        self.replacement(event, replacements, |_| Ok(true))
    }

    fn children_of(
        &self,
        event: &Event,
        viewer: &mut Viewer<'_>,
        ignored: &HashSet<OwnedUserId>,
    ) -> Result<Children, RoomError> {
        let mut children =
            Children { participated: event.pdu.sender() == viewer.user(), ..Default::default() };
        let mut scan = Scan::prefix((self.nid(), event.id())).reversed();
        if let Some(until) = viewer.until()? {
            scan = scan.through((self.nid(), event.id(), until, EventNid(u64::MAX)));
        }
        for row in self.shared().view.scan(&schema::RELATIONS, scan) {
            let ((_, _, _, nid), row) = row?;
            if ignored.contains(&row.sender) {
                continue;
            }
            match &*row.rel_type {
                REPLACE if may_replace(event, &row) => children.replacements.push(nid),
                "m.reference" => children.references.push(nid),
                THREAD => {
                    children.participated |= row.sender == viewer.user();
                    children.replies.push(nid);
                }
                _ => {}
            }
        }
        Ok(children)
    }

    /// The newest valid one of the replacements of an event ("Validity of replacement events") that is seen.
    fn replacement(
        &self,
        event: &Event,
        replacements: Vec<EventNid>,
        mut is_seen: impl FnMut(&Event) -> Result<bool, RoomError>,
    ) -> Result<Option<Arc<Event>>, RoomError> {
        let is_one = |event: &Event| {
            Relation::of(event.pdu.content_str()).is_some_and(|relation| relation.rel_type == REPLACE)
        };
        if replacements.is_empty() || event.pdu.is_state() || event.redacted_by.is_some() || is_one(event) {
            return Ok(None);
        }
        for nid in replacements.into_iter().take(MAX_LOOKED_AT) {
            let child = self.shared().referred(nid)?;
            let encrypted = child.pdu.type_str() == "m.room.encrypted";
            let complete = encrypted || child.pdu.content_str().contains("\"m.new_content\"");
            if child.redacted_by.is_none() && complete && is_seen(&child)? {
                return Ok(Some(child));
            }
        }
        Ok(None)
    }

    fn thread_summary(
        &self,
        viewer: &mut Viewer<'_>,
        replies: &[EventNid],
        participated: bool,
    ) -> Result<Option<ThreadSummary>, RoomError> {
        let (newest, older) = replies.split_at(replies.len().min(MAX_LOOKED_AT));
        let seen = viewer.visible(self.shared().events_of(newest)?)?;
        let count = (seen.len() + older.len()) as u64;
        Ok(seen.into_iter().next().map(|latest| ThreadSummary { latest, count, participated }))
    }
}

/// Whether a child may be a replacement, by what its row tells.
fn may_replace(event: &Event, row: &RelationRow) -> bool {
    row.sender == event.pdu.sender() && row.event_type == event.pdu.type_str()
}
