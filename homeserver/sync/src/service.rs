//! The service behind `/sync`, typing and presence.

use std::{sync::Arc, thread, time::Duration};

use hearth_push::{EvaluatedRooms, PushUser, ReadRoom, UnreadCounts, UnreadRooms};
use hearth_rooms::{Room, Rooms};
use hearth_storage::{Clock, Position, RoomNid, blocking, readers::ReaderTask};
use hearth_users::{SyncFilter, Users};
use ruma::{
    DeviceId, OwnedDeviceId, OwnedUserId, UserId, api::client::filter::EventFormat, presence::PresenceState,
};
use tokio::{
    sync::{Semaphore, broadcast, watch},
    task::JoinHandle,
    time::{Instant, timeout_at},
};

use crate::{
    Announcement, EventForm, PresenceNow, SyncError, SyncToken,
    device_lists::Circle,
    filter::EventFilter,
    hub::{Hub, OpenRequest},
    online::Online,
    response::{Response, respond},
    scope::{Scope, Wanted},
    sliding::{Answer, SlidingRequest, respond as slide, told_to_device},
    token::UpTo,
    weight::Shares,
    write_room::RoomForm,
};

/// No request waits for longer.
const MAX_TIMEOUT: Duration = Duration::from_secs(300);
/// So long a request waits for the hub at most, if it has no longer timeout.
const HUB_WAIT: Duration = Duration::from_secs(5);
/// Nobody types for longer without saying so again.
const MAX_TYPING: Duration = Duration::from_secs(120);
/// A user of another server types for so long when it does not say so again.
const REMOTE_TYPING: Duration = Duration::from_secs(60);

/// How sync is set up.
#[derive(Clone, Debug)]
pub struct SyncOptions {
    /// What is kept in memory takes no more bytes than these: users who sync, presence, typing.
    pub memory_bytes: usize,
    /// Whether presence is kept and told.
    pub presence: bool,
}

impl Default for SyncOptions {
    fn default() -> Self {
        Self { memory_bytes: 64 << 20, presence: true }
    }
}

/// Under which name the state at the end of the timeline is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StateAfter {
    /// `use_state_after`, answered by `state_after`.
    Stable,
    /// The same of MSC4222: `org.matrix.msc4222.use_state_after`.
    Unstable,
}

/// What a client asks for.
#[derive(Clone, Debug)]
pub struct SyncRequest {
    pub user: OwnedUserId,
    pub device: OwnedDeviceId,
    pub filter: Arc<SyncFilter>,
    /// `None` for a first sync.
    pub since: Option<SyncToken>,
    pub full_state: bool,
    /// `None` if the state at the start of the timeline is wanted.
    pub state_after: Option<StateAfter>,
    pub set_presence: PresenceState,
    /// How long to wait for something to tell.
    pub timeout: Duration,
}

/// Answers syncs. Cheap to clone; its tasks end with the last clone.
#[derive(Clone)]
pub struct SyncService {
    core: Arc<Core>,
    _tasks: Arc<Tasks>,
}

struct Core {
    rooms: Rooms,
    users: Users,
    clock: Arc<dyn Clock>,
    hub: Arc<Hub>,
    evaluated: Arc<EvaluatedRooms>,
    /// For each response that reads much and is computed now.
    long: Semaphore,
    /// Nobody waits any more.
    stopping: watch::Sender<bool>,
}

struct Tasks {
    _reading: [ReaderTask; 2],
    time: JoinHandle<()>,
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.time.abort();
    }
}

impl SyncService {
    /// Begins to follow the log. To be called within a tokio runtime.
    pub fn start(
        rooms: Rooms,
        users: Users,
        evaluated: Arc<EvaluatedRooms>,
        clock: Arc<dyn Clock>,
        options: SyncOptions,
    ) -> Self {
        let shares = Shares::of(options.memory_bytes);
        let hub = Arc::new(Hub::new(rooms.clone(), clock.clone(), &shares, options.presence));
        let tasks = Tasks {
            _reading: [hub.follow(), hub.active.follow()],
            time: tokio::spawn(hub.clone().keep_time()),
        };
        let stopping = watch::Sender::new(false);
        let long = Semaphore::new(2 * thread::available_parallelism().map_or(2, usize::from));
        let core = Core { rooms, users, clock, hub, evaluated, long, stopping };
        Self { core: Arc::new(core), _tasks: Arc::new(tasks) }
    }

