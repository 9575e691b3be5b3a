//! What one does with a message besides answering it: pin, link, forward, report; and its versions.

use hearth_client_state::timeline::Person;
use matrix_sdk::ruma::{OwnedEventId, events::room::message::RoomMessageEventContent};

use super::{OpenRoom, Problem, items};

/// A message that is pinned, as one line.
#[derive(Clone, Debug, PartialEq)]
pub struct Pin {
    pub event: String,
    pub by: Person,
    pub text: String,
}

impl OpenRoom {
    /// Pins a message, or takes the pin away.
    pub async fn set_pinned(&self, event: &str, is_pinned: bool) -> Result<(), Problem> {
        let event = id(event)?;
        let outcome = match is_pinned {
            true => self.room.pin_event(&event).await,
            false => self.room.unpin_event(&event).await,
        };
        outcome.map(drop).map_err(Problem::from)
    }

    /// The pinned messages that can be read, the last one first.
    pub async fn pins(&self) -> Vec<Pin> {
        /// Nobody reads through more.
        const MOST: usize = 20;
        let events = self.room.pinned_event_ids().unwrap_or_default();
        let mut pins = Vec::new();
        for event in events.into_iter().rev().take(MOST) {
            let Ok(found) = self.room.load_or_fetch_event(&event, None).await else { continue };
            let Some(sender) = found.sender() else { continue };
            let by = match self.room.get_member_no_sync(&sender).await {
                Ok(Some(member)) => super::room::person(&member),
                _ => Person { id: sender.to_string(), name: sender.localpart().to_owned(), picture: None },
            };
            let Some(content) =
                matrix_sdk_ui::timeline::TimelineItemContent::from_event(&self.room, found).await
            else {
                continue;
            };
            pins.push(Pin { event: event.to_string(), by, text: items::line(&content) });
        }
        pins
    }

    /// The address of a message, for others.
    pub async fn link_to(&self, event: &str) -> Result<String, Problem> {
        Ok(self.room.matrix_to_event_permalink(id(event)?).await?.to_string())
    }

    /// Sends a message to another room as it is, by the key of its row.
    pub async fn forward(&self, key: &str, room: &str) -> Result<(), Problem> {
        let to = self.account.known_room(room)?;
        let message = self.find(key).await.and_then(|(_, item)| item.content().as_message().cloned());
        let message = message.ok_or(Problem::Known("error-forward"))?;
        let content = RoomMessageEventContent::new(message.msgtype().clone());
        to.send_queue().send(content.into()).await.map_err(|error| Problem::Other(error.to_string()))?;
        Ok(())
    }

    /// Tells those who run the server of a message.
    pub async fn report(&self, event: &str, reason: &str) -> Result<(), Problem> {
        let reason = Some(reason.trim().to_owned()).filter(|reason| !reason.is_empty());
        self.room.report_content(id(event)?, reason).await?;
        Ok(())
    }
}

fn id(event: &str) -> Result<OwnedEventId, Problem> {
    OwnedEventId::try_from(event).map_err(|_| Problem::Known("room-failed"))
}
