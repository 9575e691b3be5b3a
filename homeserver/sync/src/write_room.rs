//! Writing what has happened in a room as `/sync` tells it (client-server API, "Syncing").
//!
//! Lists are written also where they are empty: the specification lets them be absent, and widely used clients do not.

use std::collections::BTreeMap;

use hearth_push::{Counts, UnreadCounts};
use hearth_rooms::Room;
use hearth_users::AccountDataItem;
use ruma::{EventId, OwnedUserId, UserId};

use crate::{
    EventForm, SyncError,
    client_event::write_with_age,
    json::{Array, Events, Object},
    room_update::{Receipts, RoomUpdate, Shown, StrippedRoom, Summary, Timeline},
    scope::Scope,
};

/// The form in which a client wants rooms.
#[derive(Clone, Copy)]
pub(crate) struct RoomForm {
    pub events: EventForm,
    /// The name under which the state is told.
    pub state: &'static str,
    /// Threads are counted apart.
    pub by_thread: bool,
}

/// Writes the part of a room.
pub(crate) fn write_room(
    scope: &Scope<'_>,
    form: RoomForm,
    room: Option<&Room>,
    update: &RoomUpdate,
    out: &mut String,
) -> Result<(), SyncError> {
    let mut object = Object::open(out);
    match update {
        RoomUpdate::Joined(shown) => {
            write_shown(scope, form, room, shown, &mut object)?;
            write_sticky(scope, form, room, shown, &mut object)?;
            write_ephemeral(shown, object.key("ephemeral"));
            if let Some(unread) = &shown.unread {
                write_unread(form, unread, &mut object);
            }
            if let Some(summary) = &shown.summary {
                write_summary(summary, &mut object);
            }
        }
        RoomUpdate::Left(shown) => write_shown(scope, form, room, shown, &mut object)?,
        RoomUpdate::Invited(room) => write_stripped("invite_state", room, &mut object),
        RoomUpdate::Knocked(room) => write_stripped("knock_state", room, &mut object),
    }
    object.close();
    Ok(())
}

/// Writes what joined and left rooms have in common.
fn write_shown(
    scope: &Scope<'_>,
    form: RoomForm,
    room: Option<&Room>,
    shown: &Shown,
    object: &mut Object<'_>,
) -> Result<(), SyncError> {
    write_timeline(scope, form, room, &shown.timeline, object)?;
    write_state(scope, form, room, shown, object)?;
    write_account_data(&shown.account_data, object);
    Ok(())
}

fn write_timeline(
    scope: &Scope<'_>,
    form: RoomForm,
    room: Option<&Room>,
    timeline: &Timeline,
    object: &mut Object<'_>,
) -> Result<(), SyncError> {
    let mut out = Object::open(object.key("timeline"));
    let mut events = Array::open(out.key("events"));
    match room {
        Some(room) => {
            let evaluated = scope.evaluated(room.nid());
            let mut writer = scope.client_events(room).knowing(&evaluated);
            for event in &timeline.events {
                writer.write(event, form.events, events.item())?;
            }
        }
        // Of a room that is not here no more is known than the events.
        None => {
            let now = scope.rooms.now_ms();
            timeline.events.iter().for_each(|event| write_with_age(event, now, form.events, events.item()));
        }
    }
    events.close();
    out.boolean("limited", timeline.limited);
    if let Some(prev_batch) = timeline.prev_batch {
        out.text("prev_batch", &prev_batch.to_string());
    }
    out.close();
    Ok(())
}

fn write_state(
    scope: &Scope<'_>,
    form: RoomForm,
    room: Option<&Room>,
    shown: &Shown,
    object: &mut Object<'_>,
) -> Result<(), SyncError> {
    let mut events = Events::default();
    if let Some(room) = room {
        let mut writer = scope.client_events(room);
        for event in &shown.state {
            if shown.is_new {
                writer.write_state(event, form.events, events.item())?;
            } else {
                writer.write(event, form.events, events.item())?;
            }
        }
    }
    events.write(object.key(form.state));
    Ok(())
}

