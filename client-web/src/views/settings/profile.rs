//! How others see one.

use dioxus::prelude::*;
use hearth_client_state::names::localpart;

use crate::{
    app::use_shared,
    design::{Avatar, Field, Icon, Submit},
    views::room::upload_of,
    words::t,
};

#[component]
pub fn OwnProfile() -> Element {
    let shared = use_shared();
    let mut name = use_signal(|| None::<String>);
    let mut is_busy = use_signal(|| false);
    let mut is_saved = use_signal(|| false);
    let mut known_profile = use_resource(move || async move {
        let account = shared.account()?;
        account.profile().await.ok()
    });
    let Some(account) = shared.account() else { return rsx! {} };
    let id = account.session.user.to_string();
    let profile = known_profile.read().clone().flatten().unwrap_or_default();
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
                span { class: "grow" }
                label { class: "btn",
                    Icon { name: "image", size: "s" }
                    {t("picture-change")}
                    input {
                        class: "sr",
                        id: "own-picture",
                        r#type: "file",
                        accept: "image/*",
                        onchange: move |event| async move {
                            let (Some(account), Some(file)) = (shared.account(), event.files().into_iter().next()) else { return };
                            let Some(upload) = upload_of(file).await else { return };
                            if let Err(problem) = account.set_picture(upload).await {
                                shared.tell(&problem);
                            }
                            known_profile.restart();
                        },
                    }
                }
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
