//! One thing that a user does.

use http::{Method, StatusCode};
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::room;
use crate::{client::Client, simulation::World};

/// Something that a client is about to do in a room.
pub(super) struct Action<'a> {
    world: &'a World,
    number: usize,
    client: &'a Client,
    room: &'a str,
    chance: ChaCha8Rng,
    /// No other action has it.
    name: String,
}

impl<'a> Action<'a> {
    pub fn new(world: &'a World, number: usize, room: &'a str, mut chance: ChaCha8Rng) -> Self {
        let name = format!("{:x}", chance.random::<u64>());
        Self { world, number, client: &world.clients[number], room, chance, name }
    }

    pub async fn take(mut self) {
        match self.chance.random_range(0..100) {
            0..35 => self.say(json!({ "msgtype": "m.text", "body": self.name })).await,
            35..45 => self.set_state().await,
            45..53 => self.redact().await,
            53..58 => self.react().await,
            58..64 => self.answer_in_thread().await,
            64..72 => self.read().await,
            72..80 => self.come_or_go().await,
            80..84 => self.look_back().await,
            84..88 => self.type_something().await,
            88..94 => self.tell_devices().await,
            94..98 => self.keep_in_account().await,
            _ => self.make_room().await,
        }
    }

    /// Asks below the room; the answer, if it is a good one.
    async fn ask(&self, method: Method, path: &str, body: Value) -> Option<Value> {
        let path = format!("/_matrix/client/v3/rooms/{}/{path}", self.room);
        match self.client.ask(method, &path, Some(body)).await {
            Some((StatusCode::OK, answer)) => Some(answer),
            _ => None,
        }
    }

    /// Notes the event of an answer as acknowledged.
    fn acknowledged(&self, answer: Option<Value>) -> Option<String> {
        let event = answer?["event_id"].as_str()?.to_owned();
        self.world.done.counts.lock().events += 1;
        let mut acknowledged = self.world.done.acknowledged.lock();
        acknowledged.push((self.number, self.room.to_owned(), event.clone()));
        Some(event)
    }

    /// Some event of this room that was acknowledged to somebody.
    fn some_event(&mut self) -> Option<String> {
        let acknowledged = self.world.done.acknowledged.lock();
        let of_room: Vec<_> = acknowledged.iter().filter(|(_, room, _)| room == self.room).collect();
        // Most often one of the newest.
        let back = self.chance.random_range(0..of_room.len().clamp(1, 40));
        of_room.iter().rev().nth(back).map(|(_, _, event)| event.clone())
    }

    async fn say(&self, content: Value) {
        let answer = self.ask(Method::PUT, &format!("send/m.room.message/{}", self.name), content).await;
        self.acknowledged(answer);
    }

    async fn set_state(&mut self) {
        let key = ["", "a", "b"][self.chance.random_range(0..3)];
        let path = format!("state/test.state/{key}");
        let answer = self.ask(Method::PUT, &path, json!({ "is": self.name })).await;
        self.acknowledged(answer);
    }

    async fn redact(&mut self) {
        let Some(event) = self.some_event() else { return };
        if self.world.done.annotations.lock().values().any(|events| events.contains(&event)) {
            // A reaction that is gone may be made again: which of them are too many could not be told.
            return;
        }
        let answer = self.ask(Method::PUT, &format!("redact/{event}/{}", self.name), json!({})).await;
        if let Some(redaction) = self.acknowledged(answer) {
            self.world.done.redacted.lock().push((redaction, event));
        }
    }

    /// The same reaction may be tried twice at once: one of them must be refused.
    async fn react(&mut self) {
        let Some(event) = self.some_event() else { return };
        let relation = json!({ "rel_type": "m.annotation", "event_id": event, "key": "+" });
        let content = json!({ "m.relates_to": relation });
        let (first, second) =
            (format!("send/m.reaction/{}", self.name), format!("send/m.reaction/{}-2", self.name));
        let twice = futures::join!(
            self.ask(Method::PUT, &first, content.clone()),
            self.ask(Method::PUT, &second, content)
        );
        for answer in [twice.0, twice.1] {
            if let Some(reaction) = self.acknowledged(answer) {
                let by = (self.client.user.to_string(), event.clone());
                self.world.done.annotations.lock().entry(by).or_default().push(reaction);
            }
        }
    }

    async fn answer_in_thread(&mut self) {
        let Some(event) = self.some_event() else { return };
        let relation = json!({ "rel_type": "m.thread", "event_id": event });
        self.say(json!({ "msgtype": "m.text", "body": self.name, "m.relates_to": relation })).await;
    }

    async fn read(&mut self) {
        let Some(event) = self.some_event() else { return };
        self.ask(Method::POST, &format!("receipt/m.read/{event}"), json!({})).await;
    }

    /// Leaves the room, or comes back; also both at once.
    async fn come_or_go(&mut self) {
        let via = &self.world.hosts[self.chance.random_range(0..self.world.hosts.len())].name;
        let join = format!("join?via={via}");
        let choice = self.chance.random_range(0..5);
        let forget = async {
            self.ask(Method::POST, "leave", json!({})).await;
            self.ask(Method::POST, "forget", json!({})).await;
        };
        match choice {
            0 => forget.await,
            1 => _ = self.ask(Method::POST, "leave", json!({})).await,
            2 => _ = futures::join!(forget, self.ask(Method::POST, &join, json!({}))),
            _ => _ = self.ask(Method::POST, &join, json!({})).await,
        }
    }

    async fn look_back(&mut self) {
        let limit = self.chance.random_range(1..20);
        let path = format!("/_matrix/client/v3/rooms/{}/messages?dir=b&limit={limit}", self.room);
        self.client.ask(Method::GET, &path, None).await;
    }

    async fn type_something(&mut self) {
        let typing = json!({ "typing": self.chance.random_range(0..3) > 0, "timeout": 10_000 });
        self.ask(Method::PUT, &format!("typing/{}", self.client.user), typing).await;
    }

    async fn tell_devices(&mut self) {
        let to = self.chance.random_range(0..self.world.clients.len());
        let user = &self.world.clients[to].user;
        let path = format!("/_matrix/client/v3/sendToDevice/test.told/{}", self.name);
        let body = json!({ "messages": { user.as_str(): { "*": { "n": self.name } } } });
        if let Some((StatusCode::OK, _)) = self.client.ask(Method::PUT, &path, Some(body)).await {
            self.world.done.told.lock().push((to, self.name.clone()));
        }
    }

    async fn keep_in_account(&mut self) {
        let user = &self.client.user;
        let kind = ["test.a", "test.b"][self.chance.random_range(0..2)];
        let path = match self.chance.random_range(0..2) {
            0 => format!("/_matrix/client/v3/user/{user}/account_data/{kind}"),
            _ => format!("/_matrix/client/v3/user/{user}/rooms/{}/account_data/{kind}", self.room),
        };
        self.client.ask(Method::PUT, &path, Some(json!({ "is": self.name }))).await;
    }

    async fn make_room(&mut self) {
        let path = "/_matrix/client/v3/createRoom";
        if let Some((StatusCode::OK, made)) = self.client.ask(Method::POST, path, Some(room())).await
            && let Some(room) = made["room_id"].as_str()
        {
            self.world.done.rooms.lock().push(room.to_owned());
        }
    }
}
