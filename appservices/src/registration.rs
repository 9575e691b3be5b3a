//! Registration files: what an administrator says of an application service (application service API,
//! "Registration").

use std::{fs, path::Path, sync::Arc};

use http::Uri;
use ruma::{OwnedUserId, RoomAliasId, RoomId, ServerName, UserId};
use serde::{Deserialize, Deserializer};
use tokio::sync::Notify;

use crate::Namespace;

/// An application service as its file describes it.
#[derive(Clone, Debug)]
pub struct Service {
    pub id: String,
    /// Where it listens, without a slash at the end; `None` for one that is never pushed to.
    pub url: Option<String>,
    /// How it shows who it is.
    pub(crate) as_token: String,
    /// How this server shows it who asks.
    pub(crate) hs_token: String,
    /// Who it is where it names no user.
    pub sender: OwnedUserId,
    users: Namespace,
    pub aliases: Namespace,
    pub rooms: Namespace,
    /// Whether the limits that hold for users hold for it.
    pub rate_limited: bool,
    /// The networks to which it leads.
    pub protocols: Vec<String>,
    /// Whether it is told of typing, receipts, presence and messages to devices.
    pub ephemeral: bool,
    /// Whether it is told of device lists and one-time keys (MSC3202).
    pub encryption: bool,
    /// Whether its users have no sessions of their own, but devices that it makes (MSC4190).
    pub manages_devices: bool,
    /// The file as it was read: what differs is another service.
    pub(crate) text: String,
    /// Told when it answers: what it did not take is sent again at once.
    pub(crate) wake: Arc<Notify>,
}

/// What is wrong with a registration file.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct RegistrationError {
    /// The file, and the line where it is known.
    place: String,
    reason: String,
}

impl RegistrationError {
    pub(crate) fn new(file: &Path, line: Option<u64>, reason: impl Into<String>) -> Self {
        let place = match line {
            Some(line) => format!("{}:{line}", file.display()),
            None => file.display().to_string(),
        };
        Self { place, reason: reason.into() }
    }
}

/// The file's text. What it says beyond this is the service's own.
#[derive(Deserialize)]
struct File {
    id: String,
    // Missing is not the same as null, with which a service says that it wants nothing.
    #[serde(deserialize_with = "Option::deserialize")]
    url: Option<String>,
    as_token: String,
    hs_token: String,
    sender_localpart: String,
    #[serde(default)]
    namespaces: Namespaces,
    #[serde(default = "yes")]
    rate_limited: bool,
    #[serde(default, deserialize_with = "or_none")]
    protocols: Vec<String>,
    #[serde(default)]
    receive_ephemeral: bool,
    #[serde(default, rename = "de.sorunome.msc2409.push_ephemeral")]
    push_ephemeral: bool,
    #[serde(default, rename = "org.matrix.msc3202")]
    encryption: bool,
    #[serde(default, rename = "io.element.msc4190")]
    manages_devices: bool,
}

#[derive(Deserialize, Default)]
struct Namespaces {
    #[serde(default, deserialize_with = "or_none")]
    users: Vec<Names>,
    #[serde(default, deserialize_with = "or_none")]
    aliases: Vec<Names>,
    #[serde(default, deserialize_with = "or_none")]
    rooms: Vec<Names>,
}

#[derive(Deserialize)]
struct Names {
    regex: String,
    #[serde(default)]
    exclusive: bool,
}

fn yes() -> bool {
    true
}

