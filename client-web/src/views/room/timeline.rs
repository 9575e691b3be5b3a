//! The timeline: days, groups, changes, where the unread ones begin, and the way back to the newest.

use std::rc::Rc;

use dioxus::prelude::*;
use hearth_client_state::{
    route::Route,
    timeline::{Block, Change, Day, Item, What, days},
    when::DAY,
};

use super::{InRoom, message::MessageRow};
use crate::{
    app::use_shared,
    browser,
    design::{Avatar, Icon},
    words::{Value, t, tv},
};

/// Earlier messages are fetched, or shown, when fewer pixels than this are left above.
const NEAR: i32 = 800;

/// So long it waits after earlier messages could not be fetched, and so long at most, in milliseconds.
const FIRST_PAUSE: u32 = 1_000;
const LONGEST_PAUSE: u32 = 30_000;

/// Who is this near to the end reads what comes.
const AT_END: i32 = 40;

/// So many items are on the page at first; more come as one goes up, and they go when one is back at the end. All that
/// is known stays in memory, where it costs little.
const SHOWN: usize = 120;
const MORE: usize = 80;

#[component]
pub fn Timeline() -> Element {
    let shared = use_shared();
    let in_room = use_context::<InRoom>();
    let id = move || in_room.id("timeline");
    let around = use_hook(|| CopyValue::new(in_room.room().around().map(ToOwned::to_owned)));
    let mut is_fetching = use_signal(|| false);
    let mut is_at_end = use_signal(|| true);
    let mut most = use_signal(|| SHOWN);
    // How many have come below what is seen.
    let mut below = use_signal(|| 0_usize);
    let mut height = use_hook(|| CopyValue::new(0));
    let mut newest = use_hook(|| CopyValue::new(String::new()));
    let mut has_jumped = use_hook(|| CopyValue::new(false));
    let shown = use_memo(move || {
        let items = in_room.items.read();
        let unread = in_room.unread.read();
        items.as_ref().map(|items| {
            let hidden = items.len().saturating_sub(most());
            days(items.iter().skip(hidden), unread.as_deref(), browser::offset())
        })
    });
    let read = move || async move {
        let mut is_settled = in_room.is_settled;
        in_room.room().read().await;
        is_settled.set(true);
    };
    let fetch = move || async move {
        if is_fetching() {
            return;
        }
        let count = in_room.items.peek().as_ref().map_or(0, |items| items.len());
        if count > *most.peek() {
            most += MORE;
            return;
        }
        is_fetching.set(true);
        let known = move || in_room.items.peek().as_ref().map_or(0, |items| items.len());
        let mut pause = FIRST_PAUSE;
        // Nobody scrolls where nothing more is to be seen: so it goes on until something is.
        while known() == count {
            match in_room.room().earlier().await {
                // What came may be nothing that is shown.
                Ok(true) => browser::next_frame().await,
                Ok(false) => break,
                // That the server is away is told above.
                Err(_) => {
                    browser::wait(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
        is_fetching.set(false);
        most += known().saturating_sub(count);
    };
    use_effect(move || {
        let last = in_room.items.read().as_ref().map(|items| items.last().map(|item| item.key.clone()));
        let Some(last) = last else { return };
        let Some(last) = last else {
            // What is kept of a thread may be nothing: then there is nothing to scroll to either. A room has something as
            // soon as a sync has brought it, and before that nobody knows what was earlier.
            if in_room.place == "thread" {
                spawn(fetch());
            }
            return;
        };
        // What came while nobody looked is read when somebody does.
        let _ = (shown.read(), shared.is_seen.read());
        spawn(async move {
            // After the page is drawn with them.
            browser::next_frame().await;
            let Some(scroll) = browser::scrolled(&id()) else { return };
            let is_new = *newest.peek() != last && !newest.peek().is_empty();
            // Who reads above stays there while something comes below.
            if scroll.from_end > AT_END && is_new {
                browser::scroll_from_end(&id(), scroll.from_end + scroll.height - *height.peek());
                below += 1;
            }
            newest.set(last);
            height.set(scroll.height);
            // It opens where one has not read yet, or at what was asked for.
            let target = match &*around.peek() {
                Some(event) => Some(in_room.id(event)),
                None => in_room.unread.peek().is_some().then(|| in_room.id("unread")),
            };
            if let Some(target) = target.filter(|_| !*has_jumped.peek())
                && browser::element(&target).is_some()
            {
                has_jumped.set(true);
                browser::scroll_to(&target);
                // What was asked for stays marked for as long as it is looked at.
                browser::set_class(&target, "msg__jump", around.peek().is_some());
                browser::next_frame().await;
            }
            let Some(scroll) = browser::scrolled(&id()) else { return };
            is_at_end.set(scroll.from_end <= AT_END);
            if scroll.from_end <= AT_END && browser::is_visible() {
                read().await;
            }
            if scroll.above < NEAR {
                fetch().await;
            }
        });
    });
    let scrolled = move |_| {
        let Some(scroll) = browser::scrolled(&id()) else { return };
        let is_end = scroll.from_end <= AT_END;
        if is_end != *is_at_end.peek() {
            is_at_end.set(is_end);
        }
        height.set(scroll.height);
        if scroll.above < NEAR && !is_fetching() {
            spawn(fetch());
        }
        if scroll.from_end < NEAR && around.peek().is_some() {
            spawn(async move { drop(in_room.room().later().await) });
        }
        if is_end {
            if *below.peek() > 0 {
                below.set(0);
            }
            if *most.peek() > SHOWN * 3 {
                most.set(SHOWN);
            }
            spawn(async move { read().await });
        }
    };
    let close_menu = move |_| {
        let (mut menu, mut reacting) = (in_room.menu, in_room.reacting);
        if menu.peek().is_some() {
            menu.set(None);
        }
        if reacting.peek().is_some() {
            reacting.set(None);
        }
    };
    let to_newest = move |_| match around.peek().is_some() {
        // That is another timeline.
        true => shared.go(Route::Room(in_room.room().id().to_owned())),
        false => browser::scroll_from_end(&id(), 0),
    };
    rsx! {
        div {
            class: "timeline",
            id: id(),
            role: "region",
            aria_label: if in_room.place == "thread" { t("thread") } else { in_room.about.read().name.clone() },
            tabindex: "0",
            onkeydown: move |event| {
                // From the timeline as a whole to its newest message.
                if event.key() == Key::ArrowUp && browser::has_focus(".timeline") {
                    event.prevent_default();
                    browser::focus_last(&format!("#{} li.msg", id()));
                }
            },
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
            if !is_at_end() || around.peek().is_some() {
                div { class: "jumps",
                    button { class: "btn btn--s", title: t("jump-newest"), onclick: to_newest,
                        if below() > 0 {
                            span { class: "badge", "{below}" }
                        }
                        {t("newest")}
                        Icon { name: "arrow-down", size: "s" }
                    }
                }
            }
        }
    }
}

#[component]
fn DaySection(day: Day) -> Element {
    let in_room = use_context::<InRoom>();
    let line = in_room.id("unread");
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
                        Block::Unread => rsx! {
                            li { key: "{line}", class: "newline", id: "{line}", span { {t("new-line")} } }
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
        What::Start => rsx! { li { Begin {} } },
        // Days are sections, changes are folded before, and the line of what is new is a block.
        What::Day(_) | What::Change(_) | What::Unread => rsx! {},
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

/// Scrolls to a message and marks it for a moment; false if it is not on the page.
pub fn jump_to(row: &str) -> bool {
    let is_there = browser::scroll_to(row);
    if is_there {
        browser::set_class(row, "msg__jump", true);
        let row = row.to_owned();
        spawn(async move {
            browser::wait(1500).await;
            browser::set_class(&row, "msg__jump", false);
        });
    }
    is_there
}
