//! Events as clients see them.

use std::sync::Arc;

use hearth_rooms::{Event, Room};
use hearth_sync::{ClientEvents, EventForm, Recipient};
use ruma::serde::Raw;

use crate::{ClientApi, Requester, Result};

/// Writes events of one room for one client, with the room's id.
pub(crate) struct EventWriter<'a>(ClientEvents<'a>);

impl<'a> EventWriter<'a> {
    pub(crate) fn new(api: &'a ClientApi, room: &'a Room, who: &'a Requester) -> Result<Self> {
        let recipient = Recipient::new(&api.users, &who.user, Some(&who.device))?;
        Ok(Self(ClientEvents::new(&api.rooms, room, recipient)))
    }

    /// Appends one event.
    pub(crate) fn write(&mut self, event: &Arc<Event>, out: &mut String) -> Result<()> {
        Ok(self.0.write(event, EventForm::WithRoomId, out)?)
    }

    /// Appends events as a JSON array.
    pub(crate) fn write_list(&mut self, events: &[Arc<Event>], out: &mut String) -> Result<()> {
        out.push('[');
        for (index, event) in events.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            self.write(event, out)?;
        }
        out.push(']');
        Ok(())
    }

    /// Events for an answer of ruma's.
    pub(crate) fn raw<T>(&mut self, events: &[Arc<Event>]) -> Result<Vec<Raw<T>>> {
        let raw = events.iter().map(|event| {
            let mut out = String::new();
            self.write(event, &mut out)?;
            Ok(Raw::from_json_string(out)?)
        });
        raw.collect()
    }
}
