//! The list of rooms: sections, what was said last, what is new.

use dioxus::prelude::*;
use hearth_client_state::{
    rooms::{By, Kind, Row, Section, Show, What, sections},
    route::{self, Route},
};

use super::{
    create::Way,
    shell::{Beginnings, Open, Over},
};
use crate::{
    app::use_shared,
    browser,
    design::{Avatar, Icon, IconButton, MenuItem},
    matrix::{Loudness, Safety, Space},
    words::{Value, t, tv},
};

#[component]
pub fn RoomList() -> Element {
    let shared = use_shared();
    let open = use_context::<Open>();
    let mut filter = use_signal(String::new);
    let mut is_filtering = use_signal(|| false);
    let shown = use_memo(move || {
        let rows = shared.rows.read();
        let rows: Option<Vec<Row>> = rows.as_ref().map(|rows| rows.iter().cloned().collect());
        let space = open.space.read();
        let spaces = shared.spaces.read();
        let within = Space::chosen(&spaces, space.as_deref()).map(|space| &space.rooms);
        rows.map(|rows| {
            (rows.is_empty(), sections(&rows, &filter.read(), open.show.read().to_owned(), within))
        })
    });
    let title = use_memo(move || {
        let space = open.space.read();
        let spaces = shared.spaces.read();
        let named = Space::chosen(&spaces, space.as_deref()).map(|space| space.name.clone());
        named.unwrap_or_else(|| t("chats"))
    });
    let mut show = open.show;
    rsx! {
        aside { class: "list", aria_label: t("section-rooms"),
            header { class: "list__head",
                h2 { class: "clip", dir: "auto", "{title}" }
                IconButton {
                    icon: "list-filter",
                    label: t("show"),
                    pressed: is_filtering(),
                    onclick: move |_| {
                        is_filtering.toggle();
                        filter.set(String::new());
                        show.set(Show::All);
                    },
                }
                IconButton {
                    icon: "square-pen",
                    label: t("new-message"),
                    class: "new",
                    onclick: move |_| open.show_over(Over::Create(Way::Person)),
                }
            }
            button { class: "jump", onclick: move |_| open.show_over(Over::Switcher),
                Icon { name: "search", size: "s" }
                {t("jump")}
                kbd { "Ctrl K" }
            }
            if is_filtering() {
            div { class: "list__filter affix",
                Icon { name: "search", size: "s" }
                input {
                    class: "input input--quiet",
                    id: "filter",
                    r#type: "search",
                    placeholder: t("filter"),
                    aria_label: t("filter"),
                    autocomplete: "off",
                    onmounted: |_| async { browser::focus("filter") },
                    oninput: move |event| filter.set(event.value()),
                }
            }
            div { class: "filters list__show", role: "group", aria_label: t("show"),
                for of in Show::ALL {
                    button {
                        key: "{of:?}",
                        class: "chip",
                        aria_pressed: (show() == of).to_string(),
                        onclick: move |_| show.set(of),
                        {t(of.text())}
                    }
                }
            }
            }
            match &*shown.read() {
                None => rsx! { Skeletons {} },
                Some((true, _)) => rsx! {
                    div { class: "empty",
                        Icon { name: "messages-square" }
                        h2 { {t("no-rooms")} }
                        p { {t("no-rooms-hint")} }
                        Beginnings {}
                    }
                },
                Some((false, sections)) if sections.is_empty() => rsx! {
                    div { class: "empty", p { {t(if show() == Show::All { "filter-empty" } else { "show-empty" })} } }
                },
                Some((false, sections)) => rsx! {
                    div { class: "list__scroll",
                        for (section, rows) in sections.clone() {
                            ListSection { key: "{section:?}", section, rows }
                        }
                    }
                },
            }
            Nudge {}
        }
    }
}

#[component]
fn ListSection(section: Section, rows: Vec<Row>) -> Element {
    let mut is_open = use_signal(|| true);
    rsx! {
        section { aria_label: t(section.text()),
            if section != Section::Invitations {
                button {
                    class: "list__section",
                    aria_expanded: is_open().to_string(),
                    onclick: move |_| is_open.toggle(),
                    {t(section.text())}
                    Icon { name: "chevron-down", size: "xs" }
                }
            }
            if is_open() {
                ul {
                    for row in rows {
                        RoomRow { key: "{row.id}", row }
                    }
                }
            }
        }
    }
}

