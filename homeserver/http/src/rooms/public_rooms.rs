//! The published rooms.

use std::{cmp::Reverse, fmt, str::FromStr};

use hearth_rooms::{Room, Rooms};
use hearth_text::fold;
use ruma::{
    UInt,
    directory::{Filter, PublicRoomsChunk, RoomTypeFilter},
    room::RoomSummary,
};

use crate::{
    MatrixError, Result,
    rooms::{
        discover::{Asker, may_discover},
        summary::described,
    },
};

/// How many rooms a page holds, unless fewer are asked for; and at most.
const PAGE: usize = 50;
const MAX_PAGE: usize = 200;

/// A page of the directory.
#[derive(Debug)]
pub struct Page {
    pub chunk: Vec<PublicRoomsChunk>,
    pub next_batch: Option<String>,
    pub prev_batch: Option<String>,
    /// How many rooms are published, whatever the filter takes.
    pub total: UInt,
}

/// A room's place in the order of the directory: large rooms first, then older ones.
type Place = (Reverse<u64>, u64);

fn place(room: &Room) -> Place {
    (Reverse(room.head().joined), room.nid().0)
}

/// Where a page begins: next to a room, in a direction. It names the room's place rather than a count of rooms,
/// so that rooms which come or go meanwhile shift nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Batch {
    backwards: bool,
    beside: Place,
}

impl fmt::Display for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Reverse(joined), room) = self.beside;
        write!(f, "d1_{}_{joined}_{room}", if self.backwards { 'p' } else { 'n' })
    }
}

impl FromStr for Batch {
    type Err = MatrixError;

    fn from_str(token: &str) -> Result<Self> {
        let parse = || {
            let mut parts = token.strip_prefix("d1_")?.split('_');
            let backwards = match parts.next()? {
                "p" => true,
                "n" => false,
                _ => return None,
            };
            let beside = (Reverse(parts.next()?.parse().ok()?), parts.next()?.parse().ok()?);
            parts.next().is_none().then_some(Self { backwards, beside })
        };
        parse().ok_or_else(|| MatrixError::invalid_param("`since` is not a token of this server."))
    }
}

/// Those of published rooms that a filter takes, from a token on: at most `limit` and at most a page.
pub fn page(
    rooms: &Rooms,
    published: Vec<Room>,
    limit: Option<UInt>,
    since: Option<&str>,
    filter: &Filter,
) -> Result<Page> {
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0);
    let limit = limit.unwrap_or(PAGE).min(MAX_PAGE);
    let since = since.map(str::parse::<Batch>).transpose()?;
    let mut published: Vec<(Place, Room)> = published.into_iter().map(|room| (place(&room), room)).collect();
    let total = UInt::new_saturating(published.len() as u64);
    published.sort_unstable_by_key(|(place, _)| *place);

    let backwards = since.is_some_and(|since| since.backwards);
    if backwards {
        published.reverse();
    }
    let beyond = |place: Place| match since {
        None => true,
        Some(Batch { backwards: true, beside }) => place < beside,
        Some(Batch { backwards: false, beside }) => place > beside,
    };
    // Summaries are the dear part: only as many are made as the page takes.
    let mut found: Vec<(Place, RoomSummary)> = Vec::new();
    let mut more = false;
    for (place, room) in published.into_iter().filter(|(place, _)| beyond(*place)) {
        let summary = room.summary()?;
        if !may_discover(rooms, &room, &summary, Asker::Anyone)? {
            continue;
        }
        let summary = described(summary);
        if !takes(filter, &summary) {
            continue;
        }
        if found.len() == limit {
            more = true;
            break;
        }
        found.push((place, summary));
    }
    if backwards {
        found.reverse();
    }
    let batch = |backwards, at: Option<&(Place, RoomSummary)>| {
        at.map(|(beside, _)| Batch { backwards, beside: *beside }.to_string())
    };
    // There is always what one came from.
    let (before, after) = if backwards { (more, true) } else { (since.is_some(), more) };
    let next_batch = if after { batch(false, found.last()) } else { None };
    let prev_batch = if before { batch(true, found.first()) } else { None };
    let chunk = found.into_iter().map(|(_, summary)| summary.into()).collect();
    Ok(Page { chunk, next_batch, prev_batch, total })
}

fn takes(filter: &Filter, room: &RoomSummary) -> bool {
    let room_type = RoomTypeFilter::from(room.room_type.clone());
    if !filter.room_types.is_empty() && !filter.room_types.contains(&room_type) {
        return false;
    }
    let Some(term) = filter.generic_search_term.as_deref().filter(|term| !term.is_empty()) else {
        return true;
    };
    let term = fold(term);
    let alias = room.canonical_alias.as_ref().map(|alias| alias.as_str());
    let texts = [room.name.as_deref(), room.topic.as_deref(), alias];
    texts.into_iter().flatten().any(|text| fold(text).contains(&term))
}
