//! Simplified sliding sync: what is in view, and what a connection is told of it.

use ruma::OwnedRoomId;

use super::*;
use crate::{SlidingBody, SlidingForm, SyncError};

mod connections;
mod extensions;
mod histories;
mod lists;
mod rooms;
mod sticky;

/// A client on one connection.
struct Slider {
    world: World,
    user: OwnedUserId,
    device: OwnedDeviceId,
    form: SlidingForm,
    body: Value,
    pos: Option<String>,
}

impl Client {
    /// A connection of the device, in today's form.
    fn slider(&self, body: Value) -> Slider {
        let (world, user, device) = (self.world.clone(), self.user.clone(), self.device.clone());
        Slider { world, user, device, form: SlidingForm::Unstable, body, pos: None }
    }

    /// The same in the accepted form.
    fn stable_slider(&self, body: Value) -> Slider {
        Slider { form: SlidingForm::Stable, ..self.slider(body) }
    }
}

impl Slider {
    async fn try_sync(&self, timeout: Duration) -> Result<Value, SyncError> {
        let body: SlidingBody = serde_json::from_value(self.body.clone()).unwrap();
        let who = (self.user.clone(), self.device.clone());
        let request = body.request(self.form, who, self.pos.as_deref(), timeout, PresenceState::Online)?;
        let response = self.world.sync.sliding_sync(request).await?;
        Ok(serde_json::from_str(&response).unwrap_or_else(|error| panic!("{error}: {response}")))
    }

    /// What there is to tell, up to all that was written.
    async fn peek(&self) -> Value {
        self.world.sync.reached(self.world.rooms.store().published()).await.unwrap();
        self.try_sync(Duration::ZERO).await.unwrap()
    }

    /// The same, and goes on from there.
    async fn sync(&mut self) -> Value {
        let response = self.peek().await;
        self.pos = Some(response["pos"].as_str().unwrap().to_owned());
        response
    }

    /// Waits for something to be told.
    async fn wait(&mut self) -> Value {
        let response = self.try_sync(Duration::from_secs(10)).await.unwrap();
        self.pos = Some(response["pos"].as_str().unwrap().to_owned());
        response
    }
}

/// A list of all rooms, the first so many in view.
fn window(last: usize) -> Value {
    json!({"lists": {"all": {
        "ranges": [[0, last]], "timeline_limit": 5,
        "required_state": [["m.room.create", ""], ["m.room.member", "$ME"], ["m.room.member", "$LAZY"]],
    }}})
}

/// A subscription to a room.
fn subscription(room: &Room, limit: u64, required: Value) -> Value {
    json!({"room_subscriptions": {room.id().as_str(): {"timeline_limit": limit, "required_state": required}}})
}

fn room_ids(response: &Value) -> Vec<OwnedRoomId> {
    let rooms = response["rooms"].as_object().unwrap();
    rooms.keys().map(|id| OwnedRoomId::try_from(&**id).unwrap()).collect()
}

fn part<'a>(response: &'a Value, room: &Room) -> &'a Value {
    &response["rooms"][room.id().as_str()]
}

/// The bodies of the messages in a room's timeline.
fn said(response: &Value, room: &Room) -> Vec<String> {
    let events = part(response, room)["timeline"].as_array();
    let bodies = events.into_iter().flatten().filter_map(|event| event["content"]["body"].as_str());
    bodies.map(str::to_owned).collect()
}

/// Types and state keys of the required state.
fn state(response: &Value, room: &Room) -> Vec<(String, String)> {
    kinds(&json!({"events": part(response, room)["required_state"]}))
}
