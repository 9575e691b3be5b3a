//! The one reader of the log for all syncs: it knows who is online in which room and wakes them.
//!
//! A writer knows nothing of it. What is noted in memory is a hint of where to look; what is told is read from
//! the rooms and the store, up to the position that the hub has processed.

mod announcing;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use hearth_rooms::Rooms;
use hearth_storage::{
    Behind, Change, Clock, Position, RoomNid, StorageError,
    readers::{Progress, ReadFrom, Reader, ReaderError, ReaderTask},
    schema::{self, rooms::Membership},
};
use parking_lot::{Mutex, RwLock};
use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId, presence::PresenceState};
use tokio::{
    sync::{Notify, broadcast},
    time::Instant,
};

use crate::{
    Announcement, SyncError,
    active_rooms::ActiveRooms,
    online::{Online, RoomKind, UserRoom},
    presence::Presences,
    token::UpTo,
    typing::Typing,
    watched::{Wakes, WatchedRooms},
    weight::{Budget, Shares},
};

/// Whoever has not synced for so long is no longer watched.
const OFFLINE_AFTER_MS: u64 = 10 * 60_000;
/// Where no room could be made for one more user, it is looked for again after so long.
const LOOK_AGAIN_AFTER_MS: u64 = 1_000;
/// How often what is only in memory is tidied up.
const TIDY_EVERY: Duration = Duration::from_secs(15);

/// Who is in more rooms waits until it is known which of them are the latest.
const MANY_ROOMS: usize = 256;

/// So many announcements wait for a listener that is slow: it misses the oldest then.
const ANNOUNCEMENTS: usize = 4096;

/// Who is online, and what is only in memory.
pub(crate) struct Hub {
    pub rooms: Rooms,
    /// The rooms by what happened last in them.
    pub active: ActiveRooms,
    pub clock: Arc<dyn Clock>,
    /// What may be kept of those who are online.
    budget: Arc<Budget>,
    /// Until then, in milliseconds, there is no room for another user: it was looked for in vain.
    full_until: AtomicU64,
    next_online: AtomicU64,
    /// Whether presence is kept and told.
    pub with_presence: bool,
    /// All changes up to here are noted with those whom they concern.
    position: AtomicU64,
    /// How far the reader of the log came, and whether it fails.
    progress: Progress,
    /// The end of what is being processed: ahead of `position`, or the same.
    processing: AtomicU64,
    online: RwLock<HashMap<OwnedUserId, Arc<Online>>>,
    watched: WatchedRooms,
    /// Held while who is in which room changes.
    index: Mutex<()>,
    ephemeral: Mutex<Ephemeral>,
    /// All versions up to here are noted with those whom they concern.
    ephemeral_version: AtomicU64,
    /// Something has to happen earlier than was planned.
    earlier: Notify,
    pub announced: broadcast::Sender<Announcement>,
    /// It panics whenever it is told of a change.
    #[cfg(test)]
    pub broken: std::sync::atomic::AtomicBool,
}

/// What is only in memory.
pub(crate) struct Ephemeral {
    pub typing: Typing,
    pub presences: Presences,
    /// The last version given to a change.
    version: u64,
}

/// A request of a device whose user is online; the user stays so while it lives.
pub(crate) struct OpenRequest {
    pub online: Arc<Online>,
    device: OwnedDeviceId,
    hub: Arc<Hub>,
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        let now = self.hub.clock.now_ms();
        if self.hub.with_presence {
            self.hub.ephemeral.lock().presences.sync_ended(&self.online.user, &self.device, now);
        }
        self.online.weigh();
        self.online.end(now);
    }
}

/// The hub as a reader of the log.
struct LogReader(Arc<Hub>);

impl Reader for LogReader {
    async fn take(&mut self, changes: &[(Position, Change)]) -> Result<Position, ReaderError> {
        #[cfg(test)]
        assert!(!self.0.broken.load(SeqCst), "a test broke it");
        self.0.take(changes)?;
        Ok(self.0.position())
    }

    async fn catch_up(&mut self, gap: Behind) -> Result<Position, ReaderError> {
        self.0.begin_anew(gap.to);
        Ok(gap.to)
    }
}

