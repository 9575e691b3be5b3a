//! What a server answers to a join: the room, which is believed no further than it proves itself.

use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
};

use hearth_rooms::{Arrival, RoomError, WithoutMembers};
use hearth_spec::{Pdu, RoomVersion, check_auth_events, check_state};
use hearth_storage::{blocking, schema::rooms::Standing};
use ruma::{
    OwnedEventId, OwnedRoomId, OwnedServerName, RoomId, ServerName,
    api::federation::membership::create_join_event::v2::RoomState,
};
use serde_json::value::RawValue;

use crate::{
    Federation, FederationError,
    intake::{order, parse_events},
    joining::join::Wish,
};

/// So many servers of a room that comes without its members are believed to be in it.
const MAX_SERVERS: usize = 50_000;

/// The join as the server sends it back: with its signature where one of its users vouched for it.
pub(super) fn signed_join(join: &Pdu, signed: Option<&RawValue>) -> Result<Pdu, FederationError> {
    signed.map_or_else(|| Ok(join.clone()), |signed| signed_again(join, signed))
}

/// An event of ours as another server sends it back with a signature of its own.
pub(super) fn signed_again(ours: &Pdu, signed: &RawValue) -> Result<Pdu, FederationError> {
    match Pdu::parse(ours.version(), signed.get()) {
        // The event id is a hash of what the rules look at, and not of the signatures.
        Ok(signed) if signed.event_id() == ours.event_id() && signed.content_str() == ours.content_str() => {
            Ok(signed)
        }
        Ok(_) => Err(FederationError::Invalid("the server sent another event back".to_owned())),
        Err(error) => Err(FederationError::Invalid(error.to_string())),
    }
}

/// The room, after all signatures, hashes and auth chains were checked. Events that fail are dropped; the join
/// itself, the create event and what they stand on must be there.
pub(super) async fn check(
    federation: &Federation,
    from: &ServerName,
    wish: Wish<'_>,
    join: Pdu,
    answer: RoomState,
) -> Result<Arrival, FederationError> {
    let Wish { room_id, omit_members, .. } = wish;
    if answer.members_omitted && !omit_members {
        return Err(FederationError::Invalid("the server left members out unasked".to_owned()));
    }
    let version = join.version();
    let join = signed_join(&join, answer.event.as_deref())?;
    let RoomState { auth_chain, state, members_omitted, servers_in_room, .. } = answer;
    let without_members = members_omitted.then(|| WithoutMembers {
        via: from.to_owned(),
        servers: server_names(servers_in_room.unwrap_or_default()),
    });
    let (mut pdus, state) = blocking(|| parse_room(version, room_id, auth_chain, state));
    let known = known_to_allow(federation, &join, &pdus)?;
    let join_id = join.event_id_owned().clone();
    pdus.push(join);
    let mut pdus = federation.verified(from, version, pdus).await;
    let Some(place) = pdus.iter().position(|pdu| *pdu.event_id() == *join_id) else {
        return Err(FederationError::Invalid("the join is not signed by who vouched for it".to_owned()));
    };
    let join = pdus.swap_remove(place);
    let told = Told { pdus, state, known, members_omitted };
    let assembled = blocking(|| assemble(room_id.to_owned(), version, told, join));
    Ok(Arrival { without_members, ..assembled? })
}

/// Those of the names that are names of servers, as many as a room can be believed to have.
fn server_names(names: Vec<String>) -> Vec<OwnedServerName> {
    names.into_iter().take(MAX_SERVERS).filter_map(|name| OwnedServerName::try_from(name).ok()).collect()
}

