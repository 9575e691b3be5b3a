//! Events in an order in which they can be taken in.

use std::collections::HashMap;

use hearth_spec::Pdu;
use ruma::OwnedEventId;

/// The events so that each comes after those of its `parents` that are among them, and else by depth; each
/// once.
pub(crate) fn in_order(mut pdus: Vec<Pdu>, parents: fn(&Pdu) -> &[OwnedEventId]) -> Vec<Pdu> {
    pdus.sort_by_key(|pdu| (pdu.depth(), pdu.origin_server_ts()));
    let mut places: HashMap<&OwnedEventId, usize> = HashMap::with_capacity(pdus.len());
    for (at, pdu) in pdus.iter().enumerate() {
        places.entry(pdu.event_id_owned()).or_insert(at);
    }
    let mut sorted = Vec::with_capacity(pdus.len());
    let mut seen = vec![false; pdus.len()];
    // An event, and how many of its parents were looked at. Not a recursion: the graph may be deep.
    let mut open: Vec<(usize, usize)> = Vec::new();
    for pdu in &pdus {
        open.extend(places.get(pdu.event_id_owned()).map(|at| (*at, 0)).filter(|(at, _)| !seen[*at]));
        while let Some((at, looked_at)) = open.last_mut() {
            let at = *at;
            seen[at] = true;
            match parents(&pdus[at]).get(*looked_at) {
                Some(parent) => {
                    *looked_at += 1;
                    // Where ids are chosen by their senders a cycle can be made: it is cut somewhere.
                    open.extend(places.get(parent).map(|at| (*at, 0)).filter(|(at, _)| !seen[*at]));
                }
                None => {
                    sorted.push(at);
                    open.pop();
                }
            }
        }
    }
    let mut pdus: Vec<Option<Pdu>> = pdus.into_iter().map(Some).collect();
    sorted.into_iter().filter_map(|at| pdus[at].take()).collect()
}
