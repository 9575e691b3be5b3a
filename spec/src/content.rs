//! What the authorization rules read of the contents of state events, parsed once per event.
//!
//! Only what the rules name is read, and no more is asked of it than they ask: an event with an
//! odd profile or topic is still an event.

use std::sync::Arc;

use ruma::{OwnedUserId, UserId, events::TimelineEventType};

use crate::{
    RoomVersion,
    canonical_json::{self, Numbers, Object, Value},
    keys::signed_text,
    pdu::Pdu,
    power_levels::PowerLevelsContent,
    reference_hash::decode_base64,
};

/// A user's relation to a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Membership {
    Join,
    Invite,
    Knock,
    Leave,
    Ban,
}

impl Membership {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Invite => "invite",
            Self::Knock => "knock",
            Self::Leave => "leave",
            Self::Ban => "ban",
        }
    }

    /// The membership of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Join, Self::Invite, Self::Knock, Self::Leave, Self::Ban]
            .into_iter()
            .find(|membership| membership.as_str() == name)
    }
}

/// The parsed content of one event.
#[derive(Debug)]
pub(crate) enum AuthContent {
    Create(CreateContent),
    Member(Box<MemberContent>),
    JoinRules(JoinRule),
    PowerLevels(Result<Arc<PowerLevelsContent>, String>),
    Other,
}

impl AuthContent {
    pub(crate) fn of(pdu: &Pdu) -> Self {
        let version = pdu.version();
        let numbers = crate::pdu::numbers(version);
        let Ok(content) = canonical_json::parse_object(pdu.content_str(), numbers) else {
            return Self::Other;
        };
        if *pdu.event_type() == TimelineEventType::RoomMember {
            // A message of this type is judged by the same fields, and refused for lack of a key.
            return Self::Member(Box::new(MemberContent::of(&content)));
        }
        if pdu.state_key() != Some("") {
            return Self::Other;
        }
        match pdu.event_type() {
            TimelineEventType::RoomCreate => Self::Create(CreateContent::of(version, pdu.sender(), &content)),
            TimelineEventType::RoomJoinRules => Self::JoinRules(match content.get("join_rule") {
                None => JoinRule::Invite,
                Some(rule) => rule.as_str().map_or(JoinRule::Other, JoinRule::parse),
            }),
            TimelineEventType::RoomPowerLevels => {
                Self::PowerLevels(PowerLevelsContent::of(version, &content).map(Arc::new))
            }
            _ => Self::Other,
        }
    }

    pub(crate) fn as_member(&self) -> Option<&MemberContent> {
        match self {
            Self::Member(member) => Some(member),
            _ => None,
        }
    }

    pub(crate) fn as_create(&self) -> Option<&CreateContent> {
        match self {
            Self::Create(create) => Some(create),
            _ => None,
        }
    }

    /// About how many bytes it takes.
    pub(crate) fn weight(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::PowerLevels(Ok(levels)) => levels.weight(),
                Self::Member(_) => size_of::<MemberContent>(),
                Self::Create(create) => create.creators.len() * 64,
                _ => 0,
            }
    }
}

/// `m.room.create`.
#[derive(Debug)]
pub(crate) struct CreateContent {
    pub(crate) federate: bool,
    pub(crate) has_creator: bool,
    /// Whether `additional_creators` is absent or a list of valid user ids.
    pub(crate) additional_creators_valid: bool,
    /// `room_version`, if it is there: `None` inside when it is no string.
    pub(crate) room_version: Option<Option<String>>,
    /// The creator first: the sender, or before room version 11 the content's `creator`.
    pub(crate) creators: Arc<[OwnedUserId]>,
}

