//! What stands around the views: the rail, the list, the bottom bar of a phone, banners and toasts.

use std::collections::HashMap;

use dioxus::prelude::*;
use hearth_client_state::{
    names::called,
    rooms::{self, Row, Show},
    route::{Route, Section},
};

use super::{
    call::{CallOver, use_calls},
    create::{Create, Way},
    explore::Explore,
    person::PersonCard,
    room::{RoomView, Tab},
    room_list::RoomList,
    room_settings::RoomSettingsView,
    search::Search,
    settings::Settings,
    shortcuts::{Shortcuts, use_keys},
    space::SpaceView,
    switcher::Switcher,
    verifying::VerifyingDialog,
};
use crate::{
    app::{Shared, use_shared},
    browser,
    design::{Avatar, Icon},
    matrix::{Connection, Space},
    words::{Value, t, tv},
};

/// Which panel is open beside the room, shared by the views of the room.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum Panel {
    #[default]
    None,
    Members,
    /// About the room.
    About,
    /// All threads of the room.
    Threads,
    /// The files of the room.
    Shared(Tab),
    /// A thread, by the event that it begins with.
    Thread(String),
}

/// What lies over everything else.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum Over {
    #[default]
    Nothing,
    /// New chats.
    Create(Way),
    Switcher,
    Shortcuts,
    /// A person, seen from a room if one is open.
    Person {
        user: String,
        room: Option<String>,
    },
}

/// What the views of the shell share.
#[derive(Clone, Copy)]
pub struct Open {
    pub panel: Signal<Panel>,
    pub over: Signal<Over>,
    /// What the list of rooms is narrowed to.
    pub show: Signal<Show>,
    /// The space whose rooms the list shows.
    pub space: Signal<Option<String>>,
    /// The space of each room that is called like another one.
    pub apart: Memo<HashMap<String, String>>,
}

impl Open {
    pub fn show_over(mut self, over: Over) {
        self.over.set(over);
    }

    pub fn close_over(mut self) {
        self.over.set(Over::Nothing);
    }
}

/// Follows a link of Matrix inside of the client.
pub fn follow(shared: Shared, open: Open, route: Route) {
    match route {
        Route::Person(user) => {
            let room = shared.route.peek().room().map(ToOwned::to_owned);
            open.show_over(Over::Person { user, room });
        }
        route => shared.go(route),
    }
}

/// Opens the chat with a person.
pub fn write_to(shared: Shared, open: Open, user: String) {
    let Some(account) = shared.account() else { return };
    open.close_over();
    shared.act(async move {
        shared.go(Route::Room(account.room_with(&user).await?));
        Ok(())
    });
}

/// Leaves a room, or declines the invitation to it, and goes home.
pub fn leave(shared: Shared, room: String) {
    let Some(account) = shared.account() else { return };
    shared.act(async move {
        account.leave(&room).await?;
        shared.go(Route::Home);
        Ok(())
    });
}

#[component]
pub fn Shell() -> Element {
    let shared = use_shared();
    let apart = use_memo(move || {
        let (rows, spaces) = (shared.rows.read(), shared.spaces.read());
        let rows: Vec<Row> = rows.iter().flatten().cloned().collect();
        let spaces: Vec<_> = spaces.iter().map(|space| (space.name.as_str(), &space.rooms)).collect();
        rooms::told_apart(&rows, &spaces)
    });
    let open = use_context_provider(|| Open {
        panel: Signal::new(Panel::None),
        over: Signal::new(Over::Nothing),
        show: Signal::new(Show::All),
        space: Signal::new(None),
        apart,
    });
    use_keys(shared, open);
    let calls = use_calls();
    // What lies under a call cannot be reached.
    let is_under = calls.open.read().is_some() && !*calls.is_small.read();
    // An address of a person shows their card, an address of a space narrows the list.
    let mut last = use_hook(|| CopyValue::new(None::<String>));
    use_effect(move || {
        let (mut space, mut panel) = (open.space, open.panel);
        let route = shared.route.read().clone();
        // What is beside a room is of that room; on a phone it would hide the next one.
        if *last.peek() != route.room().map(ToOwned::to_owned) {
            last.set(route.room().map(ToOwned::to_owned));
            if *panel.peek() != Panel::None {
                panel.set(Panel::None);
            }
        }
        match route {
            Route::Person(user) => open.show_over(Over::Person { user, room: None }),
            Route::Space(id) => space.set(Some(id)),
            Route::Home => space.set(None),
            _ => {}
        }
    });
    let route = shared.route.read().clone();
    let is_offline = *shared.connection.read() == Connection::Offline;
    let panel = open.panel.read().clone();
    let view = match (&route, &panel) {
        (Route::Home | Route::Register | Route::Settings(None) | Route::Person(_), _) => "list",
        (
            Route::Room(_) | Route::Message(..),
            Panel::Members | Panel::Threads | Panel::Thread(_) | Panel::About | Panel::Shared(_),
        ) => "panel",
        _ => "room",
    };
    let has_panel = panel != Panel::None && matches!(route, Route::Room(_) | Route::Message(..));
    rsx! {
        div {
            class: "app",
            class: if has_panel { "app--panel" },
            class: if is_offline { "app--banner" },
            "data-view": view,
            "inert": if is_under { "true" },
            if is_offline {
                div { class: "banner banner--warning", role: "status",
                    Icon { name: "cloud-off" }
                    span { class: "grow", b { {t("offline")} } " " {t("offline-hint")} }
                }
            }
            Rail {}
            match route {
                Route::Settings(section) => rsx! { Settings { section } },
                Route::RoomSettings(id) => rsx! { RoomSettingsView { key: "{id}", id: id.clone() } },
                route => rsx! {
                    RoomList {}
                    // A list of one: what is open next is another view, with nothing left of this one.
                    for route in [route] {
                        View { key: "{route.fragment()}", route: route.clone() }
                    }
                },
            }
            BottomBar {}
        }
        match open.over.read().clone() {
            Over::Nothing => rsx! {},
            Over::Create(way) => rsx! { Create { way } },
            Over::Switcher => rsx! { Switcher {} },
            Over::Shortcuts => rsx! { Shortcuts {} },
            Over::Person { user, room } => rsx! { PersonCard { key: "{user}", user, room } },
        }
        CallOver {}
        VerifyingDialog {}
        Toast {}
    }
}

