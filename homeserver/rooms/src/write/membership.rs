//! Joining: what a join needs beyond the event itself.

use std::sync::Arc;

use hearth_storage::schema::rooms::Membership;
use ruma::{OwnedRoomId, OwnedUserId, UserId};
use serde::Deserialize;
use serde_json::{Map, Value, value::to_raw_value};

use crate::{
    RoomError,
    read::{event::Event, room::Room, rooms::Rooms},
    write::writer::NewEvent,
};

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
    ///
    /// # Errors
    /// [`RoomError::UnableToAuthoriseJoin`] if another server may know better, [`RoomError::Forbidden`] if the
    /// rule says no.
    pub fn authoriser(&self, room: &Room, user: &UserId) -> Result<Option<OwnedUserId>, RoomError> {
        let Some(rules) = room.state_content::<JoinRules>("m.room.join_rules", "")? else { return Ok(None) };
        if !matches!(rules.join_rule.as_str(), "restricted" | "knock_restricted") {
            return Ok(None);
        }
        let now = room.membership(user)?.map(|row| row.membership);
        if matches!(now, Some(Membership::Join | Membership::Invite | Membership::Ban)) {
            return Ok(None);
        }
        if !self.joined_to_one(user, &rules.allow)? {
            if user.server_name() != self.server_name() && !self.all_are_here(&rules.allow)? {
                let reason = "it does not know all the rooms whose members may join";
                return Err(RoomError::UnableToAuthoriseJoin(reason.to_owned()));
            }
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
        let local = room.members_of(self.server_name(), Membership::Join)?;
        if let Some(member) = local.into_iter().find(|member| may_invite(member)) {
            return Ok(Some(member));
        }
        Err(RoomError::UnableToAuthoriseJoin("nobody here may invite".to_owned()))
    }

    fn joined_to_one(&self, user: &UserId, allow: &[Value]) -> Result<bool, RoomError> {
        for id in allowed_rooms(allow) {
            // What is known of a room that nobody from here is in is from the past.
            if let Some(room) = self.find_room(&id)?
                && room.is_here()
                && room.is_joined(user)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn all_are_here(&self, allow: &[Value]) -> Result<bool, RoomError> {
        for id in allowed_rooms(allow) {
            if !self.find_room(&id)?.is_some_and(|room| room.is_here()) {
                return Ok(false);
            }
        }
        Ok(true)
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

/// The rooms that a `restricted` rule names.
fn allowed_rooms(allow: &[Value]) -> impl Iterator<Item = OwnedRoomId> {
    let rooms = allow.iter().filter(|condition| condition["type"] == "m.room_membership");
    rooms.filter_map(|condition| OwnedRoomId::try_from(condition["room_id"].as_str()?).ok())
}
