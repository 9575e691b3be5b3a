//! Spaces: which rooms are in them, and what else is there to join.

use std::collections::HashSet;

use async_stream::stream;
use futures::{Stream, StreamExt, pin_mut};
use matrix_sdk::ruma::{
    OwnedRoomId,
    events::{StateEventType, space::child::SpaceChildEventContent},
    room::RoomType,
};
use matrix_sdk_ui::spaces::{
    SpaceFilter, SpaceRoom, SpaceRoomList, SpaceService, room_list::SpaceRoomListPaginationState,
};

use super::{Account, Found, Problem, Standing, WayIn};

/// More pages of a space than this are asked for by nobody.
const MOST_PAGES: usize = 10;

/// A space that one is in.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Space {
    pub id: String,
    pub name: String,
    pub picture: Option<String>,
    /// It is in no other space that one is in.
    pub is_top: bool,
    /// All rooms in it, also those of spaces in it.
    pub rooms: HashSet<String>,
}

impl Space {
    /// The one of that id.
    pub fn chosen<'a>(spaces: &'a [Self], id: Option<&str>) -> Option<&'a Self> {
        spaces.iter().find(|space| Some(space.id.as_str()) == id)
    }
}

impl Account {
    /// The spaces that one is in, those in others after these; again whenever one changes.
    pub fn spaces(&self) -> impl Stream<Item = Vec<Space>> + use<> {
        let client = self.client.clone();
        stream! {
            let service = SpaceService::new(client).await;
            let (mut filters, changes) = service.subscribe_to_space_filters().await;
            yield spaces(filters.iter());
            pin_mut!(changes);
            while let Some(batch) = changes.next().await {
                for change in batch {
                    change.apply(&mut filters);
                }
                yield spaces(filters.iter());
            }
        }
    }

    /// The rooms of a space, those that one is not in as well, in the order of the space.
    pub async fn rooms_of_space(&self, id: &str) -> Result<Vec<Found>, Problem> {
        let id = OwnedRoomId::try_from(id).map_err(|_| Problem::Known("room-failed"))?;
        let list = SpaceRoomList::new(self.client.clone(), id).await;
        for _ in 0..MOST_PAGES {
            list.paginate().await.map_err(|error| Problem::Other(error.to_string()))?;
            if matches!(list.pagination_state(), SpaceRoomListPaginationState::Idle { end_reached: true }) {
                break;
            }
        }
        Ok(list.rooms().await.into_iter().map(found).collect())
    }

    /// Puts a room into a space.
    pub async fn add_to_space(&self, space: &str, room: &str) -> Result<(), Problem> {
        let (space, room) = (self.known_room(space)?, self.known_room(room)?);
        let content = SpaceChildEventContent::new(room.route().await?);
        space.send_state_event_for_key(room.room_id(), content).await?;
        Ok(())
    }

    /// Whether one may put rooms into a space.
    pub async fn may_add_to_space(&self, space: &str) -> bool {
        let Some(room) = self.room(space) else { return false };
        let levels = room.power_levels().await;
        levels.is_ok_and(|levels| levels.user_can_send_state(&self.session.user, StateEventType::SpaceChild))
    }
}

fn spaces<'a>(filters: impl Iterator<Item = &'a SpaceFilter>) -> Vec<Space> {
    let mut all: Vec<Space> = Vec::new();
    for filter in filters {
        let rooms: HashSet<String> = filter.descendants.iter().map(ToString::to_string).collect();
        let is_top = filter.level == 0;
        // What is in a space of a space is in both.
        if !is_top && let Some(top) = all.iter_mut().rev().find(|space| space.is_top) {
            top.rooms.extend(rooms.iter().cloned());
        }
        let room = &filter.space_room;
        all.push(Space {
            id: room.room_id.to_string(),
            name: room.display_name.clone(),
            picture: room.avatar_url.as_ref().map(ToString::to_string),
            is_top,
            rooms,
        });
    }
    all
}

fn found(room: SpaceRoom) -> Found {
    Found {
        id: room.room_id.to_string(),
        alias: room.canonical_alias.map(|alias| alias.to_string()),
        name: room.display_name,
        topic: room.topic.filter(|topic| !topic.trim().is_empty()),
        picture: room.avatar_url.map(|url| url.to_string()),
        people: room.num_joined_members,
        is_space: room.room_type == Some(RoomType::Space),
        way_in: room.join_rule.as_ref().map_or(WayIn::Open, WayIn::from),
        standing: Standing::from(room.state),
        via: room.via.into_iter().map(|server| server.to_string()).collect(),
    }
}
