//! A whole response (client-server API, "Syncing"), written as text.

use std::collections::{BTreeSet, HashMap, HashSet};

use hearth_rooms::{Room, RoomError};
use hearth_storage::{Position, RoomNid, schema::rooms::Membership};
use hearth_users::{AccountDataItem, SyncFilter, whole_ruleset};
use ruma::{
    OwnedRoomId, OwnedUserId, RoomId,
    api::client::filter::{Filter, RoomFilter},
};

use crate::{
    SyncError, SyncToken,
    device_lists::{Circle, DeviceLists},
    filter::{PlainFilter, room_is_wanted},
    json::{Array, Events, Object},
    online::UserRoom,
    profile_updates::ProfileUpdates,
    room_update::{RoomUpdate, ToRead},
    scope::Scope,
    token::UpTo,
    write_room::{RoomForm, write_room},
};

/// A response, and whether it tells anything.
pub(crate) struct Response {
    pub text: String,
    pub empty: bool,
}

/// The rooms in a response, by what the user is to them.
#[derive(Default)]
struct RoomParts {
    join: String,
    invite: String,
    knock: String,
    leave: String,
}

impl RoomParts {
    /// Begins the part of a room, which is to be pushed onto what this gives back.
    fn add(&mut self, membership: Membership, room: &RoomId) -> &mut String {
        let parts = match membership {
            Membership::Join => &mut self.join,
            Membership::Invite => &mut self.invite,
            Membership::Knock => &mut self.knock,
            Membership::Leave | Membership::Ban => &mut self.leave,
        };
        parts.push(if parts.is_empty() { '{' } else { ',' });
        hearth_spec::canonical_json::write_string(parts, room.as_str());
        parts.push(':');
        parts
    }

    fn write(self, response: &mut Object<'_>) -> bool {
        let parts =
            [("join", self.join), ("invite", self.invite), ("knock", self.knock), ("leave", self.leave)];
        if parts.iter().all(|(_, part)| part.is_empty()) {
            return false;
        }
        let mut rooms = Object::open(response.key("rooms"));
        for (key, mut part) in parts.into_iter().filter(|(_, part)| !part.is_empty()) {
            part.push('}');
            rooms.json(key, &part);
        }
        rooms.close();
        true
    }
}

/// Computes what there is to tell.
pub(crate) fn respond(scope: &Scope<'_>, form: RoomForm, filter: &SyncFilter) -> Result<Response, SyncError> {
    let mut text = String::with_capacity(512);
    let mut response = Object::open(&mut text);
    let to_device = write_to_device(scope, &mut response)?;
    response.text("next_batch", &SyncToken::new(scope.upto, to_device.through).to_string());
    let (global, by_room) = account_data(scope)?;
    let mut device_lists = DeviceLists::default();
    let mut told = rooms(scope, form, &filter.room, by_room, &mut device_lists)?.write(&mut response);
    told |= write_account_data(scope, &filter.account_data, &global, &mut response);
    let in_view = device_lists.in_view(scope);
    told |= ProfileUpdates::read(scope, &filter.profile_fields, &in_view, device_lists.gone())?
        .write(&mut response);
    told |= device_lists.write(scope, &mut response)?;
    told |= write_presence(scope, &filter.presence, in_view, &mut response)?;
    told |= write_key_counts(scope, &mut response)?;
    response.close();
    Ok(Response { text, empty: !told && to_device.count == 0 })
}

type ByRoom = HashMap<OwnedRoomId, Vec<AccountDataItem>>;

/// The account data to tell: the global ones, and those of each room.
fn account_data(scope: &Scope<'_>) -> Result<(Vec<AccountDataItem>, ByRoom), SyncError> {
    let account_data = &scope.users.account_data;
    let items = match scope.since {
        Some(since) => account_data.changes(scope.user, since.log(), scope.upto.log)?,
        None => account_data.everything(scope.user)?,
    };
    let (mut global, mut by_room) = (Vec::new(), ByRoom::new());
    for mut item in items {
        match item.room.take() {
            Some(room) => by_room.entry(room).or_default().push(item),
            None => global.push(item),
        }
    }
    Ok((global, by_room))
}

