//! What one does in a call.

use std::rc::Rc;

use dioxus::prelude::*;
use hearth_client_state::{call::REACTIONS, route::Route};

use super::Calls;
use crate::{
    app::use_shared,
    browser::Source,
    design::{Icon, IconButton},
    matrix::Call,
    words::t,
};

#[component]
pub fn Bar(call: Rc<Call>) -> Element {
    let shared = use_shared();
    let mut calls = use_context::<Calls>();
    let now = calls.now.read();
    let screen = now.heard.screen;
    let has_hand = now.signs.hands.contains_key(&call.identity());
    let hand_label = t(if has_hand { "call-hand-down" } else { "call-hand" });
    let room = call.room_id().to_owned();
    let share_label = t(if screen { "call-share-end" } else { "call-share" });
    rsx! {
        footer { class: "call__bar",
            SourceButton { source: Source::Microphone }
            SourceButton { source: Source::Camera }
            span { class: "only-desktop",
                button {
                    class: "cbtn",
                    class: if screen { "cbtn--on" },
                    r#type: "button",
                    title: "{share_label}",
                    aria_label: "{share_label}",
                    onclick: move |_| calls.set(Source::Screen, !screen),
                    Icon { name: "screen-share", size: "l" }
                }
            }
            button {
                class: "cbtn",
                class: if has_hand { "cbtn--on" },
                r#type: "button",
                title: "{hand_label}",
                aria_label: "{hand_label}",
                onclick: move |_| {
                    calls.act(move |call| async move {
                        let outcome = call.raise_hand(!has_hand).await;
                        call.tell_trouble(outcome.err());
                    });
                },
                Icon { name: "hand", size: "l" }
            }
            Reacting {}
            button {
                class: "cbtn cbtn--leave",
                r#type: "button",
                title: t("call-leave"),
                aria_label: t("call-leave"),
                onclick: move |_| calls.leave(),
                Icon { name: "phone-off", size: "l" }
            }
            span { class: "side only-desktop",
                IconButton {
                    icon: "message-square-text",
                    label: t("call-chat"),
                    onclick: move |_| {
                        calls.is_small.set(true);
                        shared.go(Route::Room(room.clone()));
                    },
                }
            }
        }
    }
}

/// Turns the microphone or the camera on and off.
#[component]
pub fn SourceButton(source: Source) -> Element {
    let calls = use_context::<Calls>();
    let now = calls.now.read();
    let (is_on, icon, label) = match source {
        Source::Microphone if now.heard.microphone => (true, "mic", "call-mute"),
        Source::Microphone => (false, "mic-off", "call-unmute"),
        _ if now.heard.camera => (true, "video", "call-camera-off"),
        _ => (false, "video-off", "call-camera-on"),
    };
    rsx! {
        button {
            class: "cbtn cbtn--toggle",
            r#type: "button",
            title: t(label),
            aria_label: t(label),
            aria_pressed: is_on.to_string(),
            onclick: move |_| calls.set(source, !is_on),
            Icon { name: icon, size: "l" }
        }
    }
}

/// Shows an emoji to all.
#[component]
fn Reacting() -> Element {
    let calls = use_context::<Calls>();
    let mut is_open = use_signal(|| false);
    rsx! {
        span {
            class: "call__reacting",
            onkeydown: move |event| {
                if event.key() == Key::Escape {
                    is_open.set(false);
                }
            },
            button {
                class: "cbtn",
                r#type: "button",
                title: t("call-react"),
                aria_label: t("call-react"),
                aria_expanded: is_open().to_string(),
                onclick: move |_| is_open.toggle(),
                Icon { name: "smile-plus", size: "l" }
            }
            if is_open() {
                div { class: "call__reactions", role: "group", aria_label: t("call-react"),
                    for (emoji, name) in REACTIONS {
                        button {
                            key: "{name}",
                            class: "cbtn",
                            r#type: "button",
                            onclick: move |_| {
                                is_open.set(false);
                                calls.act(move |call| async move {
                                    let outcome = call.react(emoji, name).await;
                                    call.tell_trouble(outcome.err());
                                });
                            },
                            "{emoji}"
                        }
                    }
                }
            }
        }
    }
}