/// The events of an answer, each once, and the ids of those of the state.
fn parse_room(
    version: RoomVersion,
    room: &RoomId,
    auth_chain: Vec<Box<RawValue>>,
    state: Vec<Box<RawValue>>,
) -> (Vec<Pdu>, HashSet<OwnedEventId>) {
    let mut pdus = parse_events(version, room, state);
    let state: HashSet<OwnedEventId> = pdus.iter().map(|pdu| pdu.event_id_owned().clone()).collect();
    let chain = parse_events(version, room, auth_chain);
    pdus.extend(chain.into_iter().filter(|pdu| !state.contains(pdu.event_id())));
    let mut seen = HashSet::with_capacity(pdus.len());
    pdus.retain(|pdu| seen.insert(pdu.event_id_owned().clone()));
    (pdus, state)
}

/// What a server told of a room.
struct Told {
    pdus: Vec<Pdu>,
    /// Those of them that are the state before the join.
    state: HashSet<OwnedEventId>,
    /// What the join names besides, as it is here.
    known: Vec<Pdu>,
    members_omitted: bool,
}

/// What a join names as allowing it that the answer leaves out and that is here: who comes back names how they left.
fn known_to_allow(federation: &Federation, join: &Pdu, told: &[Pdu]) -> Result<Vec<Pdu>, FederationError> {
    let mut known = Vec::new();
    for id in join.auth_events() {
        if told.iter().all(|pdu| pdu.event_id() != id)
            && let Some(event) = federation.rooms().event_by_id(id)?
            && event.pdu.room_id() == join.room_id()
            && event.standing != Standing::Rejected
        {
            known.push((*event.pdu).clone());
        }
    }
    Ok(known)
}

/// Puts a room together from events with good signatures.
///
/// # Errors
/// [`FederationError::Invalid`] if something is wrong with the room, [`RoomError::Forbidden`] if it does not let the user
/// in: not every server says so before it answers.
fn assemble(
    room_id: OwnedRoomId,
    version: RoomVersion,
    told: Told,
    join: Pdu,
) -> Result<Arrival, FederationError> {
    let Told { pdus, state: state_ids, known, members_omitted } = told;
    let auth_chain = match order::complete(pdus, |_| Ok::<_, Infallible>(false)) {
        Ok(complete) => complete,
        Err(never) => match never {},
    };
    let state: Vec<Pdu> =
        auth_chain.iter().filter(|pdu| state_ids.contains(pdu.event_id())).cloned().collect();
    let mut by_key = HashMap::with_capacity(state.len());
    for pdu in &state {
        let Some(key) = pdu.state_key() else { return Err(invalid("the state holds a message")) };
        if by_key.insert((pdu.type_str(), key), pdu).is_some() {
            return Err(invalid(format!("the state holds two events of {} and `{key}`", pdu.type_str())));
        }
    }
    let create =
        by_key.get(&("m.room.create", "")).ok_or_else(|| invalid("the state has no create event"))?;
    // Among other things: that the room is of the version that the server said.
    check_auth_events(version, create, |_| None).map_err(invalid)?;
    let by_id: HashMap<_, _> = auth_chain.iter().chain(&known).map(|pdu| (pdu.event_id(), pdu)).collect();
    let fetch = |id: &ruma::EventId| by_id.get(id).map(|pdu| ((*pdu).clone().into(), false));
    check_auth_events(version, &join, fetch).map_err(invalid)?;
    if members_omitted {
        // Those whom the join names are in its auth chain.
        let named = join.auth_events().iter().filter_map(|id| by_id.get(&**id).copied());
        for pdu in named.filter(|pdu| pdu.type_str() == "m.room.member") {
            if let Some(key) = pdu.state_key() {
                by_key.entry((pdu.type_str(), key)).or_insert(pdu);
            }
        }
    }
    check_state(version, &join, |kind, key| {
        by_key.get(&(&*kind.to_string(), key)).map(|pdu| (*pdu).clone().into())
    })
    .map_err(|error| RoomError::Forbidden(error.to_string()))?;
    Ok(Arrival { room_id, version, auth_chain, state, event: join, without_members: None })
}

fn invalid(reason: impl ToString) -> FederationError {
    FederationError::Invalid(reason.to_string())
}

#[cfg(test)]
mod tests;
