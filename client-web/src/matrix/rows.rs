//! The rows of the room list.

use std::{collections::HashMap, sync::Arc};

use async_stream::stream;
use eyeball_im::VectorDiff;
use futures::{Stream, StreamExt, pin_mut};
use hearth_client_state::{
    names::{called, plain},
    rooms::{By, Kind, Last, Row, Unread, What},
};
use imbl::Vector;
use matrix_sdk::{
    Client, Room, RoomState,
    notification_settings::RoomNotificationMode,
    ruma::{OwnedRoomId, UserId, events::room::member::MembershipState},
};
use matrix_sdk_ui::{
    room_list_service::{
        RoomListItem, RoomListService,
        filters::{
            new_filter_all, new_filter_deduplicate_versions, new_filter_non_left, new_filter_not,
            new_filter_space,
        },
    },
    timeline::{LatestEventValue, LatestEventValueLocalState, RoomExt, TimelineItemContent},
};

use super::{items, people};

/// More rooms than anybody has.
const ALL: usize = 100_000;

pub fn stream(service: Arc<RoomListService>, client: Client) -> impl Stream<Item = Vector<Row>> + use<> {
    stream! {
        let Ok(list) = service.all_rooms().await else { return };
        let (diffs, controller) = list.entries_with_dynamic_adapters(ALL);
        pin_mut!(diffs);
        controller.set_filter(Box::new(new_filter_all(vec![
            Box::new(new_filter_non_left()),
            Box::new(new_filter_deduplicate_versions()),
            Box::new(new_filter_not(Box::new(new_filter_space()))),
        ])));
        let mut rows = Vector::new();
        while let Some(batch) = diffs.next().await {
            for diff in batch {
                mapped(diff, &client).await.apply(&mut rows);
            }
            yield rows.clone();
        }
    }
}

/// A change of rooms as a change of rows.
async fn mapped(diff: VectorDiff<RoomListItem>, client: &Client) -> VectorDiff<Row> {
    let mut rooms = Vec::new();
    let diff = diff.map(|room| {
        let room = room.into_inner();
        let id = room.room_id().to_owned();
        rooms.push(room);
        id
    });
    let mut rows: HashMap<OwnedRoomId, Row> = HashMap::new();
    for room in rooms {
        let row = row(&room, client).await;
        rows.insert(room.room_id().to_owned(), row);
    }
    diff.map(|id| rows.get(&id).cloned().unwrap_or_default())
}

async fn row(room: &Room, client: &Client) -> Row {
    let latest = room.latest_event().await;
    let is_person = room.is_dm();
    let kind = match (room.state(), &latest) {
        (RoomState::Invited, LatestEventValue::RemoteInvite { inviter, inviter_profile, .. }) => {
            let inviter = inviter.as_ref().map(|inviter| people::sender(inviter, inviter_profile).name);
            Kind::Invitation { by: inviter.unwrap_or_default() }
        }
        (RoomState::Invited, _) => Kind::Invitation { by: inviter(room).await },
        _ if is_person => Kind::Person,
        _ => Kind::Room,
    };
    Row {
        id: room.room_id().to_string(),
        picture: match is_of_stranger(room, client).await {
            true => None,
            false => picture(room, is_person),
        },
        name: name(room).await,
        kind,
        is_favourite: room.is_favourite(),
        is_low_priority: room.is_low_priority(),
        is_muted: room.cached_user_defined_notification_mode() == Some(RoomNotificationMode::Mute),
        unread: unread(room),
        last: last(latest, is_person, client),
        in_call: room.active_room_call_participants().len(),
        draft: None,
    }
}

/// What a room is called.
pub(super) async fn name(room: &Room) -> String {
    let name = match room.cached_display_name() {
        Some(name) => Some(name),
        None => room.display_name().await.ok(),
    };
    name.map(|name| plain(&name.to_string())).unwrap_or_default()
}

/// Who invited one to a room; empty where that is not known.
pub(super) async fn inviter(room: &Room) -> String {
    match room.invite_details().await {
        Ok(invite) => match invite.inviter {
            Some(inviter) => people::member(&inviter).name,
            None => called(invite.inviter_id.as_str(), None),
        },
        Err(_) => String::new(),
    }
}

/// Whether it is an invitation by somebody whom one does not know: nobody is to see whatever picture they like to show.
pub(super) async fn is_of_stranger(room: &Room, client: &Client) -> bool {
    if room.state() != RoomState::Invited {
        return false;
    }
    match room.invite_details().await {
        Ok(invite) => !knows(client, &invite.inviter_id).await,
        Err(_) => true,
    }
}

/// Whether one shares a room with a person, as far as this session has seen who is in them.
async fn knows(client: &Client, user: &UserId) -> bool {
    /// Nobody waits for more.
    const MOST: usize = 200;
    for room in client.joined_rooms().into_iter().take(MOST) {
        let member = room.get_member_no_sync(user).await.ok().flatten();
        if member.is_some_and(|member| *member.membership() == MembershipState::Join) {
            return true;
        }
    }
    false
}

/// A room's own picture, or that of the one person in it.
pub(super) fn picture(room: &Room, is_person: bool) -> Option<String> {
    let hero = || room.heroes_cached_avatar().filter(|_| is_person);
    room.avatar_url().map(|url| url.to_string()).or_else(hero)
}

/// The picture of the only other person, as the server told it with the room.
trait Heroes {
    fn heroes_cached_avatar(&self) -> Option<String>;
}

impl Heroes for Room {
    fn heroes_cached_avatar(&self) -> Option<String> {
        let info = self.clone_info();
        match info.heroes() {
            [hero] => hero.avatar_url.as_ref().map(|url| url.to_string()),
            _ => None,
        }
    }
}

/// Counts of the client's own; of the server where it has none yet (a new session knows no receipt).
fn unread(room: &Room) -> Unread {
    let (own, server) = (room.read_receipts(), room.unread_notification_counts());
    let is_known = own.latest_active.is_some();
    Unread {
        notifications: if is_known { room.num_unread_notifications() } else { server.notification_count },
        mentions: if is_known { room.num_unread_mentions() } else { server.highlight_count },
        messages: if is_known { room.num_unread_messages() } else { server.notification_count },
        is_marked: room.is_marked_unread(),
    }
}

fn last(latest: LatestEventValue, is_person: bool, client: &Client) -> Option<Last> {
    let (at, sender, profile, content, is_failed) = match latest {
        LatestEventValue::Remote { timestamp, sender, profile, content, .. } => {
            (timestamp, sender, profile, content, false)
        }
        LatestEventValue::Local { timestamp, sender, profile, content, state } => {
            (timestamp, sender, profile, content, matches!(state, LatestEventValueLocalState::CannotBeSent))
        }
        LatestEventValue::RemoteInvite { timestamp, .. } => {
            let at = i64::from(timestamp.get());
            return Some(Last { by: By::Other(String::new()), what: What::Other, at, is_failed: false });
        }
        LatestEventValue::None => return None,
    };
    let by = match client.user_id() == Some(&*sender) {
        true => By::Me,
        // With one person it is plain who wrote.
        false if is_person => By::Other(String::new()),
        false => By::Other(people::sender(&sender, &profile).name),
    };
    Some(Last { by, what: what(&content), at: i64::from(at.get()), is_failed })
}

/// What a message is in the words of a row.
fn what(content: &TimelineItemContent) -> What {
    items::preview(content).unwrap_or(What::Other)
}
