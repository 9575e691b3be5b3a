//! What views are made of beside the controls of the design: what is shown while something is fetched and when it fails,
//! pages of lists, what can be done, and menus.

use std::collections::BTreeSet;

use dioxus::prelude::*;
use hearth_client_design::{
    controls::{Icon, IconButton, either},
    page,
    words::{Value as Words, t, tv},
};
use hearth_client_state::names::{colour, initials};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    api::{Problem, encoded},
    app::{Shared, use_shared},
    forms::Steps,
    measures::count,
};

/// How many rows of a list are shown at once.
pub const ROWS: u64 = 50;

/// What the server answers to a question; asked anew when its path changes.
pub type Asked<T> = Resource<Result<T, Problem>>;

pub fn use_asked<T: DeserializeOwned + 'static>(path: String) -> Asked<T> {
    let shared = use_shared();
    use_resource(use_reactive!(|path| async move { shared.get::<T>(&path).await }))
}

/// What was found; until then that it comes, or why it does not.
pub fn shown<T: 'static>(asked: Asked<T>, show: impl FnOnce(&T) -> Element) -> Element {
    let mut asked = asked;
    match &*asked.read() {
        None => rsx! { Waiting {} },
        Some(Err(problem)) => rsx! {
            Failed { problem: problem.clone(), onretry: move |()| asked.restart() }
        },
        Some(Ok(found)) => show(found),
    }
}

/// A part of what was found, once it came well.
pub fn found<T: 'static, P>(asked: Asked<T>, part: impl FnOnce(&T) -> P) -> Option<P> {
    asked.read().as_ref()?.as_ref().ok().map(part)
}

#[component]
pub fn Waiting() -> Element {
    rsx! {
        div { class: "waiting", role: "status", aria_label: t("loading"),
            for row in 0..6 {
                span { key: "{row}", class: "skel" }
            }
        }
    }
}

#[component]
fn Failed(problem: Problem, onretry: EventHandler<()>) -> Element {
    rsx! {
        div { class: "empty", role: "alert",
            Icon { name: "circle-alert" }
            h2 { {t("failed")} }
            p { {problem.text()} }
            div { class: "btn-row",
                button { class: "btn", onclick: move |_| onretry.call(()), {t("try-again")} }
            }
        }
    }
}

/// That a list has nothing in it.
#[component]
pub fn Empty(icon: &'static str, title: String, text: String) -> Element {
    rsx! {
        div { class: "empty",
            Icon { name: icon }
            h2 { "{title}" }
            p { "{text}" }
        }
    }
}

/// The head of a view.
#[component]
pub fn Head(title: String, #[props(default)] text: String, children: Element) -> Element {
    use_effect(use_reactive!(|title| page::set_title(&format!("{title} · Hearth"))));
    rsx! {
        header { class: "admin__head",
            div { class: "grow",
                h1 { "{title}" }
                if !text.is_empty() {
                    p { "{text}" }
                }
            }
            {children}
        }
    }
}

/// What stands for a person or a room.
#[component]
pub fn Face(
    id: String,
    name: String,
    #[props(default)] is_room: bool,
    #[props(default)] class: &'static str,
) -> Element {
    let of_room = if is_room { "avatar--room" } else { "" };
    rsx! {
        span {
            class: "avatar {of_room} {class}",
            "data-c": colour(&id).to_string(),
            "data-initials": initials(&name),
            aria_hidden: "true",
        }
    }
}

/// What is looked for in a list, and from which row on it is shown.
#[derive(Clone, Copy, PartialEq)]
pub struct Finding {
    pub term: Signal<String>,
    from: Signal<u64>,
}

pub fn use_finding() -> Finding {
    Finding { term: use_signal(String::new), from: use_signal(|| 0) }
}

