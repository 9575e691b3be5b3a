//! The list of rooms: sections, what was said last, what is new.

use dioxus::prelude::*;
use hearth_client_state::{
    rooms::{By, Kind, Row, Section, What, sections},
    route::{self, Route},
};

use super::shell::Open;
use crate::{
    app::use_shared,
    browser,
    design::{Avatar, Icon, IconButton},
    matrix::Safety,
    words::{Value, t, tv},
};

#[component]
pub fn RoomList() -> Element {
    let shared = use_shared();
    let open = use_context::<Open>();
    let mut filter = use_signal(String::new);
    let shown = use_memo(move || {
        let rows = shared.rows.read();
        let rows: Option<Vec<Row>> = rows.as_ref().map(|rows| rows.iter().cloned().collect());
        rows.map(|rows| (rows.is_empty(), sections(&rows, &filter.read())))
    });
    rsx! {
        aside { class: "list", aria_label: t("section-rooms"),
            header { class: "list__head",
                h2 { {t("chats")} }
                IconButton {
                    icon: "square-pen",
                    label: t("new-message"),
                    onclick: move |_| { let mut create = open.create; create.set(true) },
                }
            }
            div { class: "list__filter affix",
                Icon { name: "search", size: "s" }
                input {
                    class: "input input--quiet",
                    id: "filter",
                    r#type: "search",
                    placeholder: t("filter"),
                    aria_label: t("filter"),
                    autocomplete: "off",
                    oninput: move |event| filter.set(event.value()),
                }
            }
            match &*shown.read() {
                None => rsx! { Skeletons {} },
                Some((true, _)) => rsx! {
                    div { class: "empty",
                        Icon { name: "messages-square" }
                        h2 { {t("no-rooms")} }
                        p { {t("no-rooms-hint")} }
                        div { class: "btn-row",
                            button {
                                class: "btn btn--primary",
                                onclick: move |_| { let mut create = open.create; create.set(true) },
                                {t("new-message")}
                            }
                        }
                    }
                },
                Some((false, sections)) if sections.is_empty() => rsx! {
                    div { class: "empty", p { {t("filter-empty")} } }
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
    let id = row.id.clone();
    let is_current = use_memo(use_reactive!(|id| shared.route.read().room() == Some(&id)));
    let is_invitation = matches!(row.kind, Kind::Invitation { .. });
    let is_unread = row.unread.notifications > 0 || row.unread.is_marked;
    rsx! {
        li {
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
                        span { class: "room__name", dir: "auto", "{row.name}" }
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
        }
    }
}

/// What was said last, in a row.
#[component]
fn LastLine(row: Row) -> Element {
    if let Kind::Invitation { by } = &row.kind {
        return rsx! { {tv("invited-by", [("name", Value::from(by.as_str()))])} };
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
        return rsx! { span { class: "dot", role: "img", aria_label: count } };
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
