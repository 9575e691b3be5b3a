//! What a client of a sliding sync asks for: today's form of the request and the accepted one, read into one.

use std::sync::Arc;
use std::{collections::BTreeMap, time::Duration};

use ruma::{OwnedDeviceId, OwnedRoomId, OwnedUserId, UserId, presence::PresenceState};
use serde::Deserialize;

use super::{
    SlidingPosition,
    config::RoomConfig,
    connections::Name,
    extensions::ExtensionsAsked,
    filters::Filters,
    required_state::{Pattern, RequiredState},
};
use crate::{SyncError, filter::MAX_LIMIT};

/// How many lists, and how many subscriptions, a request may have.
const MAX_RULES: usize = 100;
/// How long the name of a connection or of a list may be, in bytes.
const MAX_NAME: usize = 255;
/// How many pieces of state one rule may name.
const MAX_PATTERNS: usize = 1000;

/// In which form a client asks, and is answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SlidingForm {
    /// `/unstable/org.matrix.simplified_msc3575/sync`, as clients send it today.
    Unstable,
    /// `/v4/sync`, as MSC4186 was accepted.
    Stable,
}

/// A request of a sliding sync.
#[derive(Clone, Debug)]
pub struct SlidingRequest {
    pub(crate) user: OwnedUserId,
    pub(crate) device: OwnedDeviceId,
    pub(crate) connection: String,
    /// `None` for a connection that begins.
    pub(crate) position: Option<SlidingPosition>,
    /// How long to wait for something to tell.
    pub(crate) timeout: Duration,
    pub(crate) set_presence: PresenceState,
    pub(crate) asked: Arc<Asked>,
    /// Up to where the client has the messages to its device.
    pub(crate) to_device_since: Option<String>,
    /// Up to where it has sticky events.
    pub(crate) sticky_since: Option<String>,
}

impl SlidingRequest {
    /// On which connection it is.
    pub(crate) fn name(&self) -> Name<'_> {
        Name { user: &self.user, device: &self.device, id: &self.connection }
    }
}

/// What is asked for. Two requests that ask for the same are equal.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Asked {
    pub form: SlidingForm,
    pub lists: Vec<ListAsked>,
    pub subscriptions: BTreeMap<OwnedRoomId, RoomConfig>,
    pub extensions: ExtensionsAsked,
}

/// A list that is asked for.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct ListAsked {
    pub name: String,
    /// The places in view, first and last; `None` for all.
    pub ranges: Option<Vec<(usize, usize)>>,
    pub filters: Filters,
    pub config: RoomConfig,
}

impl ListAsked {
    /// Whether all of a list with so many rooms is in view.
    pub fn is_whole(&self, rooms: usize) -> bool {
        self.ranges
            .as_ref()
            .is_none_or(|ranges| ranges.iter().any(|(first, last)| *first == 0 && *last + 1 >= rooms))
    }
}

/// The body of a request, in either form; and the parameters that today's form has in the query.
#[derive(Deserialize, Debug)]
pub struct SlidingBody {
    #[serde(default)]
    conn_id: Option<String>,
    pos: Option<String>,
    /// Milliseconds.
    timeout: Option<u64>,
    set_presence: Option<PresenceState>,
    #[serde(default)]
    lists: BTreeMap<String, ListBody>,
    #[serde(default)]
    room_subscriptions: BTreeMap<OwnedRoomId, RoomBody>,
    #[serde(default)]
    extensions: ExtensionsAsked,
}

#[derive(Deserialize, Debug)]
struct ListBody {
    #[serde(default)]
    ranges: Option<Vec<(u64, u64)>>,
    #[serde(default)]
    range: Option<(u64, u64)>,
    #[serde(default)]
    filters: Option<Filters>,
    #[serde(flatten)]
    room: RoomBody,
}

#[derive(Deserialize, Debug)]
struct RoomBody {
    #[serde(default)]
    timeline_limit: Option<u64>,
    #[serde(default)]
    required_state: Option<StateBody>,
}

#[derive(Deserialize, Debug)]
#[serde(untagged)]
enum StateBody {
    Pairs(Vec<(String, String)>),
    Patterns(RequiredState),
}

