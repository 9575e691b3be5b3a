//! The children of spaces.

use std::{cmp::Ordering, sync::Arc};

use hearth_rooms::{Event, Room};
use ruma::{
    OwnedRoomId, OwnedServerName, UserId, events::space::child::HierarchySpaceChildEvent, serde::Raw,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Result;

/// How many servers are remembered for a child.
const MAX_VIA: usize = 10;

/// The children of a space in their order ("Ordering of children within a space").
pub fn children(space: &Room, suggested_only: bool) -> Result<Vec<Child>> {
    let events = space.state_of_type(space.head().state, "m.space.child")?;
    let children = events.into_iter().filter_map(Child::of);
    let mut children: Vec<Child> = children.filter(|child| child.suggested || !suggested_only).collect();
    children.sort_by(Child::compare);
    Ok(children)
}

/// A valid child of a space.
pub struct Child {
    pub room: OwnedRoomId,
    /// Servers that may be in it.
    pub via: Vec<OwnedServerName>,
    order: Option<String>,
    suggested: bool,
    event: Arc<Event>,
}

impl Child {
    fn of(event: Arc<Event>) -> Option<Self> {
        #[derive(Deserialize)]
        struct Content {
            via: Vec<serde_json::Value>,
            order: Option<serde_json::Value>,
            suggested: Option<serde_json::Value>,
        }
        let content: Content = serde_json::from_str(event.pdu.content_str()).ok()?;
        let room = OwnedRoomId::try_from(event.pdu.state_key()?).ok().filter(|_| !content.via.is_empty())?;
        let via = content.via.iter().filter_map(|server| OwnedServerName::try_from(server.as_str()?).ok());
        let valid =
            |order: &str| order.len() <= 50 && order.bytes().all(|byte| (0x20..=0x7E).contains(&byte));
        let order = content.order.as_ref().and_then(|order| order.as_str()).filter(|order| valid(order));
        Some(Self {
            room,
            via: via.take(MAX_VIA).collect(),
            order: order.map(str::to_owned),
            suggested: content.suggested == Some(true.into()),
            event,
        })
    }

    fn compare(&self, other: &Self) -> Ordering {
        let unordered = self.order.is_none().cmp(&other.order.is_none());
        let sent = |child: &Self| child.event.pdu.origin_server_ts();
        unordered
            .then_with(|| self.order.cmp(&other.order))
            .then_with(|| sent(self).cmp(&sent(other)))
            .then_with(|| self.room.cmp(&other.room))
    }

    /// The event as a stripped one that says when it was sent.
    pub fn stripped(&self) -> Result<Raw<HierarchySpaceChildEvent>> {
        #[derive(Serialize)]
        struct Stripped<'a> {
            r#type: &'a str,
            state_key: &'a str,
            content: &'a RawValue,
            sender: &'a UserId,
            origin_server_ts: u64,
        }
        let pdu = &self.event.pdu;
        let stripped = Stripped {
            r#type: pdu.type_str(),
            state_key: self.room.as_str(),
            content: pdu.content(),
            sender: pdu.sender(),
            origin_server_ts: pdu.origin_server_ts().get().into(),
        };
        Ok(Raw::from_json(serde_json::value::to_raw_value(&stripped)?))
    }
}
