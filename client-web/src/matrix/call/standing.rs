//! That this session is in a call, as the room knows it: a state event, and a delayed one (MSC4140) by which it leaves when
//! nobody puts that off any more.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use hearth_client_state::call::{Intent, MEMBER, Member, membership, state_key};
use matrix_sdk::Room;
use serde_json::json;

use super::{
    encoded,
    service::{Delay, Service, Ticket},
};
use crate::{
    browser,
    matrix::{Account, Problem},
};

/// How long after nobody has put it off the leave is sent: by a service that does this, and by this session itself.
const OF_SERVICE: u64 = 3_600_000;
const OF_SESSION: u64 = 18_000;

/// The standing of this session in the call of a room.
pub struct Standing {
    account: Rc<Account>,
    room: Room,
    service: Service,
    intent: Intent,
    /// When it began: milliseconds since 1970.
    since: Cell<i64>,
    delayed: RefCell<Option<Delayed>>,
}

struct Delayed {
    id: String,
    is_of_service: bool,
}

impl Standing {
    pub fn new(account: Rc<Account>, room: Room, service: Service, intent: Intent) -> Self {
        Self { account, room, service, intent, since: Cell::new(0), delayed: RefCell::new(None) }
    }

    pub fn service(&self) -> &str {
        &self.service.url
    }

    /// Says that one is in the call; gives the event, and what lets one in to one's own SFU.
    pub async fn begin(&self) -> Result<(String, Ticket), Problem> {
        self.since.set(browser::now());
        // One that comes anew has another leave.
        if let Some(old) = self.delayed.take() {
            self.tell_delayed(&old.id, "cancel").await;
        }
        self.delay(self.service.takes_over_leaves).await?;
        let delayed = self.delayed.borrow().as_ref().filter(|it| it.is_of_service).map(|it| it.id.clone());
        let delay = delayed.as_deref().map(|id| Delay { id, milliseconds: OF_SERVICE });
        let ticket = self.account.call_ticket(&self.service.url, self.room.room_id().as_str(), delay);
        let (ticket, event) = futures::future::try_join(ticket, self.say()).await?;
        Ok((event, ticket))
    }

    /// Says it once more: it counts for some hours each time.
    pub async fn renew(&self) -> Result<(), Problem> {
        self.say().await.map(drop)
    }

    async fn say(&self) -> Result<String, Problem> {
        let now = browser::now();
        let me = Member {
            event: String::new(),
            user: self.account.session.user.to_string(),
            device: self.account.session.device.to_string(),
            service: self.service.url.clone(),
            since: self.since.get(),
            intent: self.intent,
        };
        let content = membership(self.room.room_id().as_str(), &me, now);
        let sent = self.room.send_state_event_raw(MEMBER, &state_key(&me.user, &me.device), content).await;
        match sent.map_err(Problem::from) {
            Ok(sent) => Ok(sent.event_id.to_string()),
            Err(Problem::Forbidden(_)) => Err(Problem::Known("call-forbidden")),
            Err(problem) => Err(problem),
        }
    }

    /// Has the leave sent later; a server that does not know this leaves nobody behind who closes the page in order.
    async fn delay(&self, is_of_service: bool) -> Result<(), Problem> {
        let (user, device) = (self.account.session.user.as_str(), self.account.session.device.as_str());
        let milliseconds = if is_of_service { OF_SERVICE } else { OF_SESSION };
        let path = format!(
            "v3/rooms/{}/state/{MEMBER}/{}?org.matrix.msc4140.delay={milliseconds}",
            encoded(self.room.room_id().as_str()),
            encoded(&state_key(user, device)),
        );
        let answer = self.account.ask("PUT", &path, Some(&json!({}))).await?;
        if answer.status == 403 {
            return Err(Problem::Known("call-forbidden"));
        }
        let id = answer.body["delay_id"].as_str().map(ToOwned::to_owned);
        *self.delayed.borrow_mut() = id.map(|id| Delayed { id, is_of_service });
        Ok(())
    }

    /// Puts the leave off, where no service does that.
    pub async fn put_off(&self) {
        let id = self.delayed.borrow().as_ref().filter(|it| !it.is_of_service).map(|it| it.id.clone());
        let Some(id) = id else { return };
        let answer = self.tell_delayed(&id, "restart").await;
        if answer.is_some_and(|status| status == 404) {
            // It was sent: whoever is still here says so again.
            let _ = self.delay(false).await;
            let _ = self.renew().await;
        }
    }

    /// Leaves.
    pub async fn end(&self) {
        let delayed = self.delayed.take();
        if let Some(delayed) = &delayed
            && self.tell_delayed(&delayed.id, "send").await.is_some_and(|status| status == 200)
        {
            return;
        }
        let (user, device) = (self.account.session.user.as_str(), self.account.session.device.as_str());
        // What cannot be said now is said by the delayed event, or ends by itself.
        let _ = self.room.send_state_event_raw(MEMBER, &state_key(user, device), json!({})).await;
    }

    async fn tell_delayed(&self, id: &str, what: &str) -> Option<u16> {
        let path = format!("unstable/org.matrix.msc4140/delayed_events/{}/{what}", encoded(id));
        self.account.ask("POST", &path, Some(&json!({}))).await.ok().map(|answer| answer.status)
    }
}
