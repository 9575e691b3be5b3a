//! A room that is open: its timeline, what is said of it, and what one does in it.

use std::{cell::Cell, rc::Rc};

use async_stream::stream;
use futures::{Stream, StreamExt, pin_mut};
use hearth_client_state::{
    call::{DECLINE, MEMBER},
    compose,
    names::plain,
    timeline::Item,
};
use imbl::Vector;
use matrix_sdk::{
    Room, RoomState,
    room::edit::EditedContent,
    ruma::{
        OwnedEventId, OwnedUserId,
        api::client::receipt::create_receipt::v3::ReceiptType,
        events::{
            Mentions, MessageLikeEventType, StateEventType,
            room::message::{FormattedBody, RoomMessageEventContentWithoutRelation},
        },
    },
};
use matrix_sdk_ui::timeline::{
    EncryptedMessage, EventTimelineItem, Timeline, TimelineBuilder, TimelineEventFocusThreadMode,
    TimelineEventItemId, TimelineFocus, TimelineReadReceiptTracking, default_event_filter,
};

use super::{Account, Problem, items, people, previews, rows};

/// How many messages are fetched at once.
const PAGE: u16 = 40;

/// A room whose timeline is open.
pub struct OpenRoom {
    pub(super) account: Rc<Account>,
    pub(super) room: Room,
    pub(super) timeline: Rc<Timeline>,
    /// Where the thread begins, if it is one that is open.
    thread: Option<OwnedEventId>,
    /// The event around which it is open, if it is not open at its end.
    around: Option<String>,
    is_fetching: Cell<bool>,
    is_whole: Cell<bool>,
}

/// What stands at the head of a room.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct RoomAbout {
    pub name: String,
    pub topic: Option<String>,
    pub picture: Option<String>,
    pub is_person: bool,
    pub is_encrypted: bool,
    /// Whether what is linked to is shown below a message.
    pub shows_previews: bool,
    pub people: u64,
    /// The messages that are pinned, by their events.
    pub pins: Vec<String>,
    pub may: RoomMay,
    /// The room that follows this one.
    pub successor: Option<String>,
    /// Who invites, while one has not joined.
    pub invited_by: Option<String>,
    /// One shares no room with whoever invites.
    pub is_of_stranger: bool,
}

/// What one may do in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct RoomMay {
    pub write: bool,
    pub pin: bool,
    pub invite: bool,
    /// Delete what others wrote.
    pub delete: bool,
    /// Name everybody at once.
    pub name_all: bool,
}

impl PartialEq for OpenRoom {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl OpenRoom {
    pub(super) async fn open(
        account: Rc<Account>,
        room: Room,
        around: Option<&str>,
    ) -> Result<Rc<Self>, Problem> {
        let focus = match around.map(OwnedEventId::try_from) {
            Some(Ok(target)) => TimelineFocus::Event {
                target,
                num_context_events: PAGE,
                thread_mode: TimelineEventFocusThreadMode::Automatic { hide_threaded_events: false },
            },
            _ => TimelineFocus::Live { hide_threaded_events: false },
        };
        let around =
            matches!(focus, TimelineFocus::Event { .. }).then(|| around.map(ToOwned::to_owned)).flatten();
        account.sync.room_list_service().set_room_subscriptions(&[room.room_id()]).await;
        let timeline = TimelineBuilder::new(&room)
            .with_focus(focus)
            // That somebody is in a call stands at the head of the room, and that it began is told.
            .event_filter(|event, rules| {
                default_event_filter(event, rules)
                    && ![MEMBER, DECLINE].contains(&&*event.event_type().to_string())
            })
            .track_read_marker_and_receipts(TimelineReadReceiptTracking::AllEvents)
            .build()
            .await
            .map_err(|error| Problem::Other(error.to_string()))?;
        Ok(Rc::new(Self {
            account,
            room,
            timeline: Rc::new(timeline),
            thread: None,
            around,
            is_fetching: Cell::new(false),
            is_whole: Cell::new(false),
        }))
    }

    /// Opens a thread of this room, by the event that it begins with.
    pub async fn open_thread(&self, root: &str) -> Result<Rc<Self>, Problem> {
        let root = OwnedEventId::try_from(root).map_err(|_| Problem::Known("room-failed"))?;
        let timeline = TimelineBuilder::new(&self.room)
            .with_focus(TimelineFocus::Thread { root_event_id: root.clone() })
            .with_internal_id_prefix("thread-".to_owned())
            .track_read_marker_and_receipts(TimelineReadReceiptTracking::AllEvents)
            .build()
            .await
            .map_err(|error| Problem::Other(error.to_string()))?;
        Ok(Rc::new(Self {
            account: self.account.clone(),
            room: self.room.clone(),
            timeline: Rc::new(timeline),
            thread: Some(root),
            around: None,
            is_fetching: Cell::new(false),
            is_whole: Cell::new(false),
        }))
    }

