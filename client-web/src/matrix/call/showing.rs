//! What people show in a call without a word: hands and reactions.

use hearth_client_state::call::{REACTION, Sign, hand, reaction, sign};
use matrix_sdk::ruma::OwnedEventId;

use super::{Call, encoded};
use crate::{browser, matrix::Problem};

impl Call {
    /// Who was there before may have raised a hand before.
    pub(super) async fn look_for_hand(&self, membership: &str) {
        let (room, membership) = (encoded(self.room_id()), encoded(membership));
        let path = format!("v1/rooms/{room}/relations/{membership}/m.annotation/m.reaction");
        let Ok(answer) = self.account.ask("GET", &path, None).await else { return };
        for event in answer.body["chunk"].as_array().into_iter().flatten() {
            if let Some(sign @ Sign::Hand { .. }) = sign(event) {
                self.take_sign(sign);
            }
        }
    }

    /// Takes up what somebody shows.
    pub fn take_sign(&self, sign: Sign) {
        let mut now = self.now.get();
        now.signs.take(sign, &now.members, browser::now());
        self.now.set_if_not_eq(now);
    }

    /// What was shown for a moment is shown no more.
    pub fn settle_signs(&self) {
        let mut now = self.now.get();
        now.signs.settle(&now.members, browser::now());
        self.now.set_if_not_eq(now);
    }

    /// Raises one's hand, or takes it down.
    pub async fn raise_hand(&self, is_up: bool) -> Result<(), Problem> {
        match (is_up, self.own_membership(), self.own_hand()) {
            (true, Some(membership), None) => {
                self.room.send_raw("m.reaction", hand(&membership)).await?;
            }
            (false, _, Some(event)) => {
                let event =
                    OwnedEventId::try_from(event).map_err(|error| Problem::Other(error.to_string()))?;
                self.room.redact(&event, None, None).await?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Shows an emoji to all for a moment.
    pub async fn react(&self, emoji: &str, name: &str) -> Result<(), Problem> {
        if let Some(membership) = self.own_membership() {
            self.room.send_raw(REACTION, reaction(&membership, emoji, name)).await?;
        }
        Ok(())
    }

    /// The event by which one is in the call.
    fn own_membership(&self) -> Option<String> {
        let (identity, now) = (self.identity(), self.now.get());
        now.members.iter().find(|member| member.identity() == identity).map(|member| member.event.clone())
    }

    /// The event that raised one's hand, while it is up.
    fn own_hand(&self) -> Option<String> {
        self.now.get().signs.hands.get(&self.identity()).cloned()
    }
}
