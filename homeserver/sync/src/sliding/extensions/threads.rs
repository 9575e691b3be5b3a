//! Thread subscriptions (MSC4308).

use std::collections::BTreeMap;

use hearth_storage::{Position, schema::users::ThreadSubscription};
use hearth_users::SubscribedThread;
use ruma::RoomId;

use super::Limited;
use crate::{SyncError, json::Object, scope::Scope};

/// How many threads are told of at most, and where the client does not say.
const MAX: usize = 100;

/// Writes the threads of which the user spoke last: since the answer that the client has, if it was `told` of those before.
/// Says whether there were any.
pub fn write_threads(
    scope: &Scope<'_>,
    asked: &Limited,
    told: bool,
    object: &mut Object<'_>,
) -> Result<bool, SyncError> {
    let after = scope.since.filter(|_| told).map_or(Position(0), |since| since.log());
    let limit = asked.limit(MAX);
    let threads = &scope.users.thread_subscriptions;
    let mut threads = threads.changes(scope.user, after, scope.upto.log, limit + 1)?;
    if threads.len() > limit {
        object.text("prev_batch", &threads[limit].position.to_string());
        threads.truncate(limit);
    }
    let (subscribed, given_up): (Vec<_>, Vec<_>) =
        threads.iter().partition(|thread| thread.subscription.is_some());
    for (key, threads) in [("subscribed", subscribed), ("unsubscribed", given_up)] {
        if !threads.is_empty() {
            write_by_room(&threads, object.key(key));
        }
    }
    Ok(!threads.is_empty())
}

fn write_by_room(threads: &[&SubscribedThread], out: &mut String) {
    let mut by_room: BTreeMap<&RoomId, Vec<&SubscribedThread>> = BTreeMap::new();
    for thread in threads {
        by_room.entry(&thread.room).or_default().push(thread);
    }
    let mut rooms = Object::open(out);
    for (room, threads) in by_room {
        let mut roots = Object::open(rooms.key(room.as_str()));
        for thread in threads {
            let mut told = Object::open(roots.key(thread.root.as_str()));
            if let Some(subscription) = &thread.subscription {
                told.boolean("automatic", *subscription == ThreadSubscription::Automatic);
            }
            told.number("bump_stamp", thread.position);
            told.close();
        }
        roots.close();
    }
    rooms.close();
}
