//! Rooms that one is not in: those that anybody may find, and what is known of one before joining it.

use matrix_sdk::{
    RoomState,
    ruma::{
        OwnedRoomOrAliasId, OwnedServerName, RoomOrAliasId, UInt,
        api::client::directory::get_public_rooms_filtered::v3::Request,
        assign,
        directory::{Filter, RoomTypeFilter},
        room::{JoinRuleKind, JoinRuleSummary, RoomType},
    },
};

use super::{Account, Problem};

/// So many rooms are asked for at once.
const PAGE: u32 = 30;

/// A room as those see it who are not in it.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Found {
    pub id: String,
    pub alias: Option<String>,
    pub name: String,
    pub topic: Option<String>,
    pub picture: Option<String>,
    pub people: u64,
    pub is_space: bool,
    pub way_in: WayIn,
    pub standing: Standing,
    /// Servers that know the room.
    pub via: Vec<String>,
}

/// How one comes into a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum WayIn {
    #[default]
    Open,
    /// One asks, and somebody says yes or no.
    Ask,
    /// Only who is invited, or in a certain space.
    Closed,
}

/// What one is in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Standing {
    #[default]
    Outside,
    Inside,
    Invited,
    Asking,
    Banned,
}

/// Some rooms of a directory, and where more of them begin.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct DirectoryPage {
    pub rooms: Vec<Found>,
    pub next: Option<String>,
}

/// Which rooms of a directory are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Kinds {
    #[default]
    All,
    Rooms,
    Spaces,
}

impl Kinds {
    pub const ALL: [Self; 3] = [Self::All, Self::Rooms, Self::Spaces];

    /// The name of its text.
    pub fn text(self) -> &'static str {
        match self {
            Self::All => "explore-all",
            Self::Rooms => "explore-rooms",
            Self::Spaces => "explore-spaces",
        }
    }
}

impl From<Option<RoomState>> for Standing {
    fn from(state: Option<RoomState>) -> Self {
        match state {
            Some(RoomState::Joined) => Self::Inside,
            Some(RoomState::Invited) => Self::Invited,
            Some(RoomState::Knocked) => Self::Asking,
            Some(RoomState::Banned) => Self::Banned,
            Some(RoomState::Left) | None => Self::Outside,
        }
    }
}

impl From<&JoinRuleSummary> for WayIn {
    fn from(rule: &JoinRuleSummary) -> Self {
        match rule {
            JoinRuleSummary::Public => Self::Open,
            JoinRuleSummary::Knock | JoinRuleSummary::KnockRestricted(_) => Self::Ask,
            // Whoever is in the right space may come in; the server says who is not.
            JoinRuleSummary::Restricted(_) => Self::Open,
            _ => Self::Closed,
        }
    }
}

impl Account {
    /// Rooms of a server's directory; of this account's server without a name.
    pub async fn find_rooms(
        &self,
        words: &str,
        server: &str,
        kinds: Kinds,
        since: Option<String>,
    ) -> Result<DirectoryPage, Problem> {
        let server = match server.trim() {
            "" => None,
            name => Some(OwnedServerName::try_from(name).map_err(|_| Problem::Known("error-server-name"))?),
        };
        let mut filter = Filter::new();
        filter.generic_search_term = Some(words.trim().to_owned()).filter(|words| !words.is_empty());
        filter.room_types = match kinds {
            Kinds::All => Vec::new(),
            Kinds::Rooms => vec![RoomTypeFilter::Default],
            Kinds::Spaces => vec![RoomTypeFilter::Space],
        };
        let request = assign!(Request::new(), {
            filter,
            server,
            since,
            limit: Some(UInt::from(PAGE)),
        });
        let page = self.client.public_rooms_filtered(request).await?;
        let rooms = page.chunk.into_iter().map(|room| Found {
            standing: self.client.get_room(&room.room_id).map(|room| room.state()).into(),
            via: Vec::new(),
            name: room
                .name
                .or_else(|| room.canonical_alias.as_ref().map(ToString::to_string))
                .unwrap_or_else(|| room.room_id.to_string()),
            id: room.room_id.to_string(),
            alias: room.canonical_alias.map(|alias| alias.to_string()),
            topic: room.topic.filter(|topic| !topic.trim().is_empty()),
            picture: room.avatar_url.map(|url| url.to_string()),
            people: room.num_joined_members.into(),
            is_space: room.room_type == Some(RoomType::Space),
            way_in: match room.join_rule {
                JoinRuleKind::Knock | JoinRuleKind::KnockRestricted => WayIn::Ask,
                JoinRuleKind::Invite | JoinRuleKind::Private => WayIn::Closed,
                _ => WayIn::Open,
            },
        });
        Ok(DirectoryPage { rooms: rooms.collect(), next: page.next_batch })
    }

    /// What is known of a room by its id or alias.
    pub async fn look_at(&self, address: &str) -> Result<Found, Problem> {
        let address = parsed(address)?;
        let via: Vec<_> = address.server_name().map(ToOwned::to_owned).into_iter().collect();
        let told = self.client.get_room_preview(&address, via.clone()).await?;
        Ok(Found {
            name: told
                .name
                .or_else(|| told.canonical_alias.as_ref().map(ToString::to_string))
                .unwrap_or_else(|| address.to_string()),
            id: told.room_id.to_string(),
            alias: told.canonical_alias.map(|alias| alias.to_string()),
            topic: told.topic.filter(|topic| !topic.trim().is_empty()),
            picture: told.avatar_url.map(|url| url.to_string()),
            people: told.num_joined_members,
            is_space: told.room_type == Some(RoomType::Space),
            way_in: told.join_rule.as_ref().map_or(WayIn::Open, WayIn::from),
            standing: told.state.into(),
            via: via.into_iter().map(|server| server.to_string()).collect(),
        })
    }

    /// Joins a room by its id or alias, through servers that know it.
    pub async fn join(&self, address: &str, via: &[String]) -> Result<String, Problem> {
        let address = parsed(address)?;
        let room = self.client.join_room_by_id_or_alias(&address, &servers(&address, via)).await?;
        Ok(room.room_id().to_string())
    }

    /// Asks to be let into a room.
    pub async fn knock(&self, address: &str, reason: &str, via: &[String]) -> Result<(), Problem> {
        let address = parsed(address)?;
        let reason = Some(reason.trim().to_owned()).filter(|reason| !reason.is_empty());
        let via = servers(&address, via);
        self.client.knock(address, reason, via).await?;
        Ok(())
    }
}

fn parsed(address: &str) -> Result<OwnedRoomOrAliasId, Problem> {
    let address = RoomOrAliasId::parse(address.trim()).map_err(|_| Problem::Known("error-address"))?;
    Ok(address)
}

fn servers(address: &RoomOrAliasId, via: &[String]) -> Vec<OwnedServerName> {
    let named = via.iter().filter_map(|server| OwnedServerName::try_from(server.as_str()).ok());
    let mut servers: Vec<OwnedServerName> = named.collect();
    let own = address.server_name().map(ToOwned::to_owned);
    servers.extend(own.filter(|own| !servers.contains(own)));
    servers
}
