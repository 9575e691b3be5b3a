//! Which rooms are in view, and of which of them there may be something to tell.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use hearth_storage::{RoomNid, schema::rooms::Membership};

use super::{SlidingPosition, config::RoomConfig, connection::Connection, lists::Lists, request::Asked};
use crate::{
    SyncError,
    online::{Candidates, UserRoom},
    scope::Scope,
};

/// A room of which there may be something to tell.
pub(super) struct Viewed {
    pub nid: RoomNid,
    pub is: UserRoom,
    /// How it is asked for: the place in the connection.
    pub config: u32,
    /// The lists in whose windows it is, by their places in the request.
    pub lists: Vec<usize>,
    pub subscribed: bool,
}

/// What is in view.
#[derive(Default)]
pub(super) struct Views {
    pub rooms: Vec<Viewed>,
    /// The rooms that were in view and are not any more.
    pub gone: Vec<RoomNid>,
    /// How many rooms each list has.
    pub counts: Vec<usize>,
    /// All windows reach over their lists.
    pub whole: bool,
}

/// Who looks, from where.
pub(super) struct Viewing<'a> {
    pub scope: &'a Scope<'a>,
    pub asked: &'a Arc<Asked>,
    /// `None` for a connection that begins.
    pub position: Option<SlidingPosition>,
    /// Where something may have changed since `position`, or all rooms.
    pub changed: &'a Candidates,
    /// What is told of every room in view changed: direct chats.
    pub look_at_all: bool,
}

/// By which rules a room is in view.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
struct Rules {
    lists: Vec<usize>,
    subscribed: bool,
}

impl Rules {
    fn is_none(&self) -> bool {
        self.lists.is_empty() && !self.subscribed
    }
}

impl Viewing<'_> {
    /// Looks at what is in view. Where all that was in view was told up to `position`, and all windows reach over their
    /// lists, only the rooms that changed are looked at.
    pub fn look(&self, lists: &mut Lists, connection: &mut Connection) -> Result<Views, SyncError> {
        let Self { scope, asked, .. } = *self;
        let mut views = Views { whole: true, ..Views::default() };
        for list in &asked.lists {
            let count = lists.filtered(scope, &list.filters)?.len();
            views.whole &= list.is_whole(count);
            views.counts.push(count);
        }
        let settled = self.position.is_some_and(|position| connection.is_settled(asked, position));
        let found = if views.whole && settled && !self.changed.all && !self.look_at_all {
            let found = self.changed_in_view(lists)?;
            let still: BTreeSet<RoomNid> = found.iter().map(|(room, _)| *room).collect();
            let changed = self.changed.rooms.iter().map(|(room, _)| *room);
            views.gone =
                changed.filter(|room| connection.in_view().contains(room) && !still.contains(room)).collect();
            found
        } else {
            let found = self.all_in_view(lists)?;
            let still: BTreeSet<RoomNid> = found.iter().map(|(room, _)| *room).collect();
            views.gone = connection.in_view().difference(&still).copied().collect();
            found
        };
        let mut places: HashMap<Rules, u32> = HashMap::new();
        for (nid, rules) in found {
            let Some(is) = scope.online.room(nid) else { continue };
            let place = match places.get(&rules) {
                // A subscription is for one room.
                Some(place) if !rules.subscribed => *place,
                _ => {
                    let place = connection.place_of(&self.config(nid, &rules)?)?;
                    places.insert(rules.clone(), place);
                    place
                }
            };
            views.rooms.push(Viewed {
                nid,
                is,
                config: place,
                lists: rules.lists,
                subscribed: rules.subscribed,
            });
        }
        self.add_left(connection, &mut views);
        Ok(views)
    }

    /// The rooms that changed and are in view, where all windows reach over their lists.
    fn changed_in_view(&self, lists: &mut Lists) -> Result<Vec<(RoomNid, Rules)>, SyncError> {
        let mut found: Vec<(RoomNid, Rules)> =
            self.changed.rooms.iter().map(|(room, _)| (*room, Rules::default())).collect();
        for (place, list) in self.asked.lists.iter().enumerate() {
            let rooms = lists.filtered(self.scope, &list.filters)?;
            found
                .iter_mut()
                .filter(|(room, _)| rooms.contains(*room))
                .for_each(|(_, rules)| rules.lists.push(place));
        }
        let subscribed = self.subscribed()?;
        found.iter_mut().for_each(|(room, rules)| rules.subscribed = subscribed.contains(room));
        found.retain(|(_, rules)| !rules.is_none());
        Ok(found)
    }

    /// All rooms in view, in the order of the lists.
    fn all_in_view(&self, lists: &mut Lists) -> Result<Vec<(RoomNid, Rules)>, SyncError> {
        let mut found: Vec<(RoomNid, Rules)> = Vec::new();
        let mut places: HashMap<RoomNid, usize> = HashMap::new();
        let mut rules_of = |room: RoomNid, found: &mut Vec<(RoomNid, Rules)>| {
            *places.entry(room).or_insert_with(|| {
                found.push((room, Rules::default()));
                found.len() - 1
            })
        };
        for (place, list) in self.asked.lists.iter().enumerate() {
            let rooms = lists.filtered(self.scope, &list.filters)?;
            let all = [(0, rooms.len())];
            for (first, last) in list.ranges.as_deref().unwrap_or(&all) {
                self.scope.hub.reach(rooms, *last)?;
                for room in rooms.places(*first, *last) {
                    let at = rules_of(room, &mut found);
                    // Ranges may overlap.
                    if found[at].1.lists.last() != Some(&place) {
                        found[at].1.lists.push(place);
                    }
                }
            }
        }
        for room in self.subscribed()? {
            let at = rules_of(room, &mut found);
            found[at].1.subscribed = true;
        }
        Ok(found)
    }

    /// The rooms that are subscribed to and known here.
    fn subscribed(&self) -> Result<BTreeSet<RoomNid>, SyncError> {
        let mut rooms = BTreeSet::new();
        for id in self.asked.subscriptions.keys() {
            rooms.extend(self.scope.rooms.nid_of(id)?);
        }
        Ok(rooms)
    }

    /// How a room is asked for by all rules together.
    fn config(&self, nid: RoomNid, rules: &Rules) -> Result<RoomConfig, SyncError> {
        let mut config = RoomConfig::default();
        rules.lists.iter().for_each(|place| config.add(&self.asked.lists[*place].config));
        if rules.subscribed
            && let Some(id) = self.scope.rooms.id_of(nid)?
            && let Some(subscription) = self.asked.subscriptions.get(&id)
        {
            config.add(subscription);
        }
        Ok(config)
    }

    /// Adds the rooms that the client knows and the user has just left: it is told once, in view or not.
    fn add_left(&self, connection: &Connection, views: &mut Views) {
        let Some(position) = self.position else { return };
        let there: BTreeSet<RoomNid> = views.rooms.iter().map(|viewed| viewed.nid).collect();
        for (nid, is) in &self.changed.rooms {
            let left = matches!(is.membership, Membership::Leave | Membership::Ban)
                && is.position > position.upto.log;
            if left
                && !there.contains(nid)
                && let Some(known) = connection.room(*nid)
            {
                let (is, config) = (*is, known.config);
                views.rooms.push(Viewed { nid: *nid, is, config, lists: Vec::new(), subscribed: false });
            }
        }
    }
}
