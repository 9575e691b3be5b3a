//! Who may see an event (client-server API, "Room history visibility").

/// `m.room.history_visibility`. There is no order among them: `shared` and `invited` each let in
/// someone whom the other keeps out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HistoryVisibility {
    WorldReadable,
    /// Also where the room says nothing, or nothing that is understood.
    #[default]
    Shared,
    Invited,
    Joined,
}

impl HistoryVisibility {
    /// The visibility of that name, as the event's content has it.
    pub fn named(name: &str) -> Self {
        match name {
            "world_readable" => Self::WorldReadable,
            "invited" => Self::Invited,
            "joined" => Self::Joined,
            _ => Self::Shared,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::WorldReadable => "world_readable",
            Self::Shared => "shared",
            Self::Invited => "invited",
            Self::Joined => "joined",
        }
    }
}

/// The state at an event as it concerns one user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    pub visibility: HistoryVisibility,
    /// Whether the user's membership is `join`.
    pub joined: bool,
    /// Whether the user's membership is `invite`.
    pub invited: bool,
    /// Whether the user joined the room at any time after the event, even if they left again.
    pub joined_later: bool,
}

/// Whether the user may see the event.
///
/// For an `m.room.history_visibility` event, and for the user's own `m.room.member` event, ask for
/// the state before it and for that after it: either is enough.
pub fn may_see(at: Sight) -> bool {
    at.joined
        || match at.visibility {
            HistoryVisibility::WorldReadable => true,
            HistoryVisibility::Shared => at.joined_later,
            HistoryVisibility::Invited => at.invited,
            HistoryVisibility::Joined => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_visibility_lets_in_whom_the_table_says() {
        // Visibility, membership then, joined later, may see.
        for (visibility, membership, joined_later, expected) in [
            ("world_readable", "leave", false, true),
            ("world_readable", "ban", false, true),
            ("shared", "join", false, true),
            ("shared", "leave", false, false),
            ("shared", "leave", true, true),
            ("shared", "invite", false, false),
            ("invited", "invite", false, true),
            ("invited", "leave", true, false),
            ("invited", "join", false, true),
            ("joined", "invite", true, false),
            ("joined", "join", false, true),
            ("joined", "leave", true, false),
            ("something.else", "leave", true, true),
            ("something.else", "leave", false, false),
        ] {
            let sight = Sight {
                visibility: HistoryVisibility::named(visibility),
                joined: membership == "join",
                invited: membership == "invite",
                joined_later,
            };
            assert_eq!(may_see(sight), expected, "{visibility} {membership} {joined_later}");
        }
    }
}
