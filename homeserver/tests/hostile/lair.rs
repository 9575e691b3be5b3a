//! A room that the hostile server makes up.

use hearth_spec::RoomVersion;
use ruma::ServerName;
use serde_json::{Value, json};

use crate::{forgery::Forgery, peer, world::World};

/// Of version 11, where its id can be anything.
pub struct Lair {
    pub id: String,
    pub create: Forgery,
    pub creator: Forgery,
    pub levels: Forgery,
    pub rules: Forgery,
    /// The rules in the name of the honest user.
    pub forged_rules: Forgery,
}

impl Lair {
    pub fn new(world: &World, id: &str) -> Self {
        let World { hostile, honest, bob, .. } = world;
        let mallory = format!("@mallory:{}", hostile.name);
        let event = |event_type: &str, key: &str, content: Value, auth: &[&Forgery]| {
            let ids: Vec<String> = auth.iter().map(|event| event.id()).collect();
            let event = json!({
                "type": event_type, "state_key": key, "content": content, "room_id": id, "sender": mallory,
                "origin_server_ts": peer::now(), "depth": auth.len() + 1,
            });
            let after = &ids[ids.len().saturating_sub(1)..];
            hostile.seal(Forgery::new(RoomVersion::V11, event).authorised_by(&ids).after(after))
        };
        let create = event("m.room.create", "", json!({ "room_version": "11" }), &[]);
        let creator = event("m.room.member", &mallory, json!({ "membership": "join" }), &[&create]);
        let power = json!({ "users": { &mallory: 100 } });
        let levels = event("m.room.power_levels", "", power, &[&create, &creator]);
        let public = json!({ "join_rule": "public" });
        let rules = event("m.room.join_rules", "", public, &[&create, &creator, &levels]);
        let honest = <&ServerName>::try_from(&*honest.name).unwrap();
        let forged_rules = rules.clone().with("sender", &*bob.id).hashed().signed(honest, &hostile.key);
        Self { id: id.to_owned(), create, creator, levels, rules, forged_rules }
    }

    /// What it answers to who wants to join or knock.
    pub fn draft(&self) -> Value {
        let auth_events = [&self.create, &self.levels, &self.rules].map(Forgery::id);
        let event = json!({
            "type": "m.room.member", "room_id": self.id, "content": { "membership": "join" }, "depth": 9,
            "prev_events": [self.rules.id()], "auth_events": auth_events,
        });
        json!({ "room_version": "11", "event": event })
    }

    pub fn state(&self) -> Vec<Value> {
        [&self.create, &self.creator, &self.levels, &self.rules].map(Forgery::json).to_vec()
    }

    /// The room, as it is answered to a join.
    pub fn answer(&self, join: &Value) -> Value {
        json!({
            "event": join, "members_omitted": false, "servers_in_room": [],
            "state": self.state(), "auth_chain": self.state(),
        })
    }
}
