//! `POST /_matrix/client/v3/user_directory/search`

use std::collections::{HashMap, HashSet};

use axum::extract::State;
use hearth_rooms::Rooms;
use hearth_storage::{RoomNid, schema::rooms::Membership};
use ruma::{
    UserId,
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
    let mut sight = Sight::of(&api.rooms, &request.who.user)?;
    let mut failure = None;
    let (found, limited) = api.users.profiles.search(&request.body.search_term, limit, |user| {
        sight.reaches(user).unwrap_or_else(|error| {
            failure = Some(error);
            false
        })
    })?;
    if let Some(error) = failure {
        return Err(error);
    }
    let results = found.into_iter().map(|(id, profile)| {
        let mut user = User::new(id);
        user.display_name = profile.displayname.clone();
        user.avatar_url = profile.avatar_url.clone();
        user
    });
    Ok(Answer(Response::new(results.collect(), limited || sight.left == 0)))
}

/// Whom a user can see: themselves, those who share a room, and those who are in one that is open to everyone.
struct Sight<'a> {
    rooms: &'a Rooms,
    user: &'a UserId,
    own: HashSet<RoomNid>,
    /// Whether rooms that were come across are open.
    open: HashMap<RoomNid, bool>,
    /// How many more users are looked at.
    left: usize,
}

impl<'a> Sight<'a> {
    fn of(rooms: &'a Rooms, user: &'a UserId) -> Result<Self> {
        let own = rooms.rooms_of(user)?.into_iter();
        let own = own.filter(|(_, row)| row.membership == Membership::Join).map(|(room, _)| room);
        Ok(Self { rooms, user, own: own.collect(), open: HashMap::new(), left: MAX_LOOKED_AT })
    }

    fn reaches(&mut self, other: &UserId) -> Result<bool> {
        if other == self.user {
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
