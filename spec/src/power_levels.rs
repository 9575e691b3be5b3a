//! Power levels (client-server API, "m.room.power_levels").

use std::{cmp::Ordering, collections::BTreeMap, fmt, sync::Arc};

use ruma::{OwnedUserId, UserId};
use serde_json::{Map, Value as Json};

use crate::{
    RoomVersion,
    auth::AuthError,
    canonical_json::{MAX_INTEGER, Object, Value},
    content::AuthContent,
    pdu::Pdu,
};

/// How much a user may do in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PowerLevel {
    Int(i64),
    /// That of the creators of rooms of version 12: above every number.
    Infinite,
}

impl From<i64> for PowerLevel {
    fn from(level: i64) -> Self {
        Self::Int(level)
    }
}

impl PartialEq<i64> for PowerLevel {
    fn eq(&self, other: &i64) -> bool {
        *self == Self::Int(*other)
    }
}

impl PartialOrd<i64> for PowerLevel {
    fn partial_cmp(&self, other: &i64) -> Option<Ordering> {
        self.partial_cmp(&Self::Int(*other))
    }
}

impl fmt::Display for PowerLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(level) => write!(f, "{level}"),
            Self::Infinite => f.write_str("infinite"),
        }
    }
}

/// The single levels of a power levels event: name, default.
pub(crate) const SINGLE_LEVELS: [(&str, i64); 7] = [
    ("users_default", 0),
    ("events_default", 0),
    ("state_default", 50),
    ("ban", 50),
    ("redact", 50),
    ("kick", 50),
    ("invite", 0),
];

/// The content of one power levels event. What is absent is absent: the rules on changes tell an
/// absent level from one that is set to its default.
#[derive(Debug, Default)]
pub(crate) struct PowerLevelsContent {
    /// In the order of [`SINGLE_LEVELS`].
    pub(crate) single: [Option<i64>; 7],
    pub(crate) users: BTreeMap<OwnedUserId, i64>,
    pub(crate) events: BTreeMap<String, i64>,
    pub(crate) notifications: BTreeMap<String, i64>,
}

impl PowerLevelsContent {
    /// Reads a content by the rules of the room version on what a level may look like.
    pub(crate) fn of(version: RoomVersion, content: &Object<'_>) -> Result<Self, String> {
        let mut levels = Self::default();
        for (index, (name, _)) in SINGLE_LEVELS.into_iter().enumerate() {
            levels.single[index] = match content.get(name) {
                None => None,
                Some(value) => Some(level(version, value).ok_or_else(|| format!("`{name}` is not a level"))?),
            };
        }
        for (user, level) in map(version, content, "users")? {
            let user = UserId::parse(user.as_str())
                .map_err(|_| format!("`users` has {user:?}, which is no user id"))?;
            levels.users.insert(user, level);
        }
        levels.events = map(version, content, "events")?.into_iter().collect();
        levels.notifications = match map(version, content, "notifications") {
            Ok(notifications) => notifications.into_iter().collect(),
            Err(error) if version.rules().authorization.limit_notifications_power_levels => {
                return Err(error);
            }
            // Before version 6 the rules do not look at it.
            Err(_) => BTreeMap::new(),
        };
        Ok(levels)
    }

    pub(crate) fn single(&self, index: usize) -> i64 {
        self.single[index].unwrap_or(SINGLE_LEVELS[index].1)
    }

    pub(crate) fn weight(&self) -> usize {
        size_of::<Self>() + 64 * (self.users.len() + self.events.len() + self.notifications.len())
    }
}

fn map(version: RoomVersion, content: &Object<'_>, name: &str) -> Result<Vec<(String, i64)>, String> {
    match content.get(name) {
        None => Ok(Vec::new()),
        Some(Value::Object(entries)) => entries
            .iter()
            .map(|(key, value)| {
                level(version, value)
                    .map(|level| (key.to_owned(), level))
                    .ok_or_else(|| format!("`{name}` has no level for {key:?}"))
            })
            .collect(),
        Some(_) => Err(format!("`{name}` is not an object")),
    }
}

/// A level: an integer; before room version 10 also a string of one, and before version 6 a float,
/// of which the integer part counts.
fn level(version: RoomVersion, value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Number(text) => match text.parse() {
            Ok(level) => Some(level),
            // Only before version 6 a number is anything else. Beyond 64 bits it is as good as
            // the largest.
            Err(_) => text.parse::<f64>().ok().map(|level| level.trunc() as i64),
        },
        Value::String(text) if !version.rules().authorization.integer_power_levels => {
            text.trim().parse().ok()
        }
        _ => None,
    }
}

