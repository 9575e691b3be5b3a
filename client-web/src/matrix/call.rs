//! Calls of rooms (MatrixRTC): who is in one, that somebody calls, and the one that this session is in.

mod keys;
mod running;
mod service;
mod showing;
mod standing;

use std::rc::Rc;

use async_stream::stream;
use futures::{Stream, channel::mpsc};
use hearth_client_state::{
    call::{DECLINE, MEMBER, Member, Ring, Sign, declined, members, ring, sign},
    timeline::Person,
};
use matrix_sdk::{
    Room,
    ruma::{
        events::{
            AnySyncTimelineEvent,
            room::{encrypted::OriginalSyncRoomEncryptedEvent, member::MembershipState},
        },
        serde::Raw,
    },
};
use matrix_sdk_base::deserialized_responses::RawAnySyncOrStrippedState;
use serde_json::{Value, json};

pub use self::running::{Call, CallNow, Phase};
use super::{Account, Problem, people, rows};
use crate::browser;

/// Somebody calls in a room.
#[derive(Clone, Debug, PartialEq)]
pub struct Incoming {
    pub room: String,
    pub room_name: String,
    pub is_person: bool,
    pub by: Person,
    pub ring: Ring,
}

/// What one is told of calls.
#[derive(Clone, Debug, PartialEq)]
pub enum CallNews {
    Rings(Incoming),
    /// Somebody said no to a call, by the event that told of it.
    Declined {
        event: String,
        by: String,
    },
    /// Somebody shows something in a room, which may be of its call.
    Shows {
        room: String,
        sign: Sign,
    },
}

impl Account {
    /// Who is in the call of a room, again whenever that changes.
    pub fn call_members(&self, id: &str) -> impl Stream<Item = Vec<Member>> + use<> {
        let room = self.room(id);
        stream! {
            let Some(room) = room else { return };
            let mut changes = room.subscribe_info();
            yield members_of(&room).await;
            while changes.next().await.is_some() {
                yield members_of(&room).await;
            }
        }
    }

    /// Whether it still rings: somebody is in the call, and no session of one's own.
    pub async fn still_rings(&self, incoming: &Incoming) -> bool {
        let Some(room) = self.room(&incoming.room) else { return false };
        let members = members_of(&room).await;
        let is_mine = |member: &Member| member.user == self.session.user.as_str();
        browser::now() < incoming.ring.until && !members.is_empty() && !members.iter().any(is_mine)
    }

    /// Says no to a call, for all of one's sessions and whoever calls.
    pub async fn decline_call(&self, incoming: &Incoming) -> Result<(), Problem> {
        let Some(room) = self.room(&incoming.room) else { return Ok(()) };
        let relation = json!({ "rel_type": "m.reference", "event_id": incoming.ring.event });
        room.send_raw(DECLINE, json!({ "m.relates_to": relation })).await?;
        Ok(())
    }

    /// What is told of calls in all rooms from now on.
    pub fn call_news(self: &Rc<Self>) -> impl Stream<Item = CallNews> + use<> {
        let (sender, receiver) = mpsc::unbounded();
        self.client.add_event_handler(move |event: Raw<AnySyncTimelineEvent>, room: Room| {
            let sender = sender.clone();
            // The sync waits for what handlers do.
            browser::run(async move {
                let Some(event) = readable(event, &room).await else { return };
                if let Some(news) = news(&event, &room).await {
                    let _ = sender.unbounded_send(news);
                }
            });
            std::future::ready(())
        });
        receiver
    }
}

/// The event, decrypted; its key may come a moment after it.
async fn readable(event: Raw<AnySyncTimelineEvent>, room: &Room) -> Option<Value> {
    const TRIES: u32 = 20;
    const PAUSE: u32 = 500;
    /// What is older does not ring any more.
    const OLD: i64 = 120_000;
    let value: Value = event.deserialize_as_unchecked().ok()?;
    if value["type"] != "m.room.encrypted" {
        return Some(value);
    }
    let encrypted: Raw<OriginalSyncRoomEncryptedEvent> = event.cast_unchecked();
    for _ in 0..TRIES {
        if browser::now() - value["origin_server_ts"].as_i64()? > OLD {
            return None;
        }
        browser::wait(PAUSE).await;
        if let Ok(decrypted) = room.decrypt_event(&encrypted, None).await
            && !decrypted.kind.is_utd()
        {
            return decrypted.raw().deserialize_as_unchecked().ok();
        }
    }
    None
}

async fn news(event: &Value, room: &Room) -> Option<CallNews> {
    if let Some(declined) = declined(event) {
        let by = event["sender"].as_str()?.to_owned();
        return Some(CallNews::Declined { event: declined.to_owned(), by });
    }
    if let Some(sign) = sign(event) {
        return Some(CallNews::Shows { room: room.room_id().to_string(), sign });
    }
    let ring = ring(event, room.own_user_id().as_str(), browser::now())?;
    Some(CallNews::Rings(Incoming {
        room: room.room_id().to_string(),
        room_name: rows::name(room).await,
        is_person: room.is_dm(),
        by: person(room, &ring.sender).await,
        ring,
    }))
}

/// Who is in the call of a room by its state: members of the room alone.
async fn members_of(room: &Room) -> Vec<Member> {
    let events = room.get_state_events(MEMBER.into()).await.unwrap_or_default();
    let events: Vec<Value> = events
        .iter()
        .filter_map(|event| match event {
            RawAnySyncOrStrippedState::Sync(event) => event.deserialize_as_unchecked().ok(),
            RawAnySyncOrStrippedState::Stripped(_) => None,
        })
        .collect();
    let mut there = Vec::new();
    for member in members(&events, browser::now()) {
        // Who left the room or was banned may not have said so before.
        let known = match member.user.as_str().try_into() {
            Ok(user) => room.get_member_no_sync(user).await.ok().flatten(),
            Err(_) => None,
        };
        if known.is_none_or(|known| *known.membership() == MembershipState::Join) {
            there.push(member);
        }
    }
    there
}

async fn person(room: &Room, user: &str) -> Person {
    match user.try_into() {
        Ok(user) => people::known(room, user).await,
        Err(_) => Person::new(user, None, None),
    }
}

/// A part of a path.
fn encoded(part: &str) -> String {
    js_sys::encode_uri_component(part).into()
}
