//! Signing in, and what is told who may not.

use dioxus::prelude::*;
use hearth_client_design::{
    controls::{Brand, Field, Icon, Password, PlainInput, Submit},
    page,
    words::{Value, t, tv},
};

use crate::{
    api::Problem,
    app::{Who, use_shared},
};

#[component]
pub fn Opening() -> Element {
    rsx! {
        div { class: "boot", role: "status", aria_label: t("loading"),
            progress { aria_label: t("loading") }
        }
    }
}

#[component]
fn Frame(children: Element) -> Element {
    use_effect(|| page::set_title(&format!("{} · Hearth", t("administration"))));
    rsx! {
        div { class: "door",
            main { class: "door__form",
                span { class: "door__brand",
                    Brand { size: "28" }
                    "Hearth"
                    span { class: "tag", {t("admin")} }
                }
                div { {children} }
                footer { class: "door__foot", span { {t("language-name")} } }
            }
            div { class: "door__pic", aria_hidden: "true" }
        }
    }
}

#[component]
pub fn Door(why: Option<String>) -> Element {
    let shared = use_shared();
    let mut name = use_signal(String::new);
    let password = use_signal(String::new);
    let mut is_busy = use_signal(|| false);
    let mut error = use_signal(|| None::<String>);
    let submit = move |event: FormEvent| {
        event.prevent_default();
        if is_busy() {
            return;
        }
        is_busy.set(true);
        error.set(None);
        spawn(async move {
            let entered = shared.enter(&name.peek(), &password.peek()).await;
            // Who is in does not see this any more.
            if let Err(problem) = entered {
                error.set(Some(match problem {
                    Problem::Refused { status: 403, .. } => t("error-password"),
                    problem => problem.text(),
                }));
                is_busy.set(false);
            }
        });
    };
    rsx! {
        Frame {
            div {
                h1 { {t("administration")} }
                p { class: "door__server", {t("sign-in-to")} b { {page::host()} } }
            }
            if let Some(why) = why {
                p { class: "banner banner--box", role: "status",
                    Icon { name: "info", size: "s" }
                    "{why}"
                }
            }
            form { onsubmit: submit, novalidate: true,
                Field { id: "name", label: t("name"),
                    PlainInput { id: "name", autocomplete: "username", oninput: move |text| name.set(text) }
                }
                Password { id: "password", label: t("password"), value: password, autocomplete: "current-password", error: error() }
                Submit { label: t("sign-in"), is_busy: is_busy(), class: "btn--l btn--wide" }
            }
            p { class: "door__note", {t("door-note")} }
        }
    }
}

#[component]
pub fn NoAdministrator(user: String) -> Element {
    let mut shared = use_shared();
    rsx! {
        Frame {
            div {
                h1 { {t("no-administrator")} }
                p { {tv("no-administrator-text", [("user", Value::from(user)), ("server", page::host().into())])} }
            }
            div { class: "btn-row",
                button { class: "btn btn--primary", onclick: move |_| shared.who.set(Who::Nobody(None)), {t("sign-in-other")} }
                a { class: "btn", href: "/", {t("to-chat")} }
            }
        }
    }
}
