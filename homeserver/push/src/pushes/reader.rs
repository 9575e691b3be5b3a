//! The reader of the log that notes what notifies whom, and gives pushers their turn.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use hearth_storage::{
    Behind, Change, EventNid, Position, RoomNid, Scan, StorageError, Store, blocking,
    readers::{Reader, ReaderError},
    schema,
    schema::rooms::Membership,
};
use ruma::{OwnedUserId, UserId};
use tokio::{
    sync::Semaphore,
    task::{Id, JoinError, JoinSet},
    time::{Instant, timeout_at},
};

use super::{
    MAX_NOTIFICATIONS,
    deliver::Deliver,
    followed::Followed,
    noting::{Noted, RulesOfUsers},
    schedule::{Outcome, PusherKey, Rest, Schedule},
    target::Target,
};
use crate::PushError;

/// So many notifications are written at once, more or less.
const BATCH: usize = 2_000;
/// How many more than are kept may be there before the oldest go.
const SLACK: usize = 100;
/// How long until a pusher is told that something was read: whoever reads goes on to the next room.
const BADGE_DELAY: Duration = Duration::from_secs(3);
/// How long to wait when the store is busy.
const BUSY: Duration = Duration::from_millis(200);
/// For so many users at once it is looked up what they had not read when they got their first pusher.
const LOOKED_UP: usize = 2;
/// How long is waited for what is being told before the end.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// Follows the log, and tells pushers.
pub(super) struct PushReader {
    store: Store,
    deliver: Arc<Deliver>,
    followed: Followed,
    rules: RulesOfUsers,
    batch: Batch,
    /// How many notifications of a user are there, as far as they were counted.
    counts: HashMap<OwnedUserId, usize>,
    schedule: Schedule,
    /// Who is told a new badge soon.
    badges: HashSet<OwnedUserId>,
    looking_up: Arc<Semaphore>,
    tasks: JoinSet<Report>,
    running: HashMap<Id, Arc<PusherKey>>,
    done: Position,
}

/// What is to be written.
#[derive(Default)]
struct Batch {
    noted: Vec<(OwnedUserId, Noted)>,
    /// Users who have no pusher any more.
    left: Vec<OwnedUserId>,
    /// Who read in which room.
    read: Vec<(OwnedUserId, RoomNid)>,
    redacted: Vec<(OwnedUserId, RoomNid, EventNid)>,
    /// Whose rooms are others now.
    moved: Vec<OwnedUserId>,
    /// Users whose pushers may have something to be told, in this order.
    concerned: Vec<OwnedUserId>,
}

/// What came of something that was begun.
enum Report {
    Stepped(Outcome),
    PusherRested(Arc<PusherKey>),
    GatewayRested(Arc<str>),
    /// A badge may have changed, and it is time to tell.
    Badge(OwnedUserId),
    /// What a user with a first pusher had not read is in the index.
    LookedUp(OwnedUserId),
}

impl PushReader {
    /// Takes up what pushers were not told yet, and what the log tells after a position.
    pub fn open(deliver: Arc<Deliver>, after: Position) -> Result<Self, PushError> {
        // An earlier reader may not have told it all.
        deliver.unread.forget_all();
        let rooms = deliver.noting.rooms.clone();
        let mut reader = Self {
            store: rooms.store().clone(),
            followed: Followed::open(rooms)?,
            deliver,
            rules: RulesOfUsers::default(),
            batch: Batch::default(),
            counts: HashMap::new(),
            schedule: Schedule::default(),
            badges: HashSet::new(),
            looking_up: Arc::new(Semaphore::new(LOOKED_UP)),
            tasks: JoinSet::new(),
            running: HashMap::new(),
            done: after,
        };
        let users: Vec<OwnedUserId> = reader.followed.users().cloned().collect();
        for user in users {
            if !reader.store.view().contains(&schema::NOTIFIED_USERS, (&user,))? {
                reader.look_up(&user, after);
            }
            reader.wake(&user)?;
        }
        Ok(reader)
    }

