//! Which rooms are searched.

use std::collections::HashMap;

use hearth_search::{Key, Scope};
use hearth_storage::{
    RoomNid, TimelineOrder,
    schema::rooms::{Membership, UserRoomRow},
};
use ruma::{
    OwnedRoomId,
    api::client::{
        filter::RoomEventFilter,
        search::search_events::v3::{Criteria, SearchKeys},
    },
};

use super::token::Group;
use crate::{ClientApi, Requester, Result, room::successor::predecessor};

/// How many predecessors of a room are searched with it.
const MAX_PREDECESSORS: usize = 16;

/// What is to be looked through for a user.
pub(super) fn scope(
    api: &ClientApi,
    who: &Requester,
    criteria: &Criteria,
    group: Option<&Group>,
) -> Result<Scope> {
    let mut rooms: HashMap<RoomNid, UserRoomRow> = api.rooms.rooms_of(&who.user)?.into_iter().collect();
    rooms.retain(|_, row| !row.forgotten);
    let wanted = wanted_rooms(api, &criteria.filter, &rooms)?;
    let rooms = rooms.into_iter().filter(|(room, _)| {
        let in_group = !matches!(group, Some(Group::Room(only)) if only != room);
        in_group && wanted.takes(*room)
    });
    // What comes while a user is in a room is theirs to see, whatever its history visibility.
    let since =
        |row: &UserRoomRow| (row.membership == Membership::Join).then_some(TimelineOrder::from(row.position));
    let keys = [
        (SearchKeys::ContentBody, Key::Body),
        (SearchKeys::ContentName, Key::Name),
        (SearchKeys::ContentTopic, Key::Topic),
    ];
    let keys =
        keys.into_iter().filter(|(key, _)| criteria.keys.as_ref().is_none_or(|wanted| wanted.contains(key)));
    let scope = Scope::new(rooms.map(|(room, row)| (room, since(&row))), keys.map(|(_, key)| key));
    Ok(match (group, &criteria.filter.senders) {
        (Some(Group::Sender(sender)), _) => scope.by([&**sender]),
        (_, Some(senders)) => scope.by(senders.iter().map(|sender| &**sender)),
        (_, None) => scope,
    })
}

/// The rooms that a filter takes.
struct WantedRooms {
    only: Option<Vec<RoomNid>>,
    not: Vec<RoomNid>,
}

impl WantedRooms {
    fn takes(&self, room: RoomNid) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&room)) && !self.not.contains(&room)
    }
}

/// The rooms that a filter names, with those that they replace: whoever searches a room means what was said there before
/// it was upgraded as well.
fn wanted_rooms(
    api: &ClientApi,
    filter: &RoomEventFilter,
    of_user: &HashMap<RoomNid, UserRoomRow>,
) -> Result<WantedRooms> {
    let numbers = |ids: &[OwnedRoomId]| -> Result<Vec<RoomNid>> {
        let mut numbers = Vec::new();
        for id in ids {
            numbers.extend(api.rooms.nid_of(id)?.filter(|room| of_user.contains_key(room)));
        }
        Ok(numbers)
    };
    let mut only = filter.rooms.as_deref().map(numbers).transpose()?;
    if let Some(only) = &mut only {
        for named in only.clone() {
            only.extend(predecessors(api, named, of_user)?);
        }
    }
    Ok(WantedRooms { only, not: numbers(&filter.not_rooms)? })
}

/// The rooms that a room replaces, as far as they say so too and the user is or was in them.
fn predecessors(
    api: &ClientApi,
    room: RoomNid,
    of_user: &HashMap<RoomNid, UserRoomRow>,
) -> Result<Vec<RoomNid>> {
    let mut found = Vec::new();
    let Some(id) = api.rooms.id_of(room)? else { return Ok(found) };
    let mut room = api.rooms.find_room(&id)?;
    while let Some(newer) = room.take().filter(|_| found.len() < MAX_PREDECESSORS) {
        let Some(older) = predecessor(&newer)? else { break };
        let older = api.rooms.find_room(&older)?.filter(|older| of_user.contains_key(&older.nid()));
        let Some(older) = older else { break };
        if older.successor()?.as_deref() != Some(newer.id()) || found.contains(&older.nid()) {
            break;
        }
        found.push(older.nid());
        room = Some(older);
    }
    Ok(found)
}
