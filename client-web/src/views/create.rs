//! New chats: with a person, in a new room, in a room that there is.

use dioxus::prelude::*;
use hearth_client_state::route::Route;

use super::shell::{Open, write_to};
use crate::{
    app::{problem_text, use_shared},
    browser,
    design::{Avatar, Dialog, Field, Submit},
    matrix::Problem,
    words::{Value, t, tv},
};

/// What a new chat is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Person,
    Room,
    Space,
    Join,
}

#[component]
pub fn Create(way: Way) -> Element {
    let open = use_context::<Open>();
    let mut way = use_signal(|| way);
    let close = move |()| open.close_over();
    rsx! {
        Dialog { title: t("create-title"), onclose: close,
            div { class: "dialog__body",
                div { class: "segments segments--wide", role: "radiogroup", aria_label: t("create-title"),
                    for (of, text) in WAYS {
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
                    Way::Room => rsx! { NewRoom { key: "{Way::Room:?}", is_space: false } },
                    Way::Space => rsx! { NewRoom { key: "{Way::Space:?}", is_space: true } },
                }
            }
        }
    }
}

const WAYS: [(Way, &str); 4] = [
    (Way::Person, "create-person"),
    (Way::Room, "create-room"),
    (Way::Space, "create-space"),
    (Way::Join, "create-join"),
];

/// A person or a room by address.
#[component]
fn Address(way: Way) -> Element {
    let shared = use_shared();
    let open = use_context::<Open>();
    let mut address = use_signal(String::new);
    let mut is_busy = use_signal(|| false);
    let mut error = use_signal(|| None::<String>);
    let (label, hint, button, example) = match way {
        Way::Join => ("join-address", "join-address-hint", "look", "#room:example.org"),
        _ => ("person-address", "person-address-hint", "start", "@name:example.org"),
    };
    let submit = move |event: FormEvent| async move {
        event.prevent_default();
        let Some(account) = shared.account() else { return };
        if is_busy() {
            return;
        }
        is_busy.set(true);
        // Where a room is joined from is seen first.
        let room = match way {
            Way::Join => account.look_at(&address()).await.map(|found| found.alias.unwrap_or(found.id)),
            _ => account.room_with(&address()).await,
        };
        is_busy.set(false);
        match room {
            Ok(room) => {
                open.close_over();
                shared.go(Route::Room(room));
            }
            Err(Problem::Known("error-address")) => {
                error.set(Some(tv("error-address", [("example", Value::from(example))])));
            }
            Err(problem) => error.set(Some(problem_text(&problem))),
        }
    };
    let found = use_resource(move || async move {
        let words = address();
        if way != Way::Person || words.trim().len() < 2 {
            return Vec::new();
        }
        browser::wait(250).await;
        match shared.account() {
            Some(account) => account.find_people(&words).await.unwrap_or_default(),
            None => Vec::new(),
        }
    });
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
            for person in found.read().clone().unwrap_or_default() {
                button {
                    key: "{person.id}",
                    class: "row",
                    r#type: "button",
                    onclick: {
                        let user = person.id.clone();
                        move |_| write_to(shared, open, user.clone())
                    },
                    Avatar { id: person.id.clone(), name: person.name.clone(), picture: person.picture.clone() }
                    span { class: "row__text", b { bdi { "{person.name}" } } small { dir: "ltr", "{person.id}" } }
                }
            }
            Submit { label: t(button), is_busy: is_busy() }
        }
    }
}

#[component]
fn NewRoom(is_space: bool) -> Element {
    let shared = use_shared();
    let open = use_context::<Open>();
    let mut name = use_signal(String::new);
    let mut is_public = use_signal(|| false);
    let mut is_encrypted = use_signal(|| !is_space);
    let mut is_busy = use_signal(|| false);
    let submit = move |event: FormEvent| async move {
        event.prevent_default();
        let Some(account) = shared.account() else { return };
        if is_busy() {
            return;
        }
        is_busy.set(true);
        let room = account.create_room(&name(), is_public(), is_encrypted(), is_space).await;
        is_busy.set(false);
        match room {
            Ok(room) => {
                open.close_over();
                shared.go(if is_space { Route::Space(room) } else { Route::Room(room) });
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
                        is_encrypted.set(!event.checked() && !is_space);
                    },
                }
            }
            if !is_space {
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
            }
            Submit { label: t("create"), is_busy: is_busy() }
        }
    }
}
