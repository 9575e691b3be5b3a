//! Joining: what a join needs beyond the event itself.

use std::sync::Arc;

use hearth_storage::schema::rooms::Membership;
use ruma::{OwnedRoomId, OwnedUserId, UserId};
use serde::Deserialize;
use serde_json::{Map, Value, value::to_raw_value};

use crate::{RoomError, event::Event, room::Room, rooms::Rooms, writer::NewEvent};

#[derive(Deserialize)]
struct JoinRules {
    join_rule: String,
    #[serde(default)]
    allow: Vec<Value>,
}

impl Rooms {
    /// Joins a user of this server to a room that is here. `content` is the rest of the member event's:
    /// profile, reason. Joining again changes nothing but the profile.
    pub async fn join(
        &self,
        room: &Room,
        user: &UserId,
        mut content: Map<String, Value>,
    ) -> Result<Arc<Event>, RoomError> {
        content.insert("membership".to_owned(), "join".into());
        if let Some(authoriser) = self.authoriser(room, user)? {
            content.insert("join_authorised_via_users_server".to_owned(), authoriser.as_str().into());
        }
        let content = to_raw_value(&content).map_err(|error| RoomError::Invalid(error.to_string()))?;
        room.send(NewEvent::state(user, "m.room.member", user.as_str(), content), None).await
    }

    /// The user of this server who vouches for a join by a room's `restricted` rule; `None` where the join
    /// needs nobody.
    fn authoriser(&self, room: &Room, user: &UserId) -> Result<Option<OwnedUserId>, RoomError> {
        let Some(rules) = room.state_content::<JoinRules>("m.room.join_rules", "")? else { return Ok(None) };
        if !matches!(rules.join_rule.as_str(), "restricted" | "knock_restricted") {
            return Ok(None);
        }
        let now = room.membership(user)?.map(|row| row.membership);
        if matches!(now, Some(Membership::Join | Membership::Invite | Membership::Ban)) {
            return Ok(None);
        }
        if !self.joined_to_one(user, &rules.allow)? {
            // The auth rules would refuse it, less clearly.
            return Err(RoomError::Forbidden(
                "you are in none of the rooms whose members may join this one".to_owned(),
            ));
        }
        let levels = room.power_levels()?;
        let may_invite = |user: &UserId| levels.for_user(user) >= levels.invite();
        for member in levels.users() {
            if member.server_name() == self.server_name() && may_invite(member) && room.is_joined(member)? {
                return Ok(Some(member.to_owned()));
            }
        }
        for (member, row) in room.members()? {
            let local = member.server_name() == self.server_name();
            if local && row.membership == Membership::Join && may_invite(&member) {
                return Ok(Some(member));
            }
        }
        Err(RoomError::UnableToAuthoriseJoin("nobody here may invite".to_owned()))
    }

    fn joined_to_one(&self, user: &UserId, allow: &[Value]) -> Result<bool, RoomError> {
        for condition in allow {
            if condition["type"] != "m.room_membership" {
                continue;
            }
            let Some(id) = condition["room_id"].as_str().and_then(|id| OwnedRoomId::try_from(id).ok()) else {
                continue;
            };
            if let Some(room) = self.find_room(&id)?
                && room.is_joined(user)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a user could join a room by being in one of the rooms that its rule names.
    pub fn allowed_by_restriction(&self, room: &Room, user: &UserId) -> Result<bool, RoomError> {
        match room.state_content::<JoinRules>("m.room.join_rules", "")? {
            Some(rules) if matches!(rules.join_rule.as_str(), "restricted" | "knock_restricted") => {
                self.joined_to_one(user, &rules.allow)
            }
            _ => Ok(false),
        }
    }
}

impl Room {
    /// Changes someone's membership: an invite, a kick, a ban, a leave, a knock.
    pub async fn set_membership(
        &self,
        sender: &UserId,
        target: &UserId,
        membership: &str,
        mut content: Map<String, Value>,
    ) -> Result<Arc<Event>, RoomError> {
        content.insert("membership".to_owned(), membership.into());
        let content = to_raw_value(&content).map_err(|error| RoomError::Invalid(error.to_string()))?;
        self.send(NewEvent::state(sender, "m.room.member", target.as_str(), content), None).await
    }
}
