//! What the address says is open: the part after `#`, so that one page serves all and a reload comes back to it.

/// A view, as the address names it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Route {
    /// The list of rooms, nothing open.
    #[default]
    Home,
    /// `#/room/!id:server`, or by an alias.
    Room(String),
    /// `#/room/!id:server/$event`: that message among those around it.
    Message(String, String),
    /// `#/settings-of/!id:server`: the settings of a room.
    RoomSettings(String),
    /// `#/space/!id:server`.
    Space(String),
    /// `#/user/@name:server`.
    Person(String),
    /// `#/explore`: rooms that anybody may find.
    Explore,
    /// `#/search/words`.
    Search(String),
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
        // Browsers keep what identifiers consist of as it is; links that others made may be encoded.
        let rest_decoded = decoded(rest);
        let is_room = |id: &str| id.starts_with(['!', '#']) && id.len() > 1;
        match first {
            "room" => match rest_decoded.split_once("/$") {
                Some((room, event)) if is_room(room) => Self::Message(room.to_owned(), format!("${event}")),
                None if is_room(&rest_decoded) => Self::Room(rest_decoded),
                _ => Self::Home,
            },
            "settings-of" if is_room(&rest_decoded) => Self::RoomSettings(rest_decoded),
            "space" if is_room(&rest_decoded) => Self::Space(rest_decoded),
            "user" if rest_decoded.starts_with('@') && rest_decoded.contains(':') => {
                Self::Person(rest_decoded)
            }
            "explore" => Self::Explore,
            "search" => Self::Search(rest_decoded),
            // What the browser opens for links of Matrix, where this client is registered for them.
            "link" => Self::of_link(&rest_decoded).unwrap_or_default(),
            "settings" => Self::Settings(Section::ALL.into_iter().find(|section| section.word() == rest)),
            "register" => Self::Register,
            _ => Self::Home,
        }
    }

    /// The fragment that [`Route::parse`] reads.
    pub fn fragment(&self) -> String {
        match self {
            Self::Home => "#/".to_owned(),
            Self::Room(id) => format!("#/room/{}", encoded(id)),
            Self::Message(room, event) => format!("#/room/{}/{}", encoded(room), encoded(event)),
            Self::RoomSettings(id) => format!("#/settings-of/{}", encoded(id)),
            Self::Space(id) => format!("#/space/{}", encoded(id)),
            Self::Person(id) => format!("#/user/{}", encoded(id)),
            Self::Explore => "#/explore".to_owned(),
            Self::Search(words) => format!("#/search/{}", encoded(words)),
            Self::Settings(None) => "#/settings".to_owned(),
            Self::Settings(Some(section)) => format!("#/settings/{}", section.word()),
            Self::Register => "#/register".to_owned(),
        }
    }

    /// The room that is open.
    pub fn room(&self) -> Option<&str> {
        match self {
            Self::Room(id) | Self::Message(id, _) | Self::RoomSettings(id) => Some(id),
            _ => None,
        }
    }

    /// What a link of Matrix names: `https://matrix.to/#/…` or `matrix:…` (appendices, "Matrix URI scheme").
    pub fn of_link(link: &str) -> Option<Self> {
        let (id, event) = match link.strip_prefix("https://matrix.to/#/") {
            Some(rest) => {
                let rest = decoded(rest.split('?').next()?);
                match rest.split_once("/$") {
                    Some((room, event)) => (room.to_owned(), Some(format!("${event}"))),
                    None => (rest, None),
                }
            }
            None => {
                let rest = link.strip_prefix("matrix:")?.split('?').next()?;
                let rest = decoded(rest.trim_start_matches('/'));
                let (id, event) = match rest.split_once("/e/") {
                    Some((id, event)) => (id.to_owned(), Some(format!("${event}"))),
                    None => (rest, None),
                };
                let (kind, name) = id.split_once('/')?;
                let sigil = match kind {
                    "u" | "user" => '@',
                    "r" | "room" => '#',
                    "roomid" => '!',
                    _ => return None,
                };
                (format!("{sigil}{name}"), event)
            }
        };
        match (id.chars().next()?, event) {
            ('@', _) if id.contains(':') => Some(Self::Person(id)),
            ('!' | '#', Some(event)) => Some(Self::Message(id, event)),
            ('!' | '#', None) if id.len() > 1 => Some(Self::Room(id)),
            _ => None,
        }
    }
}

/// An identifier as it may stand in a fragment, and be read again.
fn encoded(text: &str) -> String {
    let mut all = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '%' => all.push_str("%25"),
            '#' => all.push_str("%23"),
            '?' => all.push_str("%3F"),
            ' ' => all.push_str("%20"),
            c => all.push(c),
        }
    }
    all
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
            Route::Message("!a:b".to_owned(), "$e/+1".to_owned()),
            Route::RoomSettings("!a:b".to_owned()),
            Route::Space("!a:b".to_owned()),
            Route::Person("@a:b".to_owned()),
            Route::Explore,
            Route::Search("two words, 100%?".to_owned()),
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

    #[test]
    fn links_of_matrix_lead_to_what_they_name() {
        let cases = [
            ("https://matrix.to/#/@mira:a.org", Route::Person("@mira:a.org".to_owned())),
            ("https://matrix.to/#/%23kiln%3Aa.org?via=b.org", Route::Room("#kiln:a.org".to_owned())),
            ("https://matrix.to/#/!r:a.org/$e?via=b", Route::Message("!r:a.org".to_owned(), "$e".to_owned())),
            ("matrix:u/mira:a.org", Route::Person("@mira:a.org".to_owned())),
            ("matrix:r/kiln:a.org?action=join", Route::Room("#kiln:a.org".to_owned())),
            ("matrix:roomid/r:a.org/e/x", Route::Message("!r:a.org".to_owned(), "$x".to_owned())),
        ];
        for (link, route) in cases {
            assert_eq!(Route::of_link(link).as_ref(), Some(&route), "{link}");
            let opened =
                format!("#/link/{}", link.replace('%', "%25").replace('#', "%23").replace('?', "%3F"));
            assert_eq!(Route::parse(&opened), route, "{opened}");
        }
        for odd in ["https://example.org", "matrix:x/y", "matrix:u/", "https://matrix.to/#/", "javascript:1"]
        {
            assert_eq!(Route::of_link(odd), None, "{odd}");
        }
    }
}
