//! What waits in composers: kept with each key, so that nothing that was typed is lost, whatever ends the page.

use std::collections::HashMap;

use super::{forget, load, save, storage};

fn prefix(session: &str) -> String {
    format!("hearth-draft {session} ")
}

/// What waits at a place of a session: a room, or a thread in it.
pub fn draft(session: &str, place: &str) -> Option<String> {
    load(&(prefix(session) + place))
}

/// Keeps what waits there, or that nothing does.
pub fn keep_draft(session: &str, place: &str, text: &str) {
    let name = prefix(session) + place;
    match text.trim().is_empty() {
        true => forget(&name),
        false => save(&name, text),
    }
}

/// All that waits in a session, by its place.
pub fn drafts(session: &str) -> HashMap<String, String> {
    let prefix = prefix(session);
    let place = |name: String| Some((name.strip_prefix(&prefix)?.to_owned(), load(&name)?));
    names().filter_map(place).collect()
}

/// What waits in a session goes with it.
pub fn forget_drafts(session: &str) {
    let prefix = prefix(session);
    // Names move up when one goes.
    let all: Vec<String> = names().filter(|name| name.starts_with(&prefix)).collect();
    all.iter().for_each(|name| forget(name));
}

fn names() -> impl Iterator<Item = String> {
    let storage = storage();
    let count = storage.as_ref().and_then(|storage| storage.length().ok()).unwrap_or(0);
    (0..count).filter_map(move |at| storage.as_ref()?.key(at).ok().flatten())
}
