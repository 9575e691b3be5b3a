//! A user's rooms by activity, for each filter that lists ask for.
//!
//! They belong to a user who is online, and are shared by all connections. What is asked for again costs what changed.

use std::{collections::HashSet, sync::Arc};

use hearth_storage::{Position, RoomNid, StateId};
use ruma::OwnedRoomId;

use super::filters::{Filters, Judge, direct_chats};
use crate::{SyncError, activity::RoomsByActivity, scope::Scope};

/// So many bytes are taken for the lists of one user; beyond it, those that were not asked for lately are made anew.
const MAX_BYTES: usize = 8 << 20;

const DIRECT: &str = "m.direct";
const TAG: &str = "m.tag";

/// The lists of a user.
#[derive(Default)]
pub(crate) struct Lists {
    /// Those that were asked for last at the end.
    lists: Vec<List>,
    /// The user's direct chats.
    direct: Option<Arc<HashSet<OwnedRoomId>>>,
    /// Account data up to here is in the lists.
    through: Position,
    /// How often direct chats were read.
    generation: u64,
}

struct List {
    filters: Filters,
    rooms: RoomsByActivity,
    /// By which direct chats.
    generation: u64,
    /// The states of the spaces by which it was made, and the rooms in them.
    spaces: Vec<StateId>,
    children: Option<HashSet<OwnedRoomId>>,
    /// Rooms whose tags changed, or that were forgotten: they are looked at anew.
    again: Vec<RoomNid>,
}

impl Lists {
    /// The user's direct chats.
    pub fn direct(&mut self, scope: &Scope<'_>) -> Result<Arc<HashSet<OwnedRoomId>>, SyncError> {
        self.follow(scope)?;
        if let Some(direct) = &self.direct {
            return Ok(direct.clone());
        }
        let content = scope.users.account_data.get(scope.user, None, DIRECT)?;
        self.generation += 1;
        Ok(self
            .direct
            .insert(Arc::new(direct_chats(content.as_deref().map(|content| content.get()))))
            .clone())
    }

    /// The rooms that filters let pass, as they are now.
    pub fn filtered(
        &mut self,
        scope: &Scope<'_>,
        filters: &Filters,
    ) -> Result<&mut RoomsByActivity, SyncError> {
        let direct = self.direct(scope)?;
        let mut list = match self.lists.iter().position(|list| list.filters == *filters) {
            Some(place) => self.lists.remove(place),
            None => List {
                filters: filters.clone(),
                rooms: RoomsByActivity::default(),
                generation: self.generation,
                spaces: Vec::new(),
                children: None,
                again: Vec::new(),
            },
        };
        let spaces = filters.space_states(scope.rooms, scope.user)?;
        let other_direct = filters.is_dm.is_some() && list.generation != self.generation;
        if other_direct || list.spaces != spaces {
            list.rooms = RoomsByActivity::default();
        }
        if filters.spaces.is_some() && (list.children.is_none() || list.spaces != spaces) {
            list.children = Some(filters.children(scope.rooms, scope.user)?);
        }
        (list.generation, list.spaces) = (self.generation, spaces);
        let List { rooms, children, again, .. } = &mut list;
        let (all, users, user) = (scope.rooms, scope.users, scope.user);
        let judge = Judge { rooms: all, users, user, filters, direct, children: children.as_ref() };
        let again = std::mem::take(again);
        scope.hub.bring_up(scope.online, rooms, again.into_iter(), |room, is| judge.takes(room, is))?;
        self.lists.push(list);
        while self.bytes() > MAX_BYTES && self.lists.len() > 1 {
            self.lists.remove(0);
        }
        let last = self.lists.len() - 1;
        Ok(&mut self.lists[last].rooms)
    }

    /// Takes over what changed of account data, and which rooms were forgotten.
    fn follow(&mut self, scope: &Scope<'_>) -> Result<(), SyncError> {
        let upto = scope.hub.position();
        let mut again: Vec<RoomNid> =
            std::mem::take(&mut *scope.online.forgotten.lock()).into_iter().collect();
        for item in scope.users.account_data.changes(scope.user, self.through, upto)? {
            match item.room {
                None if item.data_type == DIRECT => self.direct = None,
                Some(room) if item.data_type == TAG => again.extend(scope.rooms.nid_of(&room)?),
                _ => {}
            }
        }
        self.lists.iter_mut().for_each(|list| list.again.extend(&again));
        self.through = upto;
        Ok(())
    }

    /// About how many bytes it takes.
    pub fn bytes(&self) -> usize {
        const ID: usize = 80;
        let list = |list: &List| {
            let children = list.children.as_ref().map_or(0, |children| children.len() * ID);
            list.rooms.bytes() + children + list.again.len() * size_of::<RoomNid>() + size_of::<List>()
        };
        let direct = self.direct.as_ref().map_or(0, |direct| direct.len() * ID);
        self.lists.iter().map(list).sum::<usize>() + direct
    }
}