impl SlidingBody {
    /// Where the client says it is; that of today's form is in the query.
    pub fn pos(&self) -> Option<&str> {
        self.pos.as_deref()
    }

    /// How long the client waits, in milliseconds.
    pub fn timeout(&self) -> Option<u64> {
        self.timeout
    }

    /// Whether the client is there.
    pub fn set_presence(&self) -> Option<PresenceState> {
        self.set_presence.clone()
    }

    /// What is asked for by a device of a user.
    ///
    /// # Errors
    /// [`SyncError::InvalidRequest`] for what is too much or not of the form, [`SyncError::UnknownPosition`] for a `pos`
    /// that is none.
    pub fn request(
        self,
        form: SlidingForm,
        (user, device): (OwnedUserId, OwnedDeviceId),
        pos: Option<&str>,
        timeout: Duration,
        set_presence: PresenceState,
    ) -> Result<SlidingRequest, SyncError> {
        let position = pos.map(str::parse).transpose().map_err(|_| SyncError::UnknownPosition)?;
        let connection = self.conn_id.unwrap_or_default();
        if connection.len() > MAX_NAME || self.lists.keys().any(|name| name.len() > MAX_NAME) {
            return Err(invalid(format!("a name has at most {MAX_NAME} bytes")));
        }
        if self.lists.len() > MAX_RULES || self.room_subscriptions.len() > MAX_RULES {
            return Err(invalid(format!("there are at most {MAX_RULES} lists and as many subscriptions")));
        }
        let list = |(name, body): (String, ListBody)| {
            let ranges = match form {
                SlidingForm::Unstable => Some(body.ranges.unwrap_or_default()),
                SlidingForm::Stable => body.range.map(|range| vec![range]),
            };
            let ranges =
                ranges.map(|ranges| ranges.into_iter().map(places).collect::<Result<_, _>>()).transpose()?;
            let config = body.room.config(form, &user)?;
            Ok(ListAsked { name, ranges, filters: body.filters.unwrap_or_default(), config })
        };
        let lists = self.lists.into_iter().map(list).collect::<Result<_, SyncError>>()?;
        let subscription = |(room, body): (OwnedRoomId, RoomBody)| Ok((room, body.config(form, &user)?));
        let subscriptions =
            self.room_subscriptions.into_iter().map(subscription).collect::<Result<_, SyncError>>()?;
        let mut extensions = self.extensions;
        let to_device_since = extensions.to_device.since.take();
        let sticky_since = extensions.sticky.since.take();
        let asked = Arc::new(Asked { form, lists, subscriptions, extensions });
        Ok(SlidingRequest {
            user,
            device,
            connection,
            position,
            timeout,
            set_presence,
            asked,
            to_device_since,
            sticky_since,
        })
    }
}

impl RoomBody {
    fn config(self, form: SlidingForm, user: &UserId) -> Result<RoomConfig, SyncError> {
        /// Where today's form does not say.
        const DEFAULT_LIMIT: u64 = 10;
        let limit = match (self.timeline_limit, form) {
            (Some(limit), _) => limit,
            (None, SlidingForm::Unstable) => DEFAULT_LIMIT,
            (None, SlidingForm::Stable) => return Err(invalid("timeline_limit is missing".to_owned())),
        };
        let required = match (self.required_state, form) {
            (None, _) => RequiredState::default(),
            (Some(StateBody::Pairs(pairs)), SlidingForm::Unstable) => of_pairs(pairs, user),
            // An empty list is also one of patterns.
            (Some(StateBody::Patterns(required)), SlidingForm::Stable) => required,
            (Some(_), _) => return Err(invalid("required_state is not of this form".to_owned())),
        };
        if required.include.len() + required.exclude.len() > MAX_PATTERNS {
            return Err(invalid(format!("at most {MAX_PATTERNS} pieces of state are named")));
        }
        Ok(RoomConfig { timeline_limit: limit.min(MAX_LIMIT as u64), required_state: vec![required] })
    }
}