#[component]
fn RoomRow(row: Row) -> Element {
    let shared = use_shared();
    let open = use_context::<Open>();
    let id = row.id.clone();
    let is_current = use_memo(use_reactive!(|id| shared.route.read().room() == Some(&id)));
    let is_invitation = matches!(row.kind, Kind::Invitation { .. });
    let is_unread = row.unread.notifications > 0 || row.unread.is_marked;
    let mut is_menu = use_signal(|| false);
    let draft = use_memo(use_reactive!(|id| shared.drafts.read().get(&id).cloned()));
    let row = Row { draft: draft().filter(|_| !is_current()), ..row };
    rsx! {
        li { class: "room__item",
            oncontextmenu: move |event| {
                event.prevent_default();
                is_menu.set(true);
            },
            a {
                class: "room",
                class: if is_invitation { "room--invite" },
                class: if is_unread { "room--unread" },
                class: if row.is_muted { "room--muted" },
                href: Route::Room(row.id.clone()).fragment(),
                aria_current: is_current().then_some("page"),
                Avatar { id: row.id.clone(), name: row.name.clone(), picture: row.picture.clone(), is_room: row.kind != Kind::Person }
                div {
                    div { class: "room__line",
                        span { class: "room__name", dir: "auto",
                            "{row.name}"
                            if let Some(space) = open.apart.read().get(&row.id) {
                                bdi { class: "room__space", "{space}" }
                            }
                        }
                        if row.is_muted {
                            Icon { name: "bell-off", size: "xs" }
                        }
                        if is_invitation {
                            span { class: "room__when", {t("invite")} }
                        } else if let Some(last) = &row.last {
                            time { {browser::short(last.at)} }
                        }
                    }
                    div { class: "room__line",
                        span { class: "room__last", dir: "auto", LastLine { row: row.clone() } }
                        Mark { row: row.clone() }
                    }
                }
            }
            if !is_invitation {
                button {
                    class: "btn btn--icon btn--s room__more",
                    aria_label: "{t(\"more\")}: {row.name}",
                    aria_expanded: is_menu().to_string(),
                    title: t("more"),
                    onclick: move |_| is_menu.toggle(),
                    Icon { name: "ellipsis", size: "s" }
                }
            }
            if is_menu() && !is_invitation {
                RowMenu { row: row.clone(), onclose: move |()| is_menu.set(false) }
            }
        }
    }
}