impl Hub {
    /// A hub that takes no more than these bytes for those who are online, and for what is only in memory.
    pub fn new(rooms: Rooms, clock: Arc<dyn Clock>, shares: &Shares, with_presence: bool) -> Self {
        let budget = Budget::new(shares.online);
        let position = rooms.store().published();
        // Versions go on where those of an earlier run cannot have come to: tokens outlive a restart.
        let version = clock.now_ms() << 10;
        Self {
            active: ActiveRooms::new(rooms.store().clone()),
            rooms,
            clock,
            with_presence,
            position: AtomicU64::new(position.0),
            progress: Progress::default(),
            processing: AtomicU64::new(position.0),
            online: RwLock::default(),
            watched: WatchedRooms::new(&budget),
            budget,
            full_until: AtomicU64::new(0),
            next_online: AtomicU64::new(0),
            index: Mutex::default(),
            ephemeral: Mutex::new(Ephemeral {
                typing: Typing::new(shares.typing),
                presences: Presences::new(shares.presence),
                version,
            }),
            ephemeral_version: AtomicU64::new(version),
            earlier: Notify::new(),
            announced: broadcast::Sender::new(ANNOUNCEMENTS),
            #[cfg(test)]
            broken: Default::default(),
        }
    }

    /// Begins to follow the log. To be called within a tokio runtime.
    pub fn follow(self: &Arc<Self>) -> ReaderTask {
        // The log does not tell which rooms are forgotten.
        let hub = Arc::downgrade(self);
        self.rooms.store().observe(&schema::USER_ROOMS, move |row| {
            if let Some(hub) = hub.upgrade()
                && row.value()?.is_some_and(|row| row.forgotten)
            {
                let (user, room) = row.key()?;
                if let Some(online) = hub.online(&user) {
                    online.forgotten.lock().insert(room);
                }
            }
            Ok(())
        });
        let hub = self.clone();
        let from = ReadFrom::Position(self.position());
        self.rooms
            .store()
            .start_reader("sync", from, self.progress.clone(), move |_| Ok(LogReader(hub.clone())))
    }

    /// What was noted has a gap up to this position: whoever is online is told to look, and noted anew at the next
    /// request.
    fn begin_anew(&self, position: Position) {
        let _index = self.index.lock();
        self.processing.store(position.0, SeqCst);
        self.watched.clear();
        let online = std::mem::take(&mut *self.online.write());
        self.position.store(position.0, SeqCst);
        for online in online.into_values() {
            online.watch_from(self.upto());
            online.wake(self.upto());
        }
    }

    /// Lets time pass for what is only in memory.
    pub async fn keep_time(self: Arc<Self>) {
        let mut tidy_at = Instant::now() + TIDY_EVERY;
        loop {
            let now = self.clock.now_ms();
            let stops = self.ephemeral.lock().typing.next_expiry();
            let wait = stops.map(|at| Duration::from_millis(at.saturating_sub(now).max(1)));
            let wake_at = wait.map_or(tidy_at, |wait| tidy_at.min(Instant::now() + wait));
            tokio::select! {
                biased;
                () = self.earlier.notified() => {}
                () = tokio::time::sleep_until(wake_at) => {}
            }
            self.expire_typing();
            if Instant::now() >= tidy_at {
                self.tidy();
                tidy_at = Instant::now() + TIDY_EVERY;
            }
        }
    }

    /// All changes up to here can be told.
    pub fn position(&self) -> Position {
        Position(self.position.load(SeqCst))
    }

    /// What comes after this is noted with all who are watched by now.
    fn processing(&self) -> Position {
        Position(self.processing.load(SeqCst))
    }

    /// How far what can be told reaches.
    pub fn upto(&self) -> UpTo {
        UpTo { log: self.position(), ephemeral: self.ephemeral_version.load(SeqCst) }
    }

    /// Returns when the changes up to a position can be told, or cannot be waited for.
    ///
    /// # Errors
    /// [`SyncError::Behind`] if they cannot be told yet and whoever follows the log fails, or has ended.
    pub async fn reached(&self, position: Position) -> Result<(), SyncError> {
        self.progress.reached(position).await.map_err(|_| SyncError::Behind)
    }

