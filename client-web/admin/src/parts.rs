//! What views are made of beside the controls of the design: what is shown while something is fetched and when it fails,
//! pages of lists, questions before something dangerous, and menus.

use dioxus::prelude::*;
use hearth_client_design::{
    controls::{Dialog, Icon, IconButton},
    page,
    words::{Value as Words, t, tv},
};
use hearth_client_state::{
    admin::is_confirmed,
    names::{colour, initials},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    api::Problem,
    app::{Shared, use_shared},
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

/// A field that finds in a list. It asks when one stops writing for a moment.
#[component]
pub fn Search(label: String, onsearch: EventHandler<String>) -> Element {
    const PAUSE_MS: u32 = 250;
    let mut written = use_signal(|| 0_u32);
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
                            onsearch.call(event.value().trim().to_owned());
                        }
                    });
                },
            }
        }
    }
}

/// Which rows of how many are shown, and the way to others.
#[component]
pub fn Pager(from: u64, total: u64, onfrom: EventHandler<u64>) -> Element {
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
                        onclick: move |_| onfrom.call(from.saturating_sub(ROWS)),
                        Icon { name: "chevron-left" }
                    }
                    button {
                        class: "btn btn--icon",
                        aria_label: t("page-next"),
                        title: t("page-next"),
                        disabled: until >= total,
                        onclick: move |_| onfrom.call(from + ROWS),
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

#[component]
pub fn MenuItem(
    icon: &'static str,
    label: String,
    #[props(default)] is_danger: bool,
    onclick: EventHandler<()>,
) -> Element {
    let danger = if is_danger { "menu__item--danger" } else { "" };
    rsx! {
        button { class: "menu__item {danger}", role: "menuitem", onclick: move |_| onclick.call(()),
            Icon { name: icon }
            "{label}"
        }
    }
}

/// What is to be asked of the server when a person agrees.
#[derive(Clone, PartialEq)]
pub struct Deed {
    pub method: &'static str,
    pub path: String,
    pub body: Value,
    /// What is told when it is done.
    pub done: String,
}

/// A question before something is done. What cannot be undone wants the name of what it is done to typed.
#[component]
pub fn Ask(
    title: String,
    text: String,
    #[props(default)] name: Option<String>,
    label: String,
    deed: Deed,
    onclose: EventHandler<()>,
    ondone: EventHandler<Value>,
    #[props(default)] children: Element,
) -> Element {
    let shared = use_shared();
    let mut typed = use_signal(String::new);
    let mut is_busy = use_signal(|| false);
    let mut problem = use_signal(|| None::<Problem>);
    let may = name.as_ref().is_none_or(|name| is_confirmed(&typed.read(), name));
    let color = if name.is_some() { "btn--danger" } else { "btn--primary" };
    let submit = move |event: FormEvent| {
        event.prevent_default();
        if !may || is_busy() {
            return;
        }
        is_busy.set(true);
        let deed = deed.clone();
        spawn(async move {
            let answer = shared.ask(deed.method, &deed.path, Some(&deed.body)).await;
            is_busy.set(false);
            match answer {
                Ok(answer) => {
                    shared.tell(deed.done);
                    ondone.call(answer);
                    onclose.call(());
                }
                Err(found) => problem.set(Some(found)),
            }
        });
    };
    rsx! {
        Dialog { title, onclose: move |()| onclose.call(()),
            form { onsubmit: submit,
                div { class: "dialog__body",
                    p { "{text}" }
                    {children}
                    if let Some(name) = &name {
                        div { class: "field",
                            label { r#for: "confirm",
                                {t("type-to-confirm")}
                                " "
                                b { class: "name", dir: "ltr", "{name}" }
                            }
                            input {
                                class: "input",
                                id: "confirm",
                                autocomplete: "off",
                                autocapitalize: "none",
                                spellcheck: "false",
                                oninput: move |event| typed.set(event.value()),
                            }
                        }
                    }
                    if let Some(problem) = &*problem.read() {
                        p { class: "field__error", role: "alert",
                            Icon { name: "circle-alert", size: "s" }
                            span { {problem.text()} }
                        }
                    }
                }
                footer { class: "dialog__foot",
                    button { class: "btn", r#type: "button", onclick: move |_| onclose.call(()), {t("cancel")} }
                    button {
                        class: "btn {color}",
                        r#type: "submit",
                        disabled: !may || is_busy(),
                        aria_busy: is_busy().then_some("true"),
                        if is_busy() {
                            span { class: "spin", aria_hidden: "true" }
                        }
                        "{label}"
                    }
                }
            }
        }
    }
}

/// Does something that can be undone, at once; `after` is called when it is done.
pub fn act(shared: Shared, deed: Deed, after: impl FnOnce(Value) + 'static) {
    spawn(async move {
        match shared.ask(deed.method, &deed.path, Some(&deed.body)).await {
            Ok(answer) => {
                shared.tell(deed.done);
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
