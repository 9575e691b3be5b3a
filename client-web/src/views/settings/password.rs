//! A new password.

use dioxus::prelude::*;

use crate::{
    app::{problem_text, to_end, use_shared},
    design::{Password, Submit},
    words::t,
};

#[component]
pub fn NewPassword() -> Element {
    let shared = use_shared();
    let (mut old, mut new) = (use_signal(String::new), use_signal(String::new));
    let mut is_busy = use_signal(|| false);
    let mut is_saved = use_signal(|| false);
    let mut error = use_signal(|| None::<String>);
    let submit = move |event: FormEvent| async move {
        event.prevent_default();
        let Some(account) = shared.account() else { return };
        if old.peek().is_empty() || new.peek().is_empty() {
            return error.set(Some(t("empty-password")));
        }
        is_busy.set(true);
        error.set(None);
        let (now, next) = (old(), new());
        let outcome = to_end(async move { account.change_password(&now, &next).await }).await;
        is_busy.set(false);
        is_saved.set(outcome.is_ok());
        match outcome {
            Ok(()) => {
                old.set(String::new());
                new.set(String::new());
            }
            Err(problem) => error.set(Some(problem_text(&problem))),
        }
    };
    rsx! {
        section { class: "block",
            h2 { {t("password-change")} }
            p { {t("password-change-hint")} }
            form { class: "pile", onsubmit: submit, novalidate: true,
                Password { id: "old-password", label: t("password-old"), value: old, autocomplete: "current-password", error: error() }
                Password { id: "new-password", label: t("password-new"), value: new, autocomplete: "new-password" }
                div { class: "btn-row",
                    Submit { label: t("password-change"), is_busy: is_busy() }
                    if is_saved() {
                        span { role: "status", class: "muted", {t("saved")} }
                    }
                }
            }
        }
    }
}
