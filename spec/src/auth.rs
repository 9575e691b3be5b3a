//! The authorization rules of all room versions (server-server API, "Authorization rules"; the
//! rules themselves are in each room version).
//!
//! The contents of state events are parsed once and kept with the event, so that checking a
//! message reads no JSON at all in a room whose state is in memory.

use std::sync::Arc;

use ruma::{
    EventId, OwnedEventId, UserId,
    events::{StateEventType, TimelineEventType},
};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::{
    RoomVersion,
    canonical_json::{self, Numbers},
    content::{AuthContent, JoinRule, MemberContent, Membership},
    pdu::Pdu,
    power_levels::PowerLevels,
};

mod membership;
mod power_levels;

/// Why an event is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AuthError {
    /// The event lacks what the rules ask of its form.
    #[error("{0}")]
    Malformed(String),
    /// The sender may not do that.
    #[error("{0}")]
    Forbidden(String),
    #[error("the room has no create event")]
    NoCreateEvent,
    #[error("the auth event {0} is not known")]
    UnknownAuthEvent(OwnedEventId),
    #[error("the auth event {event_id} {problem}")]
    WrongAuthEvent { event_id: OwnedEventId, problem: &'static str },
}

pub(crate) fn malformed<T>(sentence: &str) -> Result<T, AuthError> {
    Err(AuthError::Malformed(sentence.to_owned()))
}

pub(crate) fn forbidden<T>(sentence: &str) -> Result<T, AuthError> {
    Err(AuthError::Forbidden(sentence.to_owned()))
}

/// The state that an event names in its `auth_events` (server-server API, "Auth events selection").
pub fn auth_event_keys(
    version: RoomVersion,
    event_type: &TimelineEventType,
    sender: &UserId,
    state_key: Option<&str>,
    content: &RawValue,
) -> Result<Vec<(StateEventType, String)>, AuthError> {
    let member = if *event_type == TimelineEventType::RoomMember {
        let content = canonical_json::parse_object(content.get(), Numbers::Any)
            .map_err(|error| AuthError::Malformed(error.to_string()))?;
        Some(MemberContent::of(&content))
    } else {
        None
    };
    selection(version, event_type, sender, state_key, member.as_ref())
}

/// As [`auth_event_keys`], for an event that is already there.
pub fn auth_event_keys_of(pdu: &Pdu) -> Result<Vec<(StateEventType, String)>, AuthError> {
    let member = pdu.auth_content().as_member();
    selection(pdu.version(), pdu.event_type(), pdu.sender(), pdu.state_key(), member)
}

fn selection(
    version: RoomVersion,
    event_type: &TimelineEventType,
    sender: &UserId,
    state_key: Option<&str>,
    member: Option<&MemberContent>,
) -> Result<Vec<(StateEventType, String)>, AuthError> {
    if *event_type == TimelineEventType::RoomCreate {
        return Ok(Vec::new());
    }
    let mut keys = vec![
        (StateEventType::RoomPowerLevels, String::new()),
        (StateEventType::RoomMember, sender.to_string()),
    ];
    // Since version 12 the room id says which create event it is.
    if !version.room_id_is_create_event_id() {
        keys.push((StateEventType::RoomCreate, String::new()));
    }
    if *event_type != TimelineEventType::RoomMember {
        return Ok(keys);
    }
    let Some(target) = state_key else {
        return malformed("a membership event needs the user as its state key");
    };
    let Some(member) = member else {
        return malformed("the content of the membership event cannot be read");
    };
    let mut add = |event_type, state_key: &str| {
        let key = (event_type, state_key.to_owned());
        if !keys.contains(&key) {
            keys.push(key);
        }
    };
    add(StateEventType::RoomMember, target);
    match member.membership {
        Some(Membership::Join | Membership::Invite | Membership::Knock) => {
            add(StateEventType::RoomJoinRules, "");
        }
        Some(_) => {}
        None => return malformed("the membership is missing or unknown"),
    }
    if member.membership == Some(Membership::Invite)
        && let Some(invite) = &member.third_party_invite
        && let Some(token) = &invite.token
    {
        add(StateEventType::RoomThirdPartyInvite, token);
    }
    if member.membership == Some(Membership::Join)
        && version.rules().authorization.restricted_join_rule
        && let Some(user) = &member.join_authorised_via_users_server
    {
        add(StateEventType::RoomMember, user);
    }
    Ok(keys)
}

