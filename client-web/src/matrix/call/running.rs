//! The call that this session looks at or is in: it keeps the standing of the session, the connections to the SFUs of all
//! members, and the keys together.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::{Rc, Weak},
};

use eyeball::SharedObservable;
use futures::{Stream, StreamExt};
use hearth_client_state::{
    call::{Intent, Keys, Media as Heard, Member, NOTIFICATION, Signs, notification},
    timeline::Person,
};
use matrix_sdk::{Room, RoomState, event_handler::EventHandlerDropGuard};

use super::{
    keys, members_of, person,
    service::{Service, Ticket},
    standing::Standing,
};
use crate::{
    browser::{self, Media, Source},
    matrix::{Account, Problem},
};

/// How often the standing is looked after.
const TICK: u32 = 5_000;
/// A membership counts for four hours.
const RENEW: i64 = 3 * 3_600_000;
/// How long others have for taking a new key before it is used.
const KEY_PAUSE: u32 = 5_000;
/// After a connection failed it is tried again so much later.
const RETRY: u32 = 3_000;

/// A call of a room.
pub struct Call {
    pub(super) account: Rc<Account>,
    pub(super) room: Room,
    media: Media,
    pub intent: Intent,
    pub(super) now: SharedObservable<CallNow>,
    /// That of one's own server, once it was asked for.
    service: RefCell<Option<Service>>,
    standing: RefCell<Option<Rc<Standing>>>,
    keys: RefCell<Option<Keys>>,
    _received: RefCell<Option<EventHandlerDropGuard>>,
    /// The services that are connected to or are being connected to, and whether they are connected.
    services: RefCell<BTreeMap<String, bool>>,
    /// The event by which others were told of the call, if it was this session that began it.
    told: RefCell<Option<String>>,
    /// Whether the room has said since one joined that one is in the call.
    is_known: Cell<bool>,
    is_settling: Cell<bool>,
    is_unsettled: Cell<bool>,
}

/// How a call stands.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct CallNow {
    pub phase: Phase,
    pub members: Vec<Member>,
    /// Who they are, by user.
    pub people: HashMap<String, Person>,
    pub heard: Heard,
    pub signs: Signs,
    /// When this session joined, in milliseconds since 1970.
    pub since: Option<i64>,
    /// Why something does not work, until it does.
    pub trouble: Option<Problem>,
    /// Who said no to it.
    pub declined: Option<Person>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Phase {
    /// One looks at it, and is not in it.
    #[default]
    Outside,
    Joining,
    Inside,
    Over,
}

impl PartialEq for Call {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Account {
    /// Looks at the call of a room, which nobody may have begun yet.
    pub async fn open_call(self: &Rc<Self>, room: &str, intent: Intent) -> Result<Rc<Call>, Problem> {
        let room = self.room(room).ok_or(Problem::Known("room-failed"))?;
        let now = SharedObservable::new(CallNow::default());
        // The call is told of what its own media do.
        let itself: Rc<RefCell<Weak<Call>>> = Rc::default();
        let (heard, told) = (now.clone(), itself.clone());
        let media = Media::load(move |media| {
            heard.update(|now| now.heard = media);
            if let Some(call) = told.borrow().upgrade() {
                call.media_changed();
            }
        })
        .await?;
        let call = Rc::new(Call {
            account: self.clone(),
            room,
            media,
            intent,
            now,
            service: RefCell::new(None),
            standing: RefCell::new(None),
            keys: RefCell::new(None),
            _received: RefCell::new(None),
            services: RefCell::default(),
            told: RefCell::new(None),
            is_known: Cell::new(false),
            is_settling: Cell::new(false),
            is_unsettled: Cell::new(false),
        });
        *itself.borrow_mut() = Rc::downgrade(&call);
        call.look(members_of(&call.room).await).await;
        browser::run(follow(Rc::downgrade(&call), call.account.call_members(call.room_id())));
        browser::run(look_after(Rc::downgrade(&call)));
        // While one looks at oneself, what is needed for joining is found out.
        let looked_at = call.clone();
        browser::run(async move {
            // What is wrong is said when one joins.
            if let Ok(service) = looked_at.account.call_service().await {
                *looked_at.service.borrow_mut() = Some(service);
            }
        });
        Ok(call)
    }
}

/// Takes up whatever changes about who is in the call.
async fn follow(call: Weak<Call>, changes: impl Stream<Item = Vec<Member>>) {
    let mut changes = Box::pin(changes);
    while let Some(members) = changes.next().await {
        match call.upgrade().filter(|call| !call.is_over()) {
            Some(call) => call.look(members).await,
            None => return,
        }
    }
}

/// What needs to be done from time to time.
async fn look_after(call: Weak<Call>) {
    let mut renewed = browser::now();
    loop {
        browser::wait(TICK).await;
        let Some(call) = call.upgrade().filter(|call| !call.is_over()) else { return };
        let standing = call.standing.borrow().clone();
        if let Some(standing) = standing {
            standing.put_off().await;
            if browser::now() - renewed > RENEW && standing.renew().await.is_ok() {
                renewed = browser::now();
            }
        }
        // Memberships end by themselves.
        call.look(members_of(&call.room).await).await;
    }
}

impl Call {
    pub fn room_id(&self) -> &str {
        self.room.room_id().as_str()
    }

