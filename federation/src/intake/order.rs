//! Putting events in order: each after those that it refers to.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, HashSet},
};

use hearth_spec::Pdu;
use ruma::{EventId, OwnedEventId};

/// The events so that each comes after those of them that it refers to, and else in the order given. Of equal
/// ones the first stays; those of a circle are left out.
pub(crate) fn sorted(pdus: Vec<Pdu>, references: fn(&Pdu) -> &[OwnedEventId]) -> Vec<Pdu> {
    let mut places = HashMap::with_capacity(pdus.len());
    for (place, pdu) in pdus.iter().enumerate() {
        places.entry(pdu.event_id_owned().clone()).or_insert(place);
    }
    let mut waits_for = vec![0_usize; pdus.len()];
    let mut awaited_by: Vec<Vec<usize>> = vec![Vec::new(); pdus.len()];
    let first = |place: usize, pdu: &Pdu| places.get(pdu.event_id()) == Some(&place);
    for (place, pdu) in pdus.iter().enumerate().filter(|(place, pdu)| first(*place, pdu)) {
        for before in references(pdu).iter().filter_map(|id| places.get(id)) {
            waits_for[place] += 1;
            awaited_by[*before].push(place);
        }
    }
    let ready = (0..pdus.len()).filter(|place| waits_for[*place] == 0 && first(*place, &pdus[*place]));
    let mut ready: BinaryHeap<Reverse<usize>> = ready.map(Reverse).collect();
    let mut order = Vec::with_capacity(pdus.len());
    while let Some(Reverse(place)) = ready.pop() {
        order.push(place);
        for after in &awaited_by[place] {
            waits_for[*after] -= 1;
            if waits_for[*after] == 0 {
                ready.push(Reverse(*after));
            }
        }
    }
    let mut pdus: Vec<Option<Pdu>> = pdus.into_iter().map(Some).collect();
    order.into_iter().filter_map(|place| pdus[place].take()).collect()
}

/// Events in the order of their auth events, without those of which an auth event is neither `here` nor among
/// those before.
pub(crate) fn complete<E>(
    pdus: Vec<Pdu>,
    mut here: impl FnMut(&EventId) -> Result<bool, E>,
) -> Result<Vec<Pdu>, E> {
    let mut known: HashSet<OwnedEventId> = HashSet::with_capacity(pdus.len());
    let mut complete = Vec::with_capacity(pdus.len());
    for pdu in sorted(pdus, Pdu::auth_events) {
        let mut whole = true;
        for id in pdu.auth_events() {
            if !known.contains(id) && !here(id)? {
                whole = false;
                break;
            }
        }
        if whole {
            known.insert(pdu.event_id_owned().clone());
            complete.push(pdu);
        }
    }
    Ok(complete)
}

/// Those of the events that lie before `after`, by prev events and without a gap between.
pub(crate) fn before(after: &[OwnedEventId], pdus: Vec<Pdu>) -> Vec<Pdu> {
    let mut by_id: HashMap<OwnedEventId, Pdu> =
        pdus.into_iter().map(|pdu| (pdu.event_id_owned().clone(), pdu)).collect();
    let mut wanted: Vec<OwnedEventId> = after.to_vec();
    let mut found = Vec::new();
    while let Some(id) = wanted.pop() {
        if let Some(pdu) = by_id.remove(&id) {
            wanted.extend_from_slice(pdu.prev_events());
            found.push(pdu);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use hearth_spec::RoomVersion;
    use serde_json::json;

    use super::*;

    /// An event of version 1, where it names itself.
    fn event(name: &str, prev: &[&str], auth: &[&str]) -> Pdu {
        let pairs = |names: &[&str]| -> Vec<_> {
            names.iter().map(|name| json!([format!("${name}:x"), {}])).collect()
        };
        let event = json!({
            "event_id": format!("${name}:x"), "room_id": "!r:x", "sender": "@u:x", "type": "m.test",
            "content": {}, "depth": 1, "origin_server_ts": 1, "hashes": {}, "signatures": {},
            "prev_events": pairs(prev), "auth_events": pairs(auth),
        });
        Pdu::parse(RoomVersion::V1, &event.to_string()).unwrap()
    }

    fn names(pdus: &[Pdu]) -> Vec<&str> {
        pdus.iter().map(|pdu| &pdu.event_id().as_str()[1..2]).collect()
    }

    #[test]
    fn each_comes_after_what_it_refers_to() {
        let pdus = vec![
            event("d", &["b", "c"], &[]),
            event("c", &["a"], &[]),
            event("b", &["a"], &[]),
            event("a", &["unknown"], &[]),
            event("e", &[], &[]),
            event("a", &[], &[]),
        ];
        assert_eq!(names(&sorted(pdus, Pdu::prev_events)), ["a", "c", "b", "d", "e"]);
    }

    #[test]
    fn a_circle_is_left_out() {
        let pdus = vec![event("a", &["b"], &[]), event("b", &["a"], &[]), event("c", &[], &[])];
        assert_eq!(names(&sorted(pdus, Pdu::prev_events)), ["c"]);
    }

    #[test]
    fn what_lacks_an_auth_event_is_left_out_with_all_that_stands_on_it() {
        let pdus = vec![
            event("d", &[], &["c"]),
            event("c", &[], &["gone"]),
            event("b", &[], &["a", "h"]),
            event("a", &[], &[]),
        ];
        let here = |id: &EventId| Ok::<_, ()>(id == "$h:x");
        assert_eq!(names(&complete(pdus, here).unwrap()), ["a", "b"]);
    }

    #[test]
    fn only_what_was_asked_for_is_taken() {
        let pdus = vec![event("a", &[], &[]), event("b", &["a"], &[]), event("z", &["b"], &[])];
        let mut found = before(&["$b:x".try_into().unwrap()], pdus);
        found.sort_by(|one, other| one.event_id().cmp(other.event_id()));
        assert_eq!(names(&found), ["a", "b"]);
    }
}
