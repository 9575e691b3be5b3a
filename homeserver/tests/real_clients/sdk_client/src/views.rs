//! What the client shows, for the driver to wait for.

use std::time::Duration;

use matrix_sdk::{Room, RoomMemberships, RoomState, ruma::OwnedUserId};
use matrix_sdk_ui::timeline::{EncryptedMessage, EventTimelineItem, Timeline};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    Outcome,
    person::Person,
    verbs::{event_id, room_id, text},
};

/// How often is looked.
const PAUSE: Duration = Duration::from_millis(50);

/// Waits until there is something; `None` after so many seconds.
pub async fn until<T>(seconds: f64, look: impl AsyncFn() -> Option<T>) -> Option<T> {
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    loop {
        match look().await {
            None if Instant::now() < end => sleep(PAUSE).await,
            seen => return seen,
        }
    }
}

/// Waits until the client shows what `what` names.
pub async fn wait_for(person: &Person, args: &Value) -> Outcome<Value> {
    let what = text(args, "what")?;
    let seconds = args["timeout"].as_f64().ok_or("for how long?")?;
    // A room that is not there yet may come.
    let seen = until(seconds, async || match look(person, what, args).await {
        Ok(Look::Seen(seen)) => Some(Ok(seen)),
        Ok(Look::Other(_)) => None,
        Err(error) => Some(Err(error)),
    });
    if let Some(seen) = seen.await {
        return seen;
    }
    match look(person, what, args).await? {
        Look::Seen(seen) => Ok(seen),
        Look::Other(there) => Err(format!("no {what} {args}, but {there}").into()),
    }
}

/// What a look shows: what is waited for, or what there is instead.
enum Look {
    Seen(Value),
    Other(String),
}

async fn look(person: &Person, what: &str, args: &Value) -> Outcome<Look> {
    if what == "window" {
        let (shown, count) = (person.rooms.ids().len(), person.rooms.count());
        let is_it = args["shown"] == shown && args["count"] == json!(count);
        return Ok(shown_if(is_it, Value::Null, || format!("{shown} of {count:?} are shown")));
    }
    if what == "device" {
        let user: OwnedUserId = text(args, "user_id")?.try_into()?;
        let (encryption, id) = (person.client.encryption(), text(args, "device_id")?);
        // The SDK asks for the keys of members when it encrypts for them; whoever looks at a person does sooner.
        encryption.request_user_identity(&user).await?;
        let device = encryption.get_device(&user, id.into()).await?;
        return Ok(shown_if(device.is_some(), Value::Null, || "no such device".to_owned()));
    }
    let id = room_id(args)?;
    let listed = person.rooms.ids().contains(&id);
    let room = person.client.get_room(&id);
    match (what, room) {
        ("listed", _) => Ok(shown_if(listed, Value::Null, || format!("{:?} are", person.rooms.ids()))),
        ("first", _) => {
            let shown = person.rooms.ids();
            Ok(shown_if(shown.first() == Some(&id), Value::Null, || format!("they are {shown:?}")))
        }
        ("gone", _) => Ok(shown_if(!listed, Value::Null, || "it is still listed".to_owned())),
        (_, None) => Ok(Look::Other("the room is unknown".to_owned())),
        (_, Some(room)) => look_into(person, &room, what, args).await,
    }
}

