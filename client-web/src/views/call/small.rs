//! The call while one looks at something else.

use std::rc::Rc;

use dioxus::prelude::*;
use hearth_client_state::call::{Stage, speaker, stage, tiles};

use super::{
    Calls, duration, name_of,
    tile::{Picture, TileView},
};
use crate::{
    app::use_shared,
    browser::Source,
    design::{IconButton, either},
    matrix::Call,
    words::{Value, t, tv},
};

#[component]
pub fn Small(call: Rc<Call>) -> Element {
    let shared = use_shared();
    let mut calls = use_context::<Calls>();
    let now = calls.now.read();
    let all = tiles(&now.members, &now.heard, &call.identity());
    let speaks = speaker(&all, None);
    let other = match stage(&all, *calls.view.read(), None, speaks.as_deref()) {
        Some(Stage::Large { large, .. }) => Some(large),
        _ => all.iter().find(|tile| Some(&tile.identity) == speaks.as_ref()).or(all.first()).cloned(),
    };
    let me = all.iter().find(|tile| tile.is_me && tile.has_picture && !tile.is_screen);
    let me = me.filter(|me| other.as_ref().is_some_and(|other| other.key() != me.key())).cloned();
    let name = name_of(shared, call.room_id());
    let since = duration(now.since, calls.clock);
    let (microphone, camera) = (now.heard.microphone, now.heard.camera);
    rsx! {
        section { class: "pip", aria_label: tv("call-with", [("name", Value::from(name.as_str()))]),
            if let Some(other) = other {
                div { class: "pip__stage",
                    TileView { key: "{other.key()}", tile: other.clone(), is_plain: true }
                    if let Some(me) = me {
                        span { class: "self",
                            Picture { service: me.service.clone(), identity: me.identity.clone(), is_screen: false, is_me: true }
                        }
                    }
                }
            }
            div { class: "pip__bar",
                span { class: "grow clip",
                    b { class: "clip", dir: "auto", "{name}" }
                    small { "{since}" }
                }
                IconButton {
                    icon: either(microphone, "mic", "mic-off"),
                    label: t(either(microphone, "call-mute", "call-unmute")),
                    size: "s",
                    onclick: move |_| calls.set(Source::Microphone, !microphone),
                }
                IconButton {
                    icon: either(camera, "video", "video-off"),
                    label: t(either(camera, "call-camera-off", "call-camera-on")),
                    size: "s",
                    onclick: move |_| calls.set(Source::Camera, !camera),
                }
                IconButton {
                    icon: "expand",
                    label: t("call-to-call"),
                    size: "s",
                    onclick: move |_| calls.is_small.set(false),
                }
                IconButton {
                    icon: "phone-off",
                    label: t("call-leave"),
                    class: "btn--leave",
                    size: "s",
                    onclick: move |_| calls.leave(),
                }
            }
        }
    }
}