/// A list that may be `null`: a key with nothing behind it is that in YAML.
fn or_none<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl Service {
    /// Reads a registration file.
    ///
    /// # Errors
    /// [`RegistrationError`] says the file, the line where it is known, and what is wrong there.
    pub fn open(file: &Path, server_name: &ServerName) -> Result<Self, RegistrationError> {
        let text = fs::read_to_string(file)
            .map_err(|error| RegistrationError::new(file, None, error.to_string()))?;
        Self::read(file, &text, server_name)
    }

    fn read(file: &Path, text: &str, server_name: &ServerName) -> Result<Self, RegistrationError> {
        let read: File = serde_saphyr::from_str(text).map_err(|error| {
            let line = error.location().map(|location| location.line());
            // The rest shows the lines around it, in which the tokens are.
            let message = error.without_snippet().to_string();
            RegistrationError::new(file, line, message.lines().next().unwrap_or_default())
        })?;
        let wrong = |line: Option<u64>, reason: String| RegistrationError::new(file, line, reason);
        let line_of = |key: &str| line_with(text, key);

        for (key, token) in [("id", &read.id), ("as_token", &read.as_token), ("hs_token", &read.hs_token)] {
            if token.is_empty() {
                return Err(wrong(line_of(key), format!("`{key}` is empty")));
            }
        }
        let sender = UserId::parse_with_server_name(read.sender_localpart.as_str(), server_name);
        let sender = sender.ok().filter(|_| !read.sender_localpart.starts_with('@')).ok_or_else(|| {
            wrong(line_of("sender_localpart"), "it is not the localpart of a user ID".into())
        })?;
        let url = match read.url.as_deref().map(str::trim).filter(|url| !url.is_empty()) {
            Some(url) if is_base(url) => Some(url.trim_end_matches('/').to_owned()),
            Some(_) => return Err(wrong(line_of("url"), "not a URL such as `http://127.0.0.1:9000`".into())),
            None => None,
        };
        let namespace = |names: &[Names]| -> Result<Namespace, RegistrationError> {
            let mut namespace = Namespace::default();
            for Names { regex, exclusive } in names {
                namespace.add(regex, *exclusive).map_err(|error| {
                    let reason = error.to_string();
                    let reason = reason.lines().last().unwrap_or_default().trim();
                    wrong(line_with_text(text, regex), format!("the regular expression `{regex}`: {reason}"))
                })?;
            }
            Ok(namespace)
        };
        Ok(Self {
            id: read.id,
            url,
            as_token: read.as_token,
            hs_token: read.hs_token,
            sender,
            users: namespace(&read.namespaces.users)?,
            aliases: namespace(&read.namespaces.aliases)?,
            rooms: namespace(&read.namespaces.rooms)?,
            rate_limited: read.rate_limited,
            protocols: read.protocols,
            ephemeral: read.receive_ephemeral || read.push_ephemeral,
            encryption: read.encryption,
            manages_devices: read.manages_devices,
            text: text.to_owned(),
            wake: Arc::default(),
        })
    }

    /// Whether it may act as a user, and hears of what concerns the user: only those of this server are its business.
    pub fn covers(&self, user: &UserId) -> bool {
        user == self.sender
            || user.server_name() == self.sender.server_name() && self.users.contains(user.as_str())
    }

    /// Whether nobody else may have a user of this name.
    pub fn owns_user(&self, user: &UserId) -> bool {
        user == self.sender
            || user.server_name() == self.sender.server_name() && self.users.owns(user.as_str())
    }

    /// Whether nobody else may have an alias of this name.
    pub fn owns_alias(&self, alias: &RoomAliasId) -> bool {
        self.aliases.owns(alias.as_str())
    }

    /// Whether a room is its business by the room's id.
    pub fn covers_room(&self, room: &RoomId) -> bool {
        self.rooms.contains(room.as_str())
    }

    /// With what the ids of its users begin.
    pub fn user_beginnings(&self) -> impl Iterator<Item = String> {
        self.users.beginnings().chain([self.sender.to_string()])
    }

    /// What both claim for themselves alone, or use to show who they are.
    pub(crate) fn clash(&self, other: &Self) -> Option<String> {
        if self.id == other.id {
            return Some(format!("the id `{}` is that of another service", self.id));
        }
        if self.as_token == other.as_token {
            return Some(format!("the service `{}` has the same as_token", other.id));
        }
        if self.sender == other.sender {
            return Some(format!("the service `{}` has the same sender_localpart", other.id));
        }
        let kinds =
            [(&self.users, &other.users), (&self.aliases, &other.aliases), (&self.rooms, &other.rooms)];
        let claimed = kinds.iter().find_map(|(own, others)| own.claimed_by_both(others))?;
        Some(format!("the service `{}` claims the exclusive namespace `{claimed}` as well", other.id))
    }
}

fn is_base(url: &str) -> bool {
    url.parse::<Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some() && uri.query().is_none()
    })
}

