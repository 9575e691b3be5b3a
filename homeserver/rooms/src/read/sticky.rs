//! Which events are sticky (MSC4354).

use std::sync::Arc;

use hearth_storage::{
    Position, RoomNid, Scan,
    schema::{self, rooms::StickyRow},
};

use crate::{
    RoomError,
    read::{event::Event, reading::Reader, room::Room, rooms::Rooms},
};

/// An event that is sticky.
#[derive(Clone, Debug)]
pub struct StickyEvent {
    pub event: Arc<Event>,
    /// Where it came.
    pub position: Position,
}

impl Rooms {
    /// The rooms that have sticky events, or had some until lately.
    pub fn rooms_with_sticky(&self) -> Result<Vec<RoomNid>, RoomError> {
        let view = &self.shared.view;
        let mut rooms: Vec<RoomNid> = Vec::new();
        loop {
            // From room to room.
            let rest =
                rooms.last().map_or(Scan::all(), |last| Scan::all().after((*last, Position(u64::MAX))));
            match view.scan(&schema::STICKY, rest).next().transpose()? {
                Some(((room, _), _)) => rooms.push(room),
                None => return Ok(rooms),
            }
        }
    }
}

impl Room {
    /// The sticky events that came after one position and up to another, the oldest first.
    pub fn sticky_since(&self, after: Position, until: Position) -> Result<Vec<StickyEvent>, RoomError> {
        let now = self.shared().clock.now_ms();
        let scan = Scan::prefix((self.nid(),)).after((self.nid(), after)).through((self.nid(), until));
        let mut found = Vec::new();
        for entry in self.shared().view.scan(&schema::STICKY, scan) {
            let ((_, position), row) = entry?;
            // It may have been redacted, purged, or refused since.
            if row.until > now
                && let Some(event) = self.shared().event(row.event)?
                && event.pdu.sticky().is_some()
                && event.order() == Some(position.into())
            {
                found.push(StickyEvent { event, position });
            }
        }
        Ok(found)
    }

    /// For how many milliseconds an event is still sticky.
    pub fn sticky_for(&self, event: &Event) -> Result<Option<u64>, RoomError> {
        let (Some(_), Some(order)) = (event.pdu.sticky(), event.order()) else { return Ok(None) };
        let row: Option<StickyRow> =
            self.shared().view.get(&schema::STICKY, (self.nid(), order.position()))?;
        Ok(row.and_then(|row| row.until.checked_sub(self.shared().clock.now_ms())).filter(|left| *left > 0))
    }
}
