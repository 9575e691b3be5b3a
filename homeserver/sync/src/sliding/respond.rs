//! An answer of a sliding sync, written as text.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use hearth_rooms::{Room, RoomError};
use hearth_storage::{
    EventNid, Position, RoomNid,
    schema::{rooms::Membership, users::SlidingRoomRow},
};
use ruma::{OwnedRoomId, OwnedUserId, RoomId};

use super::{
    SlidingForm, SlidingPosition, SlidingRequest,
    connection::{Changes, Connection},
    connections::{self, Written},
    extensions::{
        ACCOUNT_DATA, AccountDataChanges, PROFILES, RoomAccountData, RoomParts, RoomReceipts, Sticky,
        THREADS, add_seen, member_changes, told_to_device, write_e2ee, write_global, write_profiles,
        write_threads, write_to_device,
    },
    room::{self, Known, RoomTold, Seen, ToTell},
    view::{Viewed, Viewing, Views},
    write::write_room,
};
use crate::{
    SyncError,
    device_lists::DeviceLists,
    json::Object,
    online::{Candidates, UserRoom},
    profile_updates::MAX_USERS,
    response::{as_told, candidates, has_ephemeral_after, id_of},
    room_update::{Receipts, typing},
    scope::Scope,
    write_room::write_typing,
};

/// An answer that may go out when what was written for it is durable.
pub(crate) struct Answer {
    pub text: String,
    /// It tells something.
    pub told: bool,
    pub written: Option<Written>,
}

/// Computes an answer to a request that has this turn; `None` where there is nothing to tell, unless it is the `last` that is
/// asked for.
pub(crate) fn respond(
    scope: &Scope<'_>,
    request: &SlidingRequest,
    turn: u64,
    last: bool,
) -> Result<Option<Answer>, SyncError> {
    let (store, now) = (scope.rooms.store(), scope.rooms.now_ms());
    let name = request.name();
    let Some(held) = scope.online.connections.lock().in_turn(name, turn) else {
        return given_up(request).map(Some);
    };
    let mut connection = held.lock();
    if let Some(position) = request.position {
        connection.come_back(position)?;
    }
    let mut response = Response::new(scope, request)?;
    let views = response.look(&mut connection)?;
    response.write(&connection, &views)?;
    if !response.told && !last {
        return Ok(None);
    }
    let Response { mut text, told, changes, .. } = response;
    let (position, changed) = connection.answer(&request.asked, changes, scope.upto, views.whole);
    let written = connections::write(store, name, &mut connection, changed, now)?;
    held.weigh(&connection);
    drop(connection);
    let mut connections = scope.online.connections.lock();
    written.iter().flat_map(|written| &written.gone).for_each(|id| connections.forget(name.device, id));
    text.push_str(&format!(",\"pos\":\"{position}\"}}"));
    Ok(Some(Answer { text, told, written }))
}

/// The answer to a request that its client has given up: nothing has changed.
fn given_up(request: &SlidingRequest) -> Result<Answer, SyncError> {
    let position = request.position.ok_or(SyncError::UnknownPosition)?;
    let text = format!("{{\"lists\":{{}},\"rooms\":{{}},\"extensions\":{{}},\"pos\":\"{position}\"}}");
    Ok(Answer { text, told: false, written: None })
}

/// A response that is being written.
struct Response<'a> {
    scope: &'a Scope<'a>,
    request: &'a SlidingRequest,
    /// Where something may have changed since what the client has; all rooms if that is not known.
    changed: Candidates,
    noted: BTreeSet<RoomNid>,
    account_data: AccountDataChanges,
    direct: Arc<HashSet<OwnedRoomId>>,
    changes: Changes,
    /// The object, without its end.
    text: String,
    told: bool,
    receipts: RoomReceipts,
    room_data: RoomAccountData,
    typing: RoomParts,
    /// Of whom a room that is told tells.
    seen: BTreeSet<OwnedUserId>,
    /// The sticky events that timelines tell.
    sticky: HashSet<EventNid>,
}

