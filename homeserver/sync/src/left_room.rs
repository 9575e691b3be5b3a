//! A room that the user has left or was banned from, in a response.

use std::sync::Arc;

use hearth_rooms::{Event, Room};
use hearth_storage::{RoomNid, TimelineOrder, schema::rooms::Membership};
use hearth_users::AccountDataItem;

use crate::{
    SyncError,
    client_event::write_with_age,
    device_lists::DeviceLists,
    joined_room::{write_account_data, write_state, write_timeline},
    json::{Array, Object},
    online::UserRoom,
    scope::Scope,
    state::StateRequest,
    timeline::{Timeline, TimelineRequest},
    token::TimelineToken,
};

/// The part of a left room in the response: the timeline and the state up to the leave. `None` where there is
/// nothing to tell: it was told before, or the user has forgotten the room.
///
/// A client that knows the room is told once that it is left even if it is forgotten by then: to the user's
/// other devices it would else stay as it was for ever.
pub(crate) fn left_room(
    scope: &Scope<'_>,
    room: &Room,
    is: UserRoom,
    account_data: &[AccountDataItem],
    device_lists: &mut DeviceLists,
) -> Result<Option<String>, SyncError> {
    let row = scope.rooms.user_room(scope.user(), room.nid())?;
    let forgotten = row.is_some_and(|row| row.forgotten && has_left(row.membership));
    if !is_wanted(scope, is, forgotten) {
        return Ok(None);
    }
    let now = room.state_at_position(scope.upto.log)?;
    let leave = room.state_event_at(now, "m.room.member", scope.user().as_str())?;
    let Part { timeline, state } = part(scope, room, leave.as_ref(), device_lists)?;
    let account_data = write_account_data(scope, room, account_data);
    let mut out = String::new();
    let mut object = Object::open(&mut out);
    write_timeline(scope, room, &timeline, &mut object)?;
    let (key, required) = scope.state_key();
    write_state(scope, room, &state, key, required, false, &mut object)?;
    account_data.write_if_any(&mut object, "account_data");
    object.close();
    Ok(Some(out))
}

/// The part of a room that was never here, an invite to which was declined or withdrawn: the leave is all that
/// is known of it.
pub(crate) fn left_elsewhere(
    scope: &Scope<'_>,
    nid: RoomNid,
    is: UserRoom,
) -> Result<Option<String>, SyncError> {
    let row = scope.rooms.user_room(scope.user(), nid)?.filter(|row| has_left(row.membership));
    let Some(row) = row.filter(|row| is_wanted(scope, is, row.forgotten)) else { return Ok(None) };
    let leave = scope.rooms.event(row.event)?;
    let mut out = String::new();
    let mut object = Object::open(&mut out);
    let mut timeline = Object::open(object.key("timeline"));
    let mut events = Array::open(timeline.key("events"));
    if let Some(leave) = leave.filter(|leave| scope.timeline_filter().matches(leave)) {
        write_with_age(&leave, scope.rooms.now_ms(), scope.form(), events.item());
    }
    events.close();
    timeline.boolean("limited", false);
    timeline.close();
    object.close();
    Ok(Some(out))
}

fn is_wanted(scope: &Scope<'_>, is: UserRoom, forgotten: bool) -> bool {
    match scope.since {
        Some(since) => is.position > since.log(),
        None => scope.filter().room.include_leave && !forgotten,
    }
}

fn has_left(membership: Membership) -> bool {
    matches!(membership, Membership::Leave | Membership::Ban)
}

struct Part {
    timeline: Timeline,
    state: Vec<Arc<Event>>,
}

fn part(
    scope: &Scope<'_>,
    room: &Room,
    leave: Option<&Arc<Event>>,
    device_lists: &mut DeviceLists,
) -> Result<Part, SyncError> {
    let since = scope.since.map(|since| since.log());
    let here = TimelineToken::from(scope.upto.log);
    let nothing = Timeline { events: Vec::new(), limited: false, prev_batch: here };
    let (Some(leave), Some((order, around))) =
        (leave, leave.and_then(|leave| Some((leave.order()?, leave.state?))))
    else {
        // The membership was taken away, or the room is not here: that it is left is all there is to tell.
        let events = leave.into_iter().cloned().collect();
        return Ok(Part { timeline: Timeline { events, ..nothing }, state: Vec::new() });
    };
    let was_joined = room.membership_at(around.before, scope.user())? == Some(Membership::Join);
    if !was_joined {
        // A declined invite, a withdrawn knock, a ban from outside: the room itself was never shown.
        let events = Some(leave).filter(|leave| scope.timeline_filter().matches(leave));
        let timeline = Timeline {
            events: events.into_iter().cloned().collect(),
            prev_batch: TimelineToken::before(order),
            ..nothing
        };
        return Ok(Part { timeline, state: Vec::new() });
    }
    let told = since.map(|since| room.state_at_position(since)).transpose()?;
    let told = match told {
        Some(state) if room.membership_at(state, scope.user())? == Some(Membership::Join) => Some(state),
        _ => None,
    };
    if told.is_some() {
        device_lists.room_left(scope, room)?;
    }
    let timeline = TimelineRequest {
        room,
        user: scope.user(),
        filter: scope.timeline_filter(),
        ignored: &scope.ignored,
        after: told.and(since).map(TimelineOrder::from),
        until: order,
    };
    let timeline = timeline.read()?;
    let filter = scope.state_filter();
    let (_, after) = scope.state_key();
    let request = StateRequest {
        room,
        known: told,
        current: around.after,
        timeline: &timeline.events,
        after,
        with_members: filter.lazy.is_none(),
    };
    let mut state = request.read()?.events;
    if filter.takes_room(room.id()) {
        state.retain(|event| filter.matches(event));
    } else {
        state.clear();
    }
    Ok(Part { timeline, state })
}