    pub fn is_encrypted(&self) -> bool {
        self.room.encryption_state().is_encrypted()
    }

    /// What this session is called in it.
    pub fn identity(&self) -> String {
        format!("{}:{}", self.account.session.user, self.account.session.device)
    }

    /// How it stands, again whenever that changes.
    pub fn now(&self) -> impl Stream<Item = CallNow> + use<> {
        self.now.subscribe_reset()
    }

    pub fn media(&self) -> &Media {
        &self.media
    }

    fn is_over(&self) -> bool {
        self.now.read().phase == Phase::Over
    }

    /// Joins; what was captured so far is sent from now on.
    pub async fn join(self: &Rc<Self>) {
        self.now.update(|now| (now.phase, now.trouble) = (Phase::Joining, None));
        match self.try_join().await {
            Ok(()) => self.now.update(|now| (now.phase, now.since) = (Phase::Inside, Some(browser::now()))),
            Err(problem) => {
                self.step_out().await;
                self.now.update(|now| (now.phase, now.trouble) = (Phase::Outside, Some(problem)));
            }
        }
        self.settle().await;
    }

    async fn try_join(self: &Rc<Self>) -> Result<(), Problem> {
        let is_first = self.now.read().members.is_empty();
        let known = self.service.borrow().clone();
        let service = match known {
            Some(service) => service,
            None => self.account.call_service().await?,
        };
        if self.is_encrypted() && self.keys.borrow().is_none() {
            self.begin_keys().await?;
        }
        let standing = Standing::new(self.account.clone(), self.room.clone(), service, self.intent);
        let standing = Rc::new(standing);
        *self.standing.borrow_mut() = Some(standing.clone());
        let (event, ticket) = standing.begin().await?;
        let service = standing.service();
        self.connect_with(service, &ticket, true).await?;
        if is_first {
            self.tell(&event).await;
        }
        Ok(())
    }

    async fn begin_keys(self: &Rc<Self>) -> Result<(), Problem> {
        let keys = Keys::new(keys::new_key()?);
        self.media.set_key(&self.identity(), keys.key().index, &keys.key().bytes).await;
        *self.keys.borrow_mut() = Some(keys);
        let call = Rc::downgrade(self);
        let received = keys::receive(&self.account.client, &self.room, move |identity, key| {
            let call = call.clone();
            browser::run(async move {
                let Some(call) = call.upgrade() else { return };
                call.media.set_key(&identity, key.index, &key.bytes).await;
            });
        });
        *self._received.borrow_mut() = Some(received);
        Ok(())
    }

    /// Tells the others in the room that a call began.
    async fn tell(&self, membership: &str) {
        let content = notification(membership, self.room.is_dm(), self.intent, browser::now());
        // Whoever looks at the room sees the call all the same.
        if let Ok(sent) = self.room.send_raw(NOTIFICATION, content).await {
            *self.told.borrow_mut() = Some(sent.response.event_id.to_string());
        }
    }

    /// Takes up that somebody said no to a call, if it is this one.
    pub async fn declined(&self, event: &str, by: &str) {
        if self.told.borrow().as_deref() == Some(event) {
            let by = person(&self.room, by).await;
            self.now.update(|now| now.declined = Some(by));
        }
    }

    /// Begins or ends to send from a source.
    pub async fn set(&self, source: Source, is_on: bool) {
        let outcome = self.media.set(source, is_on).await;
        // Whoever changes their mind about which screen to share is not told so.
        let is_choice = source == Source::Screen && outcome == Err(Problem::Known("call-no-permission"));
        self.now.update(|now| now.trouble = outcome.err().filter(|_| !is_choice));
    }

    pub fn has_no_trouble(&self) -> bool {
        self.now.read().trouble.is_none()
    }

    pub fn tell_trouble(&self, trouble: Option<Problem>) {
        self.now.update(|now| now.trouble = trouble);
    }

    pub async fn leave(&self) {
        self.now.update(|now| now.phase = Phase::Over);
        // The camera goes out at once, however far the server is.
        self.media.close().await;
        self.step_out().await;
    }

    async fn step_out(&self) {
        let services = self.services.take();
        for service in services.keys() {
            self.media.disconnect(service).await;
        }
        self.is_known.set(false);
        let standing = self.standing.borrow_mut().take();
        if let Some(standing) = standing {
            standing.end().await;
        }
    }

    /// Takes up who is in it by now.
    async fn look(self: &Rc<Self>, members: Vec<Member>) {
        let known = self.now.read().people.clone();
        let mut people = HashMap::new();
        for member in &members {
            let who = match known.get(&member.user) {
                Some(who) => who.clone(),
                None => person(&self.room, &member.user).await,
            };
            people.insert(member.user.clone(), who);
        }
        let mut now = self.now.get();
        let new: Vec<String> = members
            .iter()
            .filter(|member| now.members.iter().all(|known| known.event != member.event))
            .map(|member| member.event.clone())
            .collect();
        (now.members, now.people) = (members, people);
        now.signs.settle(&now.members, browser::now());
        self.now.set_if_not_eq(now);
        for membership in new {
            self.look_for_hand(&membership).await;
        }
        self.settle().await;
    }

