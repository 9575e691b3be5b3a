//! Who is in a room.

use hearth_client_state::timeline::Person;
use matrix_sdk::{
    RoomMemberships,
    ruma::{
        UserId,
        events::room::{member::MembershipState, power_levels::UserPowerLevel},
    },
};

use super::{OpenRoom, Problem, people};

/// A person in a room.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    pub person: Person,
    pub is_invited: bool,
    pub is_banned: bool,
    pub role: Role,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Admin,
    Moderator,
    Everyone,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::Everyone, Self::Moderator, Self::Admin];

    /// The name of its text.
    pub fn text(self) -> &'static str {
        match self {
            Self::Admin => "tag-admin",
            Self::Moderator => "tag-moderator",
            Self::Everyone => "tag-member",
        }
    }
}

/// The role that a power level amounts to.
pub(super) fn role_of(level: UserPowerLevel) -> Role {
    match level {
        UserPowerLevel::Infinite => Role::Admin,
        UserPowerLevel::Int(level) if i64::from(level) >= 100 => Role::Admin,
        UserPowerLevel::Int(level) if i64::from(level) >= 50 => Role::Moderator,
        _ => Role::Everyone,
    }
}

impl OpenRoom {
    /// Who is in the room, invited or banned: who runs it first, then by name.
    pub async fn members(&self) -> Result<Vec<Member>, Problem> {
        let members = self.room.members(RoomMemberships::ACTIVE | RoomMemberships::BAN).await?;
        let mut members: Vec<Member> = members
            .iter()
            .map(|member| Member {
                person: people::member(member),
                is_invited: *member.membership() == MembershipState::Invite,
                is_banned: *member.membership() == MembershipState::Ban,
                role: role_of(member.power_level()),
            })
            .collect();
        members.sort_by_key(|member| {
            (member.is_banned, member.is_invited, member.role, member.person.name.to_lowercase())
        });
        Ok(members)
    }

    /// The people whose names begin so, without a question to the server: for completion.
    pub async fn people_called(&self, begun: &str, most: usize) -> Vec<Person> {
        let members = self.room.members_no_sync(RoomMemberships::JOIN).await.unwrap_or_default();
        let people = members.iter().map(people::member).filter(|someone| {
            hearth_client_state::rooms::is_found(&someone.name, begun)
                || someone.id.trim_start_matches('@').starts_with(&begun.to_lowercase())
        });
        people.filter(|someone| someone.id != self.account.session.user.as_str()).take(most).collect()
    }

    pub async fn invite(&self, user: &str) -> Result<(), Problem> {
        let user = UserId::parse(user.trim()).map_err(|_| Problem::Known("error-address"))?;
        Ok(self.room.invite_user_by_id(&user).await?)
    }
}
