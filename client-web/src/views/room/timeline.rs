//! The timeline: days, groups, changes, where the unread ones begin, and the way back to the newest.

use std::rc::Rc;

use dioxus::prelude::*;
use hearth_client_state::{
    timeline::{Block, Change, Day, Item, What, days},
    when::DAY,
};

use super::{InRoom, message::MessageRow};
use crate::{
    browser,
    design::{Avatar, Icon},
    words::{Value, t, tv},
};

/// Earlier messages are fetched when fewer pixels than this are left above.
const NEAR: i32 = 800;

#[component]
pub fn Timeline() -> Element {
    let in_room = use_context::<InRoom>();
    let id = move || in_room.id("timeline");
    let mut is_fetching = use_signal(|| false);
    let mut is_at_end = use_signal(|| true);
    let mut height = use_hook(|| CopyValue::new(0));
    let mut newest = use_hook(|| CopyValue::new(String::new()));
    let shown = use_memo(move || {
        let items = in_room.items.read();
        items.as_ref().map(|items| days(items.iter(), browser::offset()))
    });
    let fetch = move || async move {
        if is_fetching() {
            return;
        }
        is_fetching.set(true);
        // What cannot be fetched now is asked for again at the next scroll; that the server is away is told above.
        let _ = in_room.room().earlier().await;
        is_fetching.set(false);
    };
    use_effect(move || {
        let last = in_room.items.read().as_ref().and_then(|items| items.last().map(|item| item.key.clone()));
        let Some(last) = last else { return };
        spawn(async move {
            // After the page is drawn with them.
            browser::next_frame().await;
            let Some(scroll) = browser::scrolled(&id()) else { return };
            // Who reads above stays there while something comes below.
            if scroll.from_end > 40 && *newest.peek() != last && !newest.peek().is_empty() {
                browser::scroll_from_end(&id(), scroll.from_end + scroll.height - *height.peek());
            }
            newest.set(last);
            height.set(scroll.height);
            if scroll.from_end <= 40 && browser::is_visible() {
                in_room.room().read().await;
            }
            if scroll.above < NEAR {
                fetch().await;
            }
        });
    });
    let scrolled = move |_| {
        let Some(scroll) = browser::scrolled(&id()) else { return };
        is_at_end.set(scroll.from_end <= 40);
        height.set(scroll.height);
        if scroll.above < NEAR && !is_fetching() {
            spawn(fetch());
        }
        if scroll.from_end <= 40 {
            spawn(async move { in_room.room().read().await });
        }
    };
    let close_menu = move |_| {
        let mut menu = in_room.menu;
        if menu.peek().is_some() {
            menu.set(None);
        }
    };
    rsx! {
        div {
            class: "timeline",
            id: id(),
            role: "region",
            aria_label: in_room.about.read().name.clone(),
            tabindex: "0",
            onscroll: scrolled,
            onclick: close_menu,
            div { class: "timeline__column",
                div { class: "timeline__top", role: "status",
                    if is_fetching() {
                        span { class: "spin", aria_hidden: "true" }
                        span { class: "sr", {t("history-loading")} }
                    }
                }
                match &*shown.read() {
                    None => rsx! {},
                    Some(days) => rsx! {
                        for day in days.clone() {
                            DaySection { key: "{day.key}", day }
                        }
                    },
                }
            }
        }
        div { class: "jumpwrap",
            if !is_at_end() {
                button {
                    class: "btn btn--icon jumpdown",
                    title: t("jump-newest"),
                    aria_label: t("jump-newest"),
                    onclick: move |_| browser::scroll_from_end(&id(), 0),
                    Icon { name: "arrow-down" }
                }
            }
        }
    }
}

#[component]
fn DaySection(day: Day) -> Element {
    rsx! {
        section {
            if let Some(at) = day.at {
                h2 { class: "day", span { {day_text(at)} } }
            }
            ol {
                for block in day.blocks {
                    match block {
                        Block::Item { item, begins_group } => rsx! {
                            Row { key: "{item.key}", item, begins_group }
                        },
                        Block::Changes { key, changes } => rsx! {
                            li { key: "{key}", Changes { changes } }
                        },
                    }
                }
            }
        }
    }
}

fn day_text(at: i64) -> String {
    let (offset, now) = (browser::offset(), browser::now());
    let day = |moment: i64| (moment + offset).div_euclid(DAY);
    match day(now) - day(at) {
        0 => t("today"),
        1 => t("yesterday"),
        _ => browser::day(at),
    }
}

#[component]
fn Row(item: Rc<Item>, begins_group: bool) -> Element {
    match &item.what {
        What::Message(message) => rsx! {
            MessageRow { id: item.key.clone(), message: (**message).clone(), begins_group }
        },
        What::Unread => rsx! { li { class: "newline", span { {t("new-line")} } } },
        What::Start => rsx! { li { Begin {} } },
        // Days are sections and changes are folded before.
        What::Day(_) | What::Change(_) => rsx! {},
    }
}

/// Where a room begins.
#[component]
fn Begin() -> Element {
    let in_room = use_context::<InRoom>();
    let about = in_room.about.read().clone();
    let text = if about.is_person { "room-begins-person" } else { "room-begins" };
    rsx! {
        div { class: "begin",
            Avatar {
                id: in_room.room().id().to_owned(),
                name: about.name.clone(),
                picture: about.picture.clone(),
                is_room: !about.is_person,
            }
            h3 { {tv(text, [("room", Value::from(about.name.clone()))])} }
            if about.is_encrypted {
                p { class: "muted", {t("room-begins-hint")} }
            }
        }
    }
}

/// Changes of the room, folded into a line that opens.
#[component]
fn Changes(changes: Vec<Change>) -> Element {
    let mut is_open = use_signal(|| false);
    let Some(first) = changes.first().cloned() else { return rsx! {} };
    if let [only] = changes.as_slice() {
        return rsx! { ChangeLine { change: only.clone() } };
    }
    let values = [("first", Value::from(change_text(&first))), ("count", Value::from(changes.len() - 1))];
    let summary = tv("changes", values);
    let arrow = if is_open() { "chevron-down" } else { "chevron-right" };
    rsx! {
        div { class: "fold",
            Avatar { id: first.who.id, name: first.who.name, picture: first.who.picture }
            button { aria_expanded: is_open().to_string(), onclick: move |_| is_open.toggle(),
                span { dir: "auto", "{summary}" }
                Icon { name: arrow, size: "xs" }
            }
        }
        if is_open() {
            for (number, change) in changes.into_iter().enumerate() {
                ChangeLine { key: "{number}", change }
            }
        }
    }
}

#[component]
fn ChangeLine(change: Change) -> Element {
    let text = change_text(&change);
    rsx! {
        div { class: "fold", title: browser::moment(change.at),
            Avatar { id: change.who.id, name: change.who.name, picture: change.who.picture }
            span { dir: "auto", "{text}" }
        }
    }
}

fn change_text(change: &Change) -> String {
    let values =
        [("name", Value::from(change.who.name.as_str())), ("detail", Value::from(change.detail.as_str()))];
    tv(change.text, values)
}

/// Scrolls to a message that is on the page, and marks it for a moment.
pub fn jump_to(row: &str) {
    if browser::scroll_to(row) {
        browser::set_class(row, "msg__jump", true);
        let row = row.to_owned();
        spawn(async move {
            browser::wait(1500).await;
            browser::set_class(&row, "msg__jump", false);
        });
    }
}
