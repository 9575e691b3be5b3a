//! What stands around the views: where one can go, and what is told in passing.

use dioxus::prelude::*;
use hearth_client_design::{
    controls::{Brand, Icon, IconButton, either},
    page,
    words::{Value, t, tv},
};
use hearth_client_state::{
    admin::{Kind, Place},
    names::localpart,
};

use crate::{
    app::use_shared,
    views::{
        bans::Bans, bridges::Bridges, federation::Federation, media::Media, overview::Overview,
        record::Record, reports::Reports, room::Room, rooms::Rooms, settings::Settings, tokens::Tokens,
        user::User, users::Users,
    },
};

/// The parts of the page under their headings; the first heading is the name of the server.
const PARTS: &[(&str, &[Kind])] = &[
    ("", &[Kind::Overview, Kind::Users, Kind::Rooms, Kind::Federation, Kind::Media]),
    ("part-care", &[Kind::Reports, Kind::Bans, Kind::Tokens, Kind::Record]),
    ("part-server", &[Kind::Bridges, Kind::Settings]),
];

fn icon_and_name(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Overview => ("gauge", "overview"),
        Kind::Users => ("users", "users"),
        Kind::Rooms => ("messages-square", "rooms"),
        Kind::Federation => ("globe", "federation"),
        Kind::Media => ("image", "media"),
        Kind::Reports => ("inbox", "reports"),
        Kind::Bans => ("ban", "bans"),
        Kind::Tokens => ("ticket", "tokens"),
        Kind::Record => ("scroll-text", "record"),
        Kind::Bridges => ("waypoints", "bridges"),
        Kind::Settings => ("settings", "settings"),
    }
}

#[component]
pub fn Shell(user: String) -> Element {
    let mut shared = use_shared();
    let place = shared.place.read().clone();
    let view = if (shared.is_menu_open)() { "menu" } else { "page" };
    rsx! {
        div { class: "admin", "data-view": view,
            Navigation { user }
            header { class: "admin__bar",
                IconButton { icon: "menu", label: t("all-parts"), onclick: move |_| shared.is_menu_open.toggle() }
                Brand { size: "22" }
                b { class: "clip", "{shared.server}" }
                span { class: "tag", {t("admin")} }
            }
            main { class: "admin__main", tabindex: "0",
                View { place }
            }
        }
        Toast {}
    }
}

#[component]
fn Navigation(user: String) -> Element {
    let shared = use_shared();
    let here = shared.place.read().kind;
    let waiting = |kind| match kind {
        Kind::Reports => (shared.reports)(),
        Kind::Users => (shared.unapproved)(),
        _ => 0,
    };
    rsx! {
        nav { class: "snav", aria_label: t("administration"),
            div { class: "snav__head",
                Brand { size: "24" }
                "Hearth"
                span { class: "tag", {t("admin")} }
            }
            for (heading, kinds) in PARTS {
                h2 { key: "{heading}", class: "clip",
                    if heading.is_empty() { "{shared.server}" } else { {t(heading)} }
                }
                for kind in kinds.iter().copied() {
                    a {
                        key: "{kind:?}",
                        class: "row",
                        href: kind.list().fragment(),
                        aria_current: (kind == here).then_some("page"),
                        onclick: {
                            let mut is_menu_open = shared.is_menu_open;
                            move |_| is_menu_open.set(false)
                        },
                        Icon { name: icon_and_name(kind).0 }
                        span { {t(icon_and_name(kind).1)} }
                        if waiting(kind) > 0 {
                            span {
                                class: "badge",
                                role: "img",
                                aria_label: tv(
                                    either(kind == Kind::Reports, "reports-open", "users-waiting"),
                                    [("count", Value::from(waiting(kind)))],
                                ),
                                {waiting(kind).to_string()}
                            }
                        }
                    }
                }
            }
            div { class: "snav__foot",
                span { class: "clip", title: "{user}", {localpart(&user)} }
                IconButton { icon: "log-out", label: t("sign-out"), onclick: move |_| shared.leave(None) }
            }
        }
    }
}

#[component]
fn View(place: Place) -> Element {
    let Place { kind, id } = place;
    match (kind, id) {
        (Kind::Overview, _) => rsx! { Overview {} },
        (Kind::Users, None) => rsx! { Users {} },
        (Kind::Users, Some(id)) => rsx! { User { id } },
        (Kind::Rooms, None) => rsx! { Rooms {} },
        (Kind::Rooms, Some(id)) => rsx! { Room { id } },
        (Kind::Federation, id) => rsx! { Federation { open: id } },
        (Kind::Media, id) => rsx! { Media { user: id } },
        (Kind::Reports, id) => rsx! { Reports { open: id } },
        (Kind::Bans, _) => rsx! { Bans {} },
        (Kind::Tokens, _) => rsx! { Tokens {} },
        (Kind::Record, _) => rsx! { Record {} },
        (Kind::Bridges, _) => rsx! { Bridges {} },
        (Kind::Settings, _) => rsx! { Settings {} },
    }
}

#[component]
fn Toast() -> Element {
    /// That something was done is told for so long, in milliseconds; what went wrong, until somebody has seen it.
    const SHOWN_MS: u32 = 4_000;
    let mut toast = use_shared().toast;
    use_effect(move || {
        let Some((false, words)) = toast() else { return };
        spawn(async move {
            page::wait(SHOWN_MS).await;
            let is_same = toast.peek().as_ref().is_some_and(|(_, shown)| *shown == words);
            if is_same {
                toast.set(None);
            }
        });
    });
    let Some((is_bad, words)) = toast() else { return rsx! {} };
    let (class, icon, role) = match is_bad {
        true => ("toast--error", "circle-alert", "alert"),
        false => ("toast--success", "circle-check", "status"),
    };
    rsx! {
        div { class: "toasts", role,
            div { class: "toast {class}",
                Icon { name: icon }
                span { "{words}" }
                button { class: "btn btn--quiet btn--s", onclick: move |_| toast.set(None), {t("close")} }
            }
        }
    }
}
