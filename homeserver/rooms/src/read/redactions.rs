//! Judging redactions (room versions, "Handling redactions").

use hearth_spec::may_redact;

use crate::{
    RoomError,
    read::{
        event::Event,
        reading::Reader,
        room::{Room, RoomInner},
    },
};

impl RoomInner {
    /// Whether a redaction has an effect on an event.
    pub fn redacts(
        &self,
        reader: &impl Reader,
        redaction: &Event,
        target: &Event,
    ) -> Result<bool, RoomError> {
        // Where senders choose ids, a redaction may name itself.
        let itself = target.nid == redaction.nid;
        let Some(state) = redaction.state else { return Ok(false) };
        if itself || target.room != self.nid || redaction.room != self.nid {
            return Ok(false);
        }
        let levels = reader.power_levels(state.before)?;
        let sender = levels.for_user(redaction.pdu.sender());
        Ok(may_redact(self.version, &redaction.pdu, &target.pdu, sender, levels.redact()))
    }
}

impl Room {
    /// Whether clients are not told an event that is part of the room: a redaction of an event that is not here, or
    /// that it may not redact, and what only joins the ends of the graph. The first versions judge redactions by their
    /// authorization rules alone.
    pub(crate) fn is_held_back(&self, event: &Event) -> Result<bool, RoomError> {
        if event.is_dummy() {
            return Ok(true);
        }
        let judged = self.version().rules().authorization.special_case_room_redaction;
        if judged || event.pdu.type_str() != "m.room.redaction" {
            return Ok(false);
        }
        let Some(target) = event.pdu.redacts() else { return Ok(false) };
        match self.event(target)? {
            Some(target) => Ok(!self.0.redacts(&**self.shared(), event, &target)?),
            None => Ok(true),
        }
    }
}
