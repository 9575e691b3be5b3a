//! Looking through what matches for what the user may see.

use std::{collections::HashMap, sync::Arc};

use hearth_rooms::{Event, RoomError};
use hearth_search::{Hit, Place, Scope, Searching, Statistics, text_of};
use hearth_storage::RoomNid;
use hearth_sync::EventFilter;

use super::{
    Wanted,
    scope::scope,
    token::{Group, SearchToken},
};
use crate::{ClientApi, Requester, Result, message::view::View};

/// How many matches are looked at for one request.
const MAX_LOOKED_AT: usize = 2_000;
/// How many of them are found at once.
const AT_ONCE: usize = 200;

/// An event that the user may see and that matches.
pub(super) struct Found {
    pub(super) view: Arc<View>,
    pub(super) event: Arc<Event>,
    /// How well it matches; more is better.
    pub(super) rank: f64,
    /// What of it matches.
    pub(super) text: String,
}

/// What is told of what was found.
pub(super) struct Page {
    pub(super) found: Vec<Found>,
    /// How many there are in all, about.
    pub(super) count: usize,
    /// From where a later page goes on, if there may be more.
    pub(super) next: Option<SearchToken>,
}

/// A look through what matches.
pub(super) struct Looking<'a> {
    api: &'a ClientApi,
    who: &'a Requester,
    wanted: &'a Wanted,
    searching: &'a Searching,
    filter: EventFilter<'a>,
    scope: Arc<Scope>,
    statistics: Statistics,
    /// What the first page said, and where it ended.
    from: Option<SearchToken>,
    /// The rooms of what was found; `None` for one that the user may not read.
    views: HashMap<RoomNid, Option<Arc<View>>>,
}

impl<'a> Looking<'a> {
    pub(super) fn begin(
        api: &'a ClientApi,
        who: &'a Requester,
        wanted: &'a Wanted,
        searching: &'a Searching,
        from: Option<SearchToken>,
    ) -> Result<Self> {
        let group = from.as_ref().and_then(|from| from.group.as_ref());
        let scope = Arc::new(scope(api, who, &wanted.criteria, group)?);
        let statistics = match &from {
            Some(from) => from.statistics.clone(),
            None => searching.statistics(&wanted.terms)?,
        };
        let filter = EventFilter::of(&wanted.criteria.filter);
        Ok(Self { api, who, wanted, searching, filter, scope, statistics, from, views: HashMap::new() })
    }

    pub(super) fn look(mut self) -> Result<Page> {
        let mut page = Page { found: Vec::new(), count: 0, next: None };
        if self.wanted.terms.is_empty() {
            return Ok(page);
        }
        let mut after = self.from.as_ref().map(|from| from.place);
        let mut earlier = 0;
        for step in 0..MAX_LOOKED_AT / AT_ONCE {
            let Wanted { terms, order, .. } = self.wanted;
            let matching =
                self.searching.find(terms, &self.statistics, &self.scope, *order, after, AT_ONCE)?;
            if step == 0 {
                page.count = matching.counted;
            }
            // Who wants no event wants to know how many there are.
            if self.filter.limit() == 0 {
                return Ok(page);
            }
            let exhausted = matching.hits.len() < AT_ONCE;
            for hit in matching.hits {
                after = Some(hit.place);
                let Some(found) = self.see(&hit)? else { continue };
                earlier += usize::from(!hit.counted);
                page.found.push(found);
                if page.found.len() == self.filter.limit() {
                    return Ok(self.end(page, earlier, after));
                }
            }
            if exhausted {
                return Ok(self.end(page, earlier, None));
            }
        }
        Ok(self.end(page, earlier, after))
    }

    /// `earlier` of what was found came before the user did.
    fn end(self, mut page: Page, earlier: usize, next: Option<Place>) -> Page {
        page.count = self.from.as_ref().map_or(page.count + earlier, |from| from.count);
        let group = self.from.and_then(|from| from.group);
        let (count, statistics) = (page.count, self.statistics);
        page.next = next.map(|place| SearchToken { place, count, statistics, group });
        page
    }

    /// The event of a hit, if the user may see it and wants it.
    fn see(&mut self, hit: &Hit) -> Result<Option<Found>> {
        let Some(view) = self.view(hit.room)? else { return Ok(None) };
        let Some(event) = self.api.rooms.event(hit.event)? else { return Ok(None) };
        if !self.filter.matches(&event) || !self.is_in_group(&event) || view.ignores(&event) {
            return Ok(None);
        }
        if !view.may_see(&event)? || view.is_erased(&event)? {
            return Ok(None);
        }
        let edit = hit.edit.map(|edit| self.api.rooms.event(edit)).transpose()?.flatten();
        // Who may not see how it was edited does not find it by that either.
        let sees_edit = match (&hit.edit, &edit) {
            (None, _) => true,
            (Some(_), Some(edit)) => view.may_see(edit)?,
            (Some(_), None) => false,
        };
        if !sees_edit {
            return Ok(None);
        }
        // It may have been redacted a moment ago.
        let Some((_, text)) = text_of(&event, edit.as_deref()) else { return Ok(None) };
        Ok(Some(Found { view, event, rank: hit.rank(), text }))
    }

    fn is_in_group(&self, event: &Event) -> bool {
        match self.from.as_ref().and_then(|from| from.group.as_ref()) {
            Some(Group::Sender(sender)) => event.pdu.sender() == sender,
            Some(Group::Room(_)) | None => true,
        }
    }

    fn view(&mut self, nid: RoomNid) -> Result<Option<Arc<View>>> {
        if let Some(known) = self.views.get(&nid) {
            return Ok(known.clone());
        }
        let view = match self.api.rooms.room_by_nid(nid) {
            Ok(room) => match View::of(self.api, &self.who.user, room.id()) {
                Ok(view) => Some(Arc::new(view)),
                // Invited, and never in it.
                Err(error) if error.errcode == Some("M_FORBIDDEN") => None,
                Err(error) => return Err(error),
            },
            Err(RoomError::UnknownRoom) => None,
            Err(error) => return Err(error.into()),
        };
        self.views.insert(nid, view.clone());
        Ok(view)
    }
}
