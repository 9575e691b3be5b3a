//! The classes of endpoints, and how often each may be asked.

use std::fmt;

use serde::Deserialize;

/// What kind of work an endpoint causes. Each class has buckets of its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Class {
    /// Proving to be someone, by whatever means.
    Login,
    /// Wrong passwords and secrets: what turns out to be right does not count.
    Guess,
    /// Making accounts, and what tells whether one could.
    Register,
    /// Whatever makes an event or a message to a device.
    Message,
    /// Managing delayed events, which clients in calls do every few seconds, and a service for all who are in one.
    Delayed,
    /// Inviting; each one whom a new room invites counts.
    Invite,
    /// Joining and knocking.
    Join,
    /// Making and upgrading rooms.
    CreateRoom,
    /// Reporting content.
    Report,
    /// Mails to an address that nobody has confirmed yet.
    Mail,
    /// `/sync` that goes on from a token.
    Sync,
    /// `/sync` and the like from the beginning.
    InitialSync,
    /// Reading much of a room: history, state, members, search.
    Room,
    /// Keys of devices: uploading, asking for them, claiming.
    Keys,
    /// What is kept for a user: account data, filters, push rules, profiles, backups, devices.
    Store,
    /// Uploads and downloads.
    Media,
    /// What may make this server ask another.
    Remote,
    /// Any other endpoint.
    Other,
    /// Any request of another server, before it is known which.
    Federation,
    /// Requests of a server: its transactions and what costs little.
    Server,
    /// Requests of a server for much of a room.
    ServerRoom,
}

/// A bucket's size.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Rate {
    /// How many requests a second are allowed in the long run; more than 0.
    pub per_second: f64,
    /// How many may come at once.
    pub burst: u32,
}

impl Rate {
    /// How long it takes until there are so many tokens.
    pub(super) fn nanoseconds(self, tokens: u32) -> u64 {
        (1e9 / self.per_second * f64::from(tokens)) as u64
    }
}

/// Every class, the name that the settings have for it, and its rate where they give none.
const CLASSES: [(Class, &str, Rate); 21] = [
    (Class::Login, "login", Rate { per_second: 1.0, burst: 20 }),
    (Class::Guess, "guess", Rate { per_second: 0.05, burst: 10 }),
    (Class::Register, "register", Rate { per_second: 0.2, burst: 5 }),
    (Class::Message, "message", Rate { per_second: 10.0, burst: 50 }),
    (Class::Delayed, "delayed", Rate { per_second: 50.0, burst: 500 }),
    (Class::Invite, "invite", Rate { per_second: 0.5, burst: 30 }),
    (Class::Join, "join", Rate { per_second: 0.5, burst: 30 }),
    (Class::CreateRoom, "create_room", Rate { per_second: 0.1, burst: 20 }),
    (Class::Report, "report", Rate { per_second: 0.1, burst: 10 }),
    (Class::Mail, "mail", Rate { per_second: 0.0005, burst: 3 }),
    (Class::Sync, "sync", Rate { per_second: 10.0, burst: 100 }),
    (Class::InitialSync, "initial_sync", Rate { per_second: 0.1, burst: 10 }),
    (Class::Room, "room", Rate { per_second: 10.0, burst: 200 }),
    (Class::Keys, "keys", Rate { per_second: 10.0, burst: 100 }),
    (Class::Store, "store", Rate { per_second: 10.0, burst: 100 }),
    (Class::Media, "media", Rate { per_second: 20.0, burst: 200 }),
    (Class::Remote, "remote", Rate { per_second: 5.0, burst: 100 }),
    (Class::Other, "other", Rate { per_second: 20.0, burst: 200 }),
    (Class::Federation, "federation", Rate { per_second: 200.0, burst: 2000 }),
    (Class::Server, "server", Rate { per_second: 100.0, burst: 1000 }),
    (Class::ServerRoom, "server_room", Rate { per_second: 10.0, burst: 200 }),
];

impl Class {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        CLASSES.iter().map(|(class, ..)| *class)
    }

    /// The name that the settings and the metrics have for it.
    pub fn name(self) -> &'static str {
        CLASSES[self as usize].1
    }
}

/// The rates of all classes.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct RateLimits([Rate; CLASSES.len()]);

impl Default for RateLimits {
    fn default() -> Self {
        Self(CLASSES.map(|(_, _, rate)| rate))
    }
}

impl RateLimits {
    pub(super) fn of(&self, class: Class) -> Rate {
        self.0[class as usize]
    }

    /// The same, with another rate for one class.
    pub fn with(mut self, class: Class, rate: Rate) -> Self {
        self.0[class as usize] = rate;
        self
    }
}

/// The rates of all classes, as they can be read.
impl fmt::Display for RateLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for class in Class::all() {
            let comma = if class as usize == 0 { "" } else { ", " };
            let Rate { per_second, burst } = self.of(class);
            write!(f, "{comma}{} {per_second}/{burst}", class.name())?;
        }
        Ok(())
    }
}

/// The defaults, with other rates for the classes that a text such as `login 1/20, message 0.5/100` names: requests a
/// second in the long run, and at once.
impl TryFrom<String> for RateLimits {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mut limits = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, rate) =
                part.split_once(' ').ok_or_else(|| format!("`{part}` is not a rate such as `login 1/20`"))?;
            let class = Class::all()
                .find(|class| class.name() == name)
                .ok_or_else(|| format!("`{name}` is not a class of requests"))?;
            limits = limits.with(class, parse_rate(rate.trim())?);
        }
        Ok(limits)
    }
}

fn parse_rate(text: &str) -> Result<Rate, String> {
    let rate = text.split_once('/').and_then(|(per_second, burst)| {
        Some(Rate { per_second: per_second.parse().ok()?, burst: burst.parse().ok()? })
    });
    rate.filter(|rate| (0.000_1..=1e6).contains(&rate.per_second) && rate.burst > 0)
        .ok_or_else(|| format!("`{text}` is not a rate such as `0.5/20`: requests a second, and at once"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_stands_in_the_order_of_the_classes() {
        for (at, (class, ..)) in CLASSES.iter().enumerate() {
            assert_eq!(*class as usize, at, "{class:?}");
        }
    }

    #[test]
    fn rates_are_read_from_text() {
        let read = |text: &str| RateLimits::try_from(text.to_owned());
        assert_eq!(read(""), Ok(RateLimits::default()));
        let expected = RateLimits::default()
            .with(Class::Login, Rate { per_second: 0.5, burst: 3 })
            .with(Class::InitialSync, Rate { per_second: 2.0, burst: 1 });
        assert_eq!(read("login 0.5/3, initial_sync 2/1"), Ok(expected.clone()));
        assert_eq!(read(&expected.to_string()), Ok(expected));
        for wrong in ["login", "logout 1/1", "login 1", "login 0/1", "login 1/0", "login NaN/1", "login -1/1"]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
