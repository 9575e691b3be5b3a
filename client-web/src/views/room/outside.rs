//! A room that one is not in: what it is, and the way in.

use dioxus::prelude::*;
use hearth_client_state::route::Route;

use crate::{
    app::{to_end, use_shared},
    design::{Avatar, Icon},
    matrix::{Found, Standing, WayIn},
    words::{Value, t, tv},
};

#[component]
pub fn Outside(room: Found) -> Element {
    let shared = use_shared();
    let room = use_hook(|| CopyValue::new(room));
    let mut is_busy = use_signal(|| false);
    let mut has_asked = use_signal(|| room.peek().standing == Standing::Asking);
    let now = room.peek().clone();
    let join = move |_| async move {
        let Some(account) = shared.account() else { return };
        let room = room.peek().clone();
        is_busy.set(true);
        let is_space = room.is_space;
        let joined = async move { account.join(room.alias.as_deref().unwrap_or(&room.id), &room.via).await };
        match to_end(joined).await {
            Ok(id) => shared.go(if is_space { Route::Space(id) } else { Route::Room(id) }),
            Err(problem) => shared.tell(&problem),
        }
        is_busy.set(false);
    };
    let ask = move |_| async move {
        let Some(account) = shared.account() else { return };
        let room = room.peek().clone();
        is_busy.set(true);
        match account.knock(room.alias.as_deref().unwrap_or(&room.id), "", &room.via).await {
            Ok(()) => has_asked.set(true),
            Err(problem) => shared.tell(&problem),
        }
        is_busy.set(false);
    };
    rsx! {
        main { class: "view",
            header { class: "head",
                a { class: "btn btn--icon only-phone", href: Route::Home.fragment(), aria_label: t("back"),
                    Icon { name: "chevron-left", size: "l" }
                }
                Avatar { id: now.id.clone(), name: now.name.clone(), picture: now.picture.clone(), is_room: true }
                div { class: "head__title", h1 { span { class: "clip", dir: "auto", "{now.name}" } } }
            }
            div { class: "center",
                div { class: "center__in",
                    div { class: "person",
                        Avatar { id: now.id.clone(), name: now.name.clone(), picture: now.picture.clone(), is_room: true, class: "avatar--xl" }
                        div {
                            h2 { dir: "auto", "{now.name}" }
                            if let Some(alias) = &now.alias {
                                span { class: "muted", dir: "ltr", "{alias}" }
                            }
                        }
                    }
                    if let Some(topic) = &now.topic {
                        p { dir: "auto", "{topic}" }
                    }
                    div { class: "facts",
                        span {
                            Icon { name: "users", size: "s" }
                            {tv("people", [("count", Value::from(now.people))])}
                        }
                        if now.is_space {
                            span { Icon { name: "layout-grid", size: "s" } {t("space")} }
                        }
                    }
                    if now.standing == Standing::Banned {
                        p { class: "banner banner--box banner--warning", role: "status", {t("outside-banned")} }
                    } else if has_asked() {
                        p { class: "banner banner--box", role: "status", {t("outside-asked")} }
                    } else if now.way_in == WayIn::Ask {
                        p { {t("outside-ask-hint")} }
                        div { class: "btn-row",
                            button { class: "btn btn--primary btn--l", disabled: is_busy(), onclick: ask, {t("outside-ask")} }
                        }
                    } else {
                        if now.way_in == WayIn::Closed {
                            p { {t("outside-closed")} }
                        }
                        div { class: "btn-row",
                            button { class: "btn btn--primary btn--l", disabled: is_busy(), onclick: join, {t("join")} }
                        }
                    }
                }
            }
        }
    }
}