    /// Answers all that wait, and from now on each at once: the server is about to stop.
    pub fn stop_waiting(&self) {
        self.core.stopping.send_replace(true);
    }

    /// Answers a sync with the text of its response: at once where there is something to tell, else when there
    /// is, or when the time is over. A request that is dropped leaves nothing behind.
    pub async fn sync(&self, request: SyncRequest) -> Result<String, SyncError> {
        let begun = Instant::now();
        let deadline = begun + request.timeout.min(MAX_TIMEOUT);
        let patience = deadline.max(begun + HUB_WAIT);
        let open = self.open(&request.user, &request.device, &request.set_presence, patience).await?;
        if let Some(since) = request.since {
            self.confirm_to_device(&request.user, &request.device, since.told_to_device())?;
        }
        let whole = request.since.is_none() || request.full_state;
        loop {
            let upto = self.core.hub.upto();
            let long = match request.since {
                Some(since) if !whole => !open.online.is_nearly_told(since.within(upto).upto()),
                _ => true,
            };
            let response = if long {
                self.respond_at_length(&open.online, &request, upto).await?
            } else {
                self.core.respond(&open.online, &request, upto)?
            };
            let over = Instant::now() >= deadline;
            if !response.empty || whole || over {
                metrics::histogram!("hearth_sync_seconds", "told" => if response.empty { "no" } else { "yes" })
                    .record(begun.elapsed());
                return Ok(response.text);
            }
            tokio::select! {
                biased;
                () = open.online.changed_after(upto) => {}
                () = tokio::time::sleep_until(deadline) => return Ok(response.text),
                () = self.core.stopped_waiting() => return Ok(response.text),
            }
        }
    }

    /// Answers a sliding sync likewise.
    pub async fn sliding_sync(&self, request: SlidingRequest) -> Result<String, SyncError> {
        let begun = Instant::now();
        let deadline = begun + request.timeout.min(MAX_TIMEOUT);
        let open = self
            .open(&request.user, &request.device, &request.set_presence, deadline.max(begun + HUB_WAIT))
            .await?;
        let has = told_to_device(request.to_device_since.as_deref())?;
        if has > Position(0) {
            self.confirm_to_device(&request.user, &request.device, has)?;
        }
        let (store, now) = (self.core.rooms.store(), self.core.clock.now_ms());
        let turn = open.online.connections.lock().take_turn(store, request.name(), request.position, now)?;
        let mut stopping = false;
        loop {
            let upto = self.core.hub.upto();
            let last = request.position.is_none() || stopping || Instant::now() >= deadline;
            let near = request.position.is_some_and(|position| open.online.is_nearly_told(position.upto));
            let answer = if near {
                self.core.slide(&open.online, &request, turn, upto, last)?
            } else {
                let _permit = self.core.long.acquire().await.map_err(|_| SyncError::Stopping)?;
                blocking(|| self.core.slide(&open.online, &request, turn, upto, last))?
            };
            if let Some(answer) = answer {
                if let Some(written) = answer.written
                    && let Err(error) = written.commit.await
                {
                    // What is in memory is ahead of what is written.
                    open.online.connections.lock().forget(&request.device, &request.connection);
                    return Err(error.into());
                }
                metrics::histogram!("hearth_sliding_sync_seconds", "told" => if answer.told { "yes" } else { "no" })
                    .record(begun.elapsed());
                return Ok(answer.text);
            }
            tokio::select! {
                biased;
                () = open.online.changed_after(upto) => {}
                () = tokio::time::sleep_until(deadline) => {}
                () = self.core.stopped_waiting() => stopping = true,
            }
        }
    }

