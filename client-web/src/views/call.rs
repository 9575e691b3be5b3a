//! Calls: the one that is open, over everything or small, and the one that rings.

mod bar;
mod incoming;
mod keys;
mod lobby;
mod notice;
mod small;
mod stage;
mod tile;

use std::rc::Rc;

use dioxus::{core::spawn_forever, prelude::*};
use futures::StreamExt;
use hearth_client_state::call::{Intent, View};

pub use self::notice::{CallBar, CallButtons};
use self::{
    bar::Bar, incoming::IncomingCall, keys::use_call_keys, lobby::Lobby, small::Small, stage::StageView,
};
use crate::{
    app::{Shared, problem_text, use_shared},
    browser::{self, Source},
    design::{Icon, IconButton},
    matrix::{Call, CallNews, CallNow, Incoming, Phase},
    words::{Value, t, tv},
};

/// What views of calls share.
#[derive(Clone, Copy)]
pub struct Calls {
    pub open: Signal<Option<Rc<Call>>>,
    pub now: Signal<CallNow>,
    /// Whether the call is small, so that one sees something else.
    pub is_small: Signal<bool>,
    pub incoming: Signal<Option<Incoming>>,
    pub view: Signal<View>,
    /// The tile that is large whatever happens, by its key.
    pub pinned: Signal<Option<String>>,
    /// Milliseconds since 1970, each second anew.
    pub clock: Signal<i64>,
    pub is_narrow: Signal<bool>,
}

impl Calls {
    /// Looks at the call of a room, or comes back to it. One is in one call at a time.
    pub fn look_at(mut self, shared: Shared, room: String, intent: Intent) {
        if let Some(open) = self.open.peek().as_ref() {
            if open.room_id() != room {
                let mut toast = shared.toast;
                toast.set(Some(t("call-other")));
            }
            return self.is_small.set(false);
        }
        spawn_forever(async move {
            if let Some(call) = self.begin(shared, &room, intent).await {
                capture(&call, intent).await;
            }
        });
    }

    /// Answers a call that rings.
    pub fn answer(mut self, shared: Shared, incoming: Incoming, intent: Intent) {
        self.incoming.set(None);
        spawn_forever(async move {
            let before = self.open.peek().clone();
            if let Some(before) = before {
                before.leave().await;
            }
            if let Some(call) = self.begin(shared, &incoming.room, intent).await {
                capture(&call, intent).await;
                call.join().await;
            }
        });
    }

    async fn begin(mut self, shared: Shared, room: &str, intent: Intent) -> Option<Rc<Call>> {
        let account = shared.account()?;
        let call = match account.open_call(room, intent).await {
            Ok(call) => call,
            Err(problem) => {
                shared.tell(&problem);
                return None;
            }
        };
        self.is_small.set(false);
        self.pinned.set(None);
        self.view.set(View::Grid);
        self.now.set(CallNow::default());
        self.open.set(Some(call.clone()));
        let followed = call.clone();
        spawn_forever(async move {
            let mut changes = Box::pin(followed.now());
            while let Some(now) = changes.next().await {
                let is_over = now.phase == Phase::Over;
                if self.open.peek().as_ref() == Some(&followed) {
                    self.now.set(now);
                    if is_over {
                        self.open.set(None);
                    }
                }
                if is_over {
                    return;
                }
            }
        });
        Some(call)
    }

    /// Leaves the call, or stops looking at it.
    pub fn leave(self) {
        let Some(call) = self.open.peek().clone() else { return };
        spawn_forever(async move { call.leave().await });
    }

    /// Begins or ends to send from a source.
    pub fn set(self, source: Source, is_on: bool) {
        self.act(move |call| async move { call.set(source, is_on).await });
    }

    /// Does something with the call to its end.
    pub fn act<F: Future<Output = ()> + 'static>(self, action: impl FnOnce(Rc<Call>) -> F + 'static) {
        let Some(call) = self.open.peek().clone() else { return };
        spawn_forever(action(call));
    }
}

/// Asks for the devices before one joins.
async fn capture(call: &Call, intent: Intent) {
    call.set(Source::Microphone, true).await;
    // What is wrong with one is said before the other is asked for.
    if intent == Intent::Video && call.has_no_trouble() {
        call.set(Source::Camera, true).await;
    }
}

/// What views of calls share, for as long as the page is there: what was begun once may end after its view is gone.
pub fn provide_calls() {
    let calls = use_context_provider(|| Calls {
        open: Signal::new(None),
        now: Signal::new(CallNow::default()),
        is_small: Signal::new(false),
        incoming: Signal::new(None),
        view: Signal::new(View::Grid),
        pinned: Signal::new(None),
        clock: Signal::new(browser::now()),
        is_narrow: Signal::new(browser::is_narrow()),
    });
    use_call_keys(calls);
    use_hook(move || {
        let mut is_narrow = calls.is_narrow;
        browser::on_window("resize", move || is_narrow.set(browser::is_narrow()));
    });
}

