//! The items of the SDK's timeline as values that are shown.

use std::collections::HashSet;

use hearth_client_state::{
    names::{called, localpart, plain},
    rich, rooms,
    timeline::{
        Answer, Change, Content, Item, Locked, Media, Message, Person, Poll, Quote, Reaction, Sending,
        Thread, What,
    },
};
use matrix_sdk::ruma::{
    UserId,
    events::{
        StateEventContentChange,
        poll::start::PollKind,
        room::{
            MediaSource,
            message::{FormattedBody, MessageFormat, MessageType, UnstableAudioDetailsContentBlock},
        },
    },
};
use matrix_sdk_base::crypto::types::events::UtdCause;
use matrix_sdk_ui::timeline::{
    AnyOtherStateEventContentChange, EmbeddedEvent, EncryptedMessage, EventSendState, EventTimelineItem,
    MembershipChange, MsgLikeContent, MsgLikeKind, PollState, TimelineDetails, TimelineItem,
    TimelineItemContent, TimelineItemKind, VirtualTimelineItem,
};

use super::people;

/// An item as it is shown.
pub fn item(item: &TimelineItem, me: &UserId) -> Item {
    let what = match item.kind() {
        TimelineItemKind::Virtual(VirtualTimelineItem::DateDivider(at)) => What::Day(i64::from(at.get())),
        TimelineItemKind::Virtual(VirtualTimelineItem::ReadMarker) => What::Unread,
        TimelineItemKind::Virtual(VirtualTimelineItem::TimelineStart) => What::Start,
        TimelineItemKind::Event(event) => self::event(event, me),
    };
    Item { key: item.unique_id().0.clone(), what }
}

fn event(event: &EventTimelineItem, me: &UserId) -> What {
    let sender = people::sender(event.sender(), event.sender_profile());
    let at = i64::from(event.timestamp().get());
    let like = match event.content() {
        TimelineItemContent::MsgLike(like) => like,
        other => {
            let (text, detail) = change(other, event.sender());
            return What::Change(Change { who: sender, text, detail, at });
        }
    };
    let read_by = event.read_receipts().keys().filter(|reader| *reader != me && *reader != event.sender());
    What::Message(Box::new(Message {
        event: event.event_id().map(ToString::to_string),
        at,
        is_mine: event.is_own(),
        is_mention: event.is_highlighted() && !event.is_own(),
        is_edited: like.as_message().is_some_and(|message| message.is_edited()),
        can_be_edited: event.is_editable() && matches!(like.kind, MsgLikeKind::Message(_)) && is_text(like),
        can_be_answered: event.can_be_replied_to() && event.event_id().is_some(),
        content: content(like, Some(me)),
        reply: like.in_reply_to.as_ref().map(|reply| Quote {
            event: reply.event_id.to_string(),
            of: match &reply.event {
                TimelineDetails::Ready(event) => Some(quoted(event)),
                _ => None,
            },
        }),
        reactions: reactions(like, me),
        sending: match event.send_state() {
            None | Some(EventSendState::Sent { .. }) => Sending::Done,
            Some(EventSendState::NotSentYet { .. }) => Sending::Waiting,
            Some(EventSendState::SendingFailed { is_recoverable: true, .. }) => Sending::Waiting,
            Some(EventSendState::SendingFailed { .. }) => Sending::Failed,
        },
        // Their names come with the members of the room.
        read_by: read_by.map(|reader| Person::new(reader.as_str(), None, None)).collect(),
        thread: like.thread_summary.as_ref().map(|thread| Thread {
            replies: thread.num_replies,
            latest: match &thread.latest_event {
                TimelineDetails::Ready(latest) => {
                    Some(people::sender(&latest.sender, &latest.sender_profile))
                }
                _ => None,
            },
        }),
        sender,
    }))
}

/// What a message says, without what belongs to its place in a timeline.
pub fn message(message: &TimelineItemContent) -> Option<Content> {
    message.as_msglike().map(|like| content(like, None))
}

fn is_text(like: &MsgLikeContent) -> bool {
    like.as_message().is_some_and(|message| {
        matches!(message.msgtype(), MessageType::Text(_) | MessageType::Notice(_) | MessageType::Emote(_))
    })
}

fn quoted(event: &EmbeddedEvent) -> (Person, String) {
    (people::sender(&event.sender, &event.sender_profile), line(&event.content))
}

fn reactions(like: &MsgLikeContent, me: &UserId) -> Vec<Reaction> {
    let reactions = like.reactions.iter().map(|(key, by)| Reaction {
        // Nobody's reaction is longer than a few letters.
        key: rich::one_line(&plain(key), 24),
        count: by.len(),
        is_mine: by.contains_key(me),
        by: by.keys().map(|user| localpart(user.as_str()).to_owned()).collect(),
    });
    reactions.collect()
}

