//! The whole: who is signed in, what is open, and what all views share.

use std::{collections::HashMap, rc::Rc};

use dioxus::{core::spawn_forever, prelude::*};
use futures::{StreamExt, channel::oneshot, pin_mut};
use hearth_client_state::{
    rooms::{self, Row},
    route::Route,
};
use imbl::Vector;

use crate::{
    browser::{self, tabs},
    matrix::{Account, Connection, Problem, Safety, Session, Space, Verifying},
    views,
    words::{Value, t, tv},
};

/// What all views share.
#[derive(Clone, Copy)]
pub struct Shared {
    pub who: Signal<Who>,
    pub route: Signal<Route>,
    pub rows: Signal<Option<Vector<Row>>>,
    pub spaces: Signal<Vec<Space>>,
    /// What waits in composers, by the room or the thread.
    pub drafts: Signal<HashMap<String, String>>,
    /// Whether somebody can see the page.
    pub is_seen: Signal<bool>,
    pub connection: Signal<Connection>,
    pub safety: Signal<Safety>,
    /// The verification that is on the screen.
    pub verifying: Signal<Option<Verifying>>,
    /// What went wrong, until somebody has seen it.
    pub toast: Signal<Option<String>>,
}

/// Who is signed in.
#[derive(Clone, Default)]
pub enum Who {
    /// What is stored is being opened.
    #[default]
    Opening,
    Nobody,
    Somebody(Rc<Account>),
    /// The session is open in another tab.
    Elsewhere(Session),
    /// The server has ended the session.
    SignedOut,
    /// What is stored cannot be opened.
    Failed(String),
}

impl Shared {
    /// The account that is signed in; views of rooms are shown to nobody else.
    pub fn account(&self) -> Option<Rc<Account>> {
        match &*self.who.read() {
            Who::Somebody(account) => Some(account.clone()),
            _ => None,
        }
    }

    pub fn go(&self, route: Route) {
        browser::set_fragment(&route.fragment());
    }

    /// Shows a problem in passing.
    pub fn tell(mut self, problem: &Problem) {
        self.toast.set(Some(problem_text(problem)));
    }

    /// Does something to its end, also when the view that asked for it is gone; tells what went wrong.
    pub fn act(self, action: impl Future<Output = Result<(), Problem>> + 'static) {
        spawn_forever(async move {
            if let Err(problem) = action.await {
                self.tell(&problem);
            }
        });
    }

    /// Signs in with a session, and opens it.
    pub fn enter(mut self, session: Session) {
        session.save();
        browser::keep_storage();
        self.who.set(Who::Opening);
        self.go(Route::Home);
        spawn_forever(async move { self.open(session).await });
    }

    /// Opens a session once no other tab has it open.
    async fn open(mut self, session: Session) {
        let place = session.database();
        if !tabs::try_lead(&place).await {
            self.who.set(Who::Elsewhere(session.clone()));
            tabs::lead(&place).await;
        }
        self.begin(session).await;
    }

    /// Opens a session here although it is open in another tab, which gives it up.
    pub async fn take_over(self, session: Session) {
        /// A tab that sleeps does not answer.
        const PATIENCE: u32 = 3_000;
        let place = session.database();
        tabs::ask(&place);
        browser::wait(PATIENCE).await;
        if matches!(*self.who.peek(), Who::Elsewhere(_)) {
            tabs::take_lead(&place).await;
            self.begin(session).await;
        }
    }

    async fn begin(mut self, session: Session) {
        self.who.set(Who::Opening);
        let mut who = self.who;
        tabs::on_asked(&session.database(), move || {
            // What is being written is kept when its view goes.
            who.set(Who::Opening);
            browser::run(async {
                browser::wait(300).await;
                browser::reload();
            });
        });
        match Account::open(session).await {
            Ok(account) => {
                self.drafts.set(browser::drafts::drafts(&account.session.database()));
                self.who.set(Who::Somebody(account));
            }
            Err(problem) => self.who.set(Who::Failed(problem_text(&problem))),
        }
    }

    /// Shows what is being written at a place; nothing when it is empty.
    pub fn show_draft(mut self, place: &str, text: &str) {
        let text = text.trim();
        let is_same = self.drafts.peek().get(place).map_or("", String::as_str) == text;
        if is_same {
            return;
        }
        self.drafts.with_mut(|drafts| match text.is_empty() {
            true => drop(drafts.remove(place)),
            false => drop(drafts.insert(place.to_owned(), text.to_owned())),
        });
    }
}

/// Does something to its end, also when the view that waits for it goes meanwhile: what comes of it is often what makes
/// the view go, before all of it is done.
pub async fn to_end<T: 'static>(work: impl Future<Output = T> + 'static) -> T {
    let (sender, receiver) = oneshot::channel();
    spawn_forever(async move {
        // Nobody may wait any more.
        let _ = sender.send(work.await);
    });
    match receiver.await {
        Ok(outcome) => outcome,
        // Only with the page.
        Err(_) => std::future::pending().await,
    }
}