    pub fn id(&self) -> &str {
        self.room.room_id().as_str()
    }

    /// The event around which it is open, if it is not open at its end.
    pub fn around(&self) -> Option<&str> {
        self.around.as_deref()
    }

    /// What stands at its head, again whenever that changes.
    pub fn about(&self) -> impl Stream<Item = RoomAbout> + use<> {
        let room = self.room.clone();
        let mut changes = room.subscribe_info();
        stream! {
            // Whether a room is encrypted may not be known yet; it decides what the composer says.
            let _ = room.latest_encryption_state().await;
            yield about(&room).await;
            while changes.next().await.is_some() {
                yield about(&room).await;
            }
        }
    }

    /// The items of its timeline, again whenever one changes. A batch of changes is one value.
    pub fn items(&self) -> impl Stream<Item = Vector<Rc<Item>>> + use<> {
        let (timeline, me) = (self.timeline.clone(), self.account.session.user.clone());
        stream! {
            let (start, changes) = timeline.subscribe().await;
            pin_mut!(changes);
            let mut shown: Vector<Rc<Item>> =
                start.iter().map(|item| Rc::new(items::item(item, &me))).collect();
            yield shown.clone();
            while let Some(batch) = changes.next().await {
                for change in batch {
                    change.map(|item| Rc::new(items::item(&item, &me))).apply(&mut shown);
                }
                yield shown.clone();
            }
        }
    }

    /// Who is typing, by name.
    pub fn typing(&self) -> impl Stream<Item = Vec<String>> + use<> {
        let room = self.room.clone();
        let (guard, mut receiver) = room.subscribe_to_typing_notifications();
        stream! {
            let _guard = guard;
            while let Ok(users) = receiver.recv().await {
                let mut names = Vec::new();
                for user in users {
                    names.push(people::known(&room, &user).await.name);
                }
                yield names;
            }
        }
    }

    /// Fetches the names of all who wrote, and the messages that answers are to.
    pub async fn complete(&self) {
        self.timeline.fetch_members().await;
    }

    /// Fetches the message that an answer is to.
    pub async fn fetch_quote(&self, event: &str) {
        if let Ok(event) = OwnedEventId::try_from(event) {
            // It stays a quote without words.
            let _ = self.timeline.fetch_details_for_event(&event).await;
        }
    }

    /// Fetches earlier messages; false once there are none, or while they are fetched already.
    pub async fn earlier(&self) -> Result<bool, Problem> {
        if self.is_whole.get() || self.is_fetching.replace(true) {
            return Ok(false);
        }
        let outcome = self.timeline.paginate_backwards(PAGE).await;
        self.is_fetching.set(false);
        let is_whole = outcome.map_err(|error| Problem::Other(error.to_string()))?;
        self.is_whole.set(is_whole);
        Ok(!is_whole)
    }

    /// Fetches later messages of a room that is open around an event; false once there are none.
    pub async fn later(&self) -> Result<bool, Problem> {
        if self.around.is_none() || self.is_fetching.replace(true) {
            return Ok(false);
        }
        let outcome = self.timeline.paginate_forwards(PAGE).await;
        self.is_fetching.set(false);
        let is_end = outcome.map_err(|error| Problem::Other(error.to_string()))?;
        Ok(!is_end)
    }

    /// Sends Markdown, as an answer to a message if one is given.
    pub async fn send(&self, text: &str, reply_to: Option<&str>) -> Result<(), Problem> {
        let content = content(text);
        let outcome = match reply_to.map(OwnedEventId::try_from) {
            Some(Ok(event)) => self.timeline.send_reply(content, event).await,
            _ => self.timeline.send(content.with_relation(None).into()).await,
        };
        outcome.map(drop).map_err(|error| Problem::Other(error.to_string()))
    }

    /// Replaces a message of one's own, by the key of its row.
    pub async fn edit(&self, key: &str, text: &str) -> Result<(), Problem> {
        let Some((id, _)) = self.find(key).await else { return Ok(()) };
        let outcome = self.timeline.edit(&id, EditedContent::RoomMessage(content(text))).await;
        outcome.map_err(|error| Problem::Other(error.to_string()))
    }

    /// Deletes a message; one that was not sent yet is not sent.
    pub async fn delete(&self, key: &str) -> Result<(), Problem> {
        let Some((id, _)) = self.find(key).await else { return Ok(()) };
        self.timeline.redact(&id, None).await.map_err(|error| Problem::Other(error.to_string()))
    }