fn content(like: &MsgLikeContent, me: Option<&UserId>) -> Content {
    match &like.kind {
        MsgLikeKind::Message(message) => message_content(message.msgtype()),
        MsgLikeKind::Sticker(sticker) => {
            let content = sticker.content();
            Content::Sticker(Media {
                source: source(&content.source.clone().into()),
                name: plain(&content.body),
                size: content.info.width.zip(content.info.height).map(|(w, h)| (w.into(), h.into())),
                mime_type: content.info.mimetype.clone(),
                ..Media::default()
            })
        }
        MsgLikeKind::Poll(poll) => Content::Poll(self::poll(poll, me)),
        MsgLikeKind::Redacted => Content::Deleted,
        MsgLikeKind::UnableToDecrypt(encrypted) => Content::Locked(locked(encrypted)),
        MsgLikeKind::Other(other) => Content::Unknown(other.event_type().to_string()),
        MsgLikeKind::LiveLocation(_) => Content::Unknown("m.beacon_info".to_owned()),
    }
}

fn poll(poll: &PollState, me: Option<&UserId>) -> Poll {
    let results = poll.results();
    let votes = |id: &str| results.votes.get(id).map(Vec::as_slice).unwrap_or_default();
    let voters: HashSet<&String> = results.votes.values().flatten().collect();
    Poll {
        voters: voters.len(),
        answers: results
            .answers
            .iter()
            .map(|answer| Answer {
                votes: votes(&answer.id).len(),
                is_mine: me.is_some_and(|me| votes(&answer.id).iter().any(|user| user == me.as_str())),
                id: answer.id.clone(),
                text: answer.text.clone(),
            })
            .collect(),
        most: results.max_selections,
        is_secret: results.kind == PollKind::Undisclosed,
        is_over: results.end_time.is_some(),
        question: results.question,
    }
}

fn locked(encrypted: &EncryptedMessage) -> Locked {
    let EncryptedMessage::MegolmV1AesSha2 { cause, .. } = encrypted else { return Locked::Waiting };
    match cause {
        UtdCause::SentBeforeWeJoined => Locked::BeforeJoining,
        UtdCause::HistoricalMessageAndBackupIsDisabled | UtdCause::HistoricalMessageAndDeviceIsUnverified => {
            Locked::NeedsRecovery
        }
        UtdCause::WithheldForUnverifiedOrInsecureDevice | UtdCause::WithheldBySender => Locked::Withheld,
        _ => Locked::Waiting,
    }
}

fn message_content(message: &MessageType) -> Content {
    let text = |body: &str, formatted: Option<&FormattedBody>, is_emote, is_notice| Content::Text {
        text: rich_text(body, formatted),
        source: body.to_owned(),
        is_emote,
        is_notice,
        is_jumbo: !is_emote && rich::is_jumbo(body),
    };
    match message {
        MessageType::Text(content) => text(&content.body, content.formatted.as_ref(), false, false),
        MessageType::Notice(content) => text(&content.body, content.formatted.as_ref(), false, true),
        MessageType::Emote(content) => text(&content.body, content.formatted.as_ref(), true, false),
        MessageType::Image(content) => {
            let info = content.info.as_deref();
            Content::Picture(Media {
                size: info.and_then(|info| info.width.zip(info.height)).map(|(w, h)| (w.into(), h.into())),
                bytes: info.and_then(|info| info.size).map(u64::from),
                mime_type: info.and_then(|info| info.mimetype.clone()),
                ..media(&content.source, content.filename(), content.caption(), content.formatted_caption())
            })
        }
        MessageType::Video(content) => {
            let info = content.info.as_deref();
            Content::Video(Media {
                size: info.and_then(|info| info.width.zip(info.height)).map(|(w, h)| (w.into(), h.into())),
                bytes: info.and_then(|info| info.size).map(u64::from),
                mime_type: info.and_then(|info| info.mimetype.clone()),
                milliseconds: info.and_then(|info| info.duration).map(|duration| duration.as_millis() as u64),
                ..media(&content.source, content.filename(), content.caption(), content.formatted_caption())
            })
        }
        MessageType::Audio(content) => {
            let info = content.info.as_deref();
            Content::Sound(Media {
                bytes: info.and_then(|info| info.size).map(u64::from),
                mime_type: info.and_then(|info| info.mimetype.clone()),
                milliseconds: info.and_then(|info| info.duration).map(|duration| duration.as_millis() as u64),
                loudness: match (&content.voice, &content.audio) {
                    (Some(_), Some(audio)) => loudness(audio),
                    (Some(_), None) => vec![0],
                    (None, _) => Vec::new(),
                },
                ..media(&content.source, content.filename(), content.caption(), content.formatted_caption())
            })
        }
        MessageType::File(content) => {
            let info = content.info.as_deref();
            Content::File(Media {
                bytes: info.and_then(|info| info.size).map(u64::from),
                mime_type: info.and_then(|info| info.mimetype.clone()),
                ..media(&content.source, content.filename(), content.caption(), content.formatted_caption())
            })
        }
        other => text(other.body(), None, false, false),
    }
}

