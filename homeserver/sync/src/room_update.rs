//! What has happened in a room for a user since the client was told of it: read as a value, which says nothing of how it
//! is told. `/sync` writes it in `write_room.rs`.

mod ephemeral;
mod joined;
mod left;
mod members;
mod state;
mod stripped;
mod summary;
mod timeline;

use std::sync::Arc;

use hearth_push::UnreadCounts;
use hearth_rooms::{Event, Room};
use hearth_storage::{Position, RoomNid, schema::rooms::Membership};
use hearth_users::AccountDataItem;
use ruma::OwnedUserId;

pub use self::stripped::STRIPPED;
pub(crate) use self::{
    ephemeral::{Receipts, typing},
    members::MemberChanges,
    stripped::{StrippedRoom, stripped_room},
    summary::Summary,
    timeline::{Timeline, TimelineRequest},
};
use crate::{SyncError, online::UserRoom, scope::Scope};

/// A room, and what is known of it before it is read.
pub(crate) struct ToRead<'a> {
    pub nid: RoomNid,
    /// `None` for one of which only an invite, a knock or the end of one is known.
    pub room: Option<&'a Room>,
    /// What the user is to the room.
    pub is: UserRoom,
    /// Up to where the client was told; `None` for nothing.
    pub since: Option<Position>,
    /// From where on it was told of the room at all.
    pub shown_since: Position,
    /// The account data of the room that is to be told.
    pub account_data: Vec<AccountDataItem>,
}

/// What has happened in a room, by what the user is to it.
pub(crate) enum RoomUpdate {
    Joined(Box<Shown>),
    /// The timeline and the state reach up to the leave.
    Left(Box<Shown>),
    Invited(StrippedRoom),
    Knocked(StrippedRoom),
}

/// What has happened in a room that the user may look into.
#[derive(Default)]
pub(crate) struct Shown {
    /// The client knows nothing of the room but this.
    pub is_new: bool,
    pub timeline: Timeline,
    /// Sticky events that are not in the timeline.
    pub sticky: Vec<Arc<Event>>,
    /// What changed besides, or all of it: at the start of the timeline or at its end, as was asked for.
    pub state: Vec<Arc<Event>>,
    /// How the room is called and how many are in it, where that may have changed.
    pub summary: Option<Summary>,
    pub receipts: Receipts,
    /// Who types, where that changed.
    pub typing: Option<Vec<OwnedUserId>>,
    pub account_data: Vec<AccountDataItem>,
    /// How much the user has not read, where anything else is told.
    pub unread: Option<UnreadCounts>,
    pub members: MemberChanges,
}

impl Shown {
    /// Whether nothing has happened of which a client that knows the room has to be told.
    pub fn is_empty(&self) -> bool {
        !self.is_new
            && self.timeline.events.is_empty()
            && !self.timeline.limited
            && self.sticky.is_empty()
            && self.state.is_empty()
            && self.summary.is_none()
            && self.receipts.is_empty()
            && self.typing.is_none()
            && self.account_data.is_empty()
    }
}

impl RoomUpdate {
    /// What is to be told of a room; `None` for nothing.
    pub fn read(
        scope: &Scope<'_>,
        mut to_read: ToRead<'_>,
    ) -> Result<Option<(Self, MemberChanges)>, SyncError> {
        let is_new = to_read.since.is_none_or(|since| to_read.is.position > since) || scope.wanted.full_state;
        let filter = scope.wanted.account_data;
        to_read.account_data.retain(|item| filter.takes_type(&item.data_type));
        let with_members = |mut shown: Shown, update: fn(Box<Shown>) -> Self| {
            let members = std::mem::take(&mut shown.members);
            (update(Box::new(shown)), members)
        };
        Ok(match (to_read.is.membership, to_read.room) {
            (Membership::Join, Some(room)) => {
                let shown = joined::JoinedRoom::new(scope, room, to_read)?.read()?;
                Some(with_members(shown, Self::Joined))
            }
            (Membership::Leave | Membership::Ban, room) => {
                let shown = match room {
                    Some(room) => left::left_room(scope, room, to_read)?,
                    None => left::left_elsewhere(scope, to_read)?,
                };
                shown.map(|shown| with_members(shown, Self::Left))
            }
            (Membership::Invite | Membership::Knock, room) if is_new => {
                let invited = to_read.is.membership == Membership::Invite;
                let update = if invited { Self::Invited } else { Self::Knocked };
                let stripped = stripped::stripped_room(scope, to_read.nid, room)?;
                stripped.map(|room| (update(room), MemberChanges::default()))
            }
            _ => None,
        })
    }

    /// Whether nothing has happened of which a client that knows the room has to be told.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Joined(shown) if shown.is_empty())
    }
}