impl Finding {
    /// The part of a query that asks for these rows; `search` is what the server calls the term.
    pub fn query(self, search: &str) -> String {
        let term = self.term.read();
        let term = if term.is_empty() { String::new() } else { format!("&{search}={}", encoded(&term)) };
        format!("from={}&limit={ROWS}{term}", self.from)
    }

    /// These rows of what is all here.
    pub fn page<T>(self, all: impl Iterator<Item = T>) -> Vec<T> {
        all.skip(*self.from.read() as usize).take(ROWS as usize).collect()
    }

    /// Begins at the first row again.
    pub fn begin(mut self) {
        self.from.set(0);
    }
}

/// A field that finds in a list. It asks when one stops writing for a moment.
#[component]
pub fn Search(label: String, finding: Finding) -> Element {
    const PAUSE_MS: u32 = 250;
    let mut written = use_signal(|| 0_u32);
    let mut term = finding.term;
    rsx! {
        div { class: "affix admin__find",
            Icon { name: "search", size: "s" }
            input {
                class: "input",
                r#type: "search",
                placeholder: "{label}",
                aria_label: "{label}",
                oninput: move |event| {
                    written += 1;
                    let now = *written.peek();
                    spawn(async move {
                        page::wait(PAUSE_MS).await;
                        if *written.peek() == now {
                            term.set(event.value().trim().to_owned());
                            finding.begin();
                        }
                    });
                },
            }
        }
    }
}

/// Which rows of a list are chosen, by their ids.
#[derive(Clone, Copy, PartialEq)]
pub struct Choice(Signal<BTreeSet<String>>);

pub fn use_choice() -> Choice {
    Choice(use_signal(BTreeSet::new))
}

impl Choice {
    pub fn has(self, id: &str) -> bool {
        self.0.read().contains(id)
    }

    /// Chooses rows, or takes them out of the choice.
    pub fn set(mut self, ids: impl IntoIterator<Item = String>, is_on: bool) {
        let mut chosen = self.0.write();
        for id in ids {
            let _ = if is_on { chosen.insert(id) } else { chosen.remove(&id) };
        }
    }

    pub fn clear(mut self) {
        self.0.write().clear();
    }
}

/// Whether a row is chosen, or all of them.
#[component]
pub fn Pick(label: String, ids: Vec<String>, choice: Choice) -> Element {
    let is_on = ids.iter().all(|id| choice.has(id));
    rsx! {
        label { class: "check",
            input {
                r#type: "checkbox",
                aria_label: "{label}",
                checked: is_on,
                onchange: move |event| choice.set(ids.clone(), event.checked()),
            }
        }
    }
}

/// How many rows are chosen, and what can be done with them.
#[component]
pub fn Chosen(count: usize, choice: Choice, children: Element) -> Element {
    rsx! {
        div { class: "toolbar", role: "group", aria_label: t("actions"),
            b { class: "num", role: "status", {tv("chosen", [("count", Words::from(count))])} }
            {children}
            button { class: "btn btn--s btn--quiet", onclick: move |_| choice.clear(), {t("choose-none")} }
        }
    }
}

/// One of the things that can be done with what is chosen.
#[component]
pub fn ChosenDeed(icon: &'static str, label: String, is_danger: bool, onclick: EventHandler<()>) -> Element {
    let danger = either(is_danger, "btn--danger-plain", "");
    rsx! {
        button { class: "btn btn--s {danger}", onclick: move |_| onclick.call(()),
            Icon { name: icon, size: "s" }
            "{label}"
        }
    }
}

/// The names of several, as many as are read.
pub fn several<T>(all: &[T], name: impl Fn(&T) -> String) -> String {
    const NAMED: usize = 5;
    let names: Vec<_> = all.iter().take(NAMED).map(name).collect();
    format!("{}{}", names.join(", "), if all.len() > NAMED { "…" } else { "" })
}