    /// Notes changes with those whom they concern, and wakes them.
    fn take(&self, changes: &[(Position, Change)]) -> Result<(), StorageError> {
        let Some((end, _)) = changes.last() else { return Ok(()) };
        self.processing.store(end.0, SeqCst);
        let mut wakes = Wakes::default();
        // A room is touched once for many events, and before who is in it changes.
        let mut pending: HashMap<RoomNid, Position> = HashMap::new();
        for (position, change) in changes {
            match change {
                Change::Event { room, .. } | Change::Whole { room } => {
                    pending.insert(*room, *position);
                    self.set_last_event(*room, *position);
                }
                Change::Receipt { room, user } => {
                    if let Some(watched) = self.watched.get(*room) {
                        watched.set_receipt(*position);
                        pending.insert(*room, *position);
                    }
                    if let Some(online) = self.online(user) {
                        online.set_receipt_changed(*room, *position);
                    }
                }
                Change::Membership { room, user, membership } => {
                    if let Some(position) = pending.remove(room) {
                        self.watched.touch(*room, UpTo { log: position, ephemeral: 0 }, &mut wakes);
                    }
                    self.member_changed(*room, user, *membership, *position, &mut wakes)?;
                }
                Change::DeviceList { user } => {
                    let (sharers, user) = (self.sharers(user)?, Arc::new(user.clone()));
                    sharers.iter().for_each(|online| online.set_device_list_changed(&user, *position));
                    wakes.add_all(sharers);
                }
                Change::Profile { user } => wakes.add_all(self.sharers(user)?),
                Change::OneTimeKeys { user, device } => {
                    if let Some(online) = self.online(user) {
                        online.set_keys_changed(device, *position);
                        wakes.add(&online);
                    }
                }
                Change::AccountData { user, .. }
                | Change::ToDevice { user, .. }
                | Change::ThreadSubscription { user } => {
                    if let Some(online) = self.online(user) {
                        wakes.add(&online);
                    }
                }
                // For other readers.
                Change::Edu { .. }
                | Change::History { .. }
                | Change::Purged { .. }
                | Change::Redacted { .. }
                | Change::State { .. }
                | Change::Account { .. }
                | Change::Alias { .. }
                | Change::Directory { .. }
                | Change::Media { .. }
                | Change::Report { .. }
                | Change::Pusher { .. } => {}
            }
        }
        for (room, position) in pending {
            self.watched.touch(room, UpTo { log: position, ephemeral: 0 }, &mut wakes);
        }
        // First the position, then the wake-ups: who wakes finds what there is to tell.
        self.position.store(end.0, SeqCst);
        wakes.wake(UpTo { log: *end, ephemeral: 0 });
        Ok(())
    }

    fn member_changed(
        &self,
        room: RoomNid,
        user: &UserId,
        membership: Membership,
        position: Position,
        wakes: &mut Wakes,
    ) -> Result<(), StorageError> {
        let _index = self.index.lock();
        let Some(online) = self.online(user) else { return Ok(()) };
        let row = self.rooms.user_room(user, room)?;
        let kind = row.map_or(RoomKind::Plain, |row| UserRoom::from(&row).kind);
        online.touch(room, UpTo { log: position, ephemeral: 0 });
        let now = online.set_room(room, UserRoom { membership, kind, position });
        if now.membership == Membership::Join {
            self.watched.enter([room].into_iter(), &online, self.processing());
            online.set_entered(self.processing());
        } else {
            self.watched.leave(room, &online);
        }
        wakes.add(&online);
        Ok(())
    }

    /// A user and all who share a room with the user, as far as they are online.
    fn sharers(&self, user: &UserId) -> Result<Wakes, StorageError> {
        let mut sharers = Wakes::default();
        let rooms = match self.online(user).filter(|online| online.loaded.initialized()) {
            Some(online) => {
                sharers.add(&online);
                online.joined_rooms()
            }
            None => {
                let rows = self.rooms.rooms_of(user)?;
                rows.into_iter()
                    .filter(|(_, row)| row.membership == Membership::Join)
                    .map(|(room, _)| room)
                    .collect()
            }
        };
        for watched in rooms.into_iter().filter_map(|room| self.watched.get(room)) {
            watched.add_to(&mut sharers);
        }
        Ok(sharers)
    }

    /// The user, if watched.
    pub fn online(&self, user: &UserId) -> Option<Arc<Online>> {
        self.online.read().get(user).cloned()
    }

    /// Watches a user from now on, for a request of a device that asks for a presence.
    ///
    /// # Errors
    /// [`SyncError::Full`] if there is no room for one more user.
    pub async fn open_request(
        self: &Arc<Self>,
        user: &UserId,
        device: &DeviceId,
        presence: &PresenceState,
    ) -> Result<OpenRequest, SyncError> {
        let online = {
            let known = self.online.read();
            known.get(user).inspect(|online| online.begin()).cloned()
        };
        let online = match online {
            Some(online) => online,
            None => {
                self.make_room()?;
                let mut known = self.online.write();
                let id = self.next_online.fetch_add(1, SeqCst);
                let new = || Arc::new(Online::new(user.to_owned(), id, &self.budget));
                let online = known.entry(user.to_owned()).or_insert_with(new);
                online.begin();
                online.clone()
            }
        };
        let request = OpenRequest { online, device: device.to_owned(), hub: self.clone() };
        if self.with_presence {
            let now = self.clock.now_ms();
            self.change_presence(user, |presences, version| {
                presences.sync_started(user, device, presence, now, version)
            });
        }
        request.online.loaded.get_or_try_init(|| self.load(&request.online)).await?;
        Ok(request)
    }

