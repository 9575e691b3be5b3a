//! The dialog in which two sides compare seven pictures.

use dioxus::{core::spawn_forever, prelude::*};
use futures::StreamExt;

use crate::{
    app::use_shared,
    design::{Dialog, Icon},
    matrix::{Stage, Verifying},
    words::{Value, t, tv},
};

/// The verification that goes on, if one does.
#[component]
pub fn VerifyingDialog() -> Element {
    let shared = use_shared();
    let verifying = shared.verifying.read().clone();
    match verifying {
        Some(verifying) => rsx! { Steps { verifying } },
        None => rsx! {},
    }
}

#[component]
fn Steps(verifying: Verifying) -> Element {
    let shared = use_shared();
    let mut stage = use_signal(|| Stage::Waiting);
    let running = use_hook(|| CopyValue::new(verifying));
    use_future(move || async move {
        let verifying = running.peek().clone();
        let mut stages = Box::pin(verifying.stages());
        while let Some(now) = stages.next().await {
            stage.set(now);
        }
    });
    let close = move |()| {
        let mut of_app = shared.verifying;
        of_app.set(None);
        let verifying = running.peek().clone();
        if !matches!(*stage.peek(), Stage::Done | Stage::Cancelled) {
            spawn_forever(async move { verifying.cancel().await });
        }
    };
    let accept = move |_| {
        let verifying = running.peek().clone();
        spawn(async move { verifying.accept().await });
    };
    let answer = move |is_same: bool| {
        let verifying = running.peek().clone();
        spawn(async move { verifying.answer(is_same).await });
    };
    let now = stage();
    let title = match &now {
        Stage::Asked { is_mine: true, .. } => t("verify-asked-self"),
        Stage::Asked { by, .. } => tv("verify-asked", [("name", Value::from(by.as_str()))]),
        Stage::Compare(_) => t("verify-compare"),
        Stage::Done => t("verify-done"),
        Stage::Cancelled => t("verify-cancelled"),
        Stage::Waiting | Stage::Confirming => t("verify"),
    };
    rsx! {
        Dialog { title, onclose: close,
            div { class: "dialog__body", aria_live: "polite",
                match now {
                    Stage::Asked { .. } => rsx! {},
                    Stage::Waiting => rsx! { Wait { text: "verify-wait" } },
                    Stage::Confirming => rsx! { Wait { text: "verify-confirming" } },
                    Stage::Compare(ref emoji) => rsx! {
                        ul { class: "emojis",
                            for (number, (symbol, word)) in emoji.clone().into_iter().enumerate() {
                                li { key: "{number}", span { aria_hidden: "true", "{symbol}" } "{word}" }
                            }
                        }
                    },
                    Stage::Done => rsx! { p { {t("verify-done-hint")} } },
                    Stage::Cancelled => rsx! { p { {t("verify-cancelled-hint")} } },
                }
            }
            div { class: "dialog__foot",
                match now {
                    Stage::Asked { .. } => rsx! {
                        button { class: "btn", onclick: move |_| close(()), {t("cancel")} }
                        button { class: "btn btn--primary", onclick: accept, {t("verify-accept")} }
                    },
                    Stage::Compare(_) => rsx! {
                        button { class: "btn", onclick: move |_| answer(false), {t("verify-differ")} }
                        button { class: "btn btn--primary", onclick: move |_| answer(true), {t("verify-match")} }
                    },
                    Stage::Done | Stage::Cancelled => rsx! {
                        button { class: "btn btn--primary", onclick: move |_| close(()), {t("close")} }
                    },
                    Stage::Waiting | Stage::Confirming => rsx! {
                        button { class: "btn", onclick: move |_| close(()), {t("cancel")} }
                    },
                }
            }
        }
    }
}

#[component]
fn Wait(text: &'static str) -> Element {
    rsx! {
        p { class: "person",
            Icon { name: "clock", size: "s" }
            {t(text)}
        }
    }
}
