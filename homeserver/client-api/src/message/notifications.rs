//! `GET /_matrix/client/v3/notifications`

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use axum::extract::State;
use hearth_rooms::{Event, Room};
use hearth_spec::{
    PowerLevels,
    push::{CompiledRuleset, FlatEvent, PushContext, evaluate},
};
use hearth_storage::{RoomNid, TimelineOrder, blocking, schema::rooms::Membership};
use hearth_sync::{ClientEvents, EventForm, Recipient, TimelineToken};
use ruma::{
    UserId,
    api::client::push::get_notifications::v3::{Notification, Request as GetNotifications, Response},
    push::Action,
    serde::Raw,
};
use serde::Deserialize;

use crate::{
    Answer, ClientApi, MatrixError, Request, Requester, Result,
    message::{
        timelines::{Next, Timelines, views_of},
        view::{limit, place},
    },
    relations::thread::Place,
};

/// How many notifications are given where the client does not say.
const DEFAULT: usize = 20;
/// How many at most.
const MAX: usize = 100;
/// How many events are looked at for one request.
const MAX_LOOKED_AT: usize = 5_000;

/// The events that notify the user by the push rules as they are now, newest first, in all rooms that the user
/// is joined to ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3notifications)).
pub async fn get_notifications(
    State(api): State<ClientApi>,
    request: Request<GetNotifications>,
) -> Result<Answer<Response>> {
    let Request { body, who, .. } = request;
    let from = place(body.from.as_deref())?;
    let limit = limit(body.limit, DEFAULT, MAX);
    let only_highlights = match body.only.as_deref() {
        None | Some("") => false,
        Some("highlight") => true,
        Some(_) => return Err(MatrixError::invalid_param("`only` is highlight or nothing.")),
    };
    // As much as there is to read: not between the other requests.
    blocking(|| read(&api, &who, from, limit, only_highlights)).map(Answer)
}

fn read(
    api: &ClientApi,
    who: &Requester,
    from: Option<TimelineToken>,
    limit: usize,
    only_highlights: bool,
) -> Result<Response> {
    let shown_to = Recipient::new(&api.users, &who.user, Some(&who.device))?;
    let rules = CompiledRuleset::new(&*api.users.push_rules.ruleset(&who.user)?);
    let views = views_of(api, &who.user, |membership, _| membership == Membership::Join)?;
    let mut timelines = Timelines::new(&views, from, MAX_LOOKED_AT);
    let mut recipients: HashMap<RoomNid, Notified<'_>> = HashMap::new();
    let mut response = Response::new(Vec::new());
    loop {
        let (view, event) = match timelines.next()? {
            Next::Event(view, event) => (view, event),
            Next::Later(place) => {
                response.next_token = Some(place.to_string());
                break;
            }
            Next::End => break,
        };
        if response.notifications.len() == limit {
            response.next_token = event.order().map(|order| TimelineToken::after(order).to_string());
            break;
        }
        let recipient = match recipients.entry(view.room.nid()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(Notified::new(&who.user, &view.room)?),
        };
        let Some(actions) = recipient.actions(&rules, &event, only_highlights) else { continue };
        let mut text = String::new();
        let mut writer = ClientEvents::new(&api.rooms, &view.room, shown_to.clone());
        writer.write(&event, EventForm::WithoutRoomId, &mut text)?;
        response.notifications.push(Notification::new(
            actions,
            Raw::from_json_string(text)?,
            recipient.has_read(&event)?,
            view.room.id().to_owned(),
            event.pdu.origin_server_ts(),
        ));
    }
    Ok(response)
}

/// Who is notified of the events of one room.
struct Notified<'a> {
    user: &'a UserId,
    room: &'a Room,
    display_name: Option<String>,
    levels: PowerLevels,
    /// Everything up to here is read, whatever thread.
    everything: TimelineOrder,
    /// By `thread_id`.
    threads: HashMap<String, TimelineOrder>,
}

impl<'a> Notified<'a> {
    fn new(user: &'a UserId, room: &'a Room) -> Result<Self> {
        #[derive(Deserialize)]
        struct Member {
            displayname: Option<String>,
        }
        let member = room.state_content::<Member>("m.room.member", user.as_str())?;
        // What was sent before the user came is not unread.
        let joined = room.membership(user)?.map(|row| row.position.into());
        let mut threads = HashMap::new();
        for (key, row) in room.receipts_of(user)? {
            if matches!(key.receipt_type.as_str(), "m.read" | "m.read.private") {
                let mark: &mut TimelineOrder = threads.entry(key.thread).or_default();
                *mark = row.order.max(*mark);
            }
        }
        let everything = threads.remove("").or(joined).unwrap_or_default();
        let display_name = member.and_then(|member| member.displayname);
        Ok(Self { user, room, display_name, levels: room.power_levels()?, everything, threads })
    }

    /// What the user's rules say to do about an event, if they notify.
    fn actions(&self, rules: &CompiledRuleset, event: &Event, only_highlights: bool) -> Option<Vec<Action>> {
        if event.redacted_by.is_some() {
            return None;
        }
        let context = PushContext {
            room_id: self.room.id(),
            member_count: self.room.head().joined,
            user_id: self.user,
            display_name: self.display_name.as_deref(),
            power_levels: Some(&self.levels),
        };
        let outcome = evaluate(rules, &FlatEvent::new(&event.pdu), &context);
        (outcome.notify && (outcome.highlight || !only_highlights)).then(|| outcome.actions.to_vec())
    }

    /// Whether a receipt of the user is at the event or beyond.
    fn has_read(&self, event: &Arc<Event>) -> Result<bool> {
        let Some(order) = event.order() else { return Ok(false) };
        if order <= self.everything {
            return Ok(true);
        }
        let thread = Place::of(self.room, event)?.thread;
        let mark = self.threads.get(thread.as_ref().map_or("main", |root| root.as_str()));
        Ok(mark.is_some_and(|mark| order <= *mark))
    }
}
