//! Instead of the rooms: the session is open in another tab, or the server has ended it.

use dioxus::{core::spawn_forever, prelude::*};

use crate::{app::use_shared, browser, design::Icon, matrix::Session, words::t};

#[component]
pub fn Elsewhere(session: Session) -> Element {
    let shared = use_shared();
    let mut is_busy = use_signal(|| false);
    rsx! {
        main { class: "boot",
            div { class: "empty",
                Icon { name: "app-window" }
                h1 { {t("elsewhere")} }
                p { {t("elsewhere-hint")} }
                div { class: "btn-row",
                    button {
                        class: "btn btn--primary",
                        disabled: is_busy(),
                        onclick: move |_| {
                            is_busy.set(true);
                            let session = session.clone();
                            spawn_forever(async move { shared.take_over(session).await });
                        },
                        if is_busy() {
                            span { class: "spin", aria_hidden: "true" }
                        }
                        {t("elsewhere-here")}
                    }
                }
            }
        }
    }
}

#[component]
pub fn SignedOut() -> Element {
    rsx! {
        main { class: "boot",
            div { class: "empty",
                Icon { name: "log-out" }
                h1 { {t("signed-out")} }
                p { {t("signed-out-hint")} }
                div { class: "btn-row",
                    button {
                        class: "btn btn--primary",
                        // What the account still has in memory goes with the page.
                        onclick: move |_| browser::reload(),
                        {t("sign-in")}
                    }
                }
            }
        }
    }
}
