//! Where one is signed in.

use dioxus::prelude::*;

use crate::{
    app::{problem_text, use_shared},
    browser,
    design::{Dialog, Field, Icon, IconButton, Password, Submit},
    matrix::Device,
    words::{Value, t, tv},
};

#[component]
pub fn Sessions() -> Element {
    let shared = use_shared();
    let mut removing = use_signal(|| None::<Device>);
    let mut naming = use_signal(|| None::<Device>);
    let mut devices = use_resource(move || async move {
        // Verified or not changes with it.
        let _ = shared.safety.read();
        match shared.account() {
            Some(account) => account.devices().await,
            None => Ok(Vec::new()),
        }
    });
    let verify = move |_| async move {
        let Some(account) = shared.account() else { return };
        let mut verifying = shared.verifying;
        match account.verify_this_session().await {
            Ok(begun) => verifying.set(Some(begun)),
            Err(problem) => shared.tell(&problem),
        }
    };
    let list = devices.read().clone();
    let list = match list {
        None => return rsx! { span { class: "skel", role: "status", aria_label: t("settings-sessions") } },
        Some(Err(problem)) => {
            return rsx! {
                div { class: "empty",
                    p { {problem_text(&problem)} }
                    button { class: "btn", onclick: move |_| devices.restart(), {t("retry")} }
                }
            };
        }
        Some(Ok(list)) => list,
    };
    let (this, others): (Vec<Device>, Vec<Device>) = list.into_iter().partition(|device| device.is_this);
    let can_verify = others.iter().any(|device| device.is_verified);
    rsx! {
        section { class: "block",
            h2 { {t("sessions-this")} }
            ul {
                for device in this {
                    Session { key: "{device.id}", device: device.clone(), onrename: move |device| naming.set(Some(device)),
                        if !device.is_verified && can_verify {
                            button { class: "btn btn--s btn--primary", onclick: verify, {t("verify-with-other")} }
                        }
                    }
                }
            }
        }
        if !others.is_empty() {
            section { class: "block",
                h2 { {t("sessions-others")} }
                ul {
                    for device in others {
                        Session { key: "{device.id}", device: device.clone(), onrename: move |device| naming.set(Some(device)),
                            button {
                                class: "btn btn--s",
                                onclick: move |_| removing.set(Some(device.clone())),
                                {t("session-remove")}
                            }
                        }
                    }
                }
            }
        }
        if let Some(device) = naming() {
            Rename {
                device,
                onclose: move |is_done| {
                    naming.set(None);
                    if is_done {
                        devices.restart();
                    }
                },
            }
        }
        if let Some(device) = removing() {
            Remove {
                device,
                onclose: move |is_done| {
                    removing.set(None);
                    if is_done {
                        devices.restart();
                    }
                },
            }
        }
    }
}

#[component]
fn Session(device: Device, onrename: EventHandler<Device>, children: Element) -> Element {
    let named = device.clone();
    let name = device.name.clone().unwrap_or_else(|| t("session-unnamed"));
    let seen = device.seen.map(|seen| tv("session-seen", [("when", Value::from(browser::short(seen)))]));
    let (state, icon, text) = match device.is_verified {
        true => ("state--ok", "shield-check", "session-verified"),
        false => ("state--bad", "shield-alert", "session-unverified"),
    };
    rsx! {
        li { class: "session",
            span { class: "file__kind", Icon { name: "monitor-smartphone" } }
            span { class: "grow",
                b {
                    "{name}"
                    " "
                    IconButton { icon: "pencil", label: t("session-rename"), class: "btn--s", size: "xs", onclick: move |_| onrename.call(named.clone()) }
                }
                small { class: "{state}",
                    span { class: "state",
                        Icon { name: icon, size: "xs" }
                        {t(text)}
                    }
                }
                small {
                    code { "{device.id}" }
                    if let Some(seen) = seen {
                        " · {seen}"
                    }
                }
            }
            {children}
        }
    }
}

/// What a session is called.
#[component]
fn Rename(device: Device, onclose: EventHandler<bool>) -> Element {
    let shared = use_shared();
    let known = device.name.clone().unwrap_or_default();
    let mut name = use_signal(|| known.clone());
    let mut is_busy = use_signal(|| false);
    let id = use_hook(|| CopyValue::new(device.id.clone()));
    let submit = move |event: FormEvent| async move {
        event.prevent_default();
        let Some(account) = shared.account() else { return };
        let id = id.peek().clone();
        is_busy.set(true);
        let outcome = account.rename_device(&id, &name()).await;
        if let Err(problem) = &outcome {
            shared.tell(problem);
        }
        onclose.call(outcome.is_ok());
    };
    rsx! {
        Dialog { title: t("session-rename"), onclose: move |()| onclose.call(false),
            form { class: "dialog__body", onsubmit: submit,
                Field { id: "session-name", label: t("session-name"),
                    input {
                        class: "input",
                        id: "session-name",
                        initial_value: "{known}",
                        onmounted: |_| async { browser::focus("session-name") },
                        oninput: move |event| name.set(event.value()),
                    }
                }
                Submit { label: t("save"), is_busy: is_busy() }
            }
        }
    }
}

/// Signing a session out takes the password.
#[component]
fn Remove(device: Device, onclose: EventHandler<bool>) -> Element {
    let shared = use_shared();
    let password = use_signal(String::new);
    let mut is_busy = use_signal(|| false);
    let mut error = use_signal(|| None::<String>);
    let name = device.name.clone().unwrap_or_else(|| t("session-unnamed"));
    let id = use_hook(|| CopyValue::new(device.id.clone()));
    let submit = move |event: FormEvent| async move {
        event.prevent_default();
        let Some(account) = shared.account() else { return };
        is_busy.set(true);
        let outcome = account.remove_device(&id.peek().clone(), &password()).await;
        is_busy.set(false);
        match outcome {
            Ok(()) => onclose.call(true),
            Err(problem) => error.set(Some(problem_text(&problem))),
        }
    };
    rsx! {
        Dialog { title: t("session-remove"), onclose: move |()| onclose.call(false),
            form { class: "dialog__body", onsubmit: submit, novalidate: true,
                Password {
                    id: "remove-password",
                    label: tv("session-remove-password", [("name", Value::from(name))]),
                    value: password,
                    autocomplete: "current-password",
                    error: error(),
                }
                Submit { label: t("session-remove"), is_busy: is_busy() }
            }
        }
    }
}
