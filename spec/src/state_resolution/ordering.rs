//! The two orderings of the version 2 algorithm.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, HashSet},
};

use ruma::{EventId, MilliSecondsSinceUnixEpoch, OwnedEventId, events::TimelineEventType};

use super::{
    Graph,
    iterative::{Events, Known},
};
use crate::{
    pdu::Pdu,
    power_levels::{PowerLevel, PowerLevels},
};

/// What orders two events neither of which builds on the other: the smallest is first.
type Rank = (Reverse<PowerLevel>, MilliSecondsSinceUnixEpoch, OwnedEventId);

/// The events and those of their auth chains within `full`, earliest first (reverse topological
/// power ordering).
///
/// The auth chains are followed through events of `full` only, as all servers do it: what lies
/// beyond is agreed upon.
pub(super) fn reverse_topological_power<G: Graph>(
    events: &mut Events<'_, G>,
    powerful: Vec<G::Event>,
    full: &HashSet<G::Event>,
    create: Option<&Pdu>,
) -> Result<Vec<G::Event>, G::Error> {
    let mut ranks: HashMap<G::Event, Rank> = HashMap::new();
    let mut waits_for: HashMap<G::Event, usize> = HashMap::new();
    let mut dependents: HashMap<G::Event, Vec<G::Event>> = HashMap::new();
    let mut pending = powerful;
    while let Some(id) = pending.pop() {
        if ranks.contains_key(&id) {
            continue;
        }
        let event = events.get(id)?;
        let level = sender_level(events, &event, create)?;
        ranks.insert(id, (Reverse(level), event.pdu.origin_server_ts(), event.pdu.event_id().to_owned()));
        let mut within: Vec<G::Event> =
            event.auth_events.iter().copied().filter(|id| full.contains(id)).collect();
        within.sort_unstable();
        within.dedup();
        waits_for.insert(id, within.len());
        for auth_event in within {
            dependents.entry(auth_event).or_default().push(id);
            pending.push(auth_event);
        }
    }

    let mut ready: BinaryHeap<Reverse<(Rank, G::Event)>> = waits_for
        .iter()
        .filter(|(_, count)| **count == 0)
        .filter_map(|(id, _)| Some(Reverse((ranks.get(id)?.clone(), *id))))
        .collect();
    let mut sorted = Vec::with_capacity(ranks.len());
    while let Some(Reverse((_, id))) = ready.pop() {
        sorted.push(id);
        for dependent in dependents.remove(&id).unwrap_or_default() {
            if let Some(count) = waits_for.get_mut(&dependent) {
                *count -= 1;
                if *count == 0
                    && let Some(rank) = ranks.get(&dependent)
                {
                    ready.push(Reverse((rank.clone(), dependent)));
                }
            }
        }
    }
    Ok(sorted)
}

/// The power level of the event's sender by its own auth events.
fn sender_level<G: Graph>(
    events: &mut Events<'_, G>,
    event: &Known<G::Event>,
    create: Option<&Pdu>,
) -> Result<PowerLevel, G::Error> {
    let power_levels = events.auth_event_of(event, &TimelineEventType::RoomPowerLevels)?;
    let own_create = match create {
        Some(_) => None,
        None => events.auth_event_of(event, &TimelineEventType::RoomCreate)?,
    };
    let create = create.or(own_create.as_ref().map(|create| &*create.pdu));
    let power_levels = power_levels.as_ref().map(|levels| &*levels.pdu);
    // Without a create event, and by levels that cannot be read, nobody has any power.
    Ok(create
        .and_then(|create| PowerLevels::new(create, power_levels).ok())
        .map_or(PowerLevel::Int(0), |levels| levels.for_user(event.pdu.sender())))
}

/// The events by their place along the history of the power levels event, earliest first (mainline
/// ordering).
pub(super) fn mainline<G: Graph>(
    events: &mut Events<'_, G>,
    unsorted: Vec<G::Event>,
    power_levels: Option<G::Event>,
) -> Result<Vec<G::Event>, G::Error> {
    if unsorted.is_empty() {
        return Ok(unsorted);
    }
    // Positions count from the oldest, so that they sort as the ordering asks; nought is for events
    // that build on none of the mainline.
    let mut line = Vec::new();
    let mut next = power_levels;
    while let Some(id) = next {
        line.push(id);
        next = previous_power_levels(events, id)?;
    }
    let mut positions: HashMap<G::Event, usize> =
        line.iter().rev().enumerate().map(|(index, id)| (*id, index + 1)).collect();

    let mut keyed: Vec<(usize, MilliSecondsSinceUnixEpoch, OwnedEventId, G::Event)> = Vec::new();
    for id in unsorted {
        let event = events.get(id)?;
        let mut walked = Vec::new();
        let mut at = previous_power_levels(events, id)?;
        let position = loop {
            let Some(current) = at else { break 0 };
            if let Some(position) = positions.get(&current) {
                break *position;
            }
            walked.push(current);
            at = previous_power_levels(events, current)?;
        };
        for passed in walked {
            positions.insert(passed, position);
        }
        let event_id: &EventId = event.pdu.event_id();
        keyed.push((position, event.pdu.origin_server_ts(), event_id.to_owned(), id));
    }
    keyed.sort_unstable();
    Ok(keyed.into_iter().map(|(_, _, _, id)| id).collect())
}

fn previous_power_levels<G: Graph>(
    events: &mut Events<'_, G>,
    id: G::Event,
) -> Result<Option<G::Event>, G::Error> {
    let event = events.get(id)?;
    let levels = events.auth_event_of(&event, &TimelineEventType::RoomPowerLevels)?;
    Ok(levels.map(|levels| levels.id))
}
