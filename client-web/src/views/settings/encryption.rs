//! Whether one's messages are safe, and what makes them so.

use dioxus::prelude::*;

use crate::{
    app::{problem_text, to_end, use_shared},
    browser,
    design::{Dialog, Field, Icon, Password, Submit},
    matrix::Safety,
    words::t,
};

#[component]
pub fn Encryption() -> Element {
    let shared = use_shared();
    let mut made = use_signal(|| None::<String>);
    let mut is_busy = use_signal(|| false);
    let mut is_resetting = use_signal(|| false);
    let make = move |_| async move {
        let Some(account) = shared.account() else { return };
        is_busy.set(true);
        let key = to_end(async move { account.make_recovery_key().await }).await;
        is_busy.set(false);
        match key {
            Ok(key) => made.set(Some(key)),
            Err(problem) => shared.tell(&problem),
        }
    };
    let verify = move |_| async move {
        let Some(account) = shared.account() else { return };
        let mut verifying = shared.verifying;
        match account.verify_this_session().await {
            Ok(begun) => verifying.set(Some(begun)),
            Err(problem) => shared.tell(&problem),
        }
    };
    if let Some(key) = made() {
        return rsx! { Made { recovery_key: key, onkept: move |()| made.set(None) } };
    }
    let (icon, text) = match *shared.safety.read() {
        Safety::Unknown => return rsx! { span { class: "skel", role: "status" } },
        Safety::Unverified => ("shield-alert", "encryption-unverified"),
        Safety::NoKey => ("key-round", "encryption-no-key"),
        Safety::Safe => ("shield-check", "encryption-ready"),
    };
    let is_unverified = *shared.safety.read() == Safety::Unverified;
    let is_safe = *shared.safety.read() == Safety::Safe;
    rsx! {
        section { class: "block",
            h2 { class: "person",
                Icon { name: icon }
                {t(text)}
            }
            p { {t(&format!("{text}-hint"))} }
            if is_unverified {
                Enter {}
                div { class: "btn-row",
                    button { class: "btn", onclick: verify, {t("verify-with-other")} }
                    button { class: "btn btn--quiet", onclick: move |_| is_resetting.set(true), {t("reset")} }
                }
                if is_resetting() {
                    Reset { onclose: move |()| is_resetting.set(false) }
                }
            } else {
                div { class: "btn-row",
                    button {
                        class: if is_safe { "btn" } else { "btn btn--primary" },
                        disabled: is_busy(),
                        onclick: make,
                        if is_busy() {
                            span { class: "spin", aria_hidden: "true" }
                        }
                        {t(if is_safe { "recovery-change" } else { "recovery-make" })}
                    }
                }
            }
        }
    }
}

/// The key, which is shown once.
#[component]
fn Made(recovery_key: String, onkept: EventHandler<()>) -> Element {
    let mut is_copied = use_signal(|| false);
    let key = use_hook(|| CopyValue::new(recovery_key.clone()));
    let (icon, copy) = if is_copied() { ("check", "recovery-copied") } else { ("copy", "recovery-copy") };
    rsx! {
        section { class: "block",
            h2 { {t("recovery-made")} }
            p { {t("recovery-made-hint")} }
            div { class: "key", id: "recovery-key",
                for (number, group) in recovery_key.split(' ').enumerate() {
                    span { key: "{number}", "{group} " }
                }
            }
            div { class: "btn-row",
                button {
                    class: "btn",
                    onclick: move |_| async move {
                        let key = key.peek().clone();
                        is_copied.set(browser::copy(&key).await);
                    },
                    Icon { name: icon, size: "s" }
                    {t(copy)}
                }
                button { class: "btn btn--primary", onclick: move |_| onkept.call(()), {t("recovery-kept")} }
            }
        }
    }
}

/// Without a key and another session one begins anew: what is lost is said before.
#[component]
fn Reset(onclose: EventHandler<()>) -> Element {
    let shared = use_shared();
    let password = use_signal(String::new);
    let mut is_busy = use_signal(|| false);
    let mut error = use_signal(|| None::<String>);
    let submit = move |event: FormEvent| async move {
        event.prevent_default();
        let Some(account) = shared.account() else { return };
        is_busy.set(true);
        let password = password();
        let outcome = to_end(async move { account.reset_identity(&password).await }).await;
        is_busy.set(false);
        match outcome {
            Ok(()) => onclose.call(()),
            Err(problem) => error.set(Some(problem_text(&problem))),
        }
    };
    rsx! {
        Dialog { title: t("reset-title"), onclose,
            form { onsubmit: submit, novalidate: true,
                div { class: "dialog__body",
                    p { {t("reset-lost")} }
                    p { {t("reset-stays")} }
                    Password {
                        id: "reset-password",
                        label: t("password"),
                        value: password,
                        autocomplete: "current-password",
                        error: error(),
                    }
                }
                div { class: "dialog__foot",
                    button { class: "btn", r#type: "button", onclick: move |_| onclose.call(()), {t("cancel")} }
                    button { class: "btn btn--danger", r#type: "submit", disabled: is_busy(), {t("reset-do")} }
                }
            }
        }
    }
}

/// The key from before opens what is there.
#[component]
fn Enter() -> Element {
    let shared = use_shared();
    let mut key = use_signal(String::new);
    let mut is_busy = use_signal(|| false);
    let mut error = use_signal(|| None::<String>);
    let submit = move |event: FormEvent| async move {
        event.prevent_default();
        let Some(account) = shared.account() else { return };
        is_busy.set(true);
        let key = key();
        let outcome = to_end(async move { account.recover(&key).await }).await;
        is_busy.set(false);
        if let Err(problem) = outcome {
            error.set(Some(problem_text(&problem)));
        }
    };
    rsx! {
        form { class: "pile", onsubmit: submit, novalidate: true,
            Field { id: "recovery", label: t("recovery-key"), error: error(),
                input {
                    class: "input",
                    id: "recovery",
                    r#type: "password",
                    autocomplete: "current-password",
                    aria_invalid: error.read().is_some().then_some("true"),
                    oninput: move |event| key.set(event.value()),
                }
            }
            Submit { label: t("recovery-enter"), is_busy: is_busy() }
        }
    }
}