/// Which rows of how many are shown, and the way to others.
#[component]
pub fn Pager(finding: Finding, total: u64) -> Element {
    let mut at = finding.from;
    let from = at();
    let until = (from + ROWS).min(total);
    let shown = tv(
        "rows-of",
        [
            ("from", Words::from(count(from + 1))),
            ("until", count(until).into()),
            ("total", count(total).into()),
        ],
    );
    rsx! {
        div { class: "toolbar toolbar--ends",
            span { class: "muted num small", if total > 0 { "{shown}" } }
            if total > ROWS {
                span { class: "btn-row",
                    button {
                        class: "btn btn--icon",
                        aria_label: t("page-before"),
                        title: t("page-before"),
                        disabled: from == 0,
                        onclick: move |_| at.set(from.saturating_sub(ROWS)),
                        Icon { name: "chevron-left" }
                    }
                    button {
                        class: "btn btn--icon",
                        aria_label: t("page-next"),
                        title: t("page-next"),
                        disabled: until >= total,
                        onclick: move |_| at.set(from + ROWS),
                        Icon { name: "chevron-right" }
                    }
                }
            }
        }
    }
}

/// One of several ways to see a list.
#[component]
pub fn Chip(label: String, is_on: bool, onclick: EventHandler<()>) -> Element {
    rsx! {
        button { class: "chip", aria_pressed: is_on.to_string(), onclick: move |_| onclick.call(()), "{label}" }
    }
}

/// A menu behind three dots.
#[component]
pub fn Menu(label: String, is_open: Signal<bool>, children: Element) -> Element {
    let mut is_open = is_open;
    rsx! {
        span { class: "dots",
            button {
                class: "btn btn--icon btn--s",
                aria_label: "{label}",
                aria_haspopup: "menu",
                aria_expanded: is_open().to_string(),
                onclick: move |event| {
                    event.stop_propagation();
                    is_open.toggle();
                },
                Icon { name: "ellipsis", size: "s" }
            }
            if is_open() {
                span { class: "menu__scrim", onclick: move |_| is_open.set(false) }
                div {
                    class: "menu menu--at dots__menu",
                    role: "menu",
                    aria_label: "{label}",
                    onclick: move |_| is_open.set(false),
                    onkeydown: move |event| {
                        if event.key() == Key::Escape {
                            is_open.set(false);
                        }
                    },
                    {children}
                }
            }
        }
    }
}

/// Something that can be done, in a list of such, and what it means.
#[component]
pub fn Action(
    icon: &'static str,
    label: String,
    text: String,
    is_danger: bool,
    onclick: EventHandler<()>,
) -> Element {
    let danger = if is_danger { "action--danger" } else { "" };
    rsx! {
        li {
            button { class: "action {danger}", onclick: move |_| onclick.call(()),
                Icon { name: icon }
                span { class: "grow",
                    b { "{label}" }
                    " "
                    small { "{text}" }
                }
                Icon { name: "chevron-right", size: "s" }
            }
        }
    }
}

/// Does something that can be undone, at once; `after` is called when it is done.
pub fn act(shared: Shared, deed: impl Into<Steps>, after: impl FnOnce(Value) + 'static) {
    let deed = deed.into();
    spawn(async move {
        let done = deed.done();
        match deed.ask(shared).await {
            Ok(answer) => {
                shared.tell(done);
                after(answer);
            }
            Err(problem) => shared.complain(&problem),
        }
    });
}

/// Something that is copied whole, such as a token.
#[component]
pub fn Copied(text: String) -> Element {
    let shared = use_shared();
    let copied = text.clone();
    rsx! {
        div { class: "copied",
            code { dir: "ltr", "{text}" }
            IconButton {
                icon: "copy",
                label: t("copy"),
                class: "btn--s",
                size: "s",
                onclick: move |_| {
                    let copied = copied.clone();
                    spawn(async move {
                        if page::copy(&copied).await {
                            shared.tell(t("copied"));
                        }
                    });
                },
            }
        }
    }
}
