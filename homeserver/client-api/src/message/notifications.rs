//! `GET /_matrix/client/v3/notifications`

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use axum::extract::State;
use hearth_push::ReadMarks;
use hearth_rooms::{Event, Room, RoomError};
use hearth_spec::{
    PowerLevels,
    push::{CompiledRuleset, FlatEvent, PushContext, evaluate},
};
use hearth_storage::{Position, RoomNid, TimelineOrder, blocking, schema::rooms::Membership};
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
/// How many events are looked at for one request, where nothing is indexed.
const MAX_LOOKED_AT: usize = 5_000;

/// The events that notify the user, newest first, in all rooms that the user is joined to
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3notifications)).
///
/// What notified a user who has pushers is indexed. What was before, and what a user without pushers would be notified
/// of, is found in the timelines, by the push rules as they are now.
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
    blocking(|| Page::new(&api, &who, limit, only_highlights)?.read(from)).map(Answer)
}

/// The answer while it is made.
struct Page<'a> {
    api: &'a ClientApi,
    who: &'a Requester,
    shown_to: Recipient<'a>,
    limit: usize,
    only_highlights: bool,
    readers: HashMap<RoomNid, Option<Reader>>,
    response: Response,
}

/// The user in a room.
struct Reader {
    room: Room,
    marks: ReadMarks,
}

impl<'a> Page<'a> {
    fn new(api: &'a ClientApi, who: &'a Requester, limit: usize, only_highlights: bool) -> Result<Self> {
        let shown_to = Recipient::new(&api.users, &who.user, Some(&who.device))?;
        let (readers, response) = (HashMap::new(), Response::new(Vec::new()));
        Ok(Self { api, who, shown_to, limit, only_highlights, readers, response })
    }

    fn read(mut self, from: Option<TimelineToken>) -> Result<Response> {
        let since = self.api.pushes.notifications().indexed_since(&self.who.user)?;
        let mut from = from;
        if let Some(since) = since {
            let end = from.and_then(|from| from.range(None, true, 1).until);
            let end = end.map_or(Position(u64::MAX).before(), TimelineOrder::position);
            if end > since {
                if self.read_index(since, end)? {
                    return Ok(self.response);
                }
                from = Some(TimelineToken::after(since.into()));
            }
        }
        self.read_timelines(from)?;
        Ok(self.response)
    }

    /// Reads what is indexed after a position and up to another. Whether the page is full.
    fn read_index(&mut self, since: Position, mut end: Position) -> Result<bool> {
        let index = self.api.pushes.notifications();
        loop {
            let rows = index.newest(&self.who.user, (since, end), self.only_highlights, MAX)?;
            let whole = rows.len() < MAX;
            for notification in rows {
                if self.is_full(notification.position.into()) {
                    return Ok(true);
                }
                end = notification.position.before();
                let Some(event) = self.api.rooms.event(notification.row.event)? else { continue };
                if event.redacted_by.is_none() {
                    self.show(notification.row.room, &event, notification.actions())?;
                }
            }
            if whole {
                return Ok(false);
            }
        }
    }

    fn read_timelines(&mut self, from: Option<TimelineToken>) -> Result<()> {
        let (api, user) = (self.api, &*self.who.user);
        let rules = CompiledRuleset::new(&*api.users.push_rules.ruleset(user)?);
        let views = views_of(api, user, |membership, _| membership == Membership::Join)?;
        let mut timelines = Timelines::new(&views, from, MAX_LOOKED_AT);
        let mut judges: HashMap<RoomNid, Judge<'_>> = HashMap::new();
        loop {
            let (view, event) = match timelines.next()? {
                Next::Event(view, event) => (view, event),
                Next::Later(place) => {
                    self.response.next_token = Some(place.to_string());
                    return Ok(());
                }
                Next::End => return Ok(()),
            };
            if self.is_full(event.order().unwrap_or_default()) {
                return Ok(());
            }
            let judge = match judges.entry(view.room.nid()) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => place.insert(Judge::new(user, &view.room)?),
            };
            if let Some(actions) = judge.actions(&rules, &event, self.only_highlights) {
                self.show(view.room.nid(), &event, actions)?;
            }
        }
    }

    /// Whether no more fit; then the next page begins at this event.
    fn is_full(&mut self, next: TimelineOrder) -> bool {
        let full = self.response.notifications.len() == self.limit;
        if full {
            self.response.next_token = Some(TimelineToken::after(next).to_string());
        }
        full
    }

    /// Adds an event, if the user is in its room and sees it.
    fn show(&mut self, room: RoomNid, event: &Arc<Event>, actions: Vec<Action>) -> Result<()> {
        let (api, user) = (self.api, &*self.who.user);
        let reader = match self.readers.entry(room) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(Reader::of(api, user, room)?),
        };
        let Some(Reader { room, marks }) = reader else { return Ok(()) };
        if !room.may_see(user, event)? {
            return Ok(());
        }
        let thread = Place::of(room, event)?.thread;
        let read = event.order().is_none_or(|order| marks.has_read(order, thread.as_deref()));
        let mut text = String::new();
        let mut writer = ClientEvents::new(&api.rooms, room, self.shown_to.clone());
        writer.write(event, EventForm::WithoutRoomId, &mut text)?;
        self.response.notifications.push(Notification::new(
            actions,
            Raw::from_json_string(text)?,
            read,
            room.id().to_owned(),
            event.pdu.origin_server_ts(),
        ));
        Ok(())
    }
}

impl Reader {
    /// `None` where the user is not joined to the room.
    fn of(api: &ClientApi, user: &UserId, nid: RoomNid) -> Result<Option<Self>> {
        let room = match api.rooms.room_by_nid(nid) {
            Ok(room) => room,
            Err(RoomError::UnknownRoom) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let joined = room.membership(user)?.filter(|row| row.membership == Membership::Join);
        let Some(joined) = joined else { return Ok(None) };
        let marks = ReadMarks::of(room.receipts_of(user)?, joined.position.into());
        Ok(Some(Self { room, marks }))
    }
}

/// Judges the events of one room that are not indexed.
struct Judge<'a> {
    user: &'a UserId,
    room: &'a Room,
    display_name: Option<String>,
    levels: PowerLevels,
}

impl<'a> Judge<'a> {
    fn new(user: &'a UserId, room: &'a Room) -> Result<Self> {
        #[derive(Deserialize)]
        struct Member {
            displayname: Option<String>,
        }
        let member = room.state_content::<Member>("m.room.member", user.as_str())?;
        let display_name = member.and_then(|member| member.displayname);
        Ok(Self { user, room, display_name, levels: room.power_levels()? })
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
            subscribed: None,
        };
        let outcome = evaluate(rules, &FlatEvent::new(&event.pdu), &context);
        (outcome.notify && (outcome.highlight || !only_highlights)).then(|| outcome.actions.to_vec())
    }
}