/// The line on which a key stands.
fn line_with(text: &str, key: &str) -> Option<u64> {
    let stands = |line: &str| {
        let line = line.trim_start_matches([' ', '-', '{', '"', '\'']);
        line.strip_prefix(key).is_some_and(|rest| rest.trim_start_matches(['"', '\'', ' ']).starts_with(':'))
    };
    text.lines().position(stands).map(|line| line as u64 + 1)
}

/// The line on which a text stands, as it is.
fn line_with_text(text: &str, wanted: &str) -> Option<u64> {
    text.lines().position(|line| line.contains(wanted)).map(|line| line as u64 + 1)
}

#[cfg(test)]
mod tests {
    use ruma::{server_name, user_id};

    use super::*;

    const IRC: &str = r##"
id: heisenbridge
url: "http://127.0.0.1:9898/"
as_token: alpha
hs_token: beta
rate_limited: false
sender_localpart: heisenbridge
namespaces:
  users:
  - regex: '@irc_.*'
    exclusive: true
  aliases: []
  rooms:
heisenbridge:
  media_url: null
"##;

    fn read(text: &str) -> Result<Service, String> {
        Service::read(Path::new("irc.yaml"), text, server_name!("here.org"))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn files_are_read_as_bridges_write_them() {
        let service = read(IRC).unwrap();
        assert_eq!(service.url.as_deref(), Some("http://127.0.0.1:9898"));
        assert_eq!(service.sender, user_id!("@heisenbridge:here.org"));
        assert!(!service.rate_limited && !service.ephemeral && !service.encryption);
        assert!(service.covers(user_id!("@irc_bob:here.org")) && service.owns_user(&service.sender));
        for other in [user_id!("@bob:here.org"), user_id!("@irc_bob:there.org")] {
            assert!(!service.covers(other), "{other}");
        }
        let json = r#"{"id":"a","url":null,"as_token":"x","hs_token":"y","sender_localpart":"aZ-_9","protocols":["irc"],
            "receive_ephemeral":true,"de.sorunome.msc2409.push_ephemeral":true,"org.matrix.msc3202":true,"io.element.msc4190":true}"#;
        let service = read(json).unwrap();
        assert_eq!((service.url.as_deref(), &*service.protocols), (None, &["irc".to_owned()][..]));
        assert!(service.rate_limited && service.ephemeral && service.encryption && service.manages_devices);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let with = |from: &str, to: &str| read(&IRC.replace(from, to)).unwrap_err();
        assert!(with("as_token: alpha\n", "").contains("as_token"));
        assert!(with("url: \"http://127.0.0.1:9898/\"\n", "").contains("url"));
        assert_eq!(with("http:", "ftp:"), "irc.yaml:3: not a URL such as `http://127.0.0.1:9000`");
        assert_eq!(with("as_token: alpha", "as_token: ''"), "irc.yaml:4: `as_token` is empty");
        assert!(with("@irc_.*", "@irc_(").starts_with("irc.yaml:10: the regular expression `@irc_(`: "));
        assert!(
            with("sender_localpart: heisenbridge", "sender_localpart: '@a:b'").starts_with("irc.yaml:7: ")
        );
        let wrong_type = with("rate_limited: false", "rate_limited: [1]");
        assert!(wrong_type.starts_with("irc.yaml:6: "), "{wrong_type}");
        let no_yaml = with("id: heisenbridge", "id: [");
        assert!(no_yaml.starts_with("irc.yaml:") && !no_yaml.contains("alpha"), "{no_yaml}");
    }

    #[test]
    fn two_services_do_not_claim_the_same() {
        let one = read(IRC).unwrap();
        let other = |from: &str, to: &str| {
            let text = IRC.replace("id: heisenbridge", "id: other").replace("alpha", "gamma");
            read(&text.replace("sender_localpart: heisenbridge", "sender_localpart: o").replace(from, to))
                .unwrap()
        };
        assert!(one.clash(&other("", "")).unwrap().contains("`@irc_.*`"));
        assert_eq!(one.clash(&other("exclusive: true", "exclusive: false")), None);
        assert_eq!(one.clash(&other("@irc_", "@xmpp_")), None);
        assert!(one.clash(&other("gamma", "alpha")).unwrap().contains("as_token"));
        assert!(one.clash(&one.clone()).unwrap().contains("id"));
    }
}
