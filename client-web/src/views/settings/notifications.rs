//! Whether new messages are shown outside of the page.

use dioxus::prelude::*;

use crate::{
    browser::{self, Permission},
    words::t,
};

#[component]
pub fn Notifications() -> Element {
    let mut permission = use_signal(browser::may_notify);
    let mut is_on = use_signal(browser::wants_to_notify);
    let is_refused = permission() == Permission::Refused;
    rsx! {
        section { class: "block",
            label { class: "opt",
                span { b { {t("notify")} } small { {t("notify-hint")} } }
                input {
                    class: "switch",
                    r#type: "checkbox",
                    role: "switch",
                    disabled: is_refused,
                    checked: is_on() && permission() == Permission::Given,
                    onchange: move |event| async move {
                        let wanted = event.checked();
                        browser::set_wants_to_notify(wanted);
                        is_on.set(wanted);
                        if wanted {
                            permission.set(browser::ask_to_notify().await);
                        }
                    },
                }
            }
            if is_refused {
                p { class: "banner banner--box banner--warning", role: "status", {t("notify-refused")} }
            }
        }
    }
}