    /// Begins a request of a device: the user is online while it lives.
    async fn open(
        &self,
        user: &UserId,
        device: &DeviceId,
        presence: &PresenceState,
        patience: Instant,
    ) -> Result<OpenRequest, SyncError> {
        // A client that was answered that something is written finds it in the sync that it asks for next, unless
        // nobody follows the log at the moment.
        let fresh = self.core.hub.reached(self.core.rooms.store().published());
        if !matches!(timeout_at(patience, fresh).await, Ok(Ok(()))) {
            metrics::counter!("hearth_sync_stale_total").increment(1);
        }
        let opened = self.core.hub.open_request(user, device, presence);
        timeout_at(patience, opened).await.map_err(|_| SyncError::Behind)?
    }

    /// Computes a response that may read every room of the user: aside from the async threads, which it would hold
    /// up, and few such at a time, as each takes memory.
    async fn respond_at_length(
        &self,
        online: &Online,
        request: &SyncRequest,
        upto: UpTo,
    ) -> Result<Response, SyncError> {
        let _permit = self.core.long.acquire().await.map_err(|_| SyncError::Stopping)?;
        blocking(|| self.core.respond(online, request, upto))
    }

    /// What a client confirms that it has, up to a position, is deleted; the response does not wait for it.
    fn confirm_to_device(
        &self,
        user: &UserId,
        device: &DeviceId,
        through: Position,
    ) -> Result<(), SyncError> {
        let to_device = &self.core.users.to_device;
        if !to_device.has_any(user, device, through)? {
            return Ok(());
        }
        let (to_device, user, device) = (to_device.clone(), user.to_owned(), device.to_owned());
        tokio::spawn(async move {
            if let Err(error) = to_device.delete_through(&user, &device, through).await {
                tracing::warn!(%error, "messages that a device has could not be deleted");
            }
        });
        Ok(())
    }

    /// The filter that a request names: none, a definition as JSON, or the id of one that was stored.
    pub fn filter(&self, user: &UserId, text: Option<&str>) -> Result<Arc<SyncFilter>, SyncError> {
        match text {
            None => Ok(Arc::default()),
            Some(json) if json.starts_with('{') => SyncFilter::parse(json)
                .map(Arc::new)
                .map_err(|error| SyncError::InvalidFilter(error.to_string())),
            Some(id) => self.core.users.filters.get(user, id)?.ok_or(SyncError::UnknownFilter),
        }
    }

    /// Notes that a user types in a room for so long, or has stopped. That the user is in the room is for the
    /// caller to know.
    pub fn set_typing(&self, room: &Room, user: &UserId, typing: Option<Duration>) {
        let (hub, now) = (&self.core.hub, self.core.clock.now_ms());
        let until = typing.map(|typing| now + typing.min(MAX_TYPING).as_millis() as u64);
        let changed = hub
            .change_typing(room.nid(), |typing, version| typing.set(room.nid(), user, until, now, version));
        if changed || hub.typing_is_to_be_said_again(room.nid(), user, now) {
            hub.announce_typing(room.nid(), user, until.is_some());
        }
        hub.plan_anew();
    }

    /// Notes what another server says of its user. That the user is in the room is for the caller to know.
    pub fn set_remote_typing(&self, room: &Room, user: &UserId, typing: bool) {
        self.set_typing(room, user, typing.then_some(REMOTE_TYPING));
    }

    /// Who types in a room.
    pub fn typing(&self, room: RoomNid) -> Vec<OwnedUserId> {
        self.core.hub.read(|ephemeral| {
            let typing = ephemeral.typing.in_room(room);
            typing.map(|(_, users)| users.map(UserId::to_owned).collect()).unwrap_or_default()
        })
    }

    /// What users do that is only in memory, from now on: for telling other servers and application services.
    pub fn ephemeral(&self) -> broadcast::Receiver<Announcement> {
        self.core.hub.announcements()
    }

