//! The panel about the room: what it is, what is pinned, and what one can do with it.

use dioxus::prelude::*;
use hearth_client_state::route::Route;

use super::{ClosePanel, InRoom, Tab, shared_files::LatestShared};
use crate::{
    app::use_shared,
    browser,
    design::{Avatar, Icon, IconButton, either},
    matrix::{Loudness, Pin},
    views::shell::{Open, Panel, leave},
    words::t,
};

#[component]
pub fn About() -> Element {
    let shared = use_shared();
    let in_room = use_context::<InRoom>();
    let open = use_context::<Open>();
    let about = in_room.about.read().clone();
    let id = in_room.room().id().to_owned();
    let room = use_hook(|| CopyValue::new(id.clone()));
    let pins = use_resource(move || async move {
        let _ = in_room.about.read().pins.len();
        in_room.room().pins().await
    });
    let mut loudness = use_resource(move || async move {
        let room = room.peek().clone();
        Some(shared.account()?.loudness(&room).await)
    });
    let mut panel = open.panel;
    let is_quiet = (*loudness.read()).flatten() == Some(Loudness::Nothing);
    let mute = move |_| async move {
        let Some(account) = shared.account() else { return };
        let room = room.peek().clone();
        let wanted = if is_quiet { Loudness::Usual } else { Loudness::Nothing };
        if let Err(problem) = account.set_loudness(&room, wanted).await {
            shared.tell(&problem);
        }
        loudness.restart();
    };
    let leave = move |_| leave(shared, room.peek().clone());
    let copy = move |_| {
        let room = in_room.room();
        shared.act(async move {
            browser::copy(&room.link().await?).await;
            Ok(())
        });
    };
    let set_previews = move |event: FormEvent| {
        let (wanted, room, mut about) = (event.checked(), in_room.room(), in_room.about);
        // It counts at once; the server keeps it for the other sessions.
        about.with_mut(|about| about.shows_previews = wanted);
        shared.act(async move { room.set_previews(wanted).await });
    };
    let go_to_day = move |event: FormEvent| {
        let Some(at) = browser::begin_of_day(&event.value()) else { return };
        let room = in_room.room();
        shared.act(async move {
            let event = room.event_at(at).await?;
            shared.go(Route::Message(room.id().to_owned(), event));
            Ok(())
        });
    };
    rsx! {
        aside { class: "panel", aria_label: t("about-room"),
            header { class: "panel__head",
                h2 { {t("about-room")} }
                ClosePanel {}
            }
            div { class: "panel__body",
                div { class: "about",
                    Avatar { id: id.clone(), name: about.name.clone(), picture: about.picture.clone(), is_room: !about.is_person }
                    h3 { dir: "auto", "{about.name}" }
                    if let Some(topic) = &about.topic {
                        p { dir: "auto", "{topic}" }
                    }
                    div { class: "quick",
                        button { class: "btn", aria_pressed: is_quiet.to_string(), onclick: mute,
                            Icon { name: either(is_quiet, "bell-off", "bell") }
                            {t(if is_quiet { "unmute" } else { "mute" })}
                        }
                        button { class: "btn", onclick: move |_| panel.set(Panel::Members),
                            Icon { name: "users" }
                            {t("members")}
                        }
                        a { class: "btn", href: Route::RoomSettings(id.clone()).fragment(),
                            Icon { name: "settings" }
                            {t("settings")}
                        }
                    }
                }
                if !about.pins.is_empty() {
                    section { class: "panel__section",
                        h3 { {t("pinned")} }
                        for pin in pins.read().clone().unwrap_or_default() {
                            PinLine { key: "{pin.event}", room: id.clone(), pin }
                        }
                    }
                }
                LatestShared {}
                section { class: "panel__section panel__section--rows",
                    div { class: "row",
                        Icon { name: either(about.is_encrypted, "lock", "globe") }
                        span { class: "row__text",
                            b { {t(if about.is_encrypted { "encrypted" } else { "public-room" })} }
                            small { {t(if about.is_encrypted { "encrypted-hint" } else { "public-room-hint" })} }
                        }
                    }
                    button { class: "row", onclick: move |_| panel.set(Panel::Threads),
                        Icon { name: "message-square-text" }
                        span { class: "row__text", b { {t("threads")} } }
                    }
                    button { class: "row", onclick: move |_| panel.set(Panel::Shared(Tab::Media)),
                        Icon { name: "image" }
                        span { class: "row__text", b { {t("shared")} } }
                    }
                    label { class: "row",
                        Icon { name: "app-window" }
                        span { class: "row__text grow",
                            b { {t("previews")} }
                            small { {t(if about.is_encrypted { "previews-hint-encrypted" } else { "previews-hint" })} }
                        }
                        input {
                            class: "switch",
                            id: "previews",
                            r#type: "checkbox",
                            role: "switch",
                            checked: about.shows_previews,
                            onchange: set_previews,
                        }
                    }
                    label { class: "row",
                        Icon { name: "history" }
                        span { class: "row__text grow", b { {t("go-to-day")} } }
                        input { class: "input input--day", id: "day", r#type: "date", onchange: go_to_day }
                    }
                    button { class: "row", onclick: copy,
                        Icon { name: "link" }
                        span { class: "row__text", b { {t("copy-room-link")} } }
                    }
                    button { class: "row row--danger", onclick: leave,
                        Icon { name: "log-out" }
                        span { class: "row__text", b { {t("leave-room")} } }
                    }
                }
            }
        }
    }
}

#[component]
fn PinLine(room: String, pin: Pin) -> Element {
    rsx! {
        a { class: "pin", href: Route::Message(room, pin.event).fragment(),
            small { bdi { "{pin.by.name}" } }
            span { class: "clip", dir: "auto", "{pin.text}" }
        }
    }
}

/// Under the head: the message that was pinned last, and how many there are.
#[component]
pub fn Pinbar() -> Element {
    let shared = use_shared();
    let in_room = use_context::<InRoom>();
    let mut open = use_context::<Open>();
    let mut hidden = use_signal(|| None::<Vec<String>>);
    let events = use_memo(move || in_room.about.read().pins.clone());
    let pins = use_resource(move || async move {
        match events.read().is_empty() {
            true => Vec::new(),
            false => in_room.room().pins().await,
        }
    });
    let shown = pins.read().as_ref().and_then(|pins| pins.first().cloned());
    // It comes back when something new is pinned.
    let Some(pin) = shown.filter(|_| hidden.read().as_ref() != Some(&*events.read())) else { return rsx! {} };
    let room = in_room.room().id().to_owned();
    let to = Route::Message(room, pin.event.clone());
    rsx! {
        div { class: "pinbar", role: "region", aria_label: t("pinned"),
            Icon { name: "pin", size: "s" }
            button { onclick: move |_| shared.go(to.clone()),
                b { {t("pinned")} }
                span { class: "clip", dir: "auto", "{pin.by.name}: {pin.text}" }
            }
            if events.read().len() > 1 {
                IconButton { icon: "list", label: t("pinned-all"), class: "btn--s", size: "s", onclick: move |_| open.panel.set(Panel::About) }
            }
            IconButton { icon: "x", label: t("pinned-hide"), class: "btn--s", size: "s", onclick: move |_| hidden.set(Some(events())) }
        }
    }
}
