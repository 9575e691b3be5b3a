//! How others see one.

use dioxus::prelude::*;
use hearth_client_state::names::localpart;

use crate::{
    app::use_shared,
    design::{Avatar, Field, Submit},
    words::t,
};

#[component]
pub fn OwnProfile() -> Element {
    let shared = use_shared();
    let mut name = use_signal(|| None::<String>);
    let mut is_busy = use_signal(|| false);
    let mut is_saved = use_signal(|| false);
    let profile = use_resource(move || async move {
        let account = shared.account()?;
        account.profile().await.ok()
    });
    let Some(account) = shared.account() else { return rsx! {} };
    let id = account.session.user.to_string();
    let profile = profile.read().clone().flatten().unwrap_or_default();
    let known = profile.name.clone().unwrap_or_else(|| localpart(&id).to_owned());
    let submit = move |event: FormEvent| async move {
        event.prevent_default();
        let (Some(account), Some(name)) = (shared.account(), name()) else { return };
        is_busy.set(true);
        let outcome = account.set_name(&name).await;
        is_busy.set(false);
        match outcome {
            Ok(()) => is_saved.set(true),
            Err(problem) => shared.tell(&problem),
        }
    };
    rsx! {
        section { class: "block",
            div { class: "person",
                Avatar { id: id.clone(), name: name().unwrap_or_else(|| known.clone()), picture: profile.picture, class: "avatar--xl" }
                div { class: "row__text", b { "{known}" } small { dir: "ltr", "{id}" } }
            }
            form { class: "pile", onsubmit: submit, novalidate: true,
                Field { id: "display-name", label: t("display-name"),
                    input {
                        class: "input",
                        id: "display-name",
                        autocomplete: "nickname",
                        initial_value: "{known}",
                        oninput: move |event| {
                            is_saved.set(false);
                            name.set(Some(event.value()));
                        },
                    }
                }
                div { class: "btn-row",
                    Submit { label: t("save"), is_busy: is_busy() }
                    if is_saved() {
                        span { role: "status", class: "muted", {t("saved")} }
                    }
                }
            }
        }
    }
}
