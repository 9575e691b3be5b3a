//! History that is not here yet.

use hearth_http::run;
use hearth_rooms::{Event, Room, TimelineRange};
use ruma::{EventId, api::Direction};

use crate::{
    ClientApi, Result,
    message::view::{Page, Stretch, View},
};

/// How many times more is fetched on the way to an event, and how many events each time.
const MAX_STEPS: usize = 10;
const AT_ONCE: usize = 100;

/// A part of a room's timeline. Where it ends before the page is full, because what came before is not here, that is
/// fetched from other servers first.
pub(crate) async fn messages(
    api: &ClientApi,
    view: &View,
    stretch: Stretch,
    wanted: impl Fn(&Event) -> bool,
) -> Result<Page> {
    let mut page = view.messages(stretch, &wanted)?;
    if page.more || stretch.direction == Direction::Forward || !ends_at_gap(view, stretch)? {
        return Ok(page);
    }
    if page.events.len() == stretch.limit {
        // Left to the next request.
        page.more = true;
        return Ok(page);
    }
    if fetch(api, &view.room, stretch.limit).await? {
        let limit = stretch.limit - page.events.len();
        let rest = view.messages(Stretch { from: page.reached, limit, ..stretch }, &wanted)?;
        page.events.extend(rest.events);
        page.reached = rest.reached;
        page.more = rest.more || ends_at_gap(view, stretch)?;
    }
    Ok(page)
}

/// Whether a stretch reaches back as far as the room is known, and there is more.
fn ends_at_gap(view: &View, stretch: Stretch) -> Result<bool> {
    if !view.room.is_here() {
        return Ok(false);
    }
    if let Some(to) = stretch.to {
        let before = to.range(None, true, 1);
        if !view.room.timeline(TimelineRange { until: before.until, ..before })?.is_empty() {
            return Ok(false);
        }
    }
    Ok(!view.room.gaps()?.is_empty())
}

/// Fetches history until an event is here, as far as that is within reach.
pub(crate) async fn fetch_until(api: &ClientApi, room: &Room, event: &EventId) -> Result<()> {
    for _ in 0..MAX_STEPS {
        let here = room.event(event)?.is_some_and(|event| event.order().is_some());
        if here || !fetch(api, room, AT_ONCE).await? {
            break;
        }
    }
    Ok(())
}

/// Fetches some of what came before: also when the client hangs up. Says whether something new came.
async fn fetch(api: &ClientApi, room: &Room, limit: usize) -> Result<bool> {
    let (federation, room) = (api.federation.clone(), room.clone());
    run::detached(async move {
        match federation.backfill(&room, limit as u64).await {
            Ok(new) => Ok(new),
            // What is here is still good.
            Err(error) => {
                tracing::warn!(%error, room = %room.id(), "history could not be fetched");
                Ok(false)
            }
        }
    })
    .await
}
