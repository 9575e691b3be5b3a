//! Which media rooms and profiles show.

use std::collections::{BTreeSet, HashSet};

use hearth_rooms::TimelineRange;
use ruma::OwnedServerName;

use crate::{
    ClientApi, Result,
    synapse_admin::{AdminRequest, rooms::room},
};

/// How many events of a room are looked at, the newest, and how many of them at once.
const MAX_LOOKED_AT: usize = 100_000;
const AT_ONCE: usize = 500;
/// How many accounts are read at once.
const ACCOUNTS: usize = 1000;

/// The media that the events of a room show, as far as those are not encrypted: server and id.
pub(super) fn in_room(
    api: &ClientApi,
    request: &AdminRequest,
) -> Result<BTreeSet<(OwnedServerName, String)>> {
    let room = room(api, request)?;
    let mut uris = BTreeSet::new();
    let (mut until, mut looked_at) = (None, 0);
    while looked_at < MAX_LOOKED_AT {
        let range = TimelineRange { after: None, until, backwards: true, limit: AT_ONCE };
        let events = room.timeline(range)?;
        looked_at += events.len();
        for event in &events {
            uris.extend(named_in(event.pdu.content_str()));
        }
        match events.last().and_then(|event| event.order()).filter(|_| events.len() == AT_ONCE) {
            Some(order) => until = Some(order.before()),
            None => break,
        }
    }
    Ok(uris)
}

/// The `mxc:` URIs of a content.
fn named_in(content: &str) -> impl Iterator<Item = (OwnedServerName, String)> {
    content.split("\"mxc://").skip(1).filter_map(|rest| {
        let (server, media_id) = rest.split('"').next()?.split_once('/')?;
        Some((OwnedServerName::try_from(server).ok()?, media_id.to_owned()))
    })
}

/// What users of this server and rooms show of themselves, by its URI.
pub(super) fn of_profiles(api: &ClientApi) -> Result<HashSet<String>> {
    let mut shown = HashSet::new();
    let mut after = None;
    loop {
        let accounts = api.users.accounts.list(after.as_deref(), ACCOUNTS)?;
        for (user, _) in &accounts {
            shown.extend(api.users.profiles.get(user)?.avatar_url.as_ref().map(ToString::to_string));
        }
        match accounts.last().filter(|_| accounts.len() == ACCOUNTS) {
            Some((user, _)) => after = Some(user.clone()),
            None => break,
        }
    }
    for room in api.rooms.all()? {
        shown.extend(room.summary()?.avatar_url.map(|url| url.to_string()));
    }
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_found_wherever_they_are() {
        let content = r#"{"body":"see mxc://no/","url":"mxc://a.org/one","info":{"thumbnail_url":"mxc://b.org:80/two"},"x":"mxc://bad"}"#;
        let named: Vec<String> = named_in(content).map(|(server, id)| format!("{server} {id}")).collect();
        assert_eq!(named, ["a.org one", "b.org:80 two"]);
    }
}
