//! Filters (client-server API, "Filtering").

use hearth_rooms::Event;
use ruma::{
    OwnedRoomId, OwnedUserId, RoomId, UserId,
    api::client::filter::{Filter, LazyLoadOptions, RoomEventFilter, RoomFilter, UrlFilter},
};
use serde::{Deserialize, de::IgnoredAny};

/// How many events of a timeline are told where the filter does not say.
const DEFAULT_LIMIT: usize = 10;
/// How many at most, whatever it says.
pub(crate) const MAX_LIMIT: usize = 100;

/// Which events of rooms are wanted.
#[derive(Clone, Copy, Debug)]
pub struct EventFilter<'a> {
    by: Criteria<'a>,
    rooms: Option<&'a [OwnedRoomId]>,
    not_rooms: &'a [OwnedRoomId],
    url: Option<UrlFilter>,
    limit: Option<u64>,
    /// How members are loaded lazily; `None` where they are not.
    pub lazy: Option<LazyMembers>,
}

/// Lazy loading of members is on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LazyMembers {
    /// Members are told again that were told before.
    pub redundant: bool,
}

/// What counts for events of any kind.
#[derive(Clone, Copy, Debug)]
struct Criteria<'a> {
    types: Option<&'a [String]>,
    not_types: &'a [String],
    senders: Option<&'a [OwnedUserId]>,
    not_senders: &'a [OwnedUserId],
}

impl Criteria<'_> {
    fn take_type(&self, event_type: &str) -> bool {
        self.types.is_none_or(|types| types.iter().any(|pattern| matches_glob(pattern, event_type)))
            && !self.not_types.iter().any(|pattern| matches_glob(pattern, event_type))
    }

    fn take_sender(&self, sender: &UserId) -> bool {
        self.senders.is_none_or(|senders| senders.iter().any(|wanted| wanted == sender))
            && !self.not_senders.iter().any(|unwanted| unwanted == sender)
    }
}

impl EventFilter<'static> {
    /// Takes every event.
    pub const fn everything() -> Self {
        let by = Criteria { types: None, not_types: &[], senders: None, not_senders: &[] };
        Self { by, rooms: None, not_rooms: &[], url: None, limit: None, lazy: None }
    }

    /// The same, at most so many.
    pub const fn at_most(limit: u64) -> Self {
        Self { limit: Some(limit), ..Self::everything() }
    }
}

impl<'a> EventFilter<'a> {
    /// The filter that a client defined.
    pub fn of(filter: &'a RoomEventFilter) -> Self {
        let lazy = match filter.lazy_load_options {
            LazyLoadOptions::Enabled { include_redundant_members: redundant } => {
                Some(LazyMembers { redundant })
            }
            LazyLoadOptions::Disabled => None,
        };
        Self {
            by: Criteria {
                types: filter.types.as_deref(),
                not_types: &filter.not_types,
                senders: filter.senders.as_deref(),
                not_senders: &filter.not_senders,
            },
            rooms: filter.rooms.as_deref(),
            not_rooms: &filter.not_rooms,
            url: filter.url_filter,
            limit: filter.limit.map(u64::from),
            lazy,
        }
    }

    /// Whether events of this room are wanted at all.
    pub fn takes_room(&self, room: &RoomId) -> bool {
        takes_room(self.rooms, self.not_rooms, room)
    }

    /// Whether this event is wanted; for its room see [`takes_room`](Self::takes_room).
    pub fn matches(&self, event: &Event) -> bool {
        let pdu = &event.pdu;
        self.by.take_type(pdu.type_str())
            && self.by.take_sender(pdu.sender())
            && match self.url {
                None => true,
                Some(UrlFilter::EventsWithUrl) => has_url(pdu.content_str()),
                Some(UrlFilter::EventsWithoutUrl) => !has_url(pdu.content_str()),
            }
    }

    /// Whether events of this type are wanted, by anyone: for what has no sender of its own.
    pub fn takes_type(&self, event_type: &str) -> bool {
        self.by.take_type(event_type)
    }

    /// Whether events of this sender are wanted.
    pub fn takes_sender(&self, sender: &UserId) -> bool {
        self.by.take_sender(sender)
    }

    /// How many events are wanted at most; none at all is a wish like another.
    pub fn limit(&self) -> usize {
        let limit = self.limit.and_then(|limit| usize::try_from(limit).ok());
        limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT)
    }
}

/// Which events outside of rooms are wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlainFilter<'a>(Criteria<'a>);

