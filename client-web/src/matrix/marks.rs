//! How a room stands in the list: as a favourite or out of the way, loud or quiet, read or not.

use async_stream::stream;
use futures::Stream;
use matrix_sdk::{
    Room,
    notification_settings::RoomNotificationMode,
    ruma::{
        api::client::receipt::create_receipt::v3::ReceiptType,
        push::{PredefinedOverrideRuleId, RuleKind},
    },
};
use matrix_sdk_ui::timeline::TimelineBuilder;

use super::{Account, Problem};

/// For which messages of a room one is notified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Loudness {
    /// As the account has it for such rooms.
    #[default]
    Usual,
    All,
    Mentions,
    Nothing,
}

impl Loudness {
    pub const ALL: [Self; 4] = [Self::Usual, Self::All, Self::Mentions, Self::Nothing];

    /// The name of its text.
    pub fn text(self) -> &'static str {
        match self {
            Self::Usual => "loudness-usual",
            Self::All => "loudness-all",
            Self::Mentions => "loudness-mentions",
            Self::Nothing => "loudness-nothing",
        }
    }
}

impl Account {
    pub async fn set_favourite(&self, id: &str, is_favourite: bool) -> Result<(), Problem> {
        Ok(self.known_room(id)?.set_is_favourite(is_favourite, None).await?)
    }

    pub async fn set_low_priority(&self, id: &str, is_low: bool) -> Result<(), Problem> {
        Ok(self.known_room(id)?.set_is_low_priority(is_low, None).await?)
    }

    pub async fn mark_unread(&self, id: &str) -> Result<(), Problem> {
        Ok(self.known_room(id)?.set_unread_flag(true).await?)
    }

    /// All that there is in the room was read.
    pub async fn mark_read(&self, id: &str) -> Result<(), Problem> {
        let room = self.known_room(id)?;
        let timeline = TimelineBuilder::new(&room).build().await;
        let timeline = timeline.map_err(|error| Problem::Other(error.to_string()))?;
        timeline.mark_as_read(ReceiptType::Read).await?;
        timeline.mark_as_read(ReceiptType::FullyRead).await?;
        Ok(room.set_unread_flag(false).await?)
    }

    pub async fn loudness(&self, id: &str) -> Loudness {
        let Ok(room) = self.known_room(id) else { return Loudness::Usual };
        match room.user_defined_notification_mode().await {
            None => Loudness::Usual,
            Some(RoomNotificationMode::AllMessages) => Loudness::All,
            Some(RoomNotificationMode::MentionsAndKeywordsOnly) => Loudness::Mentions,
            Some(RoomNotificationMode::Mute) => Loudness::Nothing,
        }
    }

    pub async fn set_loudness(&self, id: &str, loudness: Loudness) -> Result<(), Problem> {
        let room = self.known_room(id)?;
        let settings = self.client.notification_settings().await;
        let mode = match loudness {
            Loudness::Usual => None,
            Loudness::All => Some(RoomNotificationMode::AllMessages),
            Loudness::Mentions => Some(RoomNotificationMode::MentionsAndKeywordsOnly),
            Loudness::Nothing => Some(RoomNotificationMode::Mute),
        };
        let outcome = match mode {
            Some(mode) => settings.set_room_notification_mode(room.room_id(), mode).await,
            None => settings.delete_user_defined_room_rules(room.room_id()).await,
        };
        outcome.map_err(|error| Problem::Other(error.to_string()))
    }

    /// Whether nothing notifies, wherever the account is signed in; again whenever the rules change, also elsewhere.
    pub fn undisturbed(&self) -> impl Stream<Item = bool> + use<> {
        let client = self.client.clone();
        stream! {
            let settings = client.notification_settings().await;
            let mut changes = settings.subscribe_to_changes();
            loop {
                let rule = PredefinedOverrideRuleId::Master;
                yield settings.is_push_rule_enabled(RuleKind::Override, rule.as_str()).await.unwrap_or(false);
                if changes.recv().await.is_err() {
                    return;
                }
            }
        }
    }

    pub async fn set_undisturbed(&self, is_undisturbed: bool) -> Result<(), Problem> {
        let settings = self.client.notification_settings().await;
        let rule = PredefinedOverrideRuleId::Master;
        let set = settings.set_push_rule_enabled(RuleKind::Override, rule.as_str(), is_undisturbed).await;
        set.map_err(|error| Problem::Other(error.to_string()))
    }

    /// The words that count as a mention.
    pub async fn keywords(&self) -> Vec<String> {
        self.client.notification_settings().await.enabled_keywords().await.into_iter().collect()
    }

    pub async fn add_keyword(&self, keyword: &str) -> Result<(), Problem> {
        let added = self.client.notification_settings().await.add_keyword(keyword.trim().to_owned()).await;
        added.map_err(|error| Problem::Other(error.to_string()))
    }

    pub async fn remove_keyword(&self, keyword: &str) -> Result<(), Problem> {
        let removed = self.client.notification_settings().await.remove_keyword(keyword).await;
        removed.map_err(|error| Problem::Other(error.to_string()))
    }

    pub(super) fn known_room(&self, id: &str) -> Result<Room, Problem> {
        self.room(id).ok_or(Problem::Known("room-failed"))
    }
}