    async fn load(&self, online: &Arc<Online>) -> Result<(), SyncError> {
        let rows = self.rooms.rooms_of(&online.user)?;
        let newest = rows.iter().map(|(_, row)| row.position).max().unwrap_or_default();
        {
            let _index = self.index.lock();
            let joined = online.set_rooms(rows.iter().map(|(room, row)| (*room, UserRoom::from(row))));
            self.watched.enter(joined.into_iter(), online, self.processing());
            online.set_entered(self.processing());
        }
        online.weigh();
        if rows.len() > MANY_ROOMS {
            self.active.reached(online.entered()).await;
        }
        // What is being processed now may have missed the user.
        let ephemeral = self.ephemeral_version.load(SeqCst);
        online.watch_from(UpTo { log: self.processing(), ephemeral });
        // The store may be ahead of what was processed.
        self.reached(newest).await
    }

    /// The position of a room's last event, if it is known.
    pub fn last_event(&self, room: RoomNid) -> Option<Position> {
        self.watched.get(room)?.last_event()
    }

    /// The same of several.
    pub fn last_events(&self, rooms: impl Iterator<Item = RoomNid>) -> Vec<Option<Position>> {
        self.watched.last_events(rooms)
    }

    /// Notes the position of a room's last event, or of one before.
    pub fn set_last_event(&self, room: RoomNid, position: Position) {
        if let Some(watched) = self.watched.get(room) {
            watched.set_event(position);
        }
    }

    /// Whether a receipt may have come in a room after a position.
    pub fn has_receipts_after(&self, room: RoomNid, position: Position) -> bool {
        self.watched.get(room).is_none_or(|watched| watched.has_receipts_after(position))
    }

    /// Reads what is only in memory.
    pub fn read<R>(&self, read: impl FnOnce(&Ephemeral) -> R) -> R {
        read(&self.ephemeral.lock())
    }

    /// Changes a user's presence, as `change` does, giving it a new version if it says so.
    pub fn change_presence(&self, user: &UserId, change: impl FnOnce(&mut Presences, u64) -> bool) {
        let mut wakes = Wakes::default();
        let version = {
            let mut ephemeral = self.ephemeral.lock();
            let version = ephemeral.version + 1;
            if !change(&mut ephemeral.presences, version) {
                return;
            }
            ephemeral.version = version;
            self.ephemeral_version.store(version, SeqCst);
            version
        };
        self.add_all_sharers([user], &mut wakes);
        wakes.wake(UpTo { log: Position(0), ephemeral: version });
        self.announce_presence(user);
    }

    /// Changes who types in a room, as `change` does, giving it a new version if it says so. Says whether it did.
    pub fn change_typing(&self, room: RoomNid, change: impl FnOnce(&mut Typing, u64) -> bool) -> bool {
        let mut wakes = Wakes::default();
        let version = {
            let mut ephemeral = self.ephemeral.lock();
            let version = ephemeral.version + 1;
            if !change(&mut ephemeral.typing, version) {
                return false;
            }
            ephemeral.version = version;
            self.watched.touch(room, UpTo { log: Position(0), ephemeral: version }, &mut wakes);
            // Under the lock, so that versions are published in order, and after all have noted them.
            self.ephemeral_version.store(version, SeqCst);
            version
        };
        wakes.wake(UpTo { log: Position(0), ephemeral: version });
        true
    }

    /// Whether other servers are to hear again that a user goes on typing.
    pub fn typing_is_to_be_said_again(&self, room: RoomNid, user: &UserId, now: u64) -> bool {
        self.ephemeral.lock().typing.say_again(room, user, now)
    }

