//! Walking up: towards what reaches an event.

use std::collections::HashMap;

use hearth_storage::{EventNid, StorageError};

use super::rows::{ChainPlace, Rows};

/// Rows that a page has at first and at most. What is looked for is usually among the newest, so pages begin
/// small.
const FIRST_PAGE: usize = 4;
const LARGEST_PAGE: usize = 64;

/// A search among the events that reach given ones. It remembers where nothing was found.
pub(super) struct Above<'a> {
    rows: Rows<'a>,
    barren: HashMap<u64, Searched>,
}

/// From where on a chain was searched.
#[derive(Clone, Copy)]
pub(super) struct Searched {
    /// The lowest sequence whose event was looked at.
    pub events: u64,
    /// The lowest sequence whose links were followed.
    links: u64,
}

const NOTHING: Searched = Searched { events: u64::MAX, links: u64::MAX };

/// A part of a chain still to be searched, from its upper end.
enum Part {
    Events { chain: u64, from: u64, until: u64, page: usize },
    Links { chain: u64, from: u64, until: (u64, u64), page: usize },
}

impl<'a> Above<'a> {
    pub fn new(rows: Rows<'a>) -> Self {
        Self { rows, barren: HashMap::new() }
    }

    /// Whether any event that reaches `place` is `wanted`. The newest are asked first.
    pub fn any(
        &mut self,
        place: ChainPlace,
        mut wanted: impl FnMut(ChainPlace, EventNid) -> Result<bool, StorageError>,
    ) -> Result<bool, StorageError> {
        let mut searched = HashMap::new();
        let mut parts = Vec::new();
        self.enter(
            place.chain,
            Searched { events: place.sequence + 1, links: place.sequence },
            &mut searched,
            &mut parts,
        );
        while let Some(part) = parts.pop() {
            match part {
                Part::Events { chain, from, until, page } => {
                    let events = self.rows.places(chain, from..until, page)?;
                    if let (Some((last, _)), true) = (events.last(), events.len() == page) {
                        parts.push(Part::Events { chain, from, until: *last, page: larger(page) });
                    }
                    for (sequence, nid) in events {
                        if wanted(ChainPlace { chain, sequence }, nid)? {
                            return Ok(true);
                        }
                    }
                }
                Part::Links { chain, from, until, page } => {
                    let links = self.rows.backlinks(chain, (from, 0)..until, page)?;
                    if let (Some(last), true) = (links.last(), links.len() == page) {
                        let until = (last.to.sequence, last.from.chain);
                        parts.push(Part::Links { chain, from, until, page: larger(page) });
                    }
                    // The newest comes to lie on top.
                    for link in links.into_iter().rev() {
                        let ChainPlace { chain, sequence } = link.from;
                        self.enter(
                            chain,
                            Searched { events: sequence, links: sequence },
                            &mut searched,
                            &mut parts,
                        );
                    }
                }
            }
        }
        // Only a search that came to its end has seen all of what it entered.
        self.barren.extend(searched);
        Ok(false)
    }

    /// Notes what of a chain is still to be searched from these sequences on.
    fn enter(
        &self,
        chain: u64,
        from: Searched,
        searched: &mut HashMap<u64, Searched>,
        parts: &mut Vec<Part>,
    ) {
        let known = searched.entry(chain).or_insert_with(|| *self.barren.get(&chain).unwrap_or(&NOTHING));
        let before = *known;
        if from.links < before.links {
            known.links = from.links;
            parts.push(Part::Links { chain, from: from.links, until: (before.links, 0), page: FIRST_PAGE });
        }
        if from.events < before.events {
            known.events = from.events;
            parts.push(Part::Events { chain, from: from.events, until: before.events, page: FIRST_PAGE });
        }
    }

    /// Where all searches that found nothing have been, by chain.
    pub fn into_barren(self) -> HashMap<u64, Searched> {
        self.barren
    }
}

fn larger(page: usize) -> usize {
    (page * 4).min(LARGEST_PAGE)
}
