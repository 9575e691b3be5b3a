//! The whole: who is signed in, what is open, and what all views share.

use std::rc::Rc;

use dioxus::{core::spawn_forever, prelude::*};
use futures::{StreamExt, pin_mut};
use hearth_client_state::{
    rooms::{self, Row},
    route::Route,
};
use imbl::Vector;

use crate::{
    browser,
    matrix::{Account, Connection, Problem, Safety, Session, Verifying},
    views,
    words::{Value, t, tv},
};

/// What all views share.
#[derive(Clone, Copy)]
pub struct Shared {
    pub who: Signal<Who>,
    pub route: Signal<Route>,
    pub rows: Signal<Option<Vector<Row>>>,
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

    async fn open(mut self, session: Session) {
        match Account::open(session).await {
            Ok(account) => self.who.set(Who::Somebody(account)),
            Err(problem) => self.who.set(Who::Failed(problem_text(&problem))),
        }
    }
}

/// What is shared.
pub fn use_shared() -> Shared {
    use_context::<Shared>()
}

/// A problem in words.
pub fn problem_text(problem: &Problem) -> String {
    match problem {
        Problem::Known(text) => t(text),
        Problem::Other(error) => tv("error-other", [("error", Value::from(error.as_str()))]),
    }
}

#[component]
pub fn App() -> Element {
    let shared = use_context_provider(|| Shared {
        who: Signal::new(Who::Opening),
        route: Signal::new(Route::parse(&browser::fragment())),
        rows: Signal::new(None),
        connection: Signal::new(Connection::Starting),
        safety: Signal::new(Safety::Unknown),
        verifying: Signal::new(None),
        toast: Signal::new(None),
    });
    use_hook(move || {
        let Shared { mut who, mut route, .. } = shared;
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
    rsx! { views::Shell {} }
}

/// The count of what is new stands in the title of the tab.
fn set_title(rows: &[Row]) {
    match rooms::total(rows).notifications {
        0 => browser::set_title("Hearth"),
        count => browser::set_title(&format!("({count}) Hearth")),
    }
}