/// Today's pairs of type and state key, with `*` for all, `$ME` for the user, and `$LAZY` for the members that the timeline
/// needs.
fn of_pairs(pairs: Vec<(String, String)>, user: &UserId) -> RequiredState {
    const MEMBER: &str = "m.room.member";
    let all = |text: String| (text != "*").then_some(text);
    let whole_members = pairs.iter().any(|(event_type, key)| event_type == MEMBER && key == "*");
    let mut state = RequiredState::default();
    for (event_type, state_key) in pairs {
        if event_type == MEMBER && state_key == "$LAZY" {
            state.lazy_members = !whole_members;
            continue;
        }
        let state_key = if state_key == "$ME" { user.to_string() } else { state_key };
        state.include.push(Pattern { event_type: all(event_type), state_key: all(state_key) });
    }
    state
}

/// The first and last place of a range.
fn places((first, last): (u64, u64)) -> Result<(usize, usize), SyncError> {
    match (usize::try_from(first), usize::try_from(last)) {
        (Ok(first), Ok(last)) if first <= last => Ok((first, last)),
        _ => Err(invalid("a range goes from its first place to its last".to_owned())),
    }
}

fn invalid(message: String) -> SyncError {
    SyncError::InvalidRequest(message)
}

#[cfg(test)]
mod tests {
    use ruma::user_id;
    use serde_json::{Value, json};

    use super::*;

    fn asked(form: SlidingForm, body: Value) -> Result<SlidingRequest, SyncError> {
        let body: SlidingBody = serde_json::from_value(body).unwrap();
        let who = (user_id!("@me:h.org").to_owned(), OwnedDeviceId::from("D"));
        body.request(form, who, None, Duration::ZERO, PresenceState::Online)
    }

    #[test]
    fn both_forms_mean_the_same() {
        let today = json!({"lists": {"a": {
            "ranges": [[0, 19]], "timeline_limit": 1, "filters": {"is_invite": true},
            "required_state": [["m.room.name", ""], ["m.room.member", "$ME"], ["m.room.member", "$LAZY"], ["*", "x"]],
        }}});
        let accepted = json!({"lists": {"a": {
            "range": [0, 19], "timeline_limit": 1, "filters": {"is_invited": true},
            "required_state": {"lazy_members": true, "include": [
                {"type": "m.room.name", "state_key": ""}, {"type": "m.room.member", "state_key": "@me:h.org"},
                {"state_key": "x"},
            ]},
        }}});
        let today = asked(SlidingForm::Unstable, today).unwrap();
        let accepted = asked(SlidingForm::Stable, accepted).unwrap();
        assert_eq!(today.asked.lists, accepted.asked.lists);
    }

    #[test]
    fn all_members_are_not_lazy_ones() {
        let pairs = json!([["m.room.member", "$LAZY"], ["m.room.member", "*"]]);
        let body =
            json!({"room_subscriptions": {"!r:h.org": {"timeline_limit": 1, "required_state": pairs}}});
        let asked = asked(SlidingForm::Unstable, body).unwrap().asked;
        let config = asked.subscriptions.values().next().unwrap();
        assert!(!config.lazy_members() && config.takes("m.room.member", "@a:h.org"));
    }

    #[test]
    fn too_much_and_the_wrong_form_are_refused() {
        let room = json!({"timeline_limit": 1, "required_state": {"include": []}});
        let many = |count: usize| -> Value {
            (0..count)
                .map(|n| (format!("!r{n}:h.org"), room.clone()))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        assert!(asked(SlidingForm::Stable, json!({"room_subscriptions": many(100)})).is_ok());
        for (form, body) in [
            (SlidingForm::Stable, json!({"room_subscriptions": many(101)})),
            (SlidingForm::Stable, json!({"lists": many(101)})),
            (SlidingForm::Stable, json!({"lists": {"a": {"required_state": {}}}})),
            (
                SlidingForm::Stable,
                json!({"lists": {"a": {"timeline_limit": 1, "required_state": [["a", "b"]]}}}),
            ),
            (SlidingForm::Unstable, json!({"lists": {"a": {"ranges": [[3, 2]]}}})),
            (SlidingForm::Unstable, json!({"conn_id": "x".repeat(256)})),
        ] {
            assert!(matches!(asked(form, body), Err(SyncError::InvalidRequest(_))));
        }
    }
}
