//! Somebody in a call, or a screen.

use dioxus::prelude::*;
use hearth_client_state::{call::Tile, names::localpart};

use super::Calls;
use crate::{
    design::{Avatar, Icon, IconButton},
    words::{Value, t, tv},
};

#[component]
pub fn TileView(
    tile: Tile,
    #[props(default)] class: &'static str,
    #[props(default)] is_plain: bool,
) -> Element {
    let mut calls = use_context::<Calls>();
    let now = calls.now.read();
    let who = now.people.get(&tile.user);
    let name = who.map_or_else(|| localpart(&tile.user).to_owned(), |who| who.name.clone());
    let picture = who.and_then(|who| who.picture.clone());
    let key = tile.key();
    let emoji = now.signs.reaction(&tile.identity).filter(|_| !tile.is_screen).map(ToOwned::to_owned);
    let has_hand = now.signs.hands.contains_key(&tile.identity) && !tile.is_screen;
    let is_pinned = calls.pinned.read().as_ref() == Some(&key);
    let label = match (tile.is_screen, tile.is_me) {
        (true, true) => t("call-shares-me"),
        (true, false) => tv("call-shares", [("name", Value::from(name.as_str()))]),
        (false, true) => t("you"),
        (false, false) => name.clone(),
    };
    let (pin, pin_label) = if is_pinned { ("pin-off", "call-unpin") } else { ("pin", "call-pin") };
    rsx! {
        div {
            class: if tile.is_screen { "share {class}" } else { "tilev {class}" },
            class: if tile.speaks && !tile.is_screen { "tilev--speaking" },
            class: if !tile.has_picture { "tilev--off" },
            if tile.has_picture {
                Picture { service: tile.service.clone(), identity: tile.identity.clone(), is_screen: tile.is_screen, is_me: tile.is_me }
            } else {
                Avatar { id: tile.user.clone(), name, picture }
            }
            if !is_plain {
                span { class: "tilev__top",
                    if let Some(emoji) = emoji {
                        span { class: "tilev__emoji", "{emoji}" }
                    }
                    if has_hand {
                        span { class: "hand", Icon { name: "hand", size: "s" } {t("call-hand-raised")} }
                    }
                    if !tile.is_there {
                        span { {t("call-coming")} }
                    } else {
                        IconButton {
                            icon: pin,
                            label: t(pin_label),
                            class: "tilev__pin",
                            size: "s",
                            onclick: move |_| {
                                let pinned = (!is_pinned).then(|| key.clone());
                                calls.pinned.set(pinned);
                            },
                        }
                    }
                }
            }
            span { class: "tilev__name",
                if tile.is_screen {
                    Icon { name: "screen-share", size: "s" }
                } else if tile.is_muted {
                    Icon { name: "mic-off", size: "s", label: t("call-muted") }
                }
                span { class: "clip", dir: "auto", "{label}" }
                if let Some(bars) = tile.quality.filter(|_| !tile.is_screen) {
                    Quality { bars }
                }
            }
        }
    }
}

/// The place of a track: what it is of, `assets/call.js` reads.
#[component]
pub fn Picture(service: String, identity: String, is_screen: bool, is_me: bool) -> Element {
    rsx! {
        video {
            class: "pic",
            class: if is_me && !is_screen { "pic--mirror" },
            class: if is_screen { "pic--whole" },
            "data-service": "{service}",
            "data-identity": "{identity}",
            "data-source": if is_screen { "screen" } else { "camera" },
            autoplay: true,
            muted: true,
            "playsinline": "true",
            aria_hidden: "true",
        }
    }
}

#[component]
fn Quality(bars: u8) -> Element {
    let text = match bars {
        3 => "call-quality-good",
        2 => "call-quality-fair",
        _ => "call-quality-poor",
    };
    rsx! {
        span { class: "quality", "data-q": "{bars}", role: "img", aria_label: t(text), i {} i {} i {} }
    }
}
