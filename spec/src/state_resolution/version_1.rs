//! The algorithm of room version 1: a pass for each type that authorization depends on, by depth
//! and the SHA-1 of the event id, then the rest.

use std::{cmp::Reverse, collections::HashMap};

use ruma::events::TimelineEventType;
use sha1::{Digest, Sha1};

use super::{
    Conflict, Graph, Resolved,
    iterative::{Base, Events, PartialState, Shared},
};
use crate::RoomVersion;

pub(super) fn resolve<G: Graph>(
    version: RoomVersion,
    conflict: &Conflict<G::Key, G::Event>,
    graph: &G,
) -> Result<Resolved<G>, G::Error> {
    let mut events = Events::new(graph);
    let mut state = PartialState::new(version, conflict, Base::Unconflicted);
    let mut open = Vec::new();
    for (key, candidates) in &conflict.conflicted {
        let mut known = Vec::with_capacity(candidates.len());
        for &candidate in candidates {
            known.push(events.get(candidate)?);
        }
        // Here a key that a state lacks is no conflict.
        match known.as_slice() {
            [] => {}
            [only] => state.set(*key, only.id),
            _ => open.push((*key, in_order::<G>(known))),
        }
    }

    let is = |candidates: &[Shared<G>], event_type: &TimelineEventType| {
        candidates.iter().all(|candidate| candidate.pdu.event_type() == event_type)
    };
    let passes =
        [TimelineEventType::RoomPowerLevels, TimelineEventType::RoomJoinRules, TimelineEventType::RoomMember];
    for event_type in &passes {
        let mut resolved = HashMap::new();
        for (key, candidates) in open.iter().filter(|(_, candidates)| is(candidates, event_type)) {
            // The state of the pass: what earlier passes gave, and at this key the winner so far.
            let mut attempt = state.clone();
            let mut winner = None;
            for candidate in candidates {
                if winner.is_some() && !attempt.allows(&mut events, candidate)? {
                    break;
                }
                winner = Some(candidate.id);
                attempt.set(*key, candidate.id);
            }
            resolved.insert(*key, winner);
        }
        for (key, winner) in resolved {
            if let Some(winner) = winner {
                state.set(key, winner);
            }
        }
    }
    let passed = state.clone();
    for (key, candidates) in &open {
        if passes.iter().any(|event_type| is(candidates, event_type)) {
            continue;
        }
        // The deepest that is allowed, or as other servers do when none is, the least deep.
        let mut winner = candidates.first().map(|candidate| candidate.id);
        for candidate in candidates.iter().rev() {
            if passed.allows(&mut events, candidate)? {
                winner = Some(candidate.id);
                break;
            }
        }
        if let Some(winner) = winner {
            state.set(*key, winner);
        }
    }
    state.into_resolved(conflict, graph)
}

/// Ascending depth, then descending SHA-1.
fn in_order<G: Graph>(mut candidates: Vec<Shared<G>>) -> Vec<Shared<G>> {
    candidates.sort_by_cached_key(|candidate| {
        let hash: [u8; 20] = Sha1::digest(candidate.pdu.event_id().as_bytes()).into();
        (candidate.pdu.depth(), Reverse(hash))
    });
    candidates
}
