//! The panel of all threads of a room.

use std::rc::Rc;

use dioxus::prelude::*;
use futures::StreamExt;
use hearth_client_state::names::colour;

use super::{ClosePanel, InRoom};
use crate::{
    app::use_shared,
    browser,
    design::{Avatar, Icon},
    matrix::ThreadEntry,
    views::shell::{Open, Panel},
    words::{Value, t, tv},
};

#[component]
pub fn Threads() -> Element {
    let shared = use_shared();
    let in_room = use_context::<InRoom>();
    let threads = use_hook(|| CopyValue::new(Rc::new(in_room.room().threads())));
    let mut entries = use_signal(Vec::<ThreadEntry>::new);
    let mut is_busy = use_signal(|| true);
    let mut has_more = use_signal(|| false);
    use_future(move || async move {
        let mut stream = Box::pin(threads.peek().entries());
        while let Some(now) = stream.next().await {
            entries.set(now);
        }
    });
    let more = move || async move {
        let threads = threads.peek().clone();
        is_busy.set(true);
        match threads.more().await {
            Ok(is_more) => has_more.set(is_more),
            Err(problem) => {
                has_more.set(true);
                shared.tell(&problem);
            }
        }
        is_busy.set(false);
    };
    use_future(more);
    rsx! {
        aside { class: "panel", aria_label: t("threads"),
            header { class: "panel__head",
                h2 { {t("threads")} }
                ClosePanel {}
            }
            div { class: "panel__body panel__section",
                if entries.read().is_empty() && !is_busy() && !has_more() {
                    div { class: "empty",
                        Icon { name: "message-square-text" }
                        h3 { {t("threads-none")} }
                        p { {t("threads-none-hint")} }
                    }
                }
                for entry in entries.read().iter().cloned() {
                    Entry { key: "{entry.root}", entry }
                }
                if is_busy() {
                    span { class: "spin", role: "status", aria_label: t("threads") }
                } else if has_more() {
                    button { class: "btn btn--wide", onclick: move |_| more(), {t("search-more")} }
                }
            }
        }
    }
}

#[component]
fn Entry(entry: ThreadEntry) -> Element {
    let mut open = use_context::<Open>();
    let ThreadEntry { root, by, text, replies, latest, at } = entry;
    rsx! {
        button { class: "hit", onclick: move |_| open.panel.set(Panel::Thread(root.clone())),
            Avatar { id: by.id.clone(), name: by.name.clone(), picture: by.picture.clone() }
            div {
                div { class: "hit__head",
                    b { class: "clip n{colour(&by.id)}", dir: "auto", "{by.name}" }
                    time { {browser::short(at)} }
                }
                p { dir: "auto", "{text}" }
                p { class: "around",
                    b { {tv("replies", [("count", Value::from(u64::from(replies)))])} }
                    if let Some((who, said)) = latest {
                        " "
                        bdi { "{who.name}: {said}" }
                    }
                }
            }
        }
    }
}