impl<'a> Response<'a> {
    fn new(scope: &'a Scope<'a>, request: &'a SlidingRequest) -> Result<Self, SyncError> {
        let mut changed = match scope.since {
            Some(since) => scope.online.changed_rooms(since.upto()),
            None => Candidates { rooms: Vec::new(), all: true },
        };
        let account_data = AccountDataChanges::read(scope)?;
        for id in account_data.by_room.keys() {
            if let Some(nid) = scope.rooms.nid_of(id)?
                && let Some(is) = scope.online.room(nid)
                && changed.rooms.iter().all(|(known, _)| *known != nid)
            {
                changed.rooms.push((nid, is));
            }
        }
        Ok(Self {
            scope,
            request,
            noted: changed.rooms.iter().map(|(room, _)| *room).collect(),
            changed,
            account_data,
            direct: Arc::default(),
            changes: Changes::default(),
            text: String::with_capacity(512),
            told: false,
            receipts: RoomReceipts::default(),
            room_data: RoomAccountData::default(),
            typing: RoomParts::default(),
            seen: BTreeSet::new(),
            sticky: HashSet::new(),
        })
    }

    /// Finds what is in view.
    fn look(&mut self, connection: &mut Connection) -> Result<Views, SyncError> {
        let asked = &self.request.asked;
        if asked.lists.is_empty() && asked.subscriptions.is_empty() && connection.in_view().is_empty() {
            return Ok(Views { whole: true, ..Views::default() });
        }
        let mut lists = self.scope.online.lists.lock();
        self.direct = lists.direct(self.scope)?;
        let viewing = Viewing {
            scope: self.scope,
            asked,
            position: self.request.position,
            changed: &self.changed,
            look_at_all: self.account_data.other_direct_chats(),
        };
        viewing.look(&mut lists, connection)
    }

    fn write(&mut self, connection: &Connection, views: &Views) -> Result<(), SyncError> {
        let mut text = std::mem::take(&mut self.text);
        let mut object = Object::open(&mut text);
        let mut lists = Object::open(object.key("lists"));
        for (list, count) in self.request.asked.lists.iter().zip(&views.counts) {
            let mut part = Object::open(lists.key(&list.name));
            part.number("count", count);
            part.close();
        }
        lists.close();
        // Out of view: what comes from now on is told when they come back.
        for nid in &views.gone {
            if let (Some(row), Some(position)) = (connection.room(*nid), self.request.position) {
                let row = SlidingRoomRow { told: Some(position.upto.log), ..row };
                self.changes.rooms.insert(*nid, Some(row));
            }
        }
        let mut rooms = Object::open(object.key("rooms"));
        for viewed in &views.rooms {
            self.write_room(connection, viewed, &mut rooms)?;
        }
        rooms.close();
        self.write_extensions(connection, object.key("extensions"))?;
        self.text = text;
        Ok(())
    }

