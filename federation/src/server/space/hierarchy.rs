//! `GET /_matrix/federation/v1/hierarchy/{roomId}`

use axum::extract::State;
use hearth_http::{
    Answer, Result,
    rooms::{
        children::{Child, children},
        discover::{Asker, may_discover},
        summary::described,
    },
};
use hearth_rooms::{Room, RoomSummary, Rooms};
use ruma::{
    ServerName,
    api::federation::space::{
        SpaceHierarchyParentSummary,
        get_hierarchy::v1::{Request as GetHierarchy, Response},
    },
};

use crate::{Federation, endpoint::Request, server::access};

/// As many children as are told of.
const MAX_CHILDREN: usize = 500;

/// A space and its children
/// ([spec](https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1hierarchyroomid)).
pub async fn get_hierarchy(
    State(federation): State<Federation>,
    request: Request<GetHierarchy>,
) -> Result<Answer<Response>> {
    let GetHierarchy { room_id, suggested_only, .. } = request.body;
    let (rooms, origin) = (federation.rooms(), &*request.origin);
    let space = access::live_room(&federation, origin, &room_id)?;
    let summary = visible(rooms, &space, origin)?.ok_or_else(access::unknown_room)?;
    let mut children = match summary.room_type.as_deref() {
        Some("m.space") => children(&space, suggested_only)?,
        _ => Vec::new(),
    };
    children.truncate(MAX_CHILDREN);
    let (mut accessible, mut inaccessible) = (Vec::new(), Vec::new());
    for Child { room: id, .. } in &children {
        // Of rooms that are not here others know better.
        let Some(room) = rooms.find_room(id)?.filter(Room::is_here) else { continue };
        match visible(rooms, &room, origin)? {
            Some(summary) => accessible.push(described(summary)),
            None => inaccessible.push(id.clone()),
        }
    }
    let state = children.iter().map(Child::stripped).collect::<Result<_>>()?;
    let space = SpaceHierarchyParentSummary::new(described(summary), state);
    let mut response = Response::new(space);
    response.children = accessible;
    response.inaccessible_children = inaccessible;
    Ok(Answer(response))
}

/// What a room says of itself, if the server's users could see or join it.
fn visible(rooms: &Rooms, room: &Room, origin: &ServerName) -> Result<Option<RoomSummary>> {
    let summary = room.summary()?;
    let visible = may_discover(rooms, room, &summary, Asker::Server(origin))?;
    Ok(visible.then_some(summary))
}
