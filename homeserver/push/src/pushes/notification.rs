//! What a pusher is told (push gateway API, `POST /_matrix/push/v1/notify`).

use bytes::Bytes;
use hearth_rooms::{Event, Room, RoomError};
use hearth_storage::schema::rooms::UserRoomRow;
use hearth_users::Pusher;
use ruma::{
    OwnedRoomAliasId, OwnedRoomId, RoomId, SecondsSinceUnixEpoch, UInt, UserId,
    api::push_gateway::send_event_notification::v1::{
        Device, Notification, NotificationCounts, NotificationPriority,
    },
    events::TimelineEventType,
    push::{Action, HighlightTweakValue, Tweak},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json, value::to_raw_value};

use super::target::Target;

/// What a pusher is told.
pub(super) struct Told {
    /// JSON.
    pub body: Bytes,
    /// Whether the user is to be woken.
    pub urgent: bool,
}

/// Where an event happened, as the user knows it.
#[derive(Clone)]
pub(super) struct Place {
    id: OwnedRoomId,
    pub name: Option<String>,
    pub alias: Option<OwnedRoomAliasId>,
    pub sender_name: Option<String>,
}

#[derive(Default, Deserialize)]
struct Content {
    name: Option<String>,
    alias: Option<OwnedRoomAliasId>,
    displayname: Option<String>,
}

impl Place {
    /// In a room that is here.
    pub fn of(room: &Room, event: &Event) -> Result<Self, RoomError> {
        fn content<T: DeserializeOwned + Default>(
            room: &Room,
            event_type: &str,
            key: &str,
        ) -> Result<T, RoomError> {
            Ok(room.state_content(event_type, key)?.unwrap_or_default())
        }
        let name = content::<Content>(room, "m.room.name", "")?.name;
        let alias = content::<Content>(room, "m.room.canonical_alias", "")?.alias;
        let sender_name = content::<Content>(room, "m.room.member", event.pdu.sender().as_str())?.displayname;
        Ok(Self { id: room.id().to_owned(), name, alias, sender_name })
    }

    /// By what came with an invite to a room that is not here.
    pub fn of_invite(room_id: &RoomId, row: &UserRoomRow, event: &Event) -> Self {
        #[derive(Deserialize)]
        struct Stripped {
            #[serde(rename = "type")]
            event_type: String,
            state_key: String,
            content: Content,
        }
        let stripped = row.stripped_state.as_deref().unwrap_or("[]");
        let stripped: Vec<Value> = serde_json::from_str(stripped).unwrap_or_default();
        let stripped: Vec<Stripped> =
            stripped.into_iter().filter_map(|event| serde_json::from_value(event).ok()).collect();
        let content = |event_type: &str, key: &str| {
            stripped.iter().find(|state| state.event_type == event_type && state.state_key == key)
        };
        Self {
            id: room_id.to_owned(),
            name: content("m.room.name", "").and_then(|state| state.content.name.clone()),
            alias: content("m.room.canonical_alias", "").and_then(|state| state.content.alias.clone()),
            sender_name: content("m.room.member", event.pdu.sender().as_str())
                .and_then(|state| state.content.displayname.clone()),
        }
    }
}

/// What tells a pusher of an event.
pub(super) fn of_event(
    (user, pusher, target): (&UserId, &Pusher, &Target),
    event: &Event,
    place: Place,
    actions: &[Action],
    ids_only: bool,
    unread_rooms: u64,
) -> Told {
    let mut device = device(pusher, target);
    let mut notification = Notification::default();
    notification.event_id = Some(event.id().to_owned());
    notification.room_id = Some(place.id);
    notification.counts = counts(unread_rooms);
    notification.prio = priority(event, actions);
    if !ids_only {
        device.tweaks = tweaks(actions).cloned().collect();
        notification.event_type = Some(event.pdu.event_type().clone());
        notification.sender = Some(event.pdu.sender().to_owned());
        notification.sender_display_name = place.sender_name;
        notification.room_name = place.name;
        notification.room_alias = place.alias;
        notification.user_is_target = *event.pdu.event_type() == TimelineEventType::RoomMember
            && event.pdu.state_key() == Some(user.as_str());
        notification.content = to_raw_value(event.pdu.content()).ok();
    }
    notification.devices = vec![device];
    let urgent = notification.prio == NotificationPriority::High;
    Told { body: json!({ "notification": notification }).to_string().into(), urgent }
}

/// What tells a pusher in how many rooms something is unread.
pub(super) fn of_badge(pusher: &Pusher, target: &Target, unread_rooms: u64) -> Told {
    // Nobody is to be woken by a number.
    let mut notification = Notification::new(vec![device(pusher, target)]);
    notification.prio = NotificationPriority::Low;
    notification.counts = counts(unread_rooms);
    let mut value = json!({ "notification": notification });
    // Zero is news here.
    value["notification"]["counts"] = json!({ "unread": unread_rooms });
    Told { body: value.to_string().into(), urgent: false }
}

fn counts(unread_rooms: u64) -> NotificationCounts {
    NotificationCounts::new(UInt::new_saturating(unread_rooms), UInt::MIN)
}

fn device(pusher: &Pusher, target: &Target) -> Device {
    let mut device = Device::new(pusher.app_id.clone(), pusher.pushkey.clone());
    device.pushkey_ts = Some(SecondsSinceUnixEpoch(UInt::new_saturating(pusher.row.set_at / 1000)));
    device.data = target.data.clone();
    device
}

/// Whoever is named, or hears a sound, is woken; and by what the server cannot read.
fn priority(event: &Event, actions: &[Action]) -> NotificationPriority {
    let wakes = |tweak: &Tweak| matches!(tweak, Tweak::Sound(_) | Tweak::Highlight(HighlightTweakValue::Yes));
    match *event.pdu.event_type() == TimelineEventType::RoomEncrypted || tweaks(actions).any(wakes) {
        true => NotificationPriority::High,
        false => NotificationPriority::Low,
    }
}

fn tweaks(actions: &[Action]) -> impl Iterator<Item = &Tweak> {
    actions.iter().filter_map(|action| match action {
        Action::SetTweak(tweak) => Some(tweak),
        _ => None,
    })
}