    /// Writes a room, and what extensions tell of it.
    fn write_room(
        &mut self,
        connection: &Connection,
        viewed: &Viewed,
        rooms: &mut Object<'_>,
    ) -> Result<(), SyncError> {
        let (scope, nid) = (self.scope, viewed.nid);
        let room = match scope.rooms.room_by_nid(nid) {
            Ok(room) => Some(room),
            // Only an invite, a knock or the end of one is known.
            Err(RoomError::UnknownRoom) => None,
            Err(error) => return Err(error.into()),
        };
        let Some(is) = as_told(scope, room.as_ref(), viewed.is)? else { return Ok(()) };
        let Some(id) = id_of(scope, nid, room.as_ref())? else { return Ok(()) };
        let viewed = &Viewed { is, lists: viewed.lists.clone(), ..*viewed };
        let asked = &self.request.asked;
        let row = connection.room(nid).zip(self.request.position);
        let wanted = SlidingRoomRow {
            told: None,
            config: viewed.config,
            direct: self.direct.contains(&id),
            receipts: asked.extensions.receipts.takes(asked, viewed, &id),
            account_data: asked.extensions.account_data.takes(asked, viewed, &id),
        };
        let has_news = row.is_none_or(|(row, _)| self.may_have_news(nid, &id, is, row));
        let Some(config) = connection.config(viewed.config) else { return Ok(()) };
        let known_config = row.and_then(|(row, _)| connection.config(row.config));
        let covers = known_config
            .is_some_and(|known| known.covers_state(config) && known.timeline_limit >= config.timeline_limit);
        let as_before = row.is_some_and(|(row, _)| SlidingRoomRow { config: row.config, ..wanted } == row);
        if as_before && covers && !has_news {
            return Ok(());
        }
        let known_receipts = match (row, &room) {
            (Some((row, position)), Some(room)) => {
                Receipts::read(scope, room, Some(row.told.unwrap_or(position.upto.log)))?
            }
            _ => Receipts::default(),
        };
        let known = row.zip(known_config).map(|((row, position), config)| Known {
            told: row.told.unwrap_or(position.upto.log),
            config,
            direct: row.direct,
            since: (position.number, position.upto.log),
        });
        let to_tell = ToTell {
            nid,
            room: room.as_ref(),
            is,
            config,
            known,
            direct: wanted.direct,
            counts: asked.form == SlidingForm::Unstable,
            has_read: known_receipts.own,
        };
        let told = room::read(scope, connection, to_tell)?;
        let seen = match &told {
            Some(RoomTold::Seen(seen)) => Some(&**seen),
            _ => None,
        };
        let before = row.filter(|_| !seen.is_some_and(|seen| seen.initial));
        if let Some(told) = &told {
            let names = viewed.lists.iter().map(|list| &*asked.lists[*list].name);
            write_room(scope, asked.form, room.as_ref(), viewed, names, told, rooms.key(id.as_str()))?;
            self.told = true;
        } else if row.is_none() {
            return Ok(());
        }
        let events = seen.iter().flat_map(|seen| &seen.timeline.events);
        self.sticky.extend(events.filter(|event| event.pdu.sticky().is_some()).map(|event| event.nid));
        self.changes
            .members
            .extend(seen.iter().flat_map(|seen| &seen.members).map(|member| (nid, member.clone())));
        if let (Some(room), Some(seen), Membership::Join) = (&room, seen, is.membership)
            && asked.extensions.profiles.rooms.takes(asked, viewed, &id)
        {
            add_seen(scope, room, config, seen, &mut self.seen)?;
        }
        if let (Some(room), Membership::Join) = (&room, is.membership) {
            self.add_extensions(viewed, room, before, wanted, seen, &known_receipts)?;
        }
        let is_left = matches!(is.membership, Membership::Leave | Membership::Ban);
        let direct = match seen {
            Some(_) => wanted.direct,
            None => before.is_some_and(|(row, _)| row.direct),
        };
        let row = match before {
            _ if is_left && viewed.lists.is_empty() && !viewed.subscribed => None,
            Some((row, _)) if covers && told.is_none() && !has_news => {
                Some(SlidingRoomRow { config: row.config, direct, ..wanted })
            }
            _ => Some(SlidingRoomRow { direct, ..wanted }),
        };
        self.changes.rooms.insert(nid, row);
        Ok(())
    }

    /// Whether something may have happened in a room since the client was told of it.
    fn may_have_news(&self, nid: RoomNid, id: &RoomId, is: UserRoom, row: SlidingRoomRow) -> bool {
        let Some(since) = self.scope.since.filter(|_| row.told.is_none()) else { return true };
        if !self.changed.all {
            return self.noted.contains(&nid);
        }
        is.position > since.log()
            || self.scope.hub.last_event(nid).is_none_or(|last| last > since.log())
            || self.account_data.by_room.contains_key(id)
            || has_ephemeral_after(self.scope, nid, since.upto()).unwrap_or(true)
    }

    /// Adds what extensions tell of a room to which the user is joined. `before` is what the client knew of it, if it is
    /// not told anew.
    fn add_extensions(
        &mut self,
        viewed: &Viewed,
        room: &Room,
        before: Option<(SlidingRoomRow, SlidingPosition)>,
        wanted: SlidingRoomRow,
        seen: Option<&Seen>,
        receipts: &Receipts,
    ) -> Result<(), SyncError> {
        let (scope, asked) = (self.scope, &self.request.asked);
        if wanted.receipts {
            match before {
                Some((row, _)) if row.receipts => self.receipts.add_changed(room, &receipts.shown),
                _ => self.receipts.add_of_new(scope, room, seen.map(|seen| &seen.timeline))?,
            }
        }
        if wanted.account_data {
            let told = before.filter(|(row, _)| row.account_data);
            let told: Option<Position> = told.map(|(row, position)| row.told.unwrap_or(position.upto.log));
            self.room_data.add(scope, room.id(), told, &self.account_data)?;
        }
        if asked.extensions.typing.takes(asked, viewed, room.id()) {
            let is_new = before.is_none_or(|(row, _)| row.told.is_some());
            if let Some(users) = typing(scope, room, is_new) {
                write_typing(&users, self.typing.room(room.id()));
            }
        }
        Ok(())
    }