/// The rules that look at the event and its auth events alone; they are checked once, on receipt.
///
/// `fetch` gives an event of the room and whether it was rejected. An event that fails is rejected.
pub fn check_auth_events(
    version: RoomVersion,
    pdu: &Pdu,
    fetch: impl Fn(&EventId) -> Option<(Arc<Pdu>, bool)>,
) -> Result<(), AuthError> {
    if *pdu.event_type() == TimelineEventType::RoomCreate {
        return check_create(version, pdu);
    }
    if version.room_id_is_create_event_id() {
        check_room_exists(pdu, &fetch)?;
    }
    let allowed = auth_event_keys_of(pdu)?;
    let mut seen: Vec<(Arc<Pdu>, &OwnedEventId)> = Vec::with_capacity(allowed.len());
    for event_id in pdu.auth_events() {
        let wrong = |problem| Err(AuthError::WrongAuthEvent { event_id: event_id.clone(), problem });
        let Some((event, rejected)) = fetch(event_id) else {
            return Err(AuthError::UnknownAuthEvent(event_id.clone()));
        };
        if event.room_id() != pdu.room_id() {
            return wrong("is of another room");
        }
        let Some(state_key) = event.state_key() else {
            return wrong("is not a state event");
        };
        let same = |other: &Pdu| other.type_str() == event.type_str() && other.state_key() == Some(state_key);
        if seen.iter().any(|(other, _)| same(other)) {
            return wrong("has the type and state key of another auth event");
        }
        if !allowed.iter().any(|(kind, key)| event.is_state_of(kind, key)) {
            return wrong("does not belong among the auth events of such an event");
        }
        if rejected {
            return wrong("was rejected");
        }
        seen.push((event, event_id));
    }
    let has_create = seen.iter().any(|(event, _)| *event.event_type() == TimelineEventType::RoomCreate);
    if !version.room_id_is_create_event_id() && !has_create {
        return malformed("the create event is not among the auth events");
    }
    Ok(())
}

/// Rule 2 of version 12: the room id is that of an accepted create event.
fn check_room_exists(
    pdu: &Pdu,
    fetch: impl Fn(&EventId) -> Option<(Arc<Pdu>, bool)>,
) -> Result<(), AuthError> {
    let id = OwnedEventId::try_from(format!("${}", &pdu.room_id().as_str()[1..]))
        .map_err(|_| AuthError::NoCreateEvent)?;
    match fetch(&id) {
        Some((create, false)) if *create.event_type() == TimelineEventType::RoomCreate => Ok(()),
        Some((_, true)) => Err(AuthError::WrongAuthEvent { event_id: id, problem: "was rejected" }),
        _ => Err(AuthError::NoCreateEvent),
    }
}

fn check_create(version: RoomVersion, pdu: &Pdu) -> Result<(), AuthError> {
    if !pdu.prev_events().is_empty() {
        return malformed("a create event is the first of its room");
    }
    // That a create event of version 12 has no room id is part of its form.
    if !version.room_id_is_create_event_id()
        && pdu.room_id().server_name() != Some(pdu.sender().server_name())
    {
        return forbidden("a room is created by a user of the server it is named after");
    }
    let Some(create) = pdu.auth_content().as_create() else {
        return malformed("a create event has an empty state key and an object as its content");
    };
    match &create.room_version {
        Some(Some(id)) if *id == version.id().as_str() => {}
        // A room without a version is of version 1.
        None if version == RoomVersion::V1 => {}
        _ => return malformed("the create event is of another room version"),
    }
    if !version.rules().authorization.use_room_create_sender && !create.has_creator {
        return malformed("the create event does not name the creator");
    }
    if !create.additional_creators_valid {
        return malformed("the additional creators are not a list of user ids");
    }
    Ok(())
}

