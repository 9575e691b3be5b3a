//! The timelines of several rooms as one, newest first.

use std::{collections::BinaryHeap, sync::Arc, vec};

use hearth_rooms::{Event, RoomError};
use hearth_storage::{TimelineOrder, schema::rooms::Membership};
use hearth_sync::TimelineToken;
use ruma::{RoomId, UserId, api::Direction};

use crate::{
    ClientApi, Result,
    message::view::{Stretch, View},
};

/// How many events of a room are read at once.
const AT_ONCE: usize = 64;

/// Gives the events of several rooms newest first, reading no more of each than it has to.
pub(crate) struct Timelines<'a> {
    views: &'a [View],
    heads: BinaryHeap<Head>,
    /// How many more events are looked at.
    left: usize,
}

/// The next event of one room. Ordered by its place; what is not read yet stands where it could at most.
struct Head {
    at: TimelineOrder,
    view: usize,
    /// What was read, newest first, `at` being the first one's place.
    read: vec::IntoIter<Arc<Event>>,
    first: Option<Arc<Event>>,
    /// Where to read on.
    next: Option<TimelineToken>,
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.view) == (other.at, other.view)
    }
}

impl Eq for Head {}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.view).cmp(&(other.at, other.view))
    }
}

/// What there is next.
pub(crate) enum Next<'a> {
    Event(&'a View, Arc<Event>),
    /// Enough was looked at: there may be more from this place on.
    Later(TimelineToken),
    End,
}

impl<'a> Timelines<'a> {
    /// From a place backwards, looking at no more than `bound` events.
    pub(crate) fn new(views: &'a [View], from: Option<TimelineToken>, bound: usize) -> Self {
        let heads = views.iter().enumerate().map(|(index, view)| {
            let from = from.map_or(view.end(), |from| from.min(view.end()));
            let at = from.range(None, true, 1).until.unwrap_or_default();
            Head { at, view: index, read: Vec::new().into_iter(), first: None, next: Some(from) }
        });
        Self { views, heads: heads.collect(), left: bound }
    }

    /// The next event.
    pub(crate) fn next(&mut self) -> Result<Next<'a>> {
        while let Some(mut head) = self.heads.pop() {
            let view = &self.views[head.view];
            if let Some(event) = head.first.take() {
                self.put_back(head);
                return Ok(Next::Event(view, event));
            }
            let Some(from) = head.next else { continue };
            if self.left == 0 {
                return Ok(Next::Later(TimelineToken::after(head.at)));
            }
            let limit = AT_ONCE.min(self.left);
            let stretch = Stretch { from, to: None, direction: Direction::Backward, limit };
            let page = view.messages(stretch, |_| true)?;
            // To look at a room costs something also where it has nothing.
            self.left = self.left.saturating_sub(page.looked_at.max(1));
            head.next = page.more.then_some(page.reached);
            head.read = page.events.into_iter();
            self.put_back(head);
        }
        Ok(Next::End)
    }

    /// Puts a room back at its next place, if it has one.
    fn put_back(&mut self, mut head: Head) {
        head.first = head.read.next();
        let at = match (&head.first, head.next) {
            (Some(event), _) => event.order(),
            (None, Some(next)) => next.range(None, true, 1).until,
            (None, None) => None,
        };
        if let Some(at) = at {
            self.heads.push(Head { at, ..head });
        }
    }
}

/// The rooms that a user may read; those that are no longer here are left out.
pub(crate) fn views_of(
    api: &ClientApi,
    user: &UserId,
    wanted: impl Fn(Membership, &RoomId) -> bool,
) -> Result<Vec<View>> {
    let mut views = Vec::new();
    for (nid, row) in api.rooms.rooms_of(user)? {
        if row.forgotten {
            continue;
        }
        let room = match api.rooms.room_by_nid(nid) {
            Ok(room) => room,
            Err(RoomError::UnknownRoom) => continue,
            Err(error) => return Err(error.into()),
        };
        if !wanted(row.membership, room.id()) {
            continue;
        }
        match View::of(api, user, room.id()) {
            Ok(view) => views.push(view),
            // Invited, and never in it.
            Err(error) if error.errcode == Some("M_FORBIDDEN") => {}
            Err(error) => return Err(error),
        }
    }
    Ok(views)
}
