//! The algorithm of room versions 2 to 11, and its revision in version 12.

use std::collections::HashSet;

use ruma::events::{StateEventType, TimelineEventType};

use super::{
    Conflict, Graph, Resolved,
    iterative::{Base, Events, PartialState},
    ordering::{mainline, reverse_topological_power},
};
use crate::{RoomVersion, content::Membership, pdu::Pdu, room_version::StateResolution};

pub(super) fn resolve<G: Graph>(
    version: RoomVersion,
    conflict: &Conflict<G::Key, G::Event>,
    graph: &G,
) -> Result<Resolved<G>, G::Error> {
    let revised = version.state_resolution() == StateResolution::V2_1;
    let mut events = Events::new(graph);

    let conflicted: Vec<G::Event> =
        conflict.conflicted.iter().flat_map(|(_, candidates)| candidates).copied().collect();
    let mut full: Vec<G::Event> = graph.auth_difference()?;
    if revised {
        full.extend(graph.conflicted_subgraph(&conflicted)?);
    }
    full.extend(conflicted);
    full.sort_unstable();
    full.dedup();
    let mut full_set = HashSet::with_capacity(full.len());
    let mut powerful = Vec::new();
    for event in full {
        let known = events.get(event)?;
        if known.pdu.is_state() {
            full_set.insert(event);
            if is_power_event(&known.pdu) {
                powerful.push(event);
            }
        }
    }

    let base = if revised { Base::Empty } else { Base::Unconflicted };
    let mut state = PartialState::new(version, conflict, base);
    let create = state.create_event(&mut events)?;
    let create = create.as_deref().map(|create| &*create.pdu);
    let first = reverse_topological_power(&mut events, powerful, &full_set, create)?;
    state.apply(&mut events, &first)?;

    for event in first {
        full_set.remove(&event);
    }
    let power_levels = state.get(graph, &StateEventType::RoomPowerLevels, "")?;
    let second = mainline(&mut events, full_set.into_iter().collect(), power_levels)?;
    state.apply(&mut events, &second)?;
    state.into_resolved(conflict, graph)
}

/// Whether an event might take away someone's ability to do something. The create event counts as
/// one for all servers, though the specification does not list it: nothing comes before it.
fn is_power_event(pdu: &Pdu) -> bool {
    match pdu.event_type() {
        TimelineEventType::RoomPowerLevels
        | TimelineEventType::RoomJoinRules
        | TimelineEventType::RoomCreate => pdu.state_key() == Some(""),
        TimelineEventType::RoomMember => {
            matches!(pdu.membership(), Some(Membership::Leave | Membership::Ban))
                && pdu.state_key() != Some(pdu.sender().as_str())
        }
        _ => false,
    }
}
