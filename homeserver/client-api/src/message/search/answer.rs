//! What is told of the matches.

use std::collections::{BTreeMap, BTreeSet};

use hearth_rooms::Event;
use hearth_sync::EventFilter;
use ruma::{
    OwnedRoomId, OwnedUserId,
    api::client::search::search_events::v3::{
        Criteria, EventContext, EventContextResult, GroupingKey, ResultGroup, ResultGroupMap,
        ResultGroupMapsByGroupingKey, SearchResult, UserProfile,
    },
    events::AnyStateEvent,
    serde::Raw,
};
use serde::Serialize;

use super::{
    Wanted,
    looking::{Found, Page},
    token::{Group, SearchToken},
};
use crate::{
    ClientApi, Requester, Result,
    message::{context::Around, view::View},
    state::events::EventWriter,
};

/// The answer, which has its lists also where they are empty.
#[derive(Serialize, Default)]
pub struct SearchAnswer {
    pub(super) search_categories: Categories,
}

#[derive(Serialize, Default)]
pub(super) struct Categories {
    #[serde(skip_serializing_if = "Option::is_none")]
    room_events: Option<RoomEvents>,
}

#[derive(Serialize)]
struct RoomEvents {
    count: usize,
    highlights: Vec<String>,
    results: Vec<SearchResult>,
    groups: ResultGroupMapsByGroupingKey,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<BTreeMap<OwnedRoomId, Vec<Raw<AnyStateEvent>>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_batch: Option<String>,
}

impl Categories {
    pub(super) fn write(api: &ClientApi, who: &Requester, wanted: &Wanted, page: Page) -> Result<Self> {
        let Page { found, count, next } = page;
        let criteria = &wanted.criteria;
        let results = found.iter().map(|found| {
            let mut result = SearchResult::new();
            let mut writer = EventWriter::new(api, &found.view.room, who)?;
            result.rank = Some(found.rank);
            result.result = writer.raw(std::slice::from_ref(&found.event))?.pop();
            if wanted.context {
                result.context = context(found, criteria, &mut writer)?;
            }
            Ok(result)
        });
        let state = criteria.include_state.unwrap_or_default().then(|| states(api, who, &found));
        Ok(Self {
            room_events: Some(RoomEvents {
                count,
                highlights: highlights(wanted, &found),
                results: results.collect::<Result<_>>()?,
                groups: groups(criteria, &found, next.as_ref()),
                state: state.transpose()?,
                next_batch: next.map(|next| next.to_string()),
            }),
        })
    }
}

/// What a client is to highlight: the words as they stand in what was found.
fn highlights(wanted: &Wanted, found: &[Found]) -> Vec<String> {
    let forms = wanted.terms.forms(found.iter().map(|found| &*found.text));
    if forms.is_empty() { wanted.terms.words().map(str::to_owned).collect() } else { forms }
}

/// How many events are told before and after a result, at most.
const MAX_AROUND: usize = 50;

/// What was sent around a match, and by whom.
fn context(found: &Found, criteria: &Criteria, writer: &mut EventWriter<'_>) -> Result<EventContextResult> {
    let EventContext { before_limit, after_limit, include_profile, .. } = criteria.event_context;
    let bounded = |limit| usize::try_from(limit).unwrap_or(MAX_AROUND).min(MAX_AROUND);
    let filter = EventFilter::of(&criteria.filter);
    let Around { before, after } =
        Around::read(&found.view, &found.event, bounded(before_limit), bounded(after_limit), |event| {
            filter.matches(event)
        })?;
    let mut context = EventContextResult::new();
    context.start = Some(before.reached.to_string());
    context.end = Some(after.reached.to_string());
    context.events_before = writer.raw(&before.events)?;
    context.events_after = writer.raw(&after.events)?;
    if include_profile {
        for event in before.events.iter().chain([&found.event]).chain(&after.events) {
            if let Some(profile) = profile(&found.view, event)? {
                context.profile_info.insert(event.pdu.sender().to_owned(), profile);
            }
        }
    }
    Ok(context)
}

/// The sender's profile when an event was sent.
fn profile(view: &View, event: &Event) -> Result<Option<UserProfile>> {
    let Some(around) = event.state else { return Ok(None) };
    let member = view.room.state_event_at(around.after, "m.room.member", event.pdu.sender().as_str())?;
    Ok(member.and_then(|member| serde_json::from_str(member.pdu.content_str()).ok()))
}

/// The state of the rooms of the matches, as far as the user may read them.
fn states(
    api: &ClientApi,
    who: &Requester,
    found: &[Found],
) -> Result<BTreeMap<OwnedRoomId, Vec<Raw<AnyStateEvent>>>> {
    let mut states = BTreeMap::new();
    for Found { view, .. } in found {
        if !states.contains_key(view.room.id()) {
            let state = view.room.full_state(view.state)?;
            let mut writer = EventWriter::new(api, &view.room, who)?;
            states.insert(view.room.id().to_owned(), writer.raw(&state)?);
        }
    }
    Ok(states)
}

/// The matches by what they have in common.
fn groups(criteria: &Criteria, found: &[Found], next: Option<&SearchToken>) -> ResultGroupMapsByGroupingKey {
    let keys: BTreeSet<_> = criteria.groupings.group_by.iter().filter_map(|by| by.key.clone()).collect();
    let maps = keys.into_iter().filter_map(|key| match key {
        GroupingKey::RoomId => {
            let of = |found: &Found| (found.view.room.id().to_owned(), Group::Room(found.view.room.nid()));
            Some(ResultGroupMap::RoomId(group::<OwnedRoomId>(found, next, of)))
        }
        GroupingKey::Sender => {
            let sender = |found: &Found| found.event.pdu.sender().to_owned();
            let of = |found: &Found| (sender(found), Group::Sender(sender(found)));
            Some(ResultGroupMap::Sender(group::<OwnedUserId>(found, next, of)))
        }
        _ => None,
    });
    maps.collect()
}

fn group<K: Ord>(
    found: &[Found],
    next: Option<&SearchToken>,
    of: impl Fn(&Found) -> (K, Group),
) -> BTreeMap<K, ResultGroup> {
    let mut groups: BTreeMap<K, ResultGroup> = BTreeMap::new();
    for (place, found) in (0_u32..).zip(found) {
        let (key, group) = of(found);
        let result_group = groups.entry(key).or_insert_with(|| {
            let mut first = ResultGroup::new();
            // Groups stand in the order of their first results.
            first.order = Some(place.into());
            first.next_batch =
                next.map(|next| SearchToken { group: Some(group), ..next.clone() }.to_string());
            first
        });
        result_group.results.push(found.event.id().to_owned());
    }
    groups
}
