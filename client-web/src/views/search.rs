//! Searching messages, where the server can read them.

use dioxus::prelude::*;
use hearth_client_state::{
    names::colour,
    rich::one_line,
    rooms::{Kind, Row},
    route::Route,
};

use crate::{
    app::{problem_text, use_shared},
    browser,
    design::{Avatar, Icon},
    matrix::{Hit, Problem},
    words::{Value, t, tv},
};

#[component]
pub fn Search(words: String) -> Element {
    let shared = use_shared();
    let begun = use_hook(|| CopyValue::new(words));
    let mut words = use_signal(move || begun.peek().clone());
    let mut hits = use_signal(Vec::<Hit>::new);
    let mut count = use_signal(|| None::<u64>);
    let mut next = use_signal(|| None::<String>);
    let mut problem = use_signal(|| None::<Problem>);
    let mut is_busy = use_signal(|| false);
    let mut version = use_hook(|| CopyValue::new(0_u32));
    let mut look = move |since: Option<String>| {
        let asked = words();
        let now = version.peek().wrapping_add(1);
        version.set(now);
        spawn(async move {
            if since.is_none() {
                browser::wait(300).await;
            }
            let Some(account) = shared.account().filter(|_| *version.peek() == now) else { return };
            if asked.trim().is_empty() {
                hits.set(Vec::new());
                count.set(None);
                return;
            }
            is_busy.set(true);
            let is_more = since.is_some();
            let outcome = account.search(&asked, since).await;
            if *version.peek() != now {
                return;
            }
            is_busy.set(false);
            match outcome {
                Ok(found) => {
                    problem.set(None);
                    count.set(Some(found.count));
                    // A server that has no more may still name a next page.
                    next.set(found.next.filter(|_| !found.hits.is_empty()));
                    match is_more {
                        true => hits.with_mut(|hits| hits.extend(found.hits)),
                        false => hits.set(found.hits),
                    }
                }
                Err(error) => problem.set(Some(error)),
            }
        });
    };
    use_effect(move || {
        let _ = words.read();
        look(None);
    });
    rsx! {
        main { class: "view",
            h1 { class: "sr", {t("search-messages")} }
            div { class: "find",
                div { class: "find__in",
                    div { class: "find__row",
                        div { class: "affix grow",
                            Icon { name: "search", size: "s" }
                            input {
                                class: "input",
                                id: "search",
                                r#type: "search",
                                initial_value: "{words.peek()}",
                                placeholder: t("search-messages"),
                                aria_label: t("search-messages"),
                                autocomplete: "off",
                                onmounted: |_| async { browser::focus("search") },
                                oninput: move |event| words.set(event.value()),
                            }
                        }
                        a { class: "btn btn--icon", href: Route::Home.fragment(), aria_label: t("close"), title: t("close"),
                            Icon { name: "x" }
                        }
                    }
                    p { class: "reach",
                        Icon { name: "lock", size: "xs" }
                        span { {t("search-reach")} }
                    }
                }
            }
            div { class: "page", tabindex: "0",
                div { class: "page__in page__in--hits",
                    if let Some(problem) = &*problem.read() {
                        p { class: "banner banner--box banner--warning", role: "alert", {problem_text(problem)} }
                    } else if let Some(count) = count() {
                        p { class: "muted num", role: "status", {tv("search-count", [("count", Value::from(count))])} }
                        if count == 0 {
                            div { class: "empty",
                                Icon { name: "search-x" }
                                h2 { {tv("search-nothing", [("words", Value::from(words.read().trim()))])} }
                                p { {t("search-nothing-hint")} }
                            }
                        }
                    }
                    div { class: "hits",
                        for (room, hits) in by_room(&hits.read()) {
                            OfRoom { key: "{room}", room: room.clone(), hits, words: words() }
                        }
                    }
                    if is_busy() {
                        span { class: "spin", role: "status", aria_label: t("search-messages") }
                    } else if next.read().is_some() {
                        button { class: "btn", onclick: move |_| look(next.peek().clone()), {t("search-more")} }
                    }
                }
            }
        }
    }
}

/// The hits of each room together, in the order in which the rooms come first.
fn by_room(hits: &[Hit]) -> Vec<(String, Vec<Hit>)> {
    let mut rooms: Vec<(String, Vec<Hit>)> = Vec::new();
    for hit in hits {
        match rooms.iter_mut().find(|(room, _)| *room == hit.room) {
            Some((_, hits)) => hits.push(hit.clone()),
            None => rooms.push((hit.room.clone(), vec![hit.clone()])),
        }
    }
    rooms
}

#[component]
fn OfRoom(room: String, hits: Vec<Hit>, words: String) -> Element {
    let shared = use_shared();
    let row: Option<Row> = shared.rows.read().iter().flatten().find(|row| row.id == room).cloned();
    let row = row.unwrap_or_else(|| Row { id: room.clone(), name: room.clone(), ..Row::default() });
    rsx! {
        section { aria_label: "{row.name}",
            header {
                Avatar { id: row.id.clone(), name: row.name.clone(), picture: row.picture.clone(), is_room: row.kind != Kind::Person }
                h2 { class: "clip", dir: "auto", "{row.name}" }
            }
            ul {
                for hit in hits {
                    li { key: "{hit.event}",
                        a { class: "hit", href: Route::Message(hit.room.clone(), hit.event.clone()).fragment(),
                            Avatar { id: hit.by.id.clone(), name: hit.by.name.clone(), picture: hit.by.picture.clone() }
                            div {
                                div { class: "hit__head",
                                    b { class: "clip n{colour(&hit.by.id)}", dir: "auto", "{hit.by.name}" }
                                    time { {browser::short(hit.at)} }
                                }
                                p { dir: "auto", Marked { text: one_line(&hit.text, 300), words: words.clone() } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A text in which the words that were searched for are marked.
#[component]
fn Marked(text: String, words: String) -> Element {
    let words: Vec<String> = words.to_lowercase().split_whitespace().map(ToOwned::to_owned).collect();
    let pieces = text.split_inclusive(' ').map(|piece| {
        let lower = piece.to_lowercase();
        let is_hit = words
            .iter()
            .any(|word| lower.trim_start_matches(|c: char| !c.is_alphanumeric()).starts_with(word.as_str()));
        (is_hit, piece.to_owned())
    });
    rsx! {
        for (number, (is_hit, piece)) in pieces.collect::<Vec<_>>().into_iter().enumerate() {
            if is_hit {
                mark { key: "{number}", "{piece}" }
            } else {
                span { key: "{number}", "{piece}" }
            }
        }
    }
}