fn write_sticky(
    scope: &Scope<'_>,
    form: RoomForm,
    room: Option<&Room>,
    shown: &Shown,
    object: &mut Object<'_>,
) -> Result<(), SyncError> {
    let mut events = Events::default();
    if let Some(room) = room {
        let mut writer = scope.client_events(room);
        for event in &shown.sticky {
            writer.write(event, form.events, events.item())?;
        }
    }
    events.write_if_any(object, "msc4354_sticky");
    Ok(())
}

fn write_account_data(items: &[AccountDataItem], object: &mut Object<'_>) {
    let mut events = Events::default();
    for item in items {
        let mut event = Object::open(events.item());
        event.text("type", &item.data_type);
        event.json("content", item.content.get());
        event.close();
    }
    events.write(object.key("account_data"));
}

fn write_ephemeral(shown: &Shown, out: &mut String) {
    let mut events = Events::default();
    write_receipts(&shown.receipts, &mut events);
    if let Some(users) = &shown.typing {
        write_typing(users, events.item());
    }
    events.write(out);
}

/// One event for each thread ("Receipts", "Server behaviour").
fn write_receipts(receipts: &Receipts, events: &mut Events) {
    type ByEvent<'a> = BTreeMap<&'a EventId, BTreeMap<&'a str, Vec<(&'a UserId, u64)>>>;
    let mut threads: BTreeMap<&str, ByEvent<'_>> = BTreeMap::new();
    for (key, row) in &receipts.shown {
        let events = threads.entry(&key.thread).or_default();
        let types = events.entry(&row.event_id).or_default();
        types.entry(&key.receipt_type).or_default().push((&key.user, row.ts));
    }
    for (thread, by_event) in threads {
        let mut event = Object::open(events.item());
        event.text("type", "m.receipt");
        let mut content = Object::open(event.key("content"));
        for (event_id, by_type) in by_event {
            let mut types = Object::open(content.key(event_id.as_str()));
            for (receipt_type, users) in by_type {
                let mut receipts = Object::open(types.key(receipt_type));
                for (user, ts) in users {
                    let mut receipt = Object::open(receipts.key(user.as_str()));
                    receipt.number("ts", ts);
                    if !thread.is_empty() {
                        receipt.text("thread_id", thread);
                    }
                    receipt.close();
                }
                receipts.close();
            }
            types.close();
        }
        content.close();
        event.close();
    }
}

/// Writes who types in a room.
pub(crate) fn write_typing(users: &[OwnedUserId], out: &mut String) {
    let mut event = Object::open(out);
    event.text("type", "m.typing");
    let mut content = Object::open(event.key("content"));
    let mut list = Array::open(content.key("user_ids"));
    users.iter().for_each(|user| list.text(user.as_str()));
    list.close();
    content.close();
    event.close();
}

fn write_unread(form: RoomForm, unread: &UnreadCounts, object: &mut Object<'_>) {
    let room = if form.by_thread { unread.main } else { unread.total() };
    write_counts(room, object.key("unread_notifications"));
    if form.by_thread && !unread.threads.is_empty() {
        let mut threads = Object::open(object.key("unread_thread_notifications"));
        for (root, counts) in &unread.threads {
            write_counts(*counts, threads.key(root.as_str()));
        }
        threads.close();
    }
}

fn write_counts(counts: Counts, out: &mut String) {
    let mut object = Object::open(out);
    object.number("notification_count", counts.notifications);
    object.number("highlight_count", counts.highlights);
    object.close();
}

fn write_summary(summary: &Summary, object: &mut Object<'_>) {
    let mut out = Object::open(object.key("summary"));
    if let Some(heroes) = &summary.heroes {
        let mut list = Array::open(out.key("m.heroes"));
        heroes.iter().for_each(|hero| list.text(hero.as_str()));
        list.close();
    }
    out.number("m.joined_member_count", summary.joined);
    out.number("m.invited_member_count", summary.invited);
    out.close();
}

fn write_stripped(key: &str, room: &StrippedRoom, object: &mut Object<'_>) {
    let mut state = Object::open(object.key(key));
    state.json("events", &room.events);
    state.close();
}