/// Makes every level of a power levels content an integer that all room versions take, where older ones took strings
/// and numbers of any size. What cannot be read as levels is left out.
pub fn to_integers(content: &mut Map<String, Json>) {
    for (name, _) in SINGLE_LEVELS {
        if let Some(level) = content.remove(name).as_ref().and_then(integer) {
            content.insert(name.to_owned(), level.into());
        }
    }
    for name in ["users", "events", "notifications"] {
        if let Some(Json::Object(levels)) = content.remove(name) {
            let is_key = |key: &str| name != "users" || UserId::parse(key).is_ok();
            let levels = levels.into_iter().filter(|(key, _)| is_key(key));
            let levels: Map<_, _> =
                levels.filter_map(|(key, level)| Some((key, integer(&level)?.into()))).collect();
            content.insert(name.to_owned(), levels.into());
        }
    }
}

fn integer(level: &Json) -> Option<i64> {
    let level = match level {
        Json::Number(number) => number.as_i64().or_else(|| Some(number.as_f64()?.trunc() as i64)),
        Json::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    level.map(|level| level.clamp(-MAX_INTEGER, MAX_INTEGER))
}

/// The power levels of a room: of its create event and, if there is one, its power levels event.
#[derive(Clone, Debug)]
pub struct PowerLevels {
    version: RoomVersion,
    creators: Arc<[OwnedUserId]>,
    /// `None` when the room has no power levels event.
    pub(crate) content: Option<Arc<PowerLevelsContent>>,
}

impl PowerLevels {
    /// The power levels by the room's create and power levels events. An event the rules would
    /// never have let in is an error.
    pub fn new(create: &Pdu, power_levels: Option<&Pdu>) -> Result<Self, AuthError> {
        let AuthContent::Create(create_content) = create.auth_content() else {
            return Err(AuthError::NoCreateEvent);
        };
        let content = match power_levels.map(Pdu::auth_content) {
            None => None,
            Some(AuthContent::PowerLevels(Ok(content))) => Some(Arc::clone(content)),
            Some(AuthContent::PowerLevels(Err(error))) => {
                return Err(AuthError::Malformed(format!("the room's power levels cannot be read: {error}")));
            }
            Some(_) => {
                return Err(AuthError::Malformed("the room has no power levels".to_owned()));
            }
        };
        Ok(Self { version: create.version(), creators: Arc::clone(&create_content.creators), content })
    }

    /// The creator, and in room version 12 the additional ones.
    pub fn creators(&self) -> &[OwnedUserId] {
        &self.creators
    }

    /// The users who have a level of their own: the creators, and those whom the levels name.
    pub fn users(&self) -> impl Iterator<Item = &UserId> {
        let named = self.content.iter().flat_map(|content| content.users.keys());
        self.creators.iter().chain(named).map(AsRef::as_ref)
    }

    pub fn for_user(&self, user: &UserId) -> PowerLevel {
        let is_creator = self.creators.iter().any(|creator| creator == user);
        if is_creator && self.version.rules().authorization.explicitly_privilege_room_creators {
            return PowerLevel::Infinite;
        }
        PowerLevel::Int(match &self.content {
            Some(content) => content.users.get(user).copied().unwrap_or_else(|| content.single(0)),
            // Without a power levels event the creator can do everything, the others little.
            None if is_creator => 100,
            None => SINGLE_LEVELS[0].1,
        })
    }

    /// The level an event of that type asks of its sender.
    pub fn required_for_event(&self, event_type: &str, is_state: bool) -> PowerLevel {
        let listed = self.content.as_ref().and_then(|content| content.events.get(event_type));
        match listed {
            Some(level) => PowerLevel::Int(*level),
            None => self.single(if is_state { 2 } else { 1 }),
        }
    }

    pub fn users_default(&self) -> PowerLevel {
        self.single(0)
    }

    pub fn events_default(&self) -> PowerLevel {
        self.single(1)
    }

    pub fn state_default(&self) -> PowerLevel {
        self.single(2)
    }

    pub fn ban(&self) -> PowerLevel {
        self.single(3)
    }

    pub fn redact(&self) -> PowerLevel {
        self.single(4)
    }

    pub fn kick(&self) -> PowerLevel {
        self.single(5)
    }

    pub fn invite(&self) -> PowerLevel {
        self.single(6)
    }

    /// The level that notifications of that key, such as `room`, ask of the sender.
    pub fn notifications(&self, key: &str) -> PowerLevel {
        let listed = self.content.as_ref().and_then(|content| content.notifications.get(key));
        PowerLevel::Int(listed.copied().unwrap_or(50))
    }

    /// Whether a user may send events of that type, as far as power levels decide it.
    pub fn may_send(&self, user: &UserId, event_type: &str, is_state: bool) -> bool {
        self.for_user(user) >= self.required_for_event(event_type, is_state)
    }

    /// Whether a user may remove or ban another.
    pub fn outranks(&self, user: &UserId, other: &UserId) -> bool {
        self.for_user(user) > self.for_user(other)
    }

    fn single(&self, index: usize) -> PowerLevel {
        let content = self.content.as_ref();
        PowerLevel::Int(content.map_or(SINGLE_LEVELS[index].1, |content| content.single(index)))
    }
}