fn media(
    source: &MediaSource,
    name: &str,
    caption: Option<&str>,
    formatted: Option<&FormattedBody>,
) -> Media {
    Media {
        source: self::source(source),
        name: plain(name),
        caption: caption.map(|caption| rich_text(caption, formatted)).unwrap_or_default(),
        ..Media::default()
    }
}

/// The loudness of a voice message over its time; a line where it is not told.
fn loudness(audio: &UnstableAudioDetailsContentBlock) -> Vec<u8> {
    const LOUDEST: u64 = 1024;
    let told = audio.waveform.iter().map(|amplitude| {
        let amplitude = u64::from(amplitude.get()).min(LOUDEST);
        (amplitude * 255 / LOUDEST) as u8
    });
    let told: Vec<u8> = told.take(200).collect();
    if told.is_empty() { vec![0] } else { told }
}

/// What [`super::media`] reads again.
pub fn source(source: &MediaSource) -> String {
    serde_json::to_string(source).unwrap_or_default()
}

fn rich_text(body: &str, formatted: Option<&FormattedBody>) -> Vec<rich::Node> {
    match formatted.filter(|formatted| formatted.format == MessageFormat::Html) {
        Some(formatted) => rich::from_html(&formatted.body, body),
        None => rich::from_plain(body),
    }
}

/// What a message is in the words of a row of the room list.
pub fn preview(content: &TimelineItemContent) -> Option<rooms::What> {
    use rooms::What;
    let like = match content {
        TimelineItemContent::MsgLike(like) => like,
        TimelineItemContent::MembershipChange(change) => match change.change() {
            Some(MembershipChange::Joined | MembershipChange::InvitationAccepted) => {
                return Some(What::Joined);
            }
            _ => return None,
        },
        _ => return None,
    };
    Some(match self::content(like, None) {
        Content::Text { text, .. } => What::text(&rich::words(&text)),
        Content::Picture(media) if !media.caption.is_empty() => What::text(&rich::words(&media.caption)),
        Content::Picture(_) => What::Picture,
        Content::Video(_) => What::Video,
        Content::Sound(_) => What::Sound,
        Content::File(media) => What::File(media.name),
        Content::Sticker(_) => What::Sticker,
        Content::Poll(poll) => What::Poll(poll.question),
        Content::Deleted => What::Deleted,
        Content::Locked(_) => What::Locked,
        Content::Unknown(_) => return None,
    })
}

/// What a message says in one line.
pub fn line(content: &TimelineItemContent) -> String {
    match preview(content) {
        Some(rooms::What::Text(text) | rooms::What::Poll(text)) => text,
        Some(rooms::What::File(name)) => name,
        _ => content.as_message().map(|message| rich::one_line(message.body(), 160)).unwrap_or_default(),
    }
}

/// The text of a change, and what stands in it.
fn change(content: &TimelineItemContent, sender: &UserId) -> (&'static str, String) {
    match content {
        TimelineItemContent::MembershipChange(change) => {
            use MembershipChange::*;
            let who = called(change.user_id().as_str(), change.display_name().as_deref());
            let is_own = change.user_id() == sender;
            let text = match change.change() {
                Some(Joined | InvitationAccepted) => "change-joined",
                Some(Left | KnockRetracted) => "change-left",
                Some(Banned | KickedAndBanned) => "change-banned",
                Some(Unbanned) => "change-unbanned",
                Some(Kicked | KnockDenied) => "change-kicked",
                Some(Invited | KnockAccepted) => "change-invited",
                Some(InvitationRejected) if is_own => "change-declined",
                Some(InvitationRejected | InvitationRevoked) => "change-revoked",
                Some(Knocked) => "change-knocked",
                _ => "change-other",
            };
            (text, who)
        }
        TimelineItemContent::ProfileChange(change) => match change.displayname_change() {
            Some(name) => ("change-name", plain(name.new.as_deref().unwrap_or_default())),
            None => ("change-picture", String::new()),
        },
        TimelineItemContent::OtherState(state) => other_change(state.content()),
        TimelineItemContent::CallInvite | TimelineItemContent::RtcNotification { .. } => {
            ("change-call", String::new())
        }
        _ => ("change-other", String::new()),
    }
}

fn other_change(content: &AnyOtherStateEventContentChange) -> (&'static str, String) {
    use AnyOtherStateEventContentChange as Any;
    match content {
        Any::RoomName(StateEventContentChange::Original { content, .. }) => {
            ("change-room-name", plain(&content.name))
        }
        Any::RoomTopic(StateEventContentChange::Original { content, .. }) => {
            ("change-topic", rich::one_line(&plain(&content.topic), 160))
        }
        Any::RoomAvatar(_) => ("change-room-picture", String::new()),
        Any::RoomEncryption(_) => ("change-encryption", String::new()),
        Any::RoomCreate(_) => ("change-created", String::new()),
        Any::RoomPinnedEvents(_) => ("change-pinned", String::new()),
        _ => ("change-other", String::new()),
    }
}