/// What is open beside the list.
#[component]
fn View(route: Route) -> Element {
    match route {
        Route::Room(id) => rsx! { RoomView { id } },
        Route::Message(id, event) => rsx! { RoomView { id, event } },
        Route::Space(id) => rsx! { SpaceView { id } },
        Route::Explore => rsx! { Explore {} },
        Route::Search(words) => rsx! { Search { words } },
        _ => rsx! {
            main { class: "view",
                div { class: "empty grow",
                    Icon { name: "message-circle" }
                    h2 { {t("nothing-open")} }
                    p { {t("nothing-open-hint")} }
                    Beginnings {}
                }
            }
        },
    }
}

/// What one can begin with where there is nothing yet.
#[component]
pub fn Beginnings() -> Element {
    let open = use_context::<Open>();
    rsx! {
        div { class: "btn-row",
            button {
                class: "btn btn--primary",
                onclick: move |_| open.show_over(Over::Create(Way::Person)),
                {t("new-message")}
            }
            a { class: "btn", href: Route::Explore.fragment(), {t("explore")} }
        }
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
    let open = use_context::<Open>();
    let mentions = use_total().mentions;
    let route = shared.route.read().clone();
    let is_settings = matches!(route, Route::Settings(_));
    let home = match mentions {
        0 => t("home"),
        count => format!("{}, {}", t("home"), tv("unread-count", [("count", Value::from(count))])),
    };
    let space = open.space.read().clone();
    let spaces: Vec<Space> = shared.spaces.read().iter().filter(|space| space.is_top).cloned().collect();
    rsx! {
        nav { class: "rail", aria_label: t("spaces"),
            ul {
                li {
                    a {
                        class: "rail__item",
                        href: Route::Home.fragment(),
                        title: t("home"),
                        aria_label: home,
                        aria_current: (!is_settings && space.is_none() && route != Route::Explore).then_some("page"),
                        Icon { name: "house" }
                        if mentions > 0 {
                            span { class: "badge badge--mention", aria_hidden: "true", "{mentions}" }
                        }
                    }
                }
                if !spaces.is_empty() {
                    li { class: "rail__line", aria_hidden: "true" }
                }
                for of in spaces {
                    SpaceItem { key: "{of.id}", is_open: space.as_ref() == Some(&of.id), space: of }
                }
                li {
                    a {
                        class: "rail__item",
                        href: Route::Explore.fragment(),
                        title: t("explore"),
                        aria_label: t("explore"),
                        aria_current: (route == Route::Explore).then_some("page"),
                        Icon { name: "compass" }
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

/// A space in the rail, and whether something in it was not read.
#[component]
fn SpaceItem(space: Space, is_open: bool) -> Element {
    let shared = use_shared();
    let rooms = space.rooms.clone();
    let unread = use_memo(use_reactive!(|rooms| {
        let rows = shared.rows.read();
        let inside = rows.iter().flatten().filter(|row| rooms.contains(&row.id)).cloned();
        rooms::total(&inside.collect::<Vec<Row>>())
    }));
    let label = match unread().notifications {
        0 => space.name.clone(),
        count => format!("{}, {}", space.name, tv("unread-count", [("count", Value::from(count))])),
    };
    rsx! {
        li {
            a {
                class: "rail__item",
                href: Route::Space(space.id.clone()).fragment(),
                title: "{label}",
                aria_label: "{label}",
                aria_current: is_open.then_some("page"),
                Avatar { id: space.id.clone(), name: space.name.clone(), picture: space.picture.clone(), is_room: true }
                if unread().mentions > 0 {
                    span { class: "dot dot--mention" }
                } else if unread().notifications > 0 {
                    span { class: "dot" }
                }
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
    let name = called(&id, profile.name.as_deref());
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
    let is_chats = !is_settings && *shared.route.read() != Route::Explore;
    rsx! {
        nav { class: "bottom-bar", aria_label: t("home"),
            a {
                href: Route::Home.fragment(),
                aria_current: is_chats.then_some("page"),
                Icon { name: "messages-square" }
                if mentions > 0 {
                    span { class: "badge badge--mention", aria_hidden: "true", "{mentions}" }
                }
                span { {t("chats")} }
            }
            a {
                href: Route::Explore.fragment(),
                aria_current: (*shared.route.read() == Route::Explore).then_some("page"),
                Icon { name: "compass" }
                span { {t("explore")} }
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