fn rooms(
    scope: &Scope<'_>,
    form: RoomForm,
    filter: &RoomFilter,
    mut account_data: ByRoom,
    device_lists: &mut DeviceLists,
) -> Result<RoomParts, SyncError> {
    let full_state = scope.wanted.full_state;
    let mut candidates = candidates(scope)?;
    add_rooms_with(scope, &account_data, &mut candidates)?;
    let mut parts = RoomParts::default();
    for (nid, is) in candidates {
        let room = match scope.rooms.room_by_nid(nid) {
            Ok(room) => Some(room),
            // Only an invite, a knock or the end of one is known.
            Err(RoomError::UnknownRoom) => None,
            Err(error) => return Err(error.into()),
        };
        let Some(is) = as_told(scope, room.as_ref(), is)? else { continue };
        let Some(shown_since) = shown_since(scope, room.as_ref(), is) else { continue };
        let Some(id) = id_of(scope, nid, room.as_ref())? else { continue };
        if !room_is_wanted(filter, &id) {
            continue;
        }
        let account_data = account_data.remove(&id).unwrap_or_default();
        let since = scope.since.map(|since| since.log());
        let to_read = ToRead { nid, room: room.as_ref(), is, since, shown_since, account_data };
        let Some((update, members)) = RoomUpdate::read(scope, to_read)? else { continue };
        device_lists.add(members);
        if !update.is_empty() || full_state {
            write_room(scope, form, room.as_ref(), &update, parts.add(is.membership, &id))?;
        }
    }
    Ok(parts)
}

/// What the user is to a room where what is told ends: what is noted may be ahead of that.
pub(crate) fn as_told(
    scope: &Scope<'_>,
    room: Option<&Room>,
    is: UserRoom,
) -> Result<Option<UserRoom>, SyncError> {
    let (Some(room), true) = (room, is.position > scope.upto.log) else {
        return Ok(Some(is).filter(|is| is.position <= scope.upto.log));
    };
    let state = room.state_at_position(scope.upto.log)?;
    let membership = room.membership_at(state, scope.user)?;
    Ok(membership.map(|membership| UserRoom { membership, position: scope.upto.log, ..is }))
}

/// From which position on the client is told of a room: one that loads all members is told of it when they are here
/// (MSC3902). `None` for not yet.
fn shown_since(scope: &Scope<'_>, room: Option<&Room>, is: UserRoom) -> Option<Position> {
    match room {
        Some(room) if is.membership == Membership::Join && scope.wanted.state.lazy.is_none() => {
            room.whole_since().filter(|since| *since <= scope.upto.log)
        }
        _ => Some(Position(0)),
    }
}

/// The rooms in which something may have happened that the client was not told: the noted ones, or where not all are
/// noted, all that a look at each does not rule out, the latest first.
pub(crate) fn candidates(scope: &Scope<'_>) -> Result<Vec<(RoomNid, UserRoom)>, SyncError> {
    let told = scope.since.filter(|_| !scope.wanted.full_state).map(|since| since.upto());
    if let Some(told) = told {
        let changed = scope.online.changed_rooms(told);
        if !changed.all {
            return Ok(changed.rooms);
        }
    }
    let latest_first: Vec<(RoomNid, Position)> =
        scope.hub.rooms_by_activity(scope.online, |rooms| rooms.latest_first().collect())?;
    let mut candidates = Vec::new();
    for (room, last) in latest_first {
        let Some(is) = scope.online.room(room) else { continue };
        let changed = match told {
            Some(told) => {
                last > told.log || is.position > told.log || has_ephemeral_after(scope, room, told)?
            }
            None => true,
        };
        if changed {
            candidates.push((room, is));
        }
    }
    Ok(candidates)
}

/// Whether somebody has read or typed in a room after what was told.
pub(crate) fn has_ephemeral_after(scope: &Scope<'_>, room: RoomNid, told: UpTo) -> Result<bool, SyncError> {
    let typing =
        scope.hub.read(|now| now.typing.in_room(room).is_some_and(|(version, _)| version > told.ephemeral));
    Ok(typing
        || (scope.hub.has_receipts_after(room, told.log)
            && scope.rooms.has_receipts_after(room, told.log)?))
}

/// Adds the rooms whose account data changed.
fn add_rooms_with(
    scope: &Scope<'_>,
    account_data: &ByRoom,
    candidates: &mut Vec<(RoomNid, UserRoom)>,
) -> Result<(), SyncError> {
    if scope.since.is_none() || account_data.is_empty() {
        return Ok(());
    }
    let mut known: HashSet<RoomNid> = candidates.iter().map(|(room, _)| *room).collect();
    for room in account_data.keys() {
        if let Some(room) = scope.rooms.find_room(room)?
            && let Some(is) = scope.online.room(room.nid())
            && known.insert(room.nid())
        {
            candidates.push((room.nid(), is));
        }
    }
    Ok(())
}

pub(crate) fn id_of(
    scope: &Scope<'_>,
    nid: RoomNid,
    room: Option<&Room>,
) -> Result<Option<OwnedRoomId>, SyncError> {
    match room {
        Some(room) => Ok(Some(room.id().to_owned())),
        None => Ok(scope.rooms.id_of(nid)?),
    }
}

