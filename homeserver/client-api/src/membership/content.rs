//! The content of member events.

use hearth_storage::schema::rooms::Membership;
use hearth_users::Users;
use ruma::{UserId, events::room::member::MembershipState};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::Result;

/// What a member event says of a user beside the membership: the profile, as far as it is known here, and a
/// reason.
pub(crate) fn member_content(
    users: &Users,
    user: &UserId,
    reason: Option<String>,
) -> Result<Map<String, Value>> {
    let profile = users.profiles.get(user)?;
    let mut content = because(reason);
    if let Some(name) = profile.displayname.as_ref().filter(|name| !name.is_empty()) {
        content.insert("displayname".to_owned(), name.as_str().into());
    }
    if let Some(url) = &profile.avatar_url {
        content.insert("avatar_url".to_owned(), url.as_str().into());
    }
    Ok(content)
}

/// A reason alone.
pub(crate) fn because(reason: Option<String>) -> Map<String, Value> {
    reason.map(|reason| ("reason".to_owned(), reason.into())).into_iter().collect()
}

/// What a request that turns a user out says beside ruma's types
/// ([MSC4293](https://github.com/matrix-org/matrix-spec-proposals/pull/4293)).
#[derive(Deserialize)]
pub(crate) struct TurnedOut {
    /// Whether what they sent is redacted.
    #[serde(default, rename = "org.matrix.msc4293.redact_events")]
    redact_events: bool,
}

impl TurnedOut {
    /// The content that says so, with a reason.
    pub(crate) fn because(self, reason: Option<String>) -> Map<String, Value> {
        let mut content = because(reason);
        if self.redact_events {
            content.insert("org.matrix.msc4293.redact_events".to_owned(), true.into());
        }
        content
    }
}

/// A membership as the specification writes it.
pub(crate) fn membership_state(membership: Membership) -> MembershipState {
    match membership {
        Membership::Join => MembershipState::Join,
        Membership::Invite => MembershipState::Invite,
        Membership::Knock => MembershipState::Knock,
        Membership::Leave => MembershipState::Leave,
        Membership::Ban => MembershipState::Ban,
    }
}
