//! What the driver may ask for.

use matrix_sdk::{
    Client,
    ruma::{
        EventId, OwnedEventId, OwnedRoomId, OwnedUserId,
        api::client::{
            account::register,
            receipt::create_receipt::v3::ReceiptType,
            room::create_room,
            uiaa::{AuthData, Dummy},
        },
        assign,
        events::{
            InitialStateEvent, Mentions,
            room::{encryption::RoomEncryptionEventContent, message::RoomMessageEventContent},
        },
        serde::Raw,
    },
};
use matrix_sdk_ui::{
    notification_client::{
        NotificationClient, NotificationProcessSetup, NotificationStatus, RawNotificationEvent,
    },
    timeline::{Timeline, TimelineEventItemId},
};
use serde_json::{Value, json};

use crate::{
    Outcome, Session,
    person::Person,
    views::{self, until},
};

/// So long a message may take until the server has it.
const SENDING_S: f64 = 20.0;

/// Runs a verb.
pub async fn run(session: &Session, verb: &str, args: &Value) -> Outcome<Value> {
    match verb {
        "register" => return register(&session.url, args).await,
        "login" => return log_in(session, args).await,
        _ => {}
    }
    let person = session.person()?;
    match verb {
        "create_room" => create_room(person, args).await,
        "invite" => {
            let user: OwnedUserId = text(args, "user_id")?.try_into()?;
            person.room(&room_id(args)?)?.invite_user_by_id(&user).await?;
            Ok(Value::Null)
        }
        "join" => {
            person.room(&room_id(args)?)?.join().await?;
            Ok(Value::Null)
        }
        // Of an invite: it is refused.
        "leave" => {
            person.room(&room_id(args)?)?.leave().await?;
            Ok(Value::Null)
        }
        "send" => {
            let mentioned = args["mentions"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let mentioned = mentioned.map(OwnedUserId::try_from).collect::<Result<Vec<_>, _>>()?;
            let mut content = RoomMessageEventContent::text_plain(text(args, "body")?);
            if !mentioned.is_empty() {
                content = content.add_mentions(Mentions::with_user_ids(mentioned));
            }
            say(&*person.timeline(&room_id(args)?).await?, content).await
        }
        "reply_thread" => {
            let thread = person.thread(&room_id(args)?, &event_id(args, "root_id")?).await?;
            say(&thread, RoomMessageEventContent::text_plain(text(args, "body")?)).await
        }
        "redact" => {
            let item = TimelineEventItemId::EventId(event_id(args, "event_id")?);
            let timeline = person.timeline(&room_id(args)?).await?;
            timeline.redact(&item, args["reason"].as_str()).await?;
            Ok(Value::Null)
        }
        "read" => {
            let timeline = person.timeline(&room_id(args)?).await?;
            timeline.send_single_receipt(ReceiptType::Read, event_id(args, "event_id")?).await?;
            Ok(Value::Null)
        }
        "more_rooms" => {
            person.rooms.show_more();
            Ok(Value::Null)
        }
        // The server is back: as an app does that comes to the front.
        "reconnect" => {
            person.sync.start().await;
            Ok(Value::Null)
        }
        "notification" => notification(person, args).await,
        "wait_for" => views::wait_for(person, args).await,
        "logout" => {
            person.sync.stop().await;
            person.client.matrix_auth().logout().await?;
            Ok(Value::Null)
        }
        _ => Err(format!("{verb} is no verb").into()),
    }
}

async fn register(url: &str, args: &Value) -> Outcome<Value> {
    let client = Client::builder().homeserver_url(url).build().await?;
    let request = assign!(register::v3::Request::new(), {
        username: Some(text(args, "username")?.to_owned()),
        password: Some(text(args, "password")?.to_owned()),
        inhibit_login: true,
        auth: Some(AuthData::Dummy(Dummy::new())),
    });
    Ok(json!({ "user_id": client.send(request).await?.user_id }))
}

async fn log_in(session: &Session, args: &Value) -> Outcome<Value> {
    let (username, password) = (text(args, "username")?, text(args, "password")?);
    let person = Person::log_in(&session.url, username, password, text(args, "device_name")?).await?;
    let answer = json!({ "user_id": person.client.user_id(), "device_id": person.client.device_id() });
    session.person.set(person.into()).map_err(|_| "somebody has logged in already")?;
    Ok(answer)
}

async fn create_room(person: &Person, args: &Value) -> Outcome<Value> {
    let encryption =
        InitialStateEvent::with_empty_state_key(RoomEncryptionEventContent::with_recommended_defaults());
    let encrypted = args["encrypted"].as_bool().unwrap_or_default();
    let request = assign!(create_room::v3::Request::new(), {
        name: args["name"].as_str().map(str::to_owned),
        initial_state: if encrypted { vec![Raw::new(&encryption)?.cast_unchecked()] } else { Vec::new() },
    });
    Ok(json!({ "room_id": person.client.create_room(request).await?.room_id() }))
}

/// Sends a message by the queue, and waits until the server has given it an id.
async fn say(timeline: &Timeline, content: RoomMessageEventContent) -> Outcome<Value> {
    let body = content.body().to_owned();
    timeline.send(content.into()).await?;
    let sent = until(SENDING_S, async || {
        let items = timeline.items().await;
        let mut own = items.iter().rev().filter_map(|item| item.as_event()).filter(|event| event.is_own());
        let event = own.find(|event| views::body(event).as_deref() == Some(&*body))?;
        event.event_id().map(EventId::to_owned)
    });
    Ok(json!({ "event_id": sent.await.ok_or("the message was not sent")? }))
}

/// What a push tells an app: it fetches the event by itself.
async fn notification(person: &Person, args: &Value) -> Outcome<Value> {
    let setup = NotificationProcessSetup::SingleProcess { sync_service: person.sync.clone() };
    let client = NotificationClient::new(person.client.clone(), setup).await?;
    let status = client.get_notification(&room_id(args)?, &event_id(args, "event_id")?).await?;
    let NotificationStatus::Event(item) = status else {
        return Ok(json!({ "status": format!("{status:?}") }));
    };
    let body = match &item.raw_event {
        RawNotificationEvent::Timeline(event) => {
            event.get_field::<Value>("content")?.and_then(|content| Some(content.get("body")?.clone()))
        }
        RawNotificationEvent::Invite(_) => None,
    };
    Ok(json!({
        "status": "event",
        "sender": item.event.sender(),
        "room_name": item.room_computed_display_name,
        "is_invite": matches!(item.raw_event, RawNotificationEvent::Invite(_)),
        "is_noisy": item.is_noisy,
        "has_mention": item.has_mention,
        "body": body,
    }))
}

/// An argument that is a text.
pub fn text<'a>(args: &'a Value, name: &str) -> Outcome<&'a str> {
    Ok(args[name].as_str().ok_or_else(|| format!("{name} is missing"))?)
}

pub fn room_id(args: &Value) -> Outcome<OwnedRoomId> {
    Ok(text(args, "room_id")?.try_into()?)
}

pub fn event_id(args: &Value, name: &str) -> Outcome<OwnedEventId> {
    Ok(text(args, name)?.try_into()?)
}