/// What is shared.
pub fn use_shared() -> Shared {
    use_context::<Shared>()
}

/// A problem in words.
pub fn problem_text(problem: &Problem) -> String {
    match problem {
        Problem::Known("error-address") => {
            tv("error-address", [("example", Value::from("#room:example.org"))])
        }
        Problem::Known(text) => t(text),
        Problem::Forbidden(why) => tv("error-forbidden", [("why", Value::from(why.as_str()))]),
        Problem::Other(error) => tv("error-other", [("error", Value::from(error.as_str()))]),
    }
}

#[component]
pub fn App() -> Element {
    let shared = use_context_provider(|| Shared {
        who: Signal::new(Who::Opening),
        route: Signal::new(Route::parse(&browser::fragment())),
        rows: Signal::new(None),
        spaces: Signal::new(Vec::new()),
        drafts: Signal::new(HashMap::new()),
        is_seen: Signal::new(browser::is_visible()),
        connection: Signal::new(Connection::Starting),
        safety: Signal::new(Safety::Unknown),
        verifying: Signal::new(None),
        toast: Signal::new(None),
    });
    views::provide_calls();
    use_hook(move || {
        let Shared { mut who, mut route, mut is_seen, .. } = shared;
        browser::on_window("visibilitychange", move || is_seen.set(browser::is_visible()));
        browser::on_window("hashchange", move || route.set(Route::parse(&browser::fragment())));
        match Session::load() {
            Some(session) => drop(spawn_forever(async move { shared.open(session).await })),
            None => who.set(Who::Nobody),
        }
    });
    match &*shared.who.read() {
        Who::Opening => rsx! { views::Opening {} },
        Who::Nobody => rsx! { views::Door {} },
        Who::Somebody(_) => rsx! { SignedIn {} },
        Who::Elsewhere(session) => rsx! { views::Elsewhere { session: session.clone() } },
        Who::SignedOut => rsx! { views::SignedOut {} },
        Who::Failed(error) => rsx! { views::Failed { error: error.clone() } },
    }
}

/// Follows the account: its rooms, its connection, what others ask of it.
#[component]
fn SignedIn() -> Element {
    let shared = use_shared();
    use_future(move || async move {
        let Some(account) = shared.account() else { return };
        let stream = account.rooms();
        let mut rows = shared.rows;
        pin_mut!(stream);
        while let Some(now) = stream.next().await {
            let before: Vec<Row> = rows.peek().iter().flatten().cloned().collect();
            let after: Vec<Row> = now.iter().cloned().collect();
            views::tell_news(&before, &after);
            set_title(&after);
            rows.set(Some(now));
        }
    });
    use_future(move || async move {
        let Some(account) = shared.account() else { return };
        let mut stream = Box::pin(account.connection());
        let mut connection = shared.connection;
        while let Some(now) = stream.next().await {
            connection.set(now);
        }
    });
    use_future(move || async move {
        let Some(account) = shared.account() else { return };
        let mut stream = Box::pin(account.safety());
        let mut safety = shared.safety;
        while let Some(now) = stream.next().await {
            if *safety.peek() != now {
                safety.set(now);
            }
        }
    });
    use_future(move || async move {
        let Some(account) = shared.account() else { return };
        let mut stream = Box::pin(account.verifications());
        let mut verifying = shared.verifying;
        while let Some(asked) = stream.next().await {
            if verifying.peek().is_none() {
                verifying.set(Some(asked));
            }
        }
    });
    use_future(move || async move {
        let Some(account) = shared.account() else { return };
        let mut stream = Box::pin(account.spaces());
        let mut spaces = shared.spaces;
        while let Some(now) = stream.next().await {
            if *spaces.peek() != now {
                spaces.set(now);
            }
        }
    });
    use_future(move || async move {
        let Some(account) = shared.account() else { return };
        let mut stream = Box::pin(account.signed_out());
        let mut who = shared.who;
        if stream.next().await.is_some() {
            account.forget().await;
            who.set(Who::SignedOut);
        }
    });
    use_hook(move || {
        browser::on_push_token(move |token| {
            browser::run(async move {
                let Some(account) = shared.account() else { return };
                // Without it the server sends no others; it asks again when pushes are turned on once more.
                let _ = account.acknowledge_push(&token).await;
            });
        });
    });
    rsx! { views::Shell {} }
}

/// The count of what is new stands in the title of the tab.
fn set_title(rows: &[Row]) {
    let count = rooms::total(rows).notifications;
    browser::set_badge(count);
    match count {
        0 => browser::set_title("Hearth"),
        count => browser::set_title(&format!("({count}) Hearth")),
    }
}