async fn look_into(person: &Person, room: &Room, what: &str, args: &Value) -> Outcome<Look> {
    match what {
        "invite" => {
            let state = room.state();
            Ok(shown_if(state == RoomState::Invited, Value::Null, || format!("the user is {state:?}")))
        }
        "member" => {
            let members = room.members_no_sync(RoomMemberships::JOIN).await?;
            let user = text(args, "user_id")?;
            let is_there = members.iter().any(|member| member.user_id() == user);
            Ok(shown_if(is_there, Value::Null, || format!("{} others", members.len())))
        }
        "unread" => {
            let server = room.unread_notification_counts();
            let own = (room.num_unread_notifications(), room.num_unread_mentions());
            let wanted = (args["notifications"].as_u64(), args["highlights"].as_u64());
            let is_it = [(server.notification_count, server.highlight_count), own]
                .into_iter()
                .all(|(notifications, highlights)| wanted == (Some(notifications), Some(highlights)));
            Ok(shown_if(is_it, Value::Null, || format!("{server:?} of the server, {own:?} of its own")))
        }
        "message" => {
            let timeline = person.timeline(room.room_id()).await?;
            let (event, wanted) = (event_id(args, "event_id")?, text(args, "body")?);
            Ok(match timeline.item_by_event_id(&event).await {
                // What one sends oneself is there before the server tells it.
                Some(item) if item.is_remote_event() && body(&item).as_deref() == Some(wanted) => {
                    Look::Seen(described(&item))
                }
                Some(item) => {
                    decrypt_again(&timeline).await;
                    Look::Other(format!("{:?}", item.content()))
                }
                None => Look::Other(format!("the event is not there; {}", all(&timeline).await)),
            })
        }
        "redaction" => {
            let timeline = person.timeline(room.room_id()).await?;
            let item = timeline.item_by_event_id(&event_id(args, "event_id")?).await;
            let redacted = item.as_ref().is_some_and(|item| item.content().is_redacted());
            Ok(shown_if(redacted, Value::Null, || format!("{:?}", item.map(|item| item.content().clone()))))
        }
        "thread_reply" => {
            let thread = person.thread(room.room_id(), &event_id(args, "root_id")?).await?;
            let wanted = text(args, "body")?;
            let items = thread.items().await;
            let mut events = items.iter().filter_map(|item| item.as_event());
            let is_it = |event: &&EventTimelineItem| {
                event.is_remote_event() && body(event).as_deref() == Some(wanted)
            };
            Ok(match events.find(is_it) {
                Some(event) => Look::Seen(described(event)),
                None => {
                    decrypt_again(&thread).await;
                    Look::Other(all(&thread).await)
                }
            })
        }
        // The room's own timeline shows how many there are.
        "thread_summary" => {
            let timeline = person.timeline(room.room_id()).await?;
            let item = timeline.item_by_event_id(&event_id(args, "root_id")?).await;
            let replies = item.and_then(|item| Some(item.content().thread_summary()?.num_replies));
            Ok(shown_if(args["replies"] == json!(replies), Value::Null, || format!("{replies:?}")))
        }
        _ => Err(format!("nothing shows {what}").into()),
    }
}

fn shown_if(is_it: bool, seen: Value, other: impl FnOnce() -> String) -> Look {
    if is_it { Look::Seen(seen) } else { Look::Other(other()) }
}

/// The SDK may miss that a key comes right after what it opens: whoever looks at messages that are not open asks again.
async fn decrypt_again(timeline: &Timeline) {
    let items = timeline.items().await;
    let events = items.iter().filter_map(|item| item.as_event()?.content().as_unable_to_decrypt());
    let sessions = events.filter_map(|message| match message {
        EncryptedMessage::MegolmV1AesSha2 { session_id, .. } => Some(session_id.clone()),
        _ => None,
    });
    timeline.retry_decryption(sessions).await;
}

/// The text of a message.
pub fn body(event: &EventTimelineItem) -> Option<String> {
    event.content().as_message().map(|message| message.body().to_owned())
}

fn described(event: &EventTimelineItem) -> Value {
    json!({
        "event_id": event.event_id(),
        "sender": event.sender(),
        "body": body(event),
        "encrypted": event.encryption_info().is_some(),
    })
}

/// All that a timeline shows, for whoever looks for something else.
async fn all(timeline: &Timeline) -> String {
    let items = timeline.items().await;
    let events = items.iter().filter_map(|item| item.as_event());
    let shown = events.map(|event| body(event).unwrap_or_else(|| format!("{:?}", event.content())));
    format!("{:?}", shown.collect::<Vec<_>>())
}