    fn media_changed(self: &Rc<Self>) {
        let call = self.clone();
        browser::run(async move { call.settle().await });
    }

    /// Does what follows from who is there and what is connected. Once at a time: what changes meanwhile is taken up after.
    async fn settle(self: &Rc<Self>) {
        if self.is_settling.replace(true) {
            return self.is_unsettled.set(true);
        }
        loop {
            self.is_unsettled.set(false);
            if self.now.read().phase == Phase::Inside {
                self.settle_standing().await;
                self.settle_connections().await;
                self.settle_keys().await;
            }
            if !self.is_unsettled.get() {
                break;
            }
        }
        self.is_settling.set(false);
    }

    /// Whoever was turned out is; whoever was taken for gone says so again.
    async fn settle_standing(self: &Rc<Self>) {
        if self.room.state() != RoomState::Joined {
            return self.leave().await;
        }
        let identity = self.identity();
        let is_member = self.now.read().members.iter().any(|member| member.identity() == identity);
        if is_member {
            self.is_known.set(true);
            return;
        }
        let standing = self.standing.borrow().clone();
        if let Some(standing) = standing.filter(|_| self.is_known.replace(false)) {
            // Its delayed leave was sent: connecting anew makes another.
            self.services.borrow_mut().remove(standing.service());
            self.media.disconnect(standing.service()).await;
        }
    }

    /// One receives from the SFU of each member, and sends to one's own.
    async fn settle_connections(self: &Rc<Self>) {
        let Some(standing) = self.standing.borrow().clone() else { return };
        let members = self.now.read().members.clone();
        let mut wanted: BTreeSet<String> = members.into_iter().map(|member| member.service).collect();
        wanted.insert(standing.service().to_owned());
        let open: BTreeSet<String> =
            self.now.read().heard.connections.iter().map(|connection| connection.service.clone()).collect();
        let begun = self.services.borrow().clone();
        for (service, is_connected) in begun {
            // What the SFU or the network ended is no connection any more.
            if !wanted.contains(&service) || is_connected && !open.contains(&service) {
                self.services.borrow_mut().remove(&service);
                self.media.disconnect(&service).await;
            }
        }
        for service in wanted {
            if !self.services.borrow().contains_key(&service) {
                self.services.borrow_mut().insert(service.clone(), false);
                let (call, standing) = (self.clone(), standing.clone());
                browser::run(async move { call.connect(&standing, service).await });
            }
        }
    }

    async fn connect(self: &Rc<Self>, standing: &Standing, service: String) {
        let is_own = service == standing.service();
        let room = self.room.room_id().as_str();
        let ticket = match is_own {
            true => standing.begin().await.map(|(_, ticket)| ticket),
            false => self.account.call_ticket(&service, room, None).await,
        };
        let outcome = match ticket {
            Ok(ticket) => self.connect_with(&service, &ticket, is_own).await,
            Err(problem) => Err(problem),
        };
        let is_good = outcome.is_ok();
        self.now.update(|now| now.trouble = outcome.err());
        if !is_good {
            browser::wait(RETRY).await;
            self.services.borrow_mut().remove(&service);
        }
        self.settle().await;
    }

    async fn connect_with(&self, service: &str, ticket: &Ticket, is_own: bool) -> Result<(), Problem> {
        self.services.borrow_mut().insert(service.to_owned(), false);
        self.media.connect(service, &ticket.url, &ticket.token, is_own, self.is_encrypted()).await?;
        if let Some(is_connected) = self.services.borrow_mut().get_mut(service) {
            *is_connected = true;
        }
        Ok(())
    }

    /// Gives the own key to who came, and another one to who is left when somebody went.
    async fn settle_keys(self: &Rc<Self>) {
        let identity = self.identity();
        let members = self.now.read().members.clone();
        let others: Vec<Member> =
            members.into_iter().filter(|member| member.identity() != identity).collect();
        let Some(mut keys) = self.keys.borrow().clone() else { return };
        let before = keys.key().index;
        let to: Vec<Member> = match keys.give(&others, keys::new_key) {
            Ok(to) => to.into_iter().cloned().collect(),
            Err(problem) => return self.tell_trouble(Some(problem)),
        };
        *self.keys.borrow_mut() = Some(keys.clone());
        if keys.key().index != before {
            let (call, key) = (self.clone(), keys.key().clone());
            browser::run(async move {
                browser::wait(KEY_PAUSE).await;
                call.media.set_key(&identity, key.index, &key.bytes).await;
            });
        }
        if to.is_empty() {
            return;
        }
        // The next look tries those again whom it did not reach.
        for missing in keys::give(&self.account, &self.room, &keys, &to).await {
            if let Some(keys) = self.keys.borrow_mut().as_mut() {
                keys.take_back(&missing);
            }
        }
    }
}