/// The rules that look at the state of the room: by the event's auth events, before the event, and
/// now. The event's signatures must have been verified.
pub fn check_state(
    version: RoomVersion,
    pdu: &Pdu,
    state: impl Fn(&StateEventType, &str) -> Option<Arc<Pdu>>,
) -> Result<(), AuthError> {
    if *pdu.event_type() == TimelineEventType::RoomCreate {
        return Ok(());
    }
    let room = RoomState { state: &state };
    let create_event = room.create()?;
    let Some(create) = create_event.auth_content().as_create() else {
        return Err(AuthError::NoCreateEvent);
    };
    if !create.federate && create_event.sender().server_name() != pdu.sender().server_name() {
        return forbidden("the room is closed to users of other servers");
    }
    let rules = &version.rules().authorization;
    if rules.special_case_room_aliases && pdu.type_str() == "m.room.aliases" {
        return if pdu.state_key() == Some(pdu.sender().server_name().as_str()) {
            Ok(())
        } else {
            forbidden("a server's aliases are set by its own users")
        };
    }
    if *pdu.event_type() == TimelineEventType::RoomMember {
        return membership::check(version, pdu, &create_event, &room);
    }
    if room.membership(pdu.sender())? != Membership::Join {
        return forbidden("the sender is not in the room");
    }
    let levels = room.power_levels(&create_event)?;
    let sender_level = levels.for_user(pdu.sender());
    if *pdu.event_type() == TimelineEventType::RoomThirdPartyInvite {
        return if sender_level >= levels.invite() {
            Ok(())
        } else {
            forbidden("the sender's power level does not let them invite")
        };
    }
    let required = levels.required_for_event(pdu.type_str(), pdu.is_state());
    if sender_level < required {
        return Err(AuthError::Forbidden(format!(
            "events of type {} need power level {required}; the sender has {sender_level}",
            pdu.type_str()
        )));
    }
    if pdu.state_key().is_some_and(|key| key.starts_with('@') && key != pdu.sender().as_str()) {
        return forbidden("a state key that is a user id belongs to that user");
    }
    if *pdu.event_type() == TimelineEventType::RoomPowerLevels {
        return power_levels::check_change(version, pdu, &levels, sender_level);
    }
    if rules.special_case_room_redaction
        && *pdu.event_type() == TimelineEventType::RoomRedaction
        && sender_level < levels.redact()
    {
        let redacted = pdu.redacts().and_then(EventId::server_name);
        if redacted.is_none() || redacted != pdu.event_id().server_name() {
            return forbidden("the sender may redact only events of their own server");
        }
    }
    Ok(())
}

/// The state an event is checked against.
pub(crate) struct RoomState<'a, F> {
    state: &'a F,
}

impl<F: Fn(&StateEventType, &str) -> Option<Arc<Pdu>>> RoomState<'_, F> {
    pub(crate) fn get(&self, event_type: &StateEventType, state_key: &str) -> Option<Arc<Pdu>> {
        (self.state)(event_type, state_key)
    }

    fn create(&self) -> Result<Arc<Pdu>, AuthError> {
        self.get(&StateEventType::RoomCreate, "").ok_or(AuthError::NoCreateEvent)
    }

    /// A user's membership; one who was never here has left.
    pub(crate) fn membership(&self, user: &UserId) -> Result<Membership, AuthError> {
        match self.get(&StateEventType::RoomMember, user.as_str()) {
            None => Ok(Membership::Leave),
            Some(event) => event
                .membership()
                .ok_or_else(|| AuthError::Malformed(format!("the membership of {user} cannot be read"))),
        }
    }

    pub(crate) fn power_levels(&self, create: &Pdu) -> Result<PowerLevels, AuthError> {
        let event = self.get(&StateEventType::RoomPowerLevels, "");
        PowerLevels::new(create, event.as_deref())
    }

    pub(crate) fn join_rule(&self) -> JoinRule {
        match self.get(&StateEventType::RoomJoinRules, "").as_deref().map(Pdu::auth_content) {
            Some(AuthContent::JoinRules(rule)) => *rule,
            // Without a rule one joins by invitation.
            None => JoinRule::Invite,
            Some(_) => JoinRule::Other,
        }
    }
}
