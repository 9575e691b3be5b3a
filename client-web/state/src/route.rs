//! What the address says is open: the part after `#`, so that one page serves all and a reload comes back to it.

/// A view, as the address names it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Route {
    /// The list of rooms, nothing open.
    #[default]
    Home,
    /// `#/room/!id:server`.
    Room(String),
    /// `#/settings`, where a phone lists the sections; `#/settings/sessions`.
    Settings(Option<Section>),
    /// `#/register`, while nobody is signed in.
    Register,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Section {
    #[default]
    Profile,
    Appearance,
    Notifications,
    Sessions,
    Encryption,
}

impl Section {
    pub const ALL: [Self; 5] =
        [Self::Profile, Self::Appearance, Self::Notifications, Self::Sessions, Self::Encryption];

    /// Its word in the address, and in the names of its texts.
    pub fn word(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Appearance => "appearance",
            Self::Notifications => "notifications",
            Self::Sessions => "sessions",
            Self::Encryption => "encryption",
        }
    }
}

impl Route {
    /// Reads the fragment of an address, with or without its `#`. What is unknown is home.
    pub fn parse(fragment: &str) -> Self {
        let path = fragment.trim_start_matches('#').trim_matches('/');
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        match first {
            // Browsers keep what room identifiers consist of as it is; links that others made may be encoded.
            "room" => match decoded(rest) {
                id if id.starts_with('!') || id.starts_with('#') => Self::Room(id),
                _ => Self::Home,
            },
            "settings" => Self::Settings(Section::ALL.into_iter().find(|section| section.word() == rest)),
            "register" => Self::Register,
            _ => Self::Home,
        }
    }

    /// The fragment that [`Route::parse`] reads.
    pub fn fragment(&self) -> String {
        match self {
            Self::Home => "#/".to_owned(),
            Self::Room(id) => {
                format!("#/room/{}", id.replace('%', "%25").replace('#', "%23").replace('?', "%3F"))
            }
            Self::Settings(None) => "#/settings".to_owned(),
            Self::Settings(Some(section)) => format!("#/settings/{}", section.word()),
            Self::Register => "#/register".to_owned(),
        }
    }

    /// The room that is open.
    pub fn room(&self) -> Option<&str> {
        match self {
            Self::Room(id) => Some(id),
            _ => None,
        }
    }
}

/// Text with its `%41` read; what is no such escape stays.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escape = match (first, tail) {
            (b'%', [high, low, ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16).map(|digit| digit as u8);
                digit(high).zip(digit(low)).map(|(high, low)| high << 4 | low)
            }
            _ => None,
        };
        bytes.push(escape.unwrap_or(*first));
        rest = if escape.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for route in [
            Route::Home,
            Route::Room("!a1:example.org".to_owned()),
            Route::Room("#odd%#?:x".to_owned()),
            Route::Settings(None),
            Route::Settings(Some(Section::Sessions)),
            Route::Register,
        ] {
            assert_eq!(Route::parse(&route.fragment()), route);
        }
    }

    #[test]
    fn what_is_unknown_is_home() {
        for fragment in ["", "#", "#/", "#/nothing", "#/room", "#/room/javascript:x", "#/room/%"] {
            assert_eq!(Route::parse(fragment), Route::Home, "{fragment}");
        }
        assert_eq!(Route::parse("#/room/%21a:b"), Route::Room("!a:b".to_owned()));
    }
}
