//! Which aliases a room may call its own.

use std::time::Duration;

use hearth_federation::AskedBy;
use hearth_rooms::Room;
use http::StatusCode;
use ruma::{RoomAliasId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{ClientApi, MatrixError, Result, directory::resolve::resolve};

/// The content of `m.room.canonical_alias`, as it comes.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Aliases {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alias: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    alt_aliases: Vec<String>,
}

impl Aliases {
    /// All that are named. An empty one is how clients take theirs away.
    fn named(&self) -> impl Iterator<Item = &String> {
        self.alias.iter().chain(&self.alt_aliases).filter(|alias| !alias.is_empty())
    }

    /// The same without one of them.
    pub(crate) fn without(&self, alias: &RoomAliasId) -> Self {
        Self {
            alias: self.alias.clone().filter(|other| other != alias.as_str()),
            alt_aliases: self.alt_aliases.iter().filter(|other| *other != alias.as_str()).cloned().collect(),
        }
    }
}

/// How long the servers of all new aliases are asked together: clients give up after 30 seconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// Refuses aliases that are new in a room's `m.room.canonical_alias` and do not stand for the room.
pub(crate) async fn check(api: &ClientApi, user: &UserId, room: &Room, content: &RawValue) -> Result<()> {
    let new: Aliases = serde_json::from_str(content.get())
        .map_err(|error| MatrixError::invalid_param(format!("Aliases are texts: {error}")))?;
    let old = room.state_content::<Aliases>("m.room.canonical_alias", "")?.unwrap_or_default();
    let until = tokio::time::Instant::now() + PATIENCE;
    for alias in new.named().filter(|alias| !old.named().any(|known| known == *alias)) {
        let parsed = RoomAliasId::parse(alias.as_str())
            .map_err(|_| MatrixError::invalid_param(format!("{alias:?} is not a room alias.")))?;
        let resolving = resolve(api, AskedBy::User(user.to_owned()), &parsed);
        let stands_for = tokio::time::timeout_at(until, resolving).await;
        if matches!(stands_for, Ok(Ok((id, _))) if id == room.id()) {
            continue;
        }
        let message = format!("The alias {alias} does not point to this room.");
        return Err(MatrixError::new(StatusCode::BAD_REQUEST, "M_BAD_ALIAS", message));
    }
    Ok(())
}
