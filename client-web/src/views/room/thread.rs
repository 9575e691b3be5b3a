//! The panel of a thread: a timeline and a composer of its own.

use std::rc::Rc;

use dioxus::prelude::*;

use super::{ClosePanel, InRoom, composer::Composer, timeline::Timeline, use_in_room};
use crate::{app::problem_text, matrix::OpenRoom, words::t};

#[component]
pub fn Thread(root: String) -> Element {
    let in_room = use_context::<InRoom>();
    let root = use_hook(|| CopyValue::new(root));
    let mut opened = use_resource(move || async move {
        let root = root.peek().clone();
        in_room.room().open_thread(&root).await
    });
    let outcome = opened.read().clone();
    let name = in_room.about.read().name.clone();
    rsx! {
        aside { class: "panel", aria_label: t("thread"),
            header { class: "panel__head",
                h2 {
                    {t("thread")}
                    small { dir: "auto", "{name}" }
                }
                ClosePanel {}
            }
            match outcome {
                None => rsx! { div { class: "panel__body", aria_busy: "true" } },
                Some(Err(problem)) => rsx! {
                    div { class: "empty",
                        p { {problem_text(&problem)} }
                        button { class: "btn", onclick: move |_| opened.restart(), {t("retry")} }
                    }
                },
                Some(Ok(room)) => rsx! { Opened { room } },
            }
        }
    }
}

#[component]
fn Opened(room: Rc<OpenRoom>) -> Element {
    use_in_room("thread", room);
    rsx! {
        Timeline {}
        Composer {}
    }
}