    fn add_all_sharers<'a>(&self, users: impl IntoIterator<Item = &'a UserId>, wakes: &mut Wakes) {
        for user in users {
            match self.sharers(user) {
                Ok(sharers) => wakes.add_all(sharers),
                Err(error) => tracing::error!(%error, "cannot tell who shares a room with a user"),
            }
        }
    }

    /// Something may have to happen earlier than was planned.
    pub fn plan_anew(&self) {
        self.earlier.notify_one();
    }

    /// Takes those for stopped who have not said for long that they type. It costs what ends.
    pub fn expire_typing(&self) {
        let mut wakes = Wakes::default();
        let (version, stopped) = {
            let mut ephemeral = self.ephemeral.lock();
            let version = ephemeral.version + 1;
            let stopped = ephemeral.typing.expire(self.clock.now_ms(), version);
            if stopped.is_empty() {
                return;
            }
            ephemeral.version = version;
            for (room, _) in &stopped {
                self.watched.touch(*room, UpTo { log: Position(0), ephemeral: version }, &mut wakes);
            }
            self.ephemeral_version.store(version, SeqCst);
            (version, stopped)
        };
        wakes.wake(UpTo { log: Position(0), ephemeral: version });
        stopped.iter().for_each(|(room, user)| self.announce_typing(*room, user, false));
    }

    /// Goes through all that is only in memory and ends what is over: presences, watching who is gone.
    pub fn tidy(&self) {
        let now = self.clock.now_ms();
        let mut wakes = Wakes::default();
        let (version, users, again, bytes) = {
            let mut guard = self.ephemeral.lock();
            let Ephemeral { typing, presences, version } = &mut *guard;
            typing.forget_silent(now);
            let users = presences.expire(now, || {
                *version += 1;
                *version
            });
            self.ephemeral_version.store(*version, SeqCst);
            (*version, users, presences.say_again(now), presences.bytes())
        };
        metrics::gauge!("hearth_sync_presence_bytes").set(bytes as f64);
        self.add_all_sharers(users.iter().map(|user| &**user), &mut wakes);
        wakes.wake(UpTo { log: Position(0), ephemeral: version });
        users.iter().chain(&again).for_each(|user| self.announce_presence(user));
        self.forget_absent(now);
    }

    /// How many bytes are held of those who are online.
    #[cfg(test)]
    pub fn held(&self) -> usize {
        self.budget.held()
    }

    /// Forgets who has not synced for long, and more where the budget is exceeded.
    fn forget_absent(&self, now: u64) {
        let online: Vec<Arc<Online>> = self.online.read().values().cloned().collect();
        online.iter().for_each(|online| online.weigh());
        for online in self.idle() {
            if online.idle_since().is_some_and(|since| since + OFFLINE_AFTER_MS <= now) {
                self.forget(&online);
            }
        }
        self.shrink_to(self.budget.limit());
        metrics::gauge!("hearth_sync_online_users").set(self.online.read().len() as f64);
        metrics::gauge!("hearth_sync_online_bytes").set(self.budget.held() as f64);
    }

    /// Makes room for one more user.
    fn make_room(&self) -> Result<(), SyncError> {
        if self.budget.excess() == 0 {
            return Ok(());
        }
        let now = self.clock.now_ms();
        if self.full_until.load(SeqCst) > now {
            return Err(SyncError::Full);
        }
        // Somewhat more than is needed, so that not every request has to look.
        self.shrink_to(self.budget.limit() / 8 * 7);
        if self.budget.excess() > 0 {
            self.full_until.store(now + LOOK_AGAIN_AFTER_MS, SeqCst);
            return Err(SyncError::Full);
        }
        Ok(())
    }

    /// Holds no more than so many bytes, if that can be: forgets those who have no request, the longest idle first,
    /// and then what can be computed again of those who have one.
    fn shrink_to(&self, bytes: usize) {
        for online in self.idle() {
            if self.budget.held() <= bytes {
                return;
            }
            self.forget(&online);
        }
        let online: Vec<Arc<Online>> = self.online.read().values().cloned().collect();
        for online in online {
            if self.budget.held() <= bytes {
                return;
            }
            online.let_go();
        }
    }

    /// Those who have no request, the longest idle first.
    fn idle(&self) -> Vec<Arc<Online>> {
        let online = self.online.read();
        let idle =
            online.values().filter_map(|online| Some((online.idle_since()?, online.id, online.clone())));
        let mut idle: Vec<_> = idle.collect();
        drop(online);
        idle.sort_unstable_by_key(|(since, id, _)| (*since, *id));
        idle.into_iter().map(|(.., online)| online).collect()
    }

    fn forget(&self, online: &Online) {
        let _index = self.index.lock();
        {
            let mut known = self.online.write();
            // A request may have begun since.
            if known
                .get(&online.user)
                .is_none_or(|known| known.id != online.id || known.idle_since().is_none())
            {
                return;
            }
            known.remove(&online.user);
        }
        for room in online.joined_rooms() {
            self.watched.leave(room, online);
        }
    }
}