    /// Sets a user's presence by hand.
    pub fn set_presence(
        &self,
        user: &UserId,
        device: &DeviceId,
        presence: PresenceState,
        status_message: Option<String>,
    ) {
        if self.core.hub.with_presence {
            let now = self.core.clock.now_ms();
            self.core.hub.change_presence(user, |presences, version| {
                presences.set(user, device, presence, status_message, now, version)
            });
        }
    }

    /// Notes what another server says of its user.
    pub fn set_remote_presence(&self, user: &UserId, told: PresenceNow) {
        if self.core.hub.with_presence {
            let now = self.core.clock.now_ms();
            self.core
                .hub
                .change_presence(user, |presences, version| presences.set_remote(user, told, now, version));
        }
    }

    /// Notes that a user did something that others see, such as sending an event.
    pub fn active(&self, user: &UserId) {
        if self.core.hub.with_presence {
            let now = self.core.clock.now_ms();
            self.core.hub.change_presence(user, |presences, version| presences.active(user, now, version));
        }
    }

    /// A user's presence; `None` where nothing is known of it.
    pub fn presence(&self, user: &UserId) -> Option<PresenceNow> {
        let now = self.core.clock.now_ms();
        self.core.hub.read(|ephemeral| ephemeral.presences.of(user, now))
    }

    /// Whether both users are joined to some room.
    pub fn shares_room(&self, one: &UserId, other: &UserId) -> Result<bool, SyncError> {
        self.circle_of(one).shares(other)
    }

    /// Whose device lists changed after one position and up to another: the user's own, and those of who shares a
    /// room with the user. May read much: not for the async threads.
    pub fn device_lists_changed(
        &self,
        user: &UserId,
        after: Position,
        until: Position,
    ) -> Result<Vec<OwnedUserId>, SyncError> {
        self.circle_of(user).device_lists_changed(&self.core.users, after, until)
    }

    fn circle_of<'a>(&'a self, user: &'a UserId) -> Circle<'a> {
        Circle { hub: &self.core.hub, rooms: &self.core.rooms, user }
    }

    /// What a sync that is answered now reaches up to.
    pub fn position(&self) -> Position {
        self.core.hub.position()
    }

    /// Returns when a sync would reach up to a position.
    pub async fn reached(&self, position: Position) -> Result<(), SyncError> {
        self.core.hub.reached(position).await
    }

    /// How many events a user who is joined to a room has not read.
    pub fn unread(&self, user: &UserId, room: &Room) -> Result<UnreadCounts, SyncError> {
        self.core.unread(user, room)
    }
}

#[cfg(test)]
impl SyncService {
    /// Lets time pass for what is only in memory.
    pub(crate) fn tidy(&self) {
        self.core.hub.expire_typing();
        self.core.hub.tidy();
    }

    /// As if as many long responses were being computed as may be.
    pub(crate) fn all_long_responses(&self) -> tokio::sync::SemaphorePermit<'_> {
        let long = &self.core.long;
        long.try_acquire_many(long.available_permits() as u32).unwrap()
    }

    /// The latest rooms of a user who is online, at most so many, and how many rooms were looked at for them so far.
    pub(crate) fn latest_rooms(&self, user: &UserId, count: usize) -> (Vec<RoomNid>, usize) {
        let (hub, online) = (&self.core.hub, self.core.hub.online(user).unwrap());
        let mut rooms = online.by_activity.lock();
        hub.bring_up(&online, &mut rooms, [].into_iter(), |_, _| Ok(true)).unwrap();
        hub.reach(&mut rooms, count - 1).unwrap();
        (rooms.places(0, count - 1).collect(), rooms.looked_at)
    }

    /// How many bytes are held of those who are online, and of the rooms that were evaluated.
    pub(crate) fn held(&self) -> (usize, u64) {
        (self.core.hub.held(), self.core.evaluated.bytes())
    }

    /// Lets the hub panic whenever it is told of a change, or no more.
    pub(crate) fn set_broken(&self, broken: bool) {
        self.core.hub.broken.store(broken, std::sync::atomic::Ordering::SeqCst);
    }

    /// Whether a request of the user is being answered or waits.
    pub(crate) fn is_syncing(&self, user: &UserId) -> bool {
        self.core.hub.online(user).is_some_and(|online| online.idle_since().is_none())
    }
}

