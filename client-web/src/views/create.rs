//! New chats: with a person, in a new room, in a room that there is.

use dioxus::prelude::*;
use hearth_client_state::route::Route;

use super::shell::Open;
use crate::{
    app::{problem_text, use_shared},
    browser,
    design::{Dialog, Field, Submit},
    matrix::Problem,
    words::{Value, t, tv},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Person,
    Room,
    Join,
}

#[component]
pub fn Create() -> Element {
    let open = use_context::<Open>();
    let mut way = use_signal(|| Way::Person);
    let close = move |()| {
        let mut create = open.create;
        create.set(false);
    };
    rsx! {
        Dialog { title: t("create-title"), onclose: close,
            div { class: "dialog__body",
                div { class: "segments segments--wide", role: "radiogroup", aria_label: t("create-title"),
                    for (of, text) in [(Way::Person, "create-person"), (Way::Room, "create-room"), (Way::Join, "create-join")] {
                        label { key: "{text}",
                            input {
                                class: "sr",
                                r#type: "radio",
                                name: "way",
                                checked: way() == of,
                                onchange: move |_| way.set(of),
                            }
                            {t(text)}
                        }
                    }
                }
                match way() {
                    Way::Person => rsx! { Address { key: "{Way::Person:?}", way: Way::Person } },
                    Way::Join => rsx! { Address { key: "{Way::Join:?}", way: Way::Join } },
                    Way::Room => rsx! { NewRoom {} },
                }
            }
        }
    }
}

/// A person or a room by address.
#[component]
fn Address(way: Way) -> Element {
    let shared = use_shared();
    let open = use_context::<Open>();
    let mut address = use_signal(String::new);
    let mut is_busy = use_signal(|| false);
    let mut error = use_signal(|| None::<String>);
    let (label, hint, button, example) = match way {
        Way::Join => ("join-address", "join-address-hint", "join", "#room:example.org"),
        _ => ("person-address", "person-address-hint", "start", "@name:example.org"),
    };
    let submit = move |event: FormEvent| async move {
        event.prevent_default();
        let Some(account) = shared.account() else { return };
        if is_busy() {
            return;
        }
        is_busy.set(true);
        let room = match way {
            Way::Join => account.join(&address()).await,
            _ => account.room_with(&address()).await,
        };
        is_busy.set(false);
        match room {
            Ok(room) => {
                let mut create = open.create;
                create.set(false);
                shared.go(Route::Room(room));
            }
            Err(Problem::Known("error-address")) => {
                error.set(Some(tv("error-address", [("example", Value::from(example))])));
            }
            Err(problem) => error.set(Some(problem_text(&problem))),
        }
    };
    rsx! {
        form { class: "pile", onsubmit: submit, novalidate: true,
            Field { id: "address", label: t(label), hint: t(hint), error: error(),
                input {
                    class: "input",
                    id: "address",
                    autocapitalize: "none",
                    autocomplete: "off",
                    spellcheck: "false",
                    aria_invalid: error.read().is_some().then_some("true"),
                    onmounted: |_| async { browser::focus("address") },
                    oninput: move |event| address.set(event.value()),
                }
            }
            Submit { label: t(button), is_busy: is_busy() }
        }
    }
}

#[component]
fn NewRoom() -> Element {
    let shared = use_shared();
    let open = use_context::<Open>();
    let mut name = use_signal(String::new);
    let mut is_public = use_signal(|| false);
    let mut is_encrypted = use_signal(|| true);
    let mut is_busy = use_signal(|| false);
    let submit = move |event: FormEvent| async move {
        event.prevent_default();
        let Some(account) = shared.account() else { return };
        if is_busy() {
            return;
        }
        is_busy.set(true);
        let room = account.create_room(&name(), is_public(), is_encrypted()).await;
        is_busy.set(false);
        match room {
            Ok(room) => {
                let mut create = open.create;
                create.set(false);
                shared.go(Route::Room(room));
            }
            Err(problem) => shared.tell(&problem),
        }
    };
    rsx! {
        form { class: "pile", onsubmit: submit, novalidate: true,
            Field { id: "room-name", label: t("room-name"), hint: t("room-name-hint"),
                input {
                    class: "input",
                    id: "room-name",
                    autocomplete: "off",
                    onmounted: |_| async { browser::focus("room-name") },
                    oninput: move |event| name.set(event.value()),
                }
            }
            label { class: "opt",
                span { b { {t("room-public")} } small { {t("room-public-hint")} } }
                input {
                    class: "switch",
                    r#type: "checkbox",
                    role: "switch",
                    checked: is_public(),
                    onchange: move |event| {
                        is_public.set(event.checked());
                        // What everybody may read anyway gains nothing by it.
                        is_encrypted.set(!event.checked());
                    },
                }
            }
            label { class: "opt",
                span { b { {t("room-encrypted")} } small { {t("room-encrypted-hint")} } }
                input {
                    class: "switch",
                    r#type: "checkbox",
                    role: "switch",
                    checked: is_encrypted(),
                    onchange: move |event| is_encrypted.set(event.checked()),
                }
            }
            Submit { label: t("create"), is_busy: is_busy() }
        }
    }
}