    /// Adds the members of all rooms that were in view before profiles were asked for.
    fn add_all_in_view(
        &self,
        connection: &Connection,
        users: &mut BTreeSet<OwnedUserId>,
    ) -> Result<(), SyncError> {
        let rooms = self.scope.rooms;
        for nid in connection.in_view() {
            if users.len() >= MAX_USERS {
                break;
            }
            if self.scope.online.is_joined_to_any(&[*nid]) {
                let room = rooms.room_by_nid(*nid)?;
                users.extend(room.members_of(rooms.server_name(), Membership::Join)?);
            }
        }
        Ok(())
    }

    fn write_extensions(&mut self, connection: &Connection, out: &mut String) -> Result<(), SyncError> {
        let (scope, asked) = (self.scope, &self.request.asked.extensions);
        let mut object = Object::open(out);
        if asked.to_device.switch.is_on() {
            let after = told_to_device(self.request.to_device_since.as_deref())?;
            let mut part = Object::open(object.key("to_device"));
            self.told |= write_to_device(scope, &asked.to_device, after, &mut part)?;
            part.close();
        }
        if asked.sticky.switch.is_on() {
            let sticky = Sticky {
                scope,
                asked: &self.request.asked,
                since: self.request.sticky_since.as_deref(),
                changed: &self.changed,
                in_timelines: &self.sticky,
            };
            let mut part = Object::open(object.key("org.matrix.msc4354.sticky_events"));
            self.told |= sticky.write(&mut part)?;
            part.close();
        }
        let mut members = DeviceLists::default();
        if asked.e2ee.is_on() || asked.profiles.rooms.switch.is_on() {
            let changed = match (scope.since, self.changed.all) {
                (None, _) => Vec::new(),
                (Some(_), true) => candidates(scope)?,
                (Some(_), false) => std::mem::take(&mut self.changed.rooms),
            };
            members = member_changes(scope, &changed)?;
        }
        if asked.profiles.rooms.switch.is_on() {
            let mut text = String::new();
            let mut part = Object::open(&mut text);
            let told = connection.extensions & PROFILES != 0;
            let mut seen = std::mem::take(&mut self.seen);
            if !told {
                self.add_all_in_view(connection, &mut seen)?;
            }
            if write_profiles(scope, &asked.profiles, told, seen, &members, &mut part)? {
                self.told = true;
                part.close();
                object.json("org.matrix.msc4262.profiles", &text);
            }
        }
        if asked.e2ee.is_on() {
            let mut part = Object::open(object.key("e2ee"));
            self.told |= write_e2ee(scope, members, &mut part)?;
            part.close();
        }
        if asked.account_data.switch.is_on() {
            let mut part = Object::open(object.key("account_data"));
            let told = connection.extensions & ACCOUNT_DATA != 0;
            self.told |= write_global(scope, &self.account_data, told, &mut part)?;
            let rooms = std::mem::take(&mut self.room_data.0);
            self.told |= !rooms.is_empty();
            rooms.write(&mut part);
            part.close();
        }
        if asked.threads.switch.is_on() {
            let mut text = String::new();
            let mut part = Object::open(&mut text);
            let told = connection.extensions & THREADS != 0;
            if write_threads(scope, &asked.threads, told, &mut part)? {
                self.told = true;
                part.close();
                object.json("io.element.msc4308.thread_subscriptions", &text);
            }
        }
        let bit = |on: bool, bit: u8| if on { bit } else { 0 };
        self.changes.extensions = bit(asked.account_data.switch.is_on(), ACCOUNT_DATA)
            | bit(asked.threads.switch.is_on(), THREADS)
            | bit(asked.profiles.rooms.switch.is_on(), PROFILES);
        let (receipts, typing) = (std::mem::take(&mut self.receipts.0), std::mem::take(&mut self.typing));
        for (key, rooms) in [("receipts", receipts), ("typing", typing)] {
            if !rooms.is_empty() {
                self.told = true;
                let mut part = Object::open(object.key(key));
                rooms.write(&mut part);
                part.close();
            }
        }
        object.close();
        Ok(())
    }
}