    /// Notes what some changes mean, until there is enough to be written; gives how many it took in.
    fn note(&mut self, changes: &[(Position, Change)]) -> Result<usize, PushError> {
        for (taken, (position, change)) in changes.iter().enumerate() {
            if self.batch.noted.len() >= BATCH {
                return Ok(taken);
            }
            match self.change(*position, change) {
                Ok(()) => {}
                // It is told again when the store can be read.
                Err(error) if error.is_passing() => return Err(error),
                Err(error) => tracing::error!(%error, %position, "pushers are not told of a change"),
            }
        }
        Ok(changes.len())
    }

    fn change(&mut self, position: Position, change: &Change) -> Result<(), PushError> {
        match change {
            Change::Event { room, .. } => self.event(position, *room),
            Change::Membership { room, user, membership } => {
                self.followed.changed(*room, user, *membership);
                if self.followed.contains(user) {
                    self.batch.moved.push(user.clone());
                    if *membership == Membership::Invite
                        && let Some(row) = self.deliver.noting.invite(user, *room)?
                    {
                        self.batch.noted.push((user.clone(), (position, row)));
                    }
                    self.badge_later(user);
                }
                Ok(())
            }
            Change::Receipt { room, user } if self.followed.contains(user) => {
                self.batch.read.push((user.clone(), *room));
                self.badge_later(user);
                Ok(())
            }
            Change::Redacted { room, event } => {
                for user in &*self.followed.members(*room)? {
                    self.batch.redacted.push((user.clone(), *room, *event));
                }
                Ok(())
            }
            Change::Pusher { user } => {
                match self.followed.look_at(&self.store, user)? {
                    (false, true) => self.look_up(user, position),
                    (true, false) => self.batch.left.push(user.clone()),
                    _ => {}
                }
                self.batch.concerned.push(user.clone());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn event(&mut self, position: Position, room: RoomNid) -> Result<(), PushError> {
        let members = self.followed.members(room)?;
        if members.is_empty() {
            return Ok(());
        }
        let noting = &self.deliver.noting;
        let Some(room) = noting.room(room)? else { return Ok(()) };
        for user in &*members {
            let noted = &mut self.batch.noted;
            noting.notify(self.rules.of(user), user, &room, (position.before(), position), |new| {
                noted.push((user.clone(), new));
            })?;
        }
        Ok(())
    }

    /// Writes what was noted. When it is durable, those concerned have their turn.
    async fn write(&mut self) -> Result<(), PushError> {
        let Batch { noted, left, read, redacted, moved, mut concerned } = std::mem::take(&mut self.batch);
        if !(noted.is_empty() && left.is_empty()) {
            let mut transaction = loop {
                match self.store.begin() {
                    Err(StorageError::Busy | StorageError::Failing(_)) => tokio::time::sleep(BUSY).await,
                    begun => break begun?,
                }
            };
            for user in &left {
                self.counts.remove(user);
                transaction.delete(&schema::NOTIFIED_USERS, (user,));
                transaction.delete_prefix(&schema::NOTIFICATIONS, (user,))?;
            }
            let mut more: HashMap<&UserId, usize> = HashMap::new();
            for (user, (position, row)) in &noted {
                transaction.put(&schema::NOTIFICATIONS, (user, *position), row);
                *more.entry(user).or_default() += 1;
            }
            for (user, more) in more {
                let oldest = self.oldest_beyond(user, more)?;
                for position in &oldest {
                    transaction.delete(&schema::NOTIFICATIONS, (user, *position));
                }
                if let Some(since) = oldest.last() {
                    transaction.put(&schema::NOTIFIED_USERS, (user,), since);
                    self.deliver.unread.forget(user);
                }
            }
            transaction.submit().await?;
        }
        for (user, (position, row)) in noted {
            self.deliver.unread.noted(&user, position, &row);
            if concerned.last() != Some(&user) {
                concerned.push(user);
            }
        }
        // What was read or redacted meanwhile is among what was noted.
        for (user, room, event) in redacted {
            self.deliver.unread.redacted(&user, room, event);
        }
        for (user, room) in read {
            self.deliver.unread.read(&user, room)?;
        }
        moved.iter().chain(&left).for_each(|user| self.deliver.unread.forget(user));
        for user in concerned {
            self.wake(&user)?;
        }
        Ok(())
    }

    /// The oldest notifications of a user, as far as there are too many when so many more come.
    fn oldest_beyond(&mut self, user: &UserId, more: usize) -> Result<Vec<Position>, StorageError> {
        let view = self.store.view();
        let rows = || view.scan(&schema::NOTIFICATIONS, Scan::prefix((user,)));
        let count = match self.counts.get(user) {
            Some(count) if count + more <= MAX_NOTIFICATIONS + SLACK => *count,
            _ => rows().count(),
        };
        let excess = (count + more).saturating_sub(MAX_NOTIFICATIONS);
        if excess <= SLACK {
            self.counts.insert(user.to_owned(), count + more);
            return Ok(Vec::new());
        }
        self.counts.remove(user);
        rows().take(excess).map(|row| row.map(|((_, position), _)| position)).collect()
    }

    /// Looks up aside what a user has not read who has a pusher for the first time.
    fn look_up(&mut self, user: &UserId, until: Position) {
        let (deliver, store) = (self.deliver.clone(), self.store.clone());
        let (user, few) = (user.to_owned(), self.looking_up.clone());
        self.tasks.spawn(async move {
            let _one = few.acquire().await;
            let written = async {
                let noted = blocking(|| deliver.noting.unread(&user, until))?;
                let commit = {
                    let mut transaction = store.begin()?;
                    for (position, row) in noted {
                        transaction.put(&schema::NOTIFICATIONS, (&user, position), &row);
                    }
                    transaction.put(&schema::NOTIFIED_USERS, (&user,), &until);
                    transaction.submit()
                };
                Ok::<_, PushError>(commit.await?)
            };
            if let Err(error) = written.await {
                // It is tried again at the next start.
                tracing::warn!(%user, %error, "what a user has not read could not be looked up");
            }
            Report::LookedUp(user)
        });
    }

    /// A user's pushers may have something to be told.
    fn wake(&mut self, user: &UserId) -> Result<(), PushError> {
        for pusher in self.deliver.noting.users.pushers.list(user)? {
            if pusher.is_active()
                && let Some(target) = Target::of(&pusher)
            {
                let (app_id, pushkey) = (pusher.app_id, pusher.pushkey);
                self.schedule.wake(PusherKey { user: user.to_owned(), app_id, pushkey }, &target.gateway);
            }
        }
        Ok(())
    }

    fn badge_later(&mut self, user: &UserId) {
        if self.badges.insert(user.to_owned()) {
            let user = user.to_owned();
            self.tasks.spawn(async move {
                tokio::time::sleep(BADGE_DELAY).await;
                Report::Badge(user)
            });
        }
    }

    /// Begins what has its turn.
    fn begin(&mut self) {
        while let Some((key, gateway)) = self.schedule.next() {
            let (deliver, pusher) = (self.deliver.clone(), key.clone());
            let task =
                self.tasks.spawn(async move { Report::Stepped(deliver.step(&pusher, &gateway).await) });
            self.running.insert(task.id(), key);
        }
        metrics::gauge!("hearth_pushers_waiting").set(self.schedule.len() as f64);
    }

    fn report(&mut self, report: Result<(Id, Report), JoinError>) -> Result<(), PushError> {
        let (id, report) = match report {
            Ok((id, report)) => (id, report),
            Err(error) => {
                tracing::error!(%error, "a pusher could not be told");
                (error.id(), Report::Stepped(Outcome::Refused(None)))
            }
        };
        match report {
            Report::Stepped(outcome) => {
                let Some(key) = self.running.remove(&id) else { return Ok(()) };
                match self.schedule.done(&key, outcome) {
                    Some(Rest::Pusher(key, rest)) => {
                        self.tasks.spawn(async move {
                            tokio::time::sleep(rest).await;
                            Report::PusherRested(key)
                        });
                    }
                    Some(Rest::Gateway(name, rest)) => {
                        self.tasks.spawn(async move {
                            tokio::time::sleep(rest).await;
                            Report::GatewayRested(name)
                        });
                    }
                    None => {}
                }
            }
            Report::PusherRested(key) => self.schedule.pusher_rested(&key),
            Report::GatewayRested(name) => self.schedule.gateway_rested(&name),
            Report::Badge(user) => {
                self.badges.remove(&user);
                self.wake(&user)?;
            }
            Report::LookedUp(user) => {
                self.counts.remove(&user);
                self.deliver.unread.forget(&user);
                if !self.followed.contains(&user) {
                    self.batch.left.push(user);
                } else {
                    self.wake(&user)?;
                }
            }
        }
        Ok(())
    }
}

impl Reader for PushReader {
    async fn take(&mut self, changes: &[(Position, Change)]) -> Result<Position, ReaderError> {
        let mut left = changes;
        while !left.is_empty() {
            // Where nobody has a pusher there is nothing to read, and no reason to have another thread go on meanwhile.
            let taken =
                if self.followed.is_empty() { self.note(left)? } else { blocking(|| self.note(left))? };
            self.write().await?;
            self.begin();
            left = &left[taken..];
        }
        if let Some((last, _)) = changes.last() {
            self.done = *last;
        }
        Ok(self.done)
    }

    async fn catch_up(&mut self, gap: Behind) -> Result<Position, ReaderError> {
        self.followed = Followed::open(self.deliver.noting.rooms.clone())?;
        let users: Vec<OwnedUserId> = self.followed.users().cloned().collect();
        for user in users {
            self.deliver.unread.forget(&user);
            let rooms = self.deliver.noting.rooms.rooms_of(&user)?;
            blocking(|| self.missed(&user, gap, rooms.iter().map(|(room, _)| *room)))?;
            self.write().await?;
        }
        self.begin();
        self.done = gap.to;
        Ok(self.done)
    }

    async fn meanwhile(&mut self) -> Result<Position, ReaderError> {
        if !self.batch.left.is_empty() {
            self.write().await?;
        }
        self.begin();
        match self.tasks.join_next_with_id().await {
            Some(report) => self.report(report)?,
            None => std::future::pending().await,
        }
        self.begin();
        Ok(self.done)
    }

    async fn finish(&mut self) -> Option<Position> {
        // Nothing new is begun: what is left is told after the next start.
        let until = Instant::now() + LAST_WAIT;
        while !self.running.is_empty()
            && let Ok(Some(report)) = timeout_at(until, self.tasks.join_next_with_id()).await
        {
            if let Err(error) = self.report(report) {
                tracing::debug!(%error, "what a pusher was told was not noted at the end");
            }
        }
        self.tasks.shutdown().await;
        Some(self.done)
    }
}

impl PushReader {
    /// Notes what notified a user in some rooms while the log was not followed.
    fn missed(
        &mut self,
        user: &UserId,
        gap: Behind,
        rooms: impl Iterator<Item = RoomNid>,
    ) -> Result<(), PushError> {
        let noting = &self.deliver.noting;
        for nid in rooms {
            let Some(room) = noting.room(nid)? else { continue };
            let noted = &mut self.batch.noted;
            noting.notify(self.rules.of(user), user, &room, (gap.from, gap.to), |new| {
                noted.push((user.to_owned(), new));
            })?;
        }
        self.batch.noted.sort_by_key(|(_, (position, _))| *position);
        let excess = self.batch.noted.len().saturating_sub(MAX_NOTIFICATIONS);
        self.batch.noted.drain(..excess);
        self.batch.concerned.push(user.to_owned());
        Ok(())
    }
}
