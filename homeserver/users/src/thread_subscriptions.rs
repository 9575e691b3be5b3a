//! Which threads a user wants to hear of
//! ([MSC4306](https://github.com/matrix-org/matrix-spec-proposals/pull/4306)).

use std::sync::Arc;

use hearth_storage::{
    Change, Position, Scan, TimelineOrder, Transaction,
    schema::{
        self,
        users::{ThreadKeyRow, ThreadSubscription, ThreadSubscriptionRow},
    },
};
use ruma::{EventId, OwnedEventId, OwnedRoomId, RoomId, UserId};

use crate::{UsersError, quota, shared::Shared};

/// The thread subscriptions of users.
#[derive(Clone)]
pub struct ThreadSubscriptions {
    shared: Arc<Shared>,
}

/// A thread as a user last spoke of it.
#[derive(Clone, PartialEq, Debug)]
pub struct SubscribedThread {
    pub room: OwnedRoomId,
    pub root: OwnedEventId,
    /// `None` where it was given up.
    pub subscription: Option<ThreadSubscription>,
    pub position: Position,
}

impl ThreadSubscriptions {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Whether a user subscribes to a thread, and how they came to.
    pub fn get(
        &self,
        user: &UserId,
        room: &RoomId,
        root: &EventId,
    ) -> Result<Option<ThreadSubscription>, UsersError> {
        let row = self.shared.store.view().get(&schema::THREAD_SUBSCRIPTIONS, (user, room, root))?;
        Ok(row.and_then(|row| row.subscription))
    }

    /// Whether a user has ever spoken of a thread.
    pub fn any(&self, user: &UserId) -> Result<bool, UsersError> {
        let view = self.shared.store.view();
        let first = view.scan(&schema::THREAD_SUBSCRIPTIONS, Scan::prefix((user,))).next().transpose()?;
        Ok(first.is_some())
    }

    /// Subscribes a user to a thread; automatically if it is because of an event, by whose place it is decided whether the
    /// user has given up the thread since. What they chose themselves stays so.
    ///
    /// # Errors
    /// [`UsersError::ConflictingUnsubscription`], and [`UsersError::LimitExceeded`] for too many threads.
    pub async fn subscribe(
        &self,
        user: &UserId,
        room: &RoomId,
        root: &EventId,
        cause: Option<TimelineOrder>,
    ) -> Result<(), UsersError> {
        let wanted = match cause {
            Some(_) => ThreadSubscription::Automatic,
            None => ThreadSubscription::Manual,
        };
        self.change(user, room, root, |before| match (before, cause) {
            (Some(ThreadSubscriptionRow { subscription: None, position }), Some(cause))
                if cause <= TimelineOrder::from(*position) =>
            {
                Err(UsersError::ConflictingUnsubscription)
            }
            (Some(ThreadSubscriptionRow { subscription: Some(known), .. }), _)
                if *known == ThreadSubscription::Manual || *known == wanted =>
            {
                Ok(None)
            }
            _ => Ok(Some(Some(wanted))),
        })
        .await
    }

    /// Gives up a thread. One that was not subscribed to is no error.
    pub async fn unsubscribe(&self, user: &UserId, room: &RoomId, root: &EventId) -> Result<(), UsersError> {
        let subscribed =
            |before: Option<&ThreadSubscriptionRow>| before.is_some_and(|row| row.subscription.is_some());
        self.change(user, room, root, |before| Ok(subscribed(before).then_some(None))).await
    }

    /// Writes what `decide` makes of what was there; `None` leaves it as it is.
    async fn change(
        &self,
        user: &UserId,
        room: &RoomId,
        root: &EventId,
        decide: impl FnOnce(
            Option<&ThreadSubscriptionRow>,
        ) -> Result<Option<Option<ThreadSubscription>>, UsersError>,
    ) -> Result<(), UsersError> {
        let guard = self.shared.locks.lock(user).await;
        let (view, key) = (self.shared.store.written(), (user, room, root));
        let before = view.get(&schema::THREAD_SUBSCRIPTIONS, key)?;
        let Some(subscription) = decide(before.as_ref())? else {
            return self.shared.nothing_to_write(guard).await;
        };
        let size = room.as_str().len() + root.as_str().len();
        let mut usage = quota::THREAD_SUBSCRIPTIONS.usage(&view, user)?;
        usage.replace(before.as_ref().map(|_| size), Some(size));
        usage.check()?;
        let commit = {
            let mut tx = self.shared.store.begin()?;
            usage.write(&mut tx);
            if let Some(before) = &before {
                tx.delete(&schema::THREAD_SUBSCRIPTION_CHANGES, (user, before.position));
            }
            write(&mut tx, user, room, root, subscription);
            self.shared.submit(tx, guard)
        };
        commit.await?;
        Ok(())
    }

    /// The threads of which a user last spoke after one position and up to another, newest first, and no more than so
    /// many.
    pub fn changes(
        &self,
        user: &UserId,
        after: Position,
        until: Position,
        limit: usize,
    ) -> Result<Vec<SubscribedThread>, UsersError> {
        let view = self.shared.store.view();
        let scan = Scan::prefix((user,)).after((user, after)).through((user, until)).reversed();
        let mut threads = Vec::new();
        for entry in view.scan(&schema::THREAD_SUBSCRIPTION_CHANGES, scan) {
            let ((_, position), ThreadKeyRow { room, root }) = entry?;
            // One that changed again since is told in its own place.
            let row = view.get(&schema::THREAD_SUBSCRIPTIONS, (user, &room, &root))?;
            let Some(row) = row.filter(|row| row.position == position) else { continue };
            threads.push(SubscribedThread { room, root, subscription: row.subscription, position });
            if threads.len() == limit {
                break;
            }
        }
        Ok(threads)
    }
}

fn write(
    tx: &mut Transaction,
    user: &UserId,
    room: &RoomId,
    root: &EventId,
    subscription: Option<ThreadSubscription>,
) {
    let position = tx.append(&Change::ThreadSubscription { user: user.to_owned() });
    let key = ThreadKeyRow { room: room.to_owned(), root: root.to_owned() };
    tx.put(&schema::THREAD_SUBSCRIPTION_CHANGES, (user, position), &key);
    let row = ThreadSubscriptionRow { subscription, position };
    tx.put(&schema::THREAD_SUBSCRIPTIONS, (user, room, root), &row);
}
