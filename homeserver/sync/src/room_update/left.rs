//! What has happened in a room that the user has left or was banned from.

use std::sync::Arc;

use hearth_rooms::{Event, Room};
use hearth_storage::{Position, TimelineOrder, schema::rooms::Membership};

use super::{MemberChanges, Shown, Timeline, ToRead, state::StateRequest, timeline::TimelineRequest};
use crate::{SyncError, online::UserRoom, scope::Scope, token::TimelineToken};

/// A left room: the timeline and the state up to the leave. `None` where there is nothing to tell: it was told before,
/// or the user has forgotten the room.
///
/// A client that knows the room is told once that it is left even if it is forgotten by then: to the user's
/// other devices it would else stay as it was for ever.
pub(super) fn left_room(
    scope: &Scope<'_>,
    room: &Room,
    to_read: ToRead<'_>,
) -> Result<Option<Shown>, SyncError> {
    let ToRead { is, since, account_data, .. } = to_read;
    let row = scope.rooms.user_room(scope.user, room.nid())?;
    let forgotten = row.is_some_and(|row| row.forgotten && has_left(row.membership));
    if !is_wanted(scope, since, is, forgotten) {
        return Ok(None);
    }
    let now = room.state_at_position(scope.upto.log)?;
    let leave = room.state_event_at(now, "m.room.member", scope.user.as_str())?;
    let mut shown = up_to_leave(scope, room, since, leave.as_ref())?;
    if scope.wanted.account_data.takes_room(room.id()) {
        shown.account_data = account_data;
    }
    Ok(Some(shown))
}

/// A room that was never here, an invite to which was declined or withdrawn: the leave is all that is known of it.
pub(super) fn left_elsewhere(scope: &Scope<'_>, to_read: ToRead<'_>) -> Result<Option<Shown>, SyncError> {
    let ToRead { nid, is, since, .. } = to_read;
    let row = scope.rooms.user_room(scope.user, nid)?.filter(|row| has_left(row.membership));
    let Some(row) = row.filter(|row| is_wanted(scope, since, is, row.forgotten)) else { return Ok(None) };
    let leave = scope.rooms.event(row.event)?.filter(|leave| scope.wanted.timeline.matches(leave));
    let timeline = Timeline { events: leave.into_iter().collect(), ..Timeline::default() };
    Ok(Some(Shown { timeline, ..Shown::default() }))
}

fn is_wanted(scope: &Scope<'_>, since: Option<Position>, is: UserRoom, forgotten: bool) -> bool {
    match since {
        Some(since) => is.position > since,
        None => scope.wanted.left_rooms && !forgotten,
    }
}

fn has_left(membership: Membership) -> bool {
    matches!(membership, Membership::Leave | Membership::Ban)
}

fn up_to_leave(
    scope: &Scope<'_>,
    room: &Room,
    since: Option<Position>,
    leave: Option<&Arc<Event>>,
) -> Result<Shown, SyncError> {
    let only = |events: Option<&Arc<Event>>, prev_batch: TimelineToken| {
        let events = events.into_iter().cloned().collect();
        let timeline = Timeline { events, prev_batch: Some(prev_batch), ..Timeline::default() };
        Ok(Shown { timeline, ..Shown::default() })
    };
    let (Some(leave), Some((order, around))) =
        (leave, leave.and_then(|leave| Some((leave.order()?, leave.state?))))
    else {
        // The membership was taken away, or the room is not here: that it is left is all there is to tell.
        return only(leave, scope.upto.log.into());
    };
    let was_joined = room.membership_at(around.before, scope.user)? == Some(Membership::Join);
    if !was_joined {
        // A declined invite, a withdrawn knock, a ban from outside: the room itself was never shown.
        let leave = Some(leave).filter(|leave| scope.wanted.timeline.matches(leave));
        return only(leave, TimelineToken::before(order));
    }
    let told = since.map(|since| room.state_at_position(since)).transpose()?;
    let told = match told {
        Some(state) if room.membership_at(state, scope.user)? == Some(Membership::Join) => Some(state),
        _ => None,
    };
    let members = match told {
        Some(_) => MemberChanges::all_gone(scope, room)?,
        None => MemberChanges::default(),
    };
    let timeline = TimelineRequest {
        room,
        user: scope.user,
        filter: scope.wanted.timeline,
        ignored: &scope.ignored,
        after: told.and(since).map(TimelineOrder::from),
        until: order,
    };
    let timeline = timeline.read()?;
    let filter = scope.wanted.state;
    let request = StateRequest {
        room,
        known: told,
        current: around.after,
        timeline: &timeline.events,
        after: scope.wanted.state_after,
        with_members: filter.lazy.is_none(),
    };
    let mut state = request.read()?.events;
    if filter.takes_room(room.id()) {
        state.retain(|event| filter.matches(event));
    } else {
        state.clear();
    }
    Ok(Shown { timeline, state, members, ..Shown::default() })
}