    /// Reacts, or takes a reaction back.
    pub async fn react(&self, key: &str, reaction: &str) -> Result<(), Problem> {
        let Some((id, _)) = self.find(key).await else { return Ok(()) };
        let outcome = self.timeline.toggle_reaction(&id, reaction).await;
        outcome.map(drop).map_err(|error| Problem::Other(error.to_string()))
    }

    /// Sends once more what failed, and what waits behind it.
    pub async fn retry(&self, key: &str) {
        if let Some(handle) = self.find(key).await.and_then(|(_, item)| item.local_echo_send_handle()) {
            let _ = handle.unwedge().await;
        }
        self.room.send_queue().set_enabled(true);
    }

    /// Looks for the key of a message once more: in the backup; and asks those for it who may have it.
    pub async fn ask_for_key(&self, key: &str) {
        let Some((_, item)) = self.find(key).await else { return };
        let Some(EncryptedMessage::MegolmV1AesSha2 { session_id, .. }) =
            item.content().as_unable_to_decrypt()
        else {
            return;
        };
        // Where there is no backup, or the key is not in it, somebody else may have it.
        let backups = self.account.client.encryption().backups();
        let _ = backups.download_room_key(self.room.room_id(), session_id).await;
        // What still cannot be read is asked for among one's own sessions.
        self.timeline.retry_decryption([session_id.as_str()]).await;
    }

    /// Tells the server, and the other sessions, that all was read.
    pub async fn read(&self) {
        if self.around.is_some() {
            return;
        }
        // It goes out again with the next message.
        let _ = self.timeline.mark_as_read(ReceiptType::Read).await;
        let _ = self.timeline.mark_as_read(ReceiptType::FullyRead).await;
        let _ = self.room.set_unread_flag(false).await;
    }

    pub async fn set_typing(&self, is_typing: bool) {
        let _ = self.room.typing_notice(is_typing).await;
    }

    /// Where what waits in its composer is kept: the room, or the thread in it.
    pub fn place(&self) -> String {
        match &self.thread {
            Some(root) => format!("{}/{root}", self.id()),
            None => self.id().to_owned(),
        }
    }

    pub async fn join(&self) -> Result<(), Problem> {
        Ok(self.room.join().await?)
    }

    pub(super) async fn find(&self, key: &str) -> Option<(TimelineEventItemId, EventTimelineItem)> {
        let items = self.timeline.items().await;
        let item = items.iter().rev().find(|item| item.unique_id().0 == key)?;
        let event = item.as_event()?;
        Some((event.identifier(), event.clone()))
    }
}

async fn about(room: &Room) -> RoomAbout {
    let is_person = room.is_dm();
    let invited_by = match room.state() {
        RoomState::Invited => Some(rows::inviter(room).await),
        _ => None,
    };
    let is_of_stranger = rows::is_of_stranger(room, &room.client()).await;
    let levels = room.power_levels_or_default().await;
    let me = room.own_user_id();
    RoomAbout {
        pins: room.pinned_event_ids().iter().flatten().map(ToString::to_string).collect(),
        may: RoomMay {
            write: levels.user_can_send_message(me, MessageLikeEventType::RoomMessage),
            pin: levels.user_can_send_state(me, StateEventType::RoomPinnedEvents),
            invite: levels.user_can_invite(me),
            delete: levels.user_can_redact_event_of_other(me),
            name_all: levels.user_can_trigger_room_notification(me),
        },
        successor: room.successor_room().map(|successor| successor.room_id.to_string()),
        name: rows::name(room).await,
        topic: room.topic().map(|topic| plain(&topic)).filter(|topic| !topic.trim().is_empty()),
        picture: rows::picture(room, is_person).filter(|_| !is_of_stranger),
        is_of_stranger,
        is_person,
        is_encrypted: room.encryption_state().is_encrypted(),
        shows_previews: previews::are_shown(room).await,
        people: room.joined_members_count(),
        invited_by,
    }
}

/// Markdown as a message that names whom it links to.
fn content(text: &str) -> RoomMessageEventContentWithoutRelation {
    let people = compose::mentioned(text).into_iter().filter_map(|user| OwnedUserId::try_from(user).ok());
    let content = match compose::with_spoilers(text) {
        Some(hidden) => {
            let html = FormattedBody::markdown(&hidden).map_or(hidden, |formatted| formatted.body);
            RoomMessageEventContentWithoutRelation::text_html(text, html)
        }
        None => RoomMessageEventContentWithoutRelation::text_markdown(text),
    };
    let mut mentions = Mentions::with_user_ids(people);
    mentions.room = compose::names_all(text);
    content.add_mentions(mentions)
}