impl CreateContent {
    fn of(version: RoomVersion, sender: &UserId, content: &Object<'_>) -> Self {
        let rules = &version.rules().authorization;
        let creator = if rules.use_room_create_sender {
            Some(sender.to_owned())
        } else {
            content.get_str("creator").and_then(|id| UserId::parse(id).ok())
        };
        let mut creators: Vec<OwnedUserId> = creator.into_iter().collect();
        let mut additional_creators_valid = true;
        if rules.additional_room_creators {
            match content.get("additional_creators") {
                None => {}
                Some(Value::Array(ids)) => {
                    for id in ids {
                        match id.as_str().map(UserId::parse) {
                            Some(Ok(id)) => creators.push(id),
                            _ => additional_creators_valid = false,
                        }
                    }
                }
                Some(_) => additional_creators_valid = false,
            }
        }
        Self {
            federate: !matches!(content.get("m.federate"), Some(Value::Bool(false))),
            has_creator: content.get("creator").is_some(),
            additional_creators_valid,
            room_version: content.get("room_version").map(|version| version.as_str().map(str::to_owned)),
            creators: creators.into(),
        }
    }
}

/// `m.room.member`.
#[derive(Debug)]
pub(crate) struct MemberContent {
    pub(crate) membership: Option<Membership>,
    pub(crate) join_authorised_via_users_server: Option<String>,
    pub(crate) third_party_invite: Option<ThirdPartyInvite>,
}

impl MemberContent {
    pub(crate) fn of(content: &Object<'_>) -> Self {
        Self {
            membership: content.get_str("membership").and_then(Membership::parse),
            // One that is no string names nobody who could authorise anything.
            join_authorised_via_users_server: content
                .get("join_authorised_via_users_server")
                .map(|user| user.as_str().unwrap_or_default().to_owned()),
            third_party_invite: content.get("third_party_invite").map(ThirdPartyInvite::of),
        }
    }
}

/// `third_party_invite` of an invitation.
#[derive(Debug, Default)]
pub(crate) struct ThirdPartyInvite {
    pub(crate) mxid: Option<String>,
    pub(crate) token: Option<String>,
    /// The text that is signed.
    pub(crate) signed: String,
    /// The ed25519 signatures, decoded.
    pub(crate) signatures: Vec<String>,
}

impl ThirdPartyInvite {
    fn of(value: &Value<'_>) -> Self {
        let Some(signed) = value.as_object().and_then(|invite| invite.get_object("signed")) else {
            return Self::default();
        };
        let signatures = signed
            .get_object("signatures")
            .into_iter()
            .flat_map(|entities| entities.iter())
            .filter_map(|(_, keys)| keys.as_object())
            .flat_map(|keys| keys.iter())
            .filter(|(key_id, _)| key_id.starts_with("ed25519:"))
            .filter_map(|(_, signature)| signature.as_str().map(str::to_owned));
        Self {
            mxid: signed.get_str("mxid").map(str::to_owned),
            token: signed.get_str("token").map(str::to_owned),
            signed: signed_text(signed),
            signatures: signatures.collect(),
        }
    }
}

/// The public keys of an `m.room.third_party_invite` content, in base64.
pub(crate) fn third_party_invite_keys(content: &str) -> Vec<String> {
    let Ok(content) = canonical_json::parse_object(content, Numbers::Any) else {
        return Vec::new();
    };
    let listed = content
        .get("public_keys")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|key| key.as_object()?.get_str("public_key"));
    let keys = content.get_str("public_key").into_iter().chain(listed);
    // Identity servers have published their keys in the URL-safe alphabet too.
    keys.map(|key| key.replace('-', "+").replace('_', "/"))
        .filter(|key| decode_base64(key).is_some())
        .collect()
}

/// `join_rule` of `m.room.join_rules`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JoinRule {
    Public,
    Invite,
    Knock,
    Restricted,
    KnockRestricted,
    /// `private`, and what is not known: nobody can join.
    Other,
}

impl JoinRule {
    fn parse(name: &str) -> Self {
        match name {
            "public" => Self::Public,
            "invite" => Self::Invite,
            "knock" => Self::Knock,
            "restricted" => Self::Restricted,
            "knock_restricted" => Self::KnockRestricted,
            _ => Self::Other,
        }
    }
}