impl<'a> PlainFilter<'a> {
    pub fn of(filter: &'a Filter) -> Self {
        Self(Criteria {
            types: filter.types.as_deref(),
            not_types: &filter.not_types,
            senders: filter.senders.as_deref(),
            not_senders: &filter.not_senders,
        })
    }

    pub fn takes_type(&self, event_type: &str) -> bool {
        self.0.take_type(event_type)
    }

    pub fn takes_sender(&self, sender: &UserId) -> bool {
        self.0.take_sender(sender)
    }
}

/// Whether a room is wanted at all, before the filters of its parts.
pub(crate) fn room_is_wanted(filter: &RoomFilter, room: &RoomId) -> bool {
    takes_room(filter.rooms.as_deref(), &filter.not_rooms, room)
}

fn takes_room(rooms: Option<&[OwnedRoomId]>, not_rooms: &[OwnedRoomId], room: &RoomId) -> bool {
    rooms.is_none_or(|rooms| rooms.iter().any(|wanted| wanted == room))
        && !not_rooms.iter().any(|unwanted| unwanted == room)
}

/// Whether a content has a `url`.
fn has_url(content: &str) -> bool {
    #[derive(Deserialize)]
    struct Content {
        url: Option<IgnoredAny>,
    }
    // Most have not: look before parsing.
    content.contains("\"url\"")
        && serde_json::from_str::<Content>(content).is_ok_and(|content| content.url.is_some())
}

/// Whether a text matches a pattern in which `*` stands for any characters.
fn matches_glob(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(start) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        // The first place for each part leaves the most for the others.
        let Some(at) = text.find(part) else { return false };
        text = &text[at + part.len()..];
    }
    text.ends_with(end)
}

#[cfg(test)]
mod tests {
    use ruma::{api::client::filter::FilterDefinition, room_id, user_id};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, text) in [
            ("m.room.message", "m.room.message"),
            ("m.room.*", "m.room.message"),
            ("*", ""),
            ("*", "anything"),
            ("m.*.m*e", "m.room.message"),
            ("*.message", "m.room.message"),
            ("**a**", "cab"),
            ("a*ba", "aba"),
        ] {
            assert!(matches_glob(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("m.room", "m.room.message"),
            ("m.room.*", "m.roomy"),
            ("a*a", "a"),
            ("ab*ba", "aba"),
            ("*b", "abc"),
        ] {
            assert!(!matches_glob(pattern, text), "{pattern} {text}");
        }
    }

    fn filter(json: serde_json::Value) -> RoomEventFilter {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn what_is_excluded_is_excluded_even_if_it_is_included() {
        let filter = filter(json!({
            "types": ["m.*"], "not_types": ["m.room.member"],
            "senders": ["@a:h.org", "@b:h.org"], "not_senders": ["@b:h.org"],
            "rooms": ["!a:h.org"], "not_rooms": ["!b:h.org"],
        }));
        let filter = EventFilter::of(&filter);
        assert!(filter.takes_type("m.room.message"));
        assert!(!filter.takes_type("m.room.member"));
        assert!(!filter.takes_type("org.example"));
        assert!(filter.takes_sender(user_id!("@a:h.org")));
        assert!(!filter.takes_sender(user_id!("@b:h.org")));
        assert!(!filter.takes_sender(user_id!("@c:h.org")));
        assert!(filter.takes_room(room_id!("!a:h.org")));
        assert!(!filter.takes_room(room_id!("!c:h.org")));
    }

    #[test]
    fn an_empty_list_takes_nothing_and_an_absent_one_everything() {
        let none = filter(json!({"types": []}));
        assert!(!EventFilter::of(&none).takes_type("m.room.message"));
        let all = filter(json!({}));
        assert!(EventFilter::of(&all).takes_type("m.room.message"));
    }

    #[test]
    fn limits_are_bounded() {
        for (given, limit) in [(None, 10), (Some(0), 0), (Some(3), 3), (Some(1_000_000), 100)] {
            let filter = filter(json!({"limit": given}));
            assert_eq!(EventFilter::of(&filter).limit(), limit);
        }
    }

    #[test]
    fn a_url_counts_only_in_the_content_itself() {
        assert!(has_url(r#"{"body":"x","url":"mxc://h.org/a"}"#));
        assert!(!has_url(r#"{"body":"the \"url\" is not here"}"#));
        assert!(!has_url(r#"{"file":{"url":"mxc://h.org/a"}}"#));
    }

    #[test]
    fn lazy_loading_is_read() {
        let definition: FilterDefinition =
            serde_json::from_value(json!({"room": {"state": {"lazy_load_members": true}}})).unwrap();
        assert_eq!(EventFilter::of(&definition.room.state).lazy, Some(LazyMembers { redundant: false }));
    }
}
