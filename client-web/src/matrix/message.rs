//! What one does with a message besides answering it: find, pin, link, forward, report; and its versions.

use hearth_client_state::timeline::{Content, Person};
use matrix_sdk::ruma::{
    MilliSecondsSinceUnixEpoch, OwnedEventId, UInt,
    api::{Direction, client::room::get_event_by_timestamp::v1::Request as ByTimestamp},
    events::room::message::RoomMessageEventContent,
};

use super::{OpenRoom, Problem, items, people};

/// A message that is pinned, as one line.
#[derive(Clone, Debug, PartialEq)]
pub struct Pin {
    pub event: String,
    pub by: Person,
    pub text: String,
}

/// A message as it was for a while.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    pub content: Content,
    /// Since when, in milliseconds since 1970.
    pub at: i64,
}

impl OpenRoom {
    /// The first message from a moment on, in milliseconds since 1970; the last one before it where none follows.
    pub async fn event_at(&self, at: i64) -> Result<String, Problem> {
        let at = MilliSecondsSinceUnixEpoch(UInt::try_from(at.max(0)).unwrap_or_default());
        let mut found = Err(Problem::Known("room-failed"));
        for direction in [Direction::Forward, Direction::Backward] {
            let request = ByTimestamp::new(self.room.room_id().to_owned(), at, direction);
            found = self.account.client.send(request).await.map_err(Problem::from);
            if found.is_ok() {
                break;
            }
        }
        found.map(|found| found.event_id.to_string())
    }

    /// What a message has been, the first version first.
    pub async fn versions(&self, event: &str) -> Result<Vec<Version>, Problem> {
        let versions = self.timeline.edit_revisions(&id(event)?).await;
        let versions = versions.map_err(|error| Problem::Other(error.to_string()))?;
        let shown = versions.iter().filter_map(|version| {
            let at = version.timestamp.map_or(0, |at| i64::from(at.get()));
            Some(Version { content: items::message(&version.content)?, at })
        });
        Ok(shown.collect())
    }

    /// The address of the room, for others: with servers through which it is found.
    pub async fn link(&self) -> Result<String, Problem> {
        Ok(self.room.matrix_to_permalink().await?.to_string())
    }

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
            let by = people::known(&self.room, &sender).await;
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
