//! `POST /_matrix/client/v3/user_directory/search`

use std::collections::{HashMap, HashSet};

use axum::extract::State;
use hearth_rooms::Rooms;
use hearth_search::{FoundPeople, Person};
use hearth_storage::{RoomNid, blocking, schema::rooms::Membership};
use ruma::{
    OwnedMxcUri, OwnedUserId, UserId,
    api::client::user_directory::search_users::v3::{Request as Search, Response, User},
};

use crate::{Answer, ClientApi, Request, Result};

/// How many users an answer holds at most.
const MAX_RESULTS: usize = 50;
/// How many users are looked at who match but may be nobody that the user can see.
const MAX_LOOKED_AT: usize = 2000;

/// Finds users by their id or name
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3user_directorysearch)).
pub async fn search_user_directory(
    State(api): State<ClientApi>,
    request: Request<Search>,
) -> Result<Answer<Response>> {
    let limit = usize::try_from(request.body.limit).unwrap_or(MAX_RESULTS).min(MAX_RESULTS);
    api.people.caught_up().await;
    blocking(|| {
        let mut sight = Sight::of(&api, &request.who.user)?;
        let found = api.people.find(&request.body.search_term, limit, |user| sight.reaches(user))?;
        let FoundPeople { people, limited } = found;
        Ok(Answer(Response::new(people.into_iter().map(told).collect(), limited || sight.left == 0)))
    })
}

fn told((id, person): (OwnedUserId, Person)) -> User {
    let mut user = User::new(id);
    user.display_name = person.display_name;
    user.avatar_url = person.avatar_url.map(OwnedMxcUri::from).filter(|url| url.is_valid());
    user
}

/// Whom a user can see: themselves, those who share a room, and those who are in one that is open to everyone; or, where
/// that is set, all of this server.
struct Sight<'a> {
    rooms: &'a Rooms,
    user: &'a UserId,
    all_of_server: bool,
    own: HashSet<RoomNid>,
    /// Whether rooms that were come across are open.
    open: HashMap<RoomNid, bool>,
    /// How many more users are looked at.
    left: usize,
}

impl<'a> Sight<'a> {
    fn of(api: &'a ClientApi, user: &'a UserId) -> Result<Self> {
        let (rooms, all_of_server) = (&api.rooms, api.options.find_all_users);
        let own = rooms.rooms_of(user)?.into_iter();
        let own = own.filter(|(_, row)| row.membership == Membership::Join).map(|(room, _)| room);
        Ok(Self { rooms, user, all_of_server, own: own.collect(), open: HashMap::new(), left: MAX_LOOKED_AT })
    }

    fn reaches(&mut self, other: &UserId) -> Result<bool> {
        if other == self.user || self.all_of_server && other.server_name() == self.rooms.server_name() {
            return Ok(true);
        }
        if self.left == 0 {
            return Ok(false);
        }
        self.left -= 1;
        for (room, row) in self.rooms.rooms_of(other)? {
            if row.membership == Membership::Join && (self.own.contains(&room) || self.is_open(room)?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn is_open(&mut self, nid: RoomNid) -> Result<bool> {
        if let Some(open) = self.open.get(&nid) {
            return Ok(*open);
        }
        let room = self.rooms.room_by_nid(nid)?;
        let rules = room.state_content::<serde_json::Value>("m.room.join_rules", "")?;
        let open = rules.is_some_and(|rules| rules["join_rule"] == "public") || room.is_world_readable()?;
        self.open.insert(nid, open);
        Ok(open)
    }
}
