//! What is linked to, shown below a message: told by the server, which then knows that somebody reads of it. So in
//! encrypted rooms it is shown only where somebody wants that.

use hearth_client_state::rich::one_line;
use matrix_sdk::{
    Room,
    ruma::{
        events::{AnyRoomAccountDataEventContent, RoomAccountDataEventType},
        serde::Raw,
    },
};
use serde::Deserialize;

use super::{Account, OpenRoom, Problem};

/// Where a person keeps for each room whether previews are shown, as other clients do.
const KIND: &str = "org.matrix.room.preview_urls";

/// What a page says of itself, as the server read it.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Preview {
    pub site: String,
    pub title: String,
    pub text: String,
    /// The `mxc:` of its picture.
    pub picture: Option<String>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    disable: bool,
}

/// Whether previews are shown in a room: as was chosen, and otherwise where the server can read what is linked to anyway.
pub(super) async fn are_shown(room: &Room) -> bool {
    let chosen = room.account_data(RoomAccountDataEventType::from(KIND)).await.ok().flatten();
    let choice = chosen.and_then(|chosen| chosen.get_field::<Choice>("content").ok().flatten());
    choice.map_or(!room.encryption_state().is_encrypted(), |choice| !choice.disable)
}

impl OpenRoom {
    /// Shows previews in this room from now on, or no longer, wherever the account is signed in.
    pub async fn set_previews(&self, are_shown: bool) -> Result<(), Problem> {
        let content = serde_json::json!({ "disable": !are_shown });
        let content: Raw<AnyRoomAccountDataEventContent> =
            Raw::new(&content).map_err(|error| Problem::Other(error.to_string()))?.cast_unchecked();
        self.room.set_account_data_raw(RoomAccountDataEventType::from(KIND), content).await?;
        Ok(())
    }
}

impl Account {
    /// What the page of a link says of itself, if it says anything.
    pub async fn preview(&self, link: &str) -> Option<Preview> {
        let told = self.client.media().get_media_preview(link, None).await.ok()??;
        let told: serde_json::Value = serde_json::from_str(told.get()).ok()?;
        let words = |name: &str, most| one_line(told[name].as_str().unwrap_or_default(), most);
        let preview = Preview {
            site: words("og:site_name", 60),
            title: words("og:title", 120),
            text: words("og:description", 300),
            picture: told["og:image"].as_str().filter(|url| url.starts_with("mxc:")).map(ToOwned::to_owned),
        };
        Some(preview).filter(|preview| !preview.title.is_empty())
    }
}