/// What was told of the messages to the device.
struct ToDevice {
    count: usize,
    /// All up to here.
    through: Position,
}

fn write_to_device(scope: &Scope<'_>, response: &mut Object<'_>) -> Result<ToDevice, SyncError> {
    let after = scope.since.map_or(Position(0), |since| since.told_to_device());
    let (user, device) = (scope.user, scope.device);
    let waiting = scope.users.to_device.list(user, device, after, scope.upto.log)?;
    let mut events = Events::default();
    for (_, message) in &waiting.messages {
        events.item().push_str(message.json().get());
    }
    events.write_if_any(response, "to_device");
    // What does not go into this response comes after it, however far the log is.
    Ok(ToDevice { count: waiting.messages.len(), through: waiting.through.max(after) })
}

fn write_account_data(
    scope: &Scope<'_>,
    filter: &Filter,
    items: &[AccountDataItem],
    response: &mut Object<'_>,
) -> bool {
    const PUSH_RULES: &str = "m.push_rules";
    let filter = PlainFilter::of(filter);
    let mut events = Events::default();
    let mut write = |data_type: &str, content: &str| {
        if filter.takes_type(data_type) {
            let mut event = Object::open(events.item());
            event.text("type", data_type);
            event.json("content", content);
            event.close();
        }
    };
    for item in items {
        write(&item.data_type, item.content.get());
    }
    // Who never changed a rule has the server's.
    if scope.since.is_none()
        && items.iter().all(|item| item.data_type != PUSH_RULES)
        && let Ok(rules) = whole_ruleset(&scope.push_rules)
    {
        write(PUSH_RULES, &format!("{{\"global\":{rules}}}"));
    }
    events.write_if_any(response, "account_data");
    !events.is_empty()
}

/// Writes whose presence changed, and that of those who only now came into view.
fn write_presence(
    scope: &Scope<'_>,
    filter: &Filter,
    in_view: Vec<OwnedUserId>,
    response: &mut Object<'_>,
) -> Result<bool, SyncError> {
    let filter = PlainFilter::of(filter);
    if !scope.hub.with_presence || !filter.takes_type("m.presence") {
        return Ok(false);
    }
    let mut users: BTreeSet<OwnedUserId> = scope.hub.read(|ephemeral| match scope.since {
        Some(since) => {
            ephemeral.presences.changed_after(since.upto().ephemeral).map(ToOwned::to_owned).collect()
        }
        None => ephemeral.presences.present().map(ToOwned::to_owned).collect(),
    });
    users.extend(in_view);
    let now = scope.rooms.now_ms();
    let circle = Circle { hub: scope.hub, rooms: scope.rooms, user: scope.user };
    let mut events = Events::default();
    for user in users {
        if !filter.takes_sender(&user) {
            continue;
        }
        let Some(presence) = scope.hub.read(|ephemeral| ephemeral.presences.of(&user, now)) else { continue };
        if user != scope.user && !circle.shares(&user)? {
            continue;
        }
        let mut event = Object::open(events.item());
        event.text("type", "m.presence");
        event.text("sender", user.as_str());
        let mut content = Object::open(event.key("content"));
        content.text("presence", presence.presence.as_str());
        content.number("last_active_ago", presence.last_active_ago_ms);
        if presence.presence == ruma::presence::PresenceState::Online {
            content.boolean("currently_active", presence.currently_active);
        }
        if let Some(message) = &presence.status_message {
            content.text("status_msg", message);
        }
        content.close();
        event.close();
    }
    events.write_if_any(response, "presence");
    Ok(!events.is_empty())
}

/// Writes how many one-time keys are left and which fallback keys are unused; clients take what is absent for
/// none, so it is always there. Says whether they changed.
pub(crate) fn write_key_counts(scope: &Scope<'_>, response: &mut Object<'_>) -> Result<bool, SyncError> {
    let counts = scope.users.device_keys.counts(scope.user, scope.device)?;
    let mut one_time = Object::open(response.key("device_one_time_keys_count"));
    for (algorithm, count) in &counts.one_time_keys {
        one_time.number(algorithm.as_ref(), count);
    }
    one_time.close();
    let mut unused = Array::open(response.key("device_unused_fallback_key_types"));
    for algorithm in &counts.unused_fallback_key_types {
        unused.text(algorithm.as_ref());
    }
    unused.close();
    Ok(scope.since.is_some_and(|since| scope.online.keys_changed_after(scope.device, since.log())))
}
