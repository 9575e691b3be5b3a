//! Where one is in the admin page, as its address says it: `#/users`, `#/users/@alice:example.org`.

/// A list, or one of what it lists.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    pub kind: Kind,
    /// Which one is open, by its id.
    pub id: Option<String>,
}

/// A part of the page, in the order of its navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Overview,
    Users,
    Rooms,
    Federation,
    Media,
    Reports,
    Bans,
    Tokens,
    Record,
    Bridges,
    Settings,
}

impl Kind {
    pub const ALL: [Self; 11] = [
        Self::Overview,
        Self::Users,
        Self::Rooms,
        Self::Federation,
        Self::Media,
        Self::Reports,
        Self::Bans,
        Self::Tokens,
        Self::Record,
        Self::Bridges,
        Self::Settings,
    ];

    /// Its name in the address.
    fn word(self) -> &'static str {
        match self {
            Self::Overview => "",
            Self::Users => "users",
            Self::Rooms => "rooms",
            Self::Federation => "federation",
            Self::Media => "media",
            Self::Reports => "reports",
            Self::Bans => "bans",
            Self::Tokens => "tokens",
            Self::Record => "record",
            Self::Bridges => "bridges",
            Self::Settings => "settings",
        }
    }

    /// The list itself.
    pub fn list(self) -> Place {
        Place { kind: self, id: None }
    }

    /// One of what it lists.
    pub fn of(self, id: impl Into<String>) -> Place {
        Place { kind: self, id: Some(id.into()) }
    }
}

impl Place {
    /// Reads the fragment of an address. What is not known leads to the overview.
    pub fn parse(fragment: &str) -> Self {
        let path = fragment.trim_start_matches('#').trim_start_matches('/');
        let (word, id) = path.split_once('/').map_or((path, ""), |(word, id)| (word, id));
        let kind = Kind::ALL.into_iter().find(|kind| kind.word() == word).unwrap_or(Kind::Overview);
        Self { kind, id: Some(id.to_owned()).filter(|id| !id.is_empty()) }
    }

    /// The fragment with its `#`.
    pub fn fragment(&self) -> String {
        match &self.id {
            Some(id) => format!("#/{}/{id}", self.kind.word()),
            None => format!("#/{}", self.kind.word()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_back_to_its_place() {
        for kind in Kind::ALL {
            assert_eq!(Place::parse(&kind.list().fragment()), kind.list());
        }
        for id in ["@alice:example.org:8448", "!room/with/slash:x", "mxc"] {
            assert_eq!(Place::parse(&Kind::Rooms.of(id).fragment()), Kind::Rooms.of(id));
        }
        for unknown in ["", "#", "#/", "#/no-such", "nonsense"] {
            assert_eq!(Place::parse(unknown).kind, Kind::Overview, "{unknown}");
        }
    }
}
