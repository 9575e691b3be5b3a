//! History that is not here yet.

use std::time::Duration;

use hearth_federation::Backfilled;
use hearth_http::run;
use hearth_rooms::{Event, Room};
use hearth_storage::TimelineOrder;
use hearth_sync::TimelineToken;
use ruma::{EventId, api::Direction};

use crate::{
    ClientApi, Result,
    message::view::{Page, Stretch, View},
};

/// How many times more is fetched on the way to an event, and how many events each time.
const MAX_STEPS: usize = 10;
const AT_ONCE: usize = 100;
/// How long a client waits for other servers: most give up after 30 s. What takes longer is there for the next request.
const PATIENCE: Duration = Duration::from_secs(10);

/// A part of a room's timeline. Where something is missing in it that other servers may have, looking backwards, that
/// is fetched first: once, the next gap is left to the next request.
///
/// Where a server does not answer now, the page ends at the gap, and the client can ask again from there. Who asks
/// again in vain gets what is here from before the gap: it must not be out of reach because a server is gone for good.
pub(crate) async fn messages(
    api: &ClientApi,
    view: &View,
    stretch: Stretch,
    wanted: impl Fn(&Event) -> bool,
) -> Result<Page> {
    let from = match stretch.direction {
        Direction::Backward => stretch.from.min(view.end()),
        Direction::Forward => stretch.from,
    };
    let stretch = Stretch { from, ..stretch };
    let Some(gap) = gap_in(view, stretch, true)? else { return view.messages(stretch, &wanted) };
    // Up to there first.
    let mut page = view.messages(Stretch { to: Some(TimelineToken::before(gap)), ..stretch }, &wanted)?;
    if page.more || page.events.len() == stretch.limit {
        page.more = true;
        return Ok(page);
    }
    let fetched = fetch(api, &view.room, gap, stretch.limit).await?;
    page.reached = page.reached.min(TimelineToken::before(gap));
    // Also where nobody has it, what is here from before goes on.
    let rest = Stretch { from: page.reached, limit: stretch.limit - page.events.len(), ..stretch };
    let next = gap_in(view, rest, false)?;
    let rest = view.messages(Stretch { to: next.map(TimelineToken::before).or(rest.to), ..rest }, &wanted)?;
    if fetched == Backfilled::NotNow && (!page.events.is_empty() || (rest.events.is_empty() && !rest.more)) {
        page.more = true;
        return Ok(page);
    }
    page.events.extend(rest.events);
    page.reached = rest.reached;
    page.more = rest.more || next.is_some();
    Ok(page)
}

/// The newest gap in what is looked back over. With `beside` also one right where that begins, as the page before may
/// have ended there.
fn gap_in(view: &View, stretch: Stretch, beside: bool) -> Result<Option<TimelineOrder>> {
    if stretch.direction == Direction::Forward || !view.room.is_here() {
        return Ok(None);
    }
    let range = stretch.from.range(stretch.to, true, 1);
    let until = range.until.map(|until| if beside { until.following() } else { until });
    Ok(until.map(|until| view.room.gap_within(range.after, until)).transpose()?.flatten())
}

/// Fetches history from before a gap until an event is here, as far as that is within reach.
pub(crate) async fn fetch_until(
    api: &ClientApi,
    room: &Room,
    gap: TimelineOrder,
    event: &EventId,
) -> Result<()> {
    let mut next = Some(gap);
    for _ in 0..MAX_STEPS {
        let here = room.event(event)?.is_some_and(|event| event.order().is_some());
        let Some(gap) = next.filter(|_| !here) else { break };
        if fetch(api, room, gap, AT_ONCE).await? != Backfilled::Some {
            break;
        }
        next = room.gap_within(None, gap)?;
    }
    Ok(())
}

/// Fetches some of what is missing before a place: to its end also when the client hangs up or has waited long enough.
async fn fetch(api: &ClientApi, room: &Room, gap: TimelineOrder, limit: usize) -> Result<Backfilled> {
    let (federation, room) = (api.federation.clone(), room.clone());
    let fetching = run::detached(async move {
        match federation.backfill(&room, gap, limit as u64).await {
            Ok(outcome) => Ok(outcome),
            // What is here is still good.
            Err(error) => {
                tracing::warn!(%error, room = %room.id(), "history could not be fetched");
                Ok(Backfilled::NotNow)
            }
        }
    });
    tokio::time::timeout(PATIENCE, fetching).await.unwrap_or(Ok(Backfilled::NotNow))
}
