//! What stands around the views: the rail, the list, the bottom bar of a phone, banners and toasts.

use dioxus::prelude::*;
use hearth_client_state::{
    names::localpart,
    rooms::{self, Row},
    route::{Route, Section},
};

use super::{
    create::Create, room::RoomView, room_list::RoomList, settings::Settings, verifying::VerifyingDialog,
};
use crate::{
    app::use_shared,
    browser,
    design::{Avatar, Icon},
    matrix::Connection,
    words::t,
};

/// Which panel is open beside the room, shared by the views of the room.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum Panel {
    #[default]
    None,
    Members,
    /// A thread, by the event that it begins with.
    Thread(String),
}

/// What the views of the shell share.
#[derive(Clone, Copy)]
pub struct Open {
    pub panel: Signal<Panel>,
    /// Whether the dialog for new chats is open.
    pub create: Signal<bool>,
}

#[component]
pub fn Shell() -> Element {
    let shared = use_shared();
    let open = use_context_provider(|| Open { panel: Signal::new(Panel::None), create: Signal::new(false) });
    let route = shared.route.read().clone();
    let is_offline = *shared.connection.read() == Connection::Offline;
    let panel = open.panel.read().clone();
    let view = match (&route, &panel) {
        (Route::Home | Route::Register | Route::Settings(None), _) => "list",
        (Route::Room(_), Panel::Members | Panel::Thread(_)) => "panel",
        _ => "room",
    };
    let has_panel = panel != Panel::None && matches!(route, Route::Room(_));
    rsx! {
        div {
            class: "app",
            class: if has_panel { "app--panel" },
            class: if is_offline { "app--banner" },
            "data-view": view,
            if is_offline {
                div { class: "banner banner--warning", role: "status",
                    Icon { name: "cloud-off" }
                    span { class: "grow", b { {t("offline")} } " " {t("offline-hint")} }
                }
            }
            Rail {}
            match route {
                Route::Settings(section) => rsx! { Settings { section } },
                Route::Room(id) => rsx! {
                    RoomList {}
                    // A list of one: another room is another view, with nothing left of this one.
                    for id in [id] {
                        RoomView { key: "{id}", id: id.clone() }
                    }
                },
                _ => rsx! {
                    RoomList {}
                    main { class: "view",
                        div { class: "empty grow",
                            Icon { name: "message-circle" }
                            h2 { {t("nothing-open")} }
                            p { {t("nothing-open-hint")} }
                            div { class: "btn-row",
                                button {
                                    class: "btn btn--primary",
                                    onclick: move |_| { let mut create = open.create; create.set(true) },
                                    {t("new-message")}
                                }
                            }
                        }
                    }
                },
            }
            BottomBar {}
        }
        if *open.create.read() {
            Create {}
        }
        VerifyingDialog {}
        Toast {}
    }
}

/// Counts of all rooms, for the rail and the bottom bar.
fn use_total() -> rooms::Unread {
    let shared = use_shared();
    let total = use_memo(move || {
        let rows = shared.rows.read();
        let rows: Vec<Row> = rows.iter().flatten().cloned().collect();
        rooms::total(&rows)
    });
    total()
}

#[component]
fn Rail() -> Element {
    let shared = use_shared();
    let mentions = use_total().mentions;
    let is_settings = matches!(*shared.route.read(), Route::Settings(_));
    rsx! {
        nav { class: "rail", aria_label: t("spaces"),
            ul {
                li {
                    a {
                        class: "rail__item",
                        href: Route::Home.fragment(),
                        title: t("home"),
                        aria_label: t("home"),
                        aria_current: (!is_settings).then_some("page"),
                        Icon { name: "house" }
                        if mentions > 0 {
                            span { class: "badge badge--mention", aria_hidden: "true", "{mentions}" }
                        }
                    }
                }
            }
            div { class: "rail__end",
                a {
                    class: "rail__item",
                    href: Route::Settings(None).fragment(),
                    title: t("settings"),
                    aria_label: t("settings"),
                    aria_current: is_settings.then_some("page"),
                    Icon { name: "settings" }
                }
                Me {}
            }
        }
    }
}

/// Oneself, at the end of the rail.
#[component]
fn Me() -> Element {
    let shared = use_shared();
    let profile = use_resource(move || async move {
        let account = shared.account()?;
        account.profile().await.ok()
    });
    let Some(account) = shared.account() else { return rsx! {} };
    let id = account.session.user.to_string();
    let profile = profile.read().clone().flatten().unwrap_or_default();
    let name = profile.name.unwrap_or_else(|| localpart(&id).to_owned());
    rsx! {
        a {
            class: "rail__item rail__item--me",
            href: Route::Settings(Some(Section::Profile)).fragment(),
            title: "{name}",
            aria_label: t("account"),
            Avatar { id, name: name.clone(), picture: profile.picture }
        }
    }
}

#[component]
fn BottomBar() -> Element {
    let shared = use_shared();
    let mentions = use_total().mentions;
    let is_settings = matches!(*shared.route.read(), Route::Settings(_));
    rsx! {
        nav { class: "bottom-bar", aria_label: t("home"),
            a {
                href: Route::Home.fragment(),
                aria_current: (!is_settings).then_some("page"),
                Icon { name: "messages-square" }
                if mentions > 0 {
                    span { class: "badge badge--mention", aria_hidden: "true", "{mentions}" }
                }
                span { {t("chats")} }
            }
            a {
                href: Route::Settings(None).fragment(),
                aria_current: is_settings.then_some("page"),
                Icon { name: "circle-user-round" }
                span { {t("you")} }
            }
        }
    }
}

#[component]
fn Toast() -> Element {
    let shared = use_shared();
    let mut toast = shared.toast;
    let Some(text) = toast() else { return rsx! {} };
    rsx! {
        div { class: "toasts", role: "alert",
            div { class: "toast toast--error",
                Icon { name: "circle-alert" }
                span { class: "grow", "{text}" }
                button { class: "btn btn--quiet btn--s", onclick: move |_| toast.set(None), {t("close")} }
            }
        }
    }
}

/// What is stored is being opened.
#[component]
pub fn Opening() -> Element {
    rsx! {
        div { class: "app", "data-view": "list", aria_busy: "true",
            nav { class: "rail" }
            aside { class: "list", super::room_list::Skeletons {} }
            main { class: "view" }
        }
    }
}

/// What is stored cannot be opened.
#[component]
pub fn Failed(error: String) -> Element {
    rsx! {
        main { class: "boot",
            div { class: "empty",
                Icon { name: "circle-alert" }
                h1 { {t("room-failed-hint")} }
                p { "{error}" }
                div { class: "btn-row",
                    button { class: "btn btn--primary", onclick: move |_| browser::reload(), {t("retry")} }
                }
            }
        }
    }
}