/// What one can do with a room without opening it.
#[component]
fn RowMenu(row: Row, onclose: EventHandler<()>) -> Element {
    let shared = use_shared();
    let id = use_hook(|| CopyValue::new(row.id.clone()));
    let is_unread = row.unread.is_any();
    let (is_favourite, is_low, is_muted) = (row.is_favourite, row.is_low_priority, row.is_muted);
    let act = move |what: Does| {
        let Some(account) = shared.account() else { return };
        let id = id.peek().clone();
        onclose.call(());
        shared.act(async move {
            match what {
                Does::Favourite => account.set_favourite(&id, !is_favourite).await,
                Does::LowPriority => account.set_low_priority(&id, !is_low).await,
                Does::Read if is_unread => account.mark_read(&id).await,
                Does::Read => account.mark_unread(&id).await,
                Does::Mute if is_muted => account.set_loudness(&id, Loudness::Usual).await,
                Does::Mute => account.set_loudness(&id, Loudness::Nothing).await,
                Does::Leave => account.leave(&id).await,
            }
        });
    };
    let choices = [
        (Does::Favourite, "star", if is_favourite { "favourite-no" } else { "favourite" }),
        (
            Does::LowPriority,
            if is_low { "archive-restore" } else { "archive" },
            if is_low { "low-priority-no" } else { "low-priority" },
        ),
        (
            Does::Read,
            if is_unread { "mail-open" } else { "mail" },
            if is_unread { "mark-read" } else { "mark-unread" },
        ),
        (Does::Mute, if is_muted { "bell" } else { "bell-off" }, if is_muted { "unmute" } else { "mute" }),
    ];
    rsx! {
        div { class: "menu__scrim", onclick: move |_| onclose.call(()) }
        div {
            class: "menu room__menu",
            role: "menu",
            aria_label: "{row.name}",
            onkeydown: move |event| {
                if event.key() == Key::Escape {
                    event.stop_propagation();
                    onclose.call(());
                }
            },
            for (number, (what, icon, text)) in choices.into_iter().enumerate() {
                button {
                    key: "{text}",
                    class: "menu__item",
                    role: "menuitem",
                    id: if number == 0 { "room-menu" },
                    onmounted: move |_| async move {
                        if number == 0 {
                            browser::focus("room-menu");
                        }
                    },
                    onclick: move |_| act(what),
                    Icon { name: icon, size: "s" }
                    {t(text)}
                }
            }
            a { class: "menu__item", role: "menuitem", href: Route::RoomSettings(row.id.clone()).fragment(), onclick: move |_| onclose.call(()),
                Icon { name: "settings", size: "s" }
                {t("settings")}
            }
            div { class: "menu__line" }
            MenuItem {
                icon: "log-out",
                label: t("leave-room"),
                size: "s",
                is_danger: true,
                onclick: move |()| act(Does::Leave),
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Does {
    Favourite,
    LowPriority,
    Read,
    Mute,
    Leave,
}

/// What was said last, in a row.
#[component]
fn LastLine(row: Row) -> Element {
    if let Kind::Invitation { by } = &row.kind {
        return rsx! { {tv("invited-by", [("name", Value::from(by.as_str()))])} };
    }
    if row.in_call > 0 {
        return rsx! {
            span { class: "room__call",
                Icon { name: "phone", size: "xs" }
                {tv("people", [("count", Value::from(row.in_call))])}
            }
        };
    }
    if let Some(draft) = &row.draft {
        return rsx! {
            span { class: "room__draft", {t("draft")} }
            " {draft}"
        };
    }
    let Some(last) = row.last else { return rsx! {} };
    let icon = match last.what {
        What::Picture => Some("image"),
        What::Video => Some("video"),
        What::Sound => Some("volume-2"),
        What::File(_) => Some("paperclip"),
        What::Sticker => Some("sticker"),
        What::Locked => Some("lock"),
        _ => None,
    };
    let words = match &last.what {
        What::Text(text) | What::File(text) => text.clone(),
        What::Picture => t("preview-picture"),
        What::Video => t("preview-video"),
        What::Sound => t("preview-sound"),
        What::Sticker => t("preview-sticker"),
        What::Poll(question) => tv("preview-poll", [("question", Value::from(question.as_str()))]),
        What::Locked => t("preview-locked"),
        What::Deleted => t("preview-deleted"),
        What::Joined => t("preview-joined"),
        What::Other => t("preview-other"),
    };
    let is_joining = last.what == What::Joined;
    rsx! {
        if last.is_failed {
            span { class: "status--failed", {t("not-sent")} }
            " "
        } else {
            match &last.by {
                By::Me => rsx! { {t("preview-me")} " " },
                By::Other(name) if name.is_empty() => rsx! {},
                By::Other(name) if is_joining => rsx! { em { "{name}" } " " },
                By::Other(name) => rsx! { em { "{name}:" } " " },
            }
        }
        if let Some(icon) = icon {
            Icon { name: icon, size: "xs" }
        }
        "{words}"
    }
}

/// The mark at the end of a row: a mention, a count, a dot.
#[component]
fn Mark(row: Row) -> Element {
    let unread = row.unread;
    let count = tv("unread-count", [("count", Value::from(unread.notifications))]);
    if matches!(row.kind, Kind::Invitation { .. }) {
        return rsx! { span { class: "dot dot--mention", role: "img", aria_label: t("invite") } };
    }
    if unread.mentions > 0 && row.kind != Kind::Person {
        return rsx! { span { class: "badge badge--mention", role: "img", aria_label: t("mentioned-you"), "@" } };
    }
    if unread.notifications > 0 {
        return rsx! { span { class: "badge", role: "img", aria_label: count, "{unread.notifications}" } };
    }
    if unread.is_marked {
        return rsx! { span { class: "dot", role: "img", aria_label: t("marked-unread") } };
    }
    // Something was said that asks for nothing.
    if unread.messages > 0 {
        return rsx! { span { class: "dot dot--muted", role: "img", aria_label: t("show-unread") } };
    }
    rsx! {}
}

/// Rows that are coming.
#[component]
pub fn Skeletons() -> Element {
    rsx! {
        div { class: "list__scroll", role: "status", aria_label: t("loading"),
            for row in 0..8 {
                div { key: "{row}", class: "room",
                    span { class: "skel skel--room skel--avatar" }
                    div { class: "pile pile--s",
                        span { class: "skel skel--name" }
                        span { class: "skel skel--line" }
                    }
                }
            }
        }
    }
}

/// Under the list, at most once a week: what is still to be done for one's messages to be safe.
#[component]
fn Nudge() -> Element {
    const SNOOZED: &str = "hearth-nudge-later";
    const WEEK: i64 = 7 * 86_400_000;
    let shared = use_shared();
    let mut is_snoozed = use_signal(|| {
        let until = browser::load(SNOOZED).and_then(|until| until.parse().ok()).unwrap_or(0_i64);
        browser::now() < until
    });
    let text = match *shared.safety.read() {
        Safety::Unverified => "encryption-unverified",
        // It is offered once there is something to keep.
        Safety::NoKey if shared.rows.read().as_ref().is_some_and(|rows| !rows.is_empty()) => {
            "encryption-no-key"
        }
        _ => return rsx! {},
    };
    if is_snoozed() {
        return rsx! {};
    }
    rsx! {
        div { class: "nudge", role: "group", aria_label: t(text),
            b {
                Icon { name: "key-round", size: "s" }
                {t(text)}
            }
            span { {t(&format!("{text}-hint"))} }
            span { class: "btn-row",
                a {
                    class: "btn btn--s btn--primary",
                    href: Route::Settings(Some(route::Section::Encryption)).fragment(),
                    {t("nudge-do")}
                }
                button {
                    class: "btn btn--s btn--quiet",
                    onclick: move |_| {
                        browser::save(SNOOZED, &(browser::now() + WEEK).to_string());
                        is_snoozed.set(true);
                    },
                    {t("nudge-later")}
                }
            }
        }
    }
}
