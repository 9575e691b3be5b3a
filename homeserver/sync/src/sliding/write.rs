//! Writing a room as a sliding sync tells it (MSC4186, "`RoomResult`").

use std::sync::Arc;

use hearth_rooms::{Event, Room};
use hearth_storage::schema::rooms::Membership;
use serde_json::Value;

use super::{
    SlidingForm,
    room::{RoomTold, Seen},
    view::Viewed,
};
use crate::{
    EventForm, SyncError,
    json::{Array, Object},
    scope::Scope,
};

/// Writes a room. `lists` are the names of those in whose windows it is.
pub(super) fn write_room<'a>(
    scope: &Scope<'_>,
    form: SlidingForm,
    room: Option<&Room>,
    viewed: &Viewed,
    lists: impl Iterator<Item = &'a str>,
    told: &RoomTold,
    out: &mut String,
) -> Result<(), SyncError> {
    let mut object = Object::open(out);
    if form == SlidingForm::Stable {
        object.text("membership", membership(viewed.is.membership));
        let mut names = Array::open(object.key("lists"));
        lists.for_each(|name| names.text(name));
        names.close();
    }
    match told {
        RoomTold::Stripped(stripped) => {
            object.boolean("initial", true);
            object.number("bump_stamp", viewed.is.position);
            let key = match form {
                SlidingForm::Unstable => "invite_state",
                SlidingForm::Stable => "stripped_state",
            };
            object.json(key, &stripped.events);
        }
        RoomTold::Seen(seen) => write_seen(scope, form, room, seen, &mut object)?,
    }
    object.close();
    Ok(())
}

fn write_seen(
    scope: &Scope<'_>,
    form: SlidingForm,
    room: Option<&Room>,
    seen: &Seen,
    object: &mut Object<'_>,
) -> Result<(), SyncError> {
    if seen.initial {
        object.boolean("initial", true);
    }
    for (key, field, event) in [("name", "name", &seen.name), ("avatar", "url", &seen.avatar)] {
        match event.as_ref().map(|event| text_of(event.as_deref()?, field)) {
            Some(Some(text)) => object.text(key, &text),
            Some(None) if !seen.initial => object.json(key, "null"),
            _ => {}
        }
    }
    if let Some(direct) = seen.direct {
        object.boolean("is_dm", direct);
    }
    if let Some(summary) = &seen.summary {
        if summary.heroes.is_some() {
            write_heroes(&seen.heroes, object);
        }
        object.number("joined_count", summary.joined);
        object.number("invited_count", summary.invited);
    }
    if let Some(stamp) = seen.bump_stamp {
        object.number("bump_stamp", stamp);
    }
    if seen.expanded {
        let key = match form {
            SlidingForm::Unstable => "unstable_expanded_timeline",
            SlidingForm::Stable => "expanded_timeline",
        };
        object.boolean(key, true);
    }
    if let (SlidingForm::Unstable, Some(unread)) = (form, &seen.unread) {
        let total = unread.total();
        object.number("notification_count", total.notifications);
        object.number("highlight_count", total.highlights);
    }
    write_timeline(scope, room, seen, object)?;
    write_state(scope, form, room, seen, object)
}

fn write_timeline(
    scope: &Scope<'_>,
    room: Option<&Room>,
    seen: &Seen,
    object: &mut Object<'_>,
) -> Result<(), SyncError> {
    let timeline = &seen.timeline;
    if let Some(room) = room
        && !timeline.events.is_empty()
    {
        let mut events = Array::open(object.key("timeline"));
        let evaluated = scope.evaluated(room.nid());
        let mut writer = scope.client_events(room).knowing(&evaluated);
        for event in &timeline.events {
            writer.write(event, EventForm::WithoutRoomId, events.item())?;
        }
        events.close();
        object.number("num_live", seen.num_live);
    }
    if timeline.limited {
        object.boolean("limited", true);
    }
    if let Some(prev_batch) = timeline.prev_batch {
        object.text("prev_batch", &prev_batch.to_string());
    }
    Ok(())
}

fn write_state(
    scope: &Scope<'_>,
    form: SlidingForm,
    room: Option<&Room>,
    seen: &Seen,
    object: &mut Object<'_>,
) -> Result<(), SyncError> {
    let removed = seen.removed.iter().filter(|_| form == SlidingForm::Stable);
    if seen.state.is_empty() && removed.clone().next().is_none() {
        return Ok(());
    }
    let mut events = Array::open(object.key("required_state"));
    match room {
        Some(room) => {
            let mut writer = scope.client_events(room);
            for event in &seen.state {
                writer.write_state(event, EventForm::WithoutRoomId, events.item())?;
            }
        }
        // Of a room that is not here no more is known than the events.
        None => {
            let now = scope.rooms.now_ms();
            for event in &seen.state {
                crate::client_event::write_with_age(event, now, EventForm::WithoutRoomId, events.item());
            }
        }
    }
    for key in removed {
        let mut stub = Object::open(events.item());
        stub.text("type", &key.event_type);
        stub.text("state_key", &key.state_key);
        stub.close();
    }
    events.close();
    Ok(())
}

fn write_heroes(heroes: &[Arc<Event>], object: &mut Object<'_>) {
    let mut list = Array::open(object.key("heroes"));
    for member in heroes {
        let mut hero = Object::open(list.item());
        hero.text("user_id", member.pdu.state_key().unwrap_or_default());
        for (key, field) in [("displayname", "displayname"), ("avatar_url", "avatar_url")] {
            if let Some(text) = text_of(member, field) {
                hero.text(key, &text);
            }
        }
        hero.close();
    }
    list.close();
}

/// A text in the content of an event, if it is one and not empty.
fn text_of(event: &Event, field: &str) -> Option<String> {
    let content: Value = serde_json::from_str(event.pdu.content_str()).ok()?;
    content.get(field)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn membership(membership: Membership) -> &'static str {
    match membership {
        Membership::Join => "join",
        Membership::Invite => "invite",
        Membership::Knock => "knock",
        Membership::Leave => "leave",
        Membership::Ban => "ban",
    }
}
