//! Who is signed in, where one is, and what all views share.

use std::{cell::Cell, rc::Rc};

use dioxus::{core::spawn_forever, prelude::*};
use hearth_client_design::{page, words::t};
use hearth_client_state::admin::Place;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    api::{self, HEARTH, Problem},
    session::Session,
    views,
};

/// Who uses nothing for so long is signed out, in milliseconds.
const IDLE_MS: i64 = 15 * 60_000;

/// What all views share.
#[derive(Clone, Copy)]
pub struct Shared {
    pub who: Signal<Who>,
    pub place: Signal<Place>,
    /// Whether the parts of the page are shown, on a phone.
    pub is_menu_open: Signal<bool>,
    /// What is told in passing, and whether it is bad.
    pub toast: Signal<Option<(bool, String)>>,
    /// How many reports wait.
    pub reports: Signal<u64>,
    /// How many accounts wait for an administrator to let them in.
    pub unapproved: Signal<u64>,
    pub server: Signal<String>,
    session: Signal<Option<Session>>,
    is_refreshing: Signal<bool>,
}

/// Who is there.
#[derive(Clone, PartialEq)]
pub enum Who {
    /// What is stored is looked at.
    Opening,
    /// Nobody, and why if somebody was.
    Nobody(Option<String>),
    /// Somebody who may not see this.
    NoAdministrator(String),
    Administrator(String),
}

/// What is shared.
pub fn use_shared() -> Shared {
    use_context::<Shared>()
}

impl Shared {
    pub fn go(&self, place: &Place) {
        page::set_fragment(&place.fragment());
    }

    /// A token that is valid. Those who ask at once wait for one renewal.
    pub async fn token(mut self) -> Result<String, Problem> {
        let ending = self.session.peek().clone().filter(Session::is_ending);
        if let Some(session) = ending.filter(|_| !*self.is_refreshing.peek()) {
            self.is_refreshing.set(true);
            // It goes on when the view that asked for it is gone.
            spawn_forever(async move {
                if let Ok(session) = session.renewed().await {
                    self.session.set(Some(session));
                }
                self.is_refreshing.set(false);
            });
        }
        while *self.is_refreshing.peek() {
            page::wait(20).await;
        }
        let session = self.session.peek();
        session.as_ref().map(|session| session.token().to_owned()).ok_or(Problem::SignedOut)
    }

    /// Asks as the administrator. A session that has ended leads to the door.
    pub async fn ask(mut self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Problem> {
        let answer = match self.token().await {
            Ok(token) => api::ask(method, path, body, Some(&token)).await,
            Err(problem) => Err(problem),
        };
        if answer == Err(Problem::SignedOut) && self.session.peek().is_some() {
            self.leave(Some(t("signed-out")));
        }
        if let Err(Problem::Refused { status: 403, .. }) = &answer
            && path.starts_with(HEARTH)
        {
            let user = self.session.peek().as_ref().map(|session| session.user.clone());
            self.who.set(Who::NoAdministrator(user.unwrap_or_default()));
        }
        answer
    }

    pub async fn get<T: DeserializeOwned>(self, path: &str) -> Result<T, Problem> {
        let answer = self.ask("GET", path, None).await?;
        serde_json::from_value(answer).map_err(|error| Problem::Strange(error.to_string()))
    }

    /// Signs in. Who may not administrate this server is told so, and signed out again.
    pub async fn enter(mut self, name: &str, password: &str) -> Result<(), Problem> {
        let session = Session::begin(name, password).await?;
        self.session.set(Some(session.clone()));
        self.open(session).await
    }

    async fn open(mut self, session: Session) -> Result<(), Problem> {
        match self.get::<Value>(&format!("{HEARTH}/overview")).await {
            Ok(overview) => {
                self.server.set(overview["server_name"].as_str().unwrap_or_default().to_owned());
                self.reports.set(overview["reports"].as_u64().unwrap_or_default());
                self.unapproved.set(overview["awaiting_approval"].as_u64().unwrap_or_default());
                self.who.set(Who::Administrator(session.user.clone()));
                session.tidy().await;
                Ok(())
            }
            Err(Problem::Refused { status: 403, .. }) => {
                self.session.set(None);
                self.who.set(Who::NoAdministrator(session.user.clone()));
                session.end().await;
                Ok(())
            }
            Err(problem) => Err(problem),
        }
    }

    /// Signs out, and says why if the person did not ask for it.
    pub fn leave(mut self, why: Option<String>) {
        let session = self.session.peek().clone();
        self.session.set(None);
        self.who.set(Who::Nobody(why));
        if let Some(session) = session {
            spawn_forever(session.end());
        }
    }

    /// Whether an account is of this server.
    pub fn is_own(&self, user: &str) -> bool {
        user.ends_with(&format!(":{}", self.server))
    }

    /// Tells in passing that something was done.
    pub fn tell(mut self, words: String) {
        self.toast.set(Some((false, words)));
    }

    pub fn complain(mut self, problem: &Problem) {
        self.toast.set(Some((true, problem.text())));
    }

    /// Signs out who uses nothing.
    async fn watch(self, used_at: Rc<Cell<i64>>) {
        loop {
            page::wait(10_000).await;
            let is_there = matches!(*self.who.peek(), Who::Administrator(_));
            if is_there && used_at.get() + IDLE_MS < page::now() {
                self.leave(Some(t("signed-out-idle")));
            }
        }
    }
}

#[component]
pub fn App() -> Element {
    let shared = use_context_provider(|| Shared {
        who: Signal::new(Who::Opening),
        place: Signal::new(Place::parse(&page::fragment())),
        is_menu_open: Signal::new(false),
        toast: Signal::new(None),
        reports: Signal::new(0),
        unapproved: Signal::new(0),
        server: Signal::new(page::host()),
        session: Signal::new(Session::load()),
        is_refreshing: Signal::new(false),
    });
    use_hook(move || {
        let Shared { mut who, mut place, mut is_menu_open, .. } = shared;
        page::on_window("hashchange", move || {
            place.set(Place::parse(&page::fragment()));
            is_menu_open.set(false);
        });
        let used_at = Rc::new(Cell::new(page::now()));
        for event in ["pointerdown", "keydown", "wheel"] {
            let used_at = used_at.clone();
            page::on_window(event, move || used_at.set(page::now()));
        }
        spawn_forever(shared.watch(used_at));
        let session = shared.session.peek().clone();
        match session {
            Some(session) => drop(spawn_forever(async move {
                if let Err(problem) = shared.open(session).await {
                    who.set(Who::Nobody(Some(problem.text())));
                }
            })),
            None => who.set(Who::Nobody(None)),
        }
    });
    match &*shared.who.read() {
        Who::Opening => rsx! { views::Opening {} },
        Who::Nobody(why) => rsx! { views::Door { why: why.clone() } },
        Who::NoAdministrator(user) => rsx! { views::NoAdministrator { user: user.clone() } },
        Who::Administrator(user) => rsx! { views::Shell { user: user.clone() } },
    }
}