impl Core {
    /// Returns when nobody is to wait any more.
    async fn stopped_waiting(&self) {
        // The sender is this one's own: it ends no earlier.
        _ = self.stopping.subscribe().wait_for(|is| *is).await;
    }

    /// What a response for a device of a user is computed from.
    fn scope<'a>(
        &'a self,
        online: &'a Online,
        (user, device): (&'a UserId, &'a DeviceId),
        wanted: Wanted<'a>,
        since: Option<SyncToken>,
        upto: UpTo,
    ) -> Result<Scope<'a>, SyncError> {
        Ok(Scope {
            rooms: &self.rooms,
            users: &self.users,
            hub: &self.hub,
            evaluated: &self.evaluated,
            online,
            user,
            device,
            wanted,
            // A token from beyond the log's end is one from before a loss.
            since: since.map(|since| since.within(upto)),
            upto,
            ignored: self.users.account_data.ignored_users(user)?,
            erased: self.users.accounts.erased(),
            push_rules: self.users.push_rules.ruleset(user)?,
        })
    }

    fn slide(
        &self,
        online: &Online,
        request: &SlidingRequest,
        turn: u64,
        upto: UpTo,
        last: bool,
    ) -> Result<Option<Answer>, SyncError> {
        let who = (&*request.user, &*request.device);
        let since = request.position.map(|position| SyncToken::new(position.upto, Position(0)));
        let scope = self.scope(online, who, Wanted::everything(), since, upto)?;
        slide(&scope, request, turn, last)
    }

    fn respond(&self, online: &Online, request: &SyncRequest, upto: UpTo) -> Result<Response, SyncError> {
        let SyncRequest { user, device, filter, .. } = request;
        let (state_after, state) = match request.state_after {
            None => (false, "state"),
            Some(StateAfter::Stable) => (true, "state_after"),
            Some(StateAfter::Unstable) => (true, "org.matrix.msc4222.state_after"),
        };
        let events = match filter.event_format {
            EventFormat::Federation => EventForm::Federation,
            _ => EventForm::WithoutRoomId,
        };
        let form = RoomForm { events, state, by_thread: filter.room.timeline.unread_thread_notifications };
        let wanted = Wanted {
            timeline: EventFilter::of(&filter.room.timeline),
            state: EventFilter::of(&filter.room.state),
            ephemeral: EventFilter::of(&filter.room.ephemeral),
            account_data: EventFilter::of(&filter.room.account_data),
            state_after,
            full_state: request.full_state,
            left_rooms: filter.room.include_leave,
        };
        let scope = self.scope(online, (user, device), wanted, request.since, upto)?;
        respond(&scope, form, filter)
    }

    fn unread(&self, user: &UserId, room: &Room) -> Result<UnreadCounts, SyncError> {
        let Some(row) = room.membership(user)? else { return Ok(UnreadCounts::default()) };
        let ignored = self.users.account_data.ignored_users(user)?;
        let rules = self.users.push_rules.ruleset(user)?;
        let (rooms, users, evaluated) = (&self.rooms, &self.users, &*self.evaluated);
        let push_user = PushUser { rooms, users, user, rules, evaluated, ignored: &ignored };
        let evaluated = self.evaluated.room(room.nid());
        let read = ReadRoom { room, evaluated: &evaluated, joined: row.position };
        let until = self.hub.position();
        match self.hub.online(user) {
            Some(online) => online.unread(&push_user, read, until),
            None => Ok(UnreadRooms::default().counts(&push_user, read, until)?),
        }
    }
}