/// Follows what there is of calls, for as long as somebody is signed in.
pub fn use_calls() -> Calls {
    let shared = use_shared();
    let calls = use_context::<Calls>();
    use_drop(move || {
        let mut incoming = calls.incoming;
        incoming.set(None);
        calls.leave();
    });
    use_future(move || async move {
        let mut clock = calls.clock;
        loop {
            browser::wait(1_000).await;
            // Nobody looks at it while there is no call.
            if calls.open.peek().is_some() || calls.incoming.peek().is_some() {
                clock.set(browser::now());
                calls.act(|call| async move { call.settle_signs() });
            }
        }
    });
    use_future(move || async move {
        let Some(account) = shared.account() else { return };
        let me = account.session.user.to_string();
        let mut incoming = calls.incoming;
        let mut news = Box::pin(account.call_news());
        while let Some(news) = news.next().await {
            match news {
                CallNews::Rings(call) => {
                    let is_here = calls.open.peek().as_ref().is_some_and(|open| open.room_id() == call.room);
                    if !is_here && account.still_rings(&call).await {
                        incoming.set(Some(call));
                    }
                }
                CallNews::Shows { room, sign } => {
                    let open = calls.open.peek().clone();
                    if let Some(open) = open.filter(|open| open.room_id() == room) {
                        open.take_sign(sign);
                    }
                }
                CallNews::Declined { event, by } => {
                    if by == me && incoming.peek().as_ref().is_some_and(|call| call.ring.event == event) {
                        incoming.set(None);
                    }
                    let open = calls.open.peek().clone();
                    if let Some(open) = open.filter(|_| by != me) {
                        open.declined(&event, &by).await;
                    }
                }
            }
        }
    });
    calls
}

/// The call that is open, and the one that rings.
#[component]
pub fn CallOver() -> Element {
    let calls = use_context::<Calls>();
    let open = calls.open.read().clone();
    let incoming = calls.incoming.read().clone();
    // What the page has a place for is shown there once it is drawn.
    use_effect(move || {
        let _ = (calls.now.read(), calls.is_small.read(), calls.view.read(), calls.pinned.read());
        calls.act(|call| async move {
            browser::next_frame().await;
            call.media().show().await;
        });
    });
    rsx! {
        if let Some(call) = open {
            if *calls.is_small.read() {
                Small { call }
            } else {
                Large { call }
            }
        }
        if let Some(incoming) = incoming {
            IncomingCall { key: "{incoming.ring.event}", incoming }
        }
    }
}

/// The call over everything.
#[component]
fn Large(call: Rc<Call>) -> Element {
    let shared = use_shared();
    let mut calls = use_context::<Calls>();
    let now = calls.now.read();
    let is_inside = now.phase == Phase::Inside;
    let name = name_of(shared, call.room_id());
    let status = match (now.phase, now.members.len()) {
        (Phase::Inside, 0..=2) => duration(now.since, calls.clock),
        (Phase::Inside, count) => {
            format!("{}, {}", tv("people", [("count", Value::from(count))]), duration(now.since, calls.clock))
        }
        (Phase::Joining, _) => t("call-joining"),
        (_, 0) => t("call-nobody"),
        (_, count) => tv("call-there-count", [("count", Value::from(count))]),
    };
    let trouble = now.trouble.as_ref().map(problem_text);
    let declined =
        now.declined.as_ref().map(|by| tv("call-declined", [("name", Value::from(by.name.as_str()))]));
    let view = *calls.view.read();
    let (way, way_label) = if is_inside { ("chevron-down", "call-to-room") } else { ("arrow-left", "back") };
    let view_label = if view == View::Grid { "call-view-speaker" } else { "call-view-grid" };
    rsx! {
        main { class: "call", id: "call",
            header { class: "call__head",
                IconButton {
                    icon: way,
                    label: t(way_label),
                    onclick: move |_| {
                        match is_inside {
                            true => calls.is_small.set(true),
                            false => calls.leave(),
                        }
                    },
                }
                div { class: "grow",
                    h1 {
                        span { class: "clip", dir: "auto", "{name}" }
                        if call.is_encrypted() {
                            Icon { name: "lock", size: "xs", label: t("encrypted") }
                        }
                    }
                    p { role: "status", "{status}" }
                }
                if is_inside {
                    IconButton {
                        icon: "layout-grid",
                        label: t(view_label),
                        pressed: view == View::Speaker,
                        onclick: move |_| {
                            let other = if view == View::Grid { View::Speaker } else { View::Grid };
                            calls.pinned.set(None);
                            calls.view.set(other);
                        },
                    }
                    span { class: "only-desktop",
                        IconButton {
                            icon: "maximize",
                            label: t("call-full"),
                            onclick: move |_| browser::toggle_full("call"),
                        }
                    }
                }
            }
            if let Some(told) = trouble.or(declined) {
                p { class: "call__trouble", role: "alert",
                    Icon { name: "circle-alert", size: "s" }
                    span { "{told}" }
                }
            }
            match is_inside {
                true => rsx! {
                    StageView { call: call.clone() }
                    Bar { call }
                },
                false => rsx! { Lobby { call } },
            }
        }
    }
}

/// What the room of a call is called.
fn name_of(shared: Shared, room: &str) -> String {
    let rows = shared.rows.read();
    rows.iter().flatten().find(|row| row.id == room).map(|row| row.name.clone()).unwrap_or_default()
}

/// Since when a call goes on, as `12:04`.
fn duration(since: Option<i64>, clock: Signal<i64>) -> String {
    let seconds = since.map_or(0, |since| (*clock.read() - since).max(0) / 1_000);
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        hours => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}
