//! Files of messages: pictures, sound, video, and all others as a card.

use std::rc::Rc;

use dioxus::prelude::*;
use hearth_client_state::timeline::{Media, fitted};

use super::text::Text;
use crate::{
    app::use_shared,
    design::{Icon, IconButton, either},
    words::{Value, t, tv},
};

/// The box of a picture in the timeline, in pixels.
const BOX: (u64, u64) = (400, 400);

/// The address of a file, once somebody wants it and it is fetched.
pub fn use_file(media: &Media, is_wanted: ReadSignal<bool>) -> Resource<Option<Rc<str>>> {
    let shared = use_shared();
    let (source, mime_type) = (media.source.clone(), media.mime_type.clone());
    use_resource(use_reactive!(|(source, mime_type)| async move {
        if !is_wanted() {
            return None;
        }
        let account = shared.account()?;
        account.file(&source, mime_type.as_deref())?.await
    }))
}

#[component]
pub fn Picture(media: Media) -> Element {
    let address = use_file(&media, use_signal(|| true).into());
    let address = address.read().clone().flatten();
    let mut is_open = use_signal(|| false);
    // The room is kept before the picture comes, so that nothing moves.
    let (width, height) = fitted(media.size.unwrap_or_default(), BOX);
    rsx! {
        figure { class: "shot",
            button {
                class: "media media--fitted",
                r#type: "button",
                width: "{width}px",
                aspect_ratio: "{width} / {height}",
                aria_label: t("open-picture"),
                onclick: move |_| is_open.set(true),
                if let Some(address) = &address {
                    img { class: "pic", src: "{address}", alt: "{media.name}" }
                }
            }
            if !media.caption.is_empty() {
                figcaption { div { class: "msg__text", dir: "auto", Text { nodes: media.caption.clone() } } }
            }
        }
        if is_open() {
            if let Some(address) = address {
                Viewer { name: media.name.clone(), address, onclose: move |()| is_open.set(false) }
            }
        }
    }
}

/// A picture over everything else.
#[component]
pub fn Viewer(name: String, address: Rc<str>, onclose: EventHandler<()>) -> Element {
    let mut is_large = use_signal(|| false);
    rsx! {
        div {
            class: "scrim scrim--viewer",
            role: "dialog",
            aria_modal: "true",
            aria_label: "{name}",
            tabindex: "-1",
            id: "viewer",
            onmounted: |_| async { crate::browser::focus("viewer") },
            onclick: move |_| onclose.call(()),
            onkeydown: move |event| {
                if event.key() == Key::Escape {
                    onclose.call(());
                }
            },
            header {
                span { class: "grow clip", "{name}" }
                IconButton {
                    icon: either(is_large(), "zoom-out", "zoom-in"),
                    label: t(if is_large() { "smaller" } else { "larger" }),
                    onclick: move |event: MouseEvent| {
                        event.stop_propagation();
                        is_large.toggle();
                    },
                }
                a {
                    class: "btn btn--icon",
                    href: "{address}",
                    download: "{name}",
                    title: tv("download", [("name", Value::from(name.as_str()))]),
                    aria_label: tv("download", [("name", Value::from(name.as_str()))]),
                    onclick: |event| event.stop_propagation(),
                    Icon { name: "download" }
                }
                IconButton { icon: "x", label: t("close"), onclick: move |_| onclose.call(()) }
            }
            div { class: "stage", class: if is_large() { "stage--large" }, img { src: "{address}", alt: "{name}" } }
        }
    }
}

#[component]
pub fn Sticker(media: Media) -> Element {
    let address = use_file(&media, use_signal(|| true).into());
    let address = address.read().clone().flatten();
    rsx! {
        div { class: "sticker",
            if let Some(address) = address {
                img { src: "{address}", alt: "{media.name}" }
            }
        }
    }
}

/// Sound and video, fetched when somebody wants them.
#[component]
pub fn Played(media: Media, is_video: bool) -> Element {
    let mut is_wanted = use_signal(|| false);
    let icon = if is_video { "video" } else { "volume-2" };
    rsx! {
        if is_wanted() {
            Player { media: media.clone(), is_video }
        } else {
            Card { media: media.clone(), icon,
                IconButton { icon: "play", label: media.name.clone(), onclick: move |_| is_wanted.set(true) }
            }
        }
        if !media.caption.is_empty() {
            div { class: "msg__text", dir: "auto", Text { nodes: media.caption } }
        }
    }
}

#[component]
fn Player(media: Media, is_video: bool) -> Element {
    let address = use_file(&media, use_signal(|| true).into());
    let address = address.read().clone().flatten();
    let (width, height) = fitted(media.size.unwrap_or_default(), BOX);
    let Some(address) = address else {
        return rsx! { span { class: "spin", role: "status", aria_label: "{media.name}" } };
    };
    if is_video {
        return rsx! {
            div { class: "media media--fitted", width: "{width}px", aspect_ratio: "{width} / {height}",
                video { src: "{address}", controls: true, autoplay: true }
            }
        };
    }
    rsx! { audio { src: "{address}", controls: true, autoplay: true } }
}

/// A file as a card with its name and size.
#[component]
pub fn File(media: Media) -> Element {
    let mut is_wanted = use_signal(|| false);
    rsx! {
        Card { media: media.clone(), icon: "file",
            if is_wanted() {
                Save { media: media.clone() }
            } else {
                IconButton {
                    icon: "download",
                    label: tv("download", [("name", Value::from(media.name.as_str()))]),
                    onclick: move |_| is_wanted.set(true),
                }
            }
        }
        if !media.caption.is_empty() {
            div { class: "msg__text", dir: "auto", Text { nodes: media.caption } }
        }
    }
}

/// Fetches a file, then hands it to the browser.
#[component]
fn Save(media: Media) -> Element {
    let address = use_file(&media, use_signal(|| true).into());
    let address = address.read().clone().flatten();
    match address {
        None => rsx! { span { class: "spin", role: "status", aria_label: "{media.name}" } },
        Some(address) => rsx! {
            a {
                class: "btn btn--icon",
                id: "save",
                href: "{address}",
                download: "{media.name}",
                aria_label: tv("download", [("name", Value::from(media.name.as_str()))]),
                onmounted: |_| async { crate::browser::click("save") },
                Icon { name: "check" }
            }
        },
    }
}

#[component]
fn Card(media: Media, icon: &'static str, children: Element) -> Element {
    rsx! {
        div { class: "file",
            span { class: "file__kind", Icon { name: icon } }
            div { class: "row__text", b { dir: "auto", "{media.name}" } small { {size(media.bytes)} } }
            {children}
        }
    }
}

/// A size as people say it.
pub fn size(bytes: Option<u64>) -> String {
    match bytes {
        None => String::new(),
        Some(bytes) if bytes < 1_000 => format!("{bytes} B"),
        Some(bytes) if bytes < 1_000_000 => format!("{} KB", bytes / 1_000),
        Some(bytes) => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}
