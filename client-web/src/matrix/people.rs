//! A person: who they are, what one has to do with them, and what may be done about them in a room.

use hearth_client_state::timeline::Person;
use matrix_sdk::{
    Room, RoomMemberships,
    room::RoomMember,
    ruma::{Int, OwnedUserId, UInt, UserId, api::client::user_directory::search_users},
};
use matrix_sdk_ui::timeline::{Profile, TimelineDetails};

use super::{Account, Problem, Role, members::role_of, rows};

/// So many rooms are looked through for those that one shares with a person.
const MOST_ROOMS: usize = 200;

/// Nobody chooses among more people.
const MOST_FOUND: u32 = 8;

/// A person as their card shows them.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Card {
    pub person: Person,
    pub is_me: bool,
    pub is_ignored: bool,
    pub is_verified: bool,
    /// Rooms in which both are: id and name.
    pub shared: Vec<(String, String)>,
    pub here: Option<Here>,
}

/// A person in a room, and what one may do about them there.
#[derive(Clone, Debug, PartialEq)]
pub struct Here {
    pub role: Role,
    pub is_banned: bool,
    pub may_kick: bool,
    pub may_ban: bool,
    pub may_set_role: bool,
}

/// A member of a room.
pub(super) fn member(member: &RoomMember) -> Person {
    Person::new(
        member.user_id().as_str(),
        member.display_name(),
        member.avatar_url().map(ToString::to_string),
    )
}

/// Somebody as a room knows them, without a question to the server.
pub(super) async fn known(room: &Room, user: &UserId) -> Person {
    match room.get_member_no_sync(user).await {
        Ok(Some(found)) => member(&found),
        _ => Person::new(user.as_str(), None, None),
    }
}

/// Whoever sent an event, as far as their profile has come.
pub(super) fn sender(user: &UserId, profile: &TimelineDetails<Profile>) -> Person {
    let profile = match profile {
        TimelineDetails::Ready(profile) => Some(profile),
        _ => None,
    };
    let name = profile.and_then(|profile| profile.display_name.as_deref());
    let picture = profile.and_then(|profile| profile.avatar_url.as_ref()).map(ToString::to_string);
    Person::new(user.as_str(), name, picture)
}

impl Account {
    /// A person's card, seen from a room if one is open.
    pub async fn card(&self, user: &str, room: Option<&str>) -> Result<Card, Problem> {
        let user = UserId::parse(user).map_err(|_| Problem::Known("error-address"))?;
        let me = &self.session.user;
        let mut card = Card {
            person: self.profile_of(&user).await,
            is_me: user == *me,
            is_ignored: self.client.is_user_ignored(&user).await,
            ..Card::default()
        };
        let identity = self.client.encryption().get_user_identity(&user).await;
        card.is_verified = matches!(identity, Ok(Some(identity)) if identity.is_verified());
        for room in self.client.joined_rooms().into_iter().take(MOST_ROOMS) {
            let member = room.get_member_no_sync(&user).await.ok().flatten();
            let is_there = member.is_some_and(|member| RoomMemberships::ACTIVE.matches(member.membership()));
            if is_there && !room.is_dm() && !card.is_me {
                card.shared.push((room.room_id().to_string(), rows::name(&room).await));
            }
        }
        if let Some(room) = room.and_then(|room| self.room(room))
            && let Ok(Some(found)) = room.get_member(&user).await
        {
            let levels = room.power_levels_or_default().await;
            card.person.name = member(&found).name;
            card.here = Some(Here {
                role: role_of(found.power_level()),
                is_banned: RoomMemberships::BAN.matches(found.membership()),
                may_kick: !card.is_me && levels.user_can_kick_user(me, &user),
                may_ban: !card.is_me && levels.user_can_ban_user(me, &user),
                may_set_role: levels.user_can_change_user_power_level(me, &user),
            });
        }
        Ok(card)
    }

    /// Somebody as their server tells of them.
    pub(super) async fn profile_of(&self, user: &UserId) -> Person {
        let profile = self.client.account().fetch_user_profile_of(user).await.ok();
        let field = |name: &str| {
            let value = profile.as_ref().and_then(|profile| profile.get(name));
            value.and_then(|value| value.as_str().map(ToOwned::to_owned))
        };
        Person::new(user.as_str(), field("displayname").as_deref(), field("avatar_url"))
    }

    pub async fn set_ignored(&self, user: &str, is_ignored: bool) -> Result<(), Problem> {
        let user = UserId::parse(user).map_err(|_| Problem::Known("error-address"))?;
        let account = self.client.account();
        let outcome = match is_ignored {
            true => account.ignore_user(&user).await,
            false => account.unignore_user(&user).await,
        };
        Ok(outcome?)
    }

    pub async fn kick(&self, room: &str, user: &str, reason: &str) -> Result<(), Problem> {
        Ok(self.known_room(room)?.kick_user(&id(user)?, given(reason)).await?)
    }

    pub async fn ban(&self, room: &str, user: &str, reason: &str) -> Result<(), Problem> {
        Ok(self.known_room(room)?.ban_user(&id(user)?, given(reason)).await?)
    }

    pub async fn unban(&self, room: &str, user: &str) -> Result<(), Problem> {
        Ok(self.known_room(room)?.unban_user(&id(user)?, None).await?)
    }

    pub async fn set_role(&self, room: &str, user: &str, role: Role) -> Result<(), Problem> {
        let level = match role {
            Role::Admin => 100,
            Role::Moderator => 50,
            Role::Everyone => 0,
        };
        self.known_room(room)?.update_power_levels(vec![(&id(user)?, Int::from(level))]).await?;
        Ok(())
    }

    /// People that this server knows, by name or address.
    pub async fn find_people(&self, words: &str) -> Result<Vec<Person>, Problem> {
        let mut request = search_users::v3::Request::new(words.trim().to_owned());
        request.limit = UInt::from(MOST_FOUND);
        let found = self.client.send(request).await?.results.into_iter();
        let people = found.map(|user| {
            let picture = user.avatar_url.map(|url| url.to_string());
            Person::new(user.user_id.as_str(), user.display_name.as_deref(), picture)
        });
        Ok(people.filter(|person| person.id != self.session.user.as_str()).collect())
    }
}

fn id(user: &str) -> Result<OwnedUserId, Problem> {
    UserId::parse(user.trim()).map_err(|_| Problem::Known("error-address"))
}

fn given(reason: &str) -> Option<&str> {
    Some(reason.trim()).filter(|reason| !reason.is_empty())
}
