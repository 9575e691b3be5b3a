//! The picker of emoji: searched by name, by kind, and the ones used last; its list comes when it is opened first.

use std::{cell::RefCell, rc::Rc};

use dioxus::prelude::*;
use hearth_client_state::emoji::{self, Emoji, GROUPS, TONES};

use crate::{browser, design::Icon, words::t};

/// Where the ones used last, and the tone of skin, are kept.
const RECENT: &str = "hearth-emoji";
const TONE: &str = "hearth-tone";

thread_local! {
    static ALL: RefCell<Option<Rc<Vec<Emoji>>>> = const { RefCell::new(None) };
}

/// All of them, with their names in the language of the page.
pub async fn all() -> Rc<Vec<Emoji>> {
    if let Some(all) = ALL.with_borrow(Clone::clone) {
        return all;
    }
    let list = browser::asset(&format!("emoji.{}.txt", browser::language())).await.unwrap_or_default();
    let all = Rc::new(emoji::read(&list));
    // What could not be fetched is asked for again.
    if !all.is_empty() {
        ALL.set(Some(all.clone()));
    }
    all
}

/// Notes that one was used.
pub fn note_used(picture: &str) {
    let recent = browser::load(RECENT).unwrap_or_default();
    browser::save(RECENT, &emoji::used(&recent, picture));
}

#[component]
pub fn EmojiPicker(
    onpick: EventHandler<String>,
    onclose: EventHandler<()>,
    #[props(default)] class: &'static str,
) -> Element {
    let list = use_resource(all);
    let mut typed = use_signal(String::new);
    let mut group = use_signal(|| GROUPS[0].0);
    let mut tone = use_signal(|| browser::load(TONE).and_then(|tone| tone.parse().ok()).unwrap_or(0_usize));
    let mut over = use_signal(|| None::<(String, String)>);
    let recent = use_hook(|| CopyValue::new(browser::load(RECENT).unwrap_or_default()));
    let shown = use_memo(move || {
        let list = list.read();
        let Some(list) = list.as_ref() else { return Vec::new() };
        let typed = typed.read();
        match typed.trim() {
            "" => list.iter().filter(|emoji| emoji.group == group()).cloned().collect::<Vec<_>>(),
            typed => emoji::find(list, typed, 72).into_iter().cloned().collect(),
        }
    });
    let pick = move |picture: String| {
        note_used(&picture);
        onpick.call(picture);
    };
    let title = match typed.read().trim() {
        "" => GROUPS.iter().find(|(of, ..)| *of == group()).map(|(.., text)| t(text)).unwrap_or_default(),
        _ => t("emoji-found"),
    };
    let recent_ones: Vec<String> = recent.peek().split_whitespace().map(ToOwned::to_owned).collect();
    rsx! {
        div {
            class: "emoji {class}",
            role: "dialog",
            aria_label: t("emoji"),
            onclick: |event| event.stop_propagation(),
            onkeydown: move |event| {
                if event.key() == Key::Escape {
                    event.stop_propagation();
                    onclose.call(());
                }
            },
            div { class: "emoji__tabs", role: "tablist", aria_label: t("emoji-kinds"),
                for (of, icon, text) in GROUPS {
                    button {
                        key: "{of}",
                        r#type: "button",
                        role: "tab",
                        aria_selected: (of == group()).to_string(),
                        aria_label: t(text),
                        title: t(text),
                        onclick: move |_| {
                            typed.set(String::new());
                            group.set(of);
                        },
                        Icon { name: icon, size: "s" }
                    }
                }
            }
            div { class: "emoji__find affix",
                Icon { name: "search", size: "s" }
                input {
                    class: "input input--quiet",
                    id: "emoji-find",
                    r#type: "search",
                    placeholder: t("emoji-search"),
                    aria_label: t("emoji-search"),
                    autocomplete: "off",
                    value: "{typed}",
                    onmounted: |_| async {
                        if !browser::is_touch() {
                            browser::focus("emoji-find");
                        }
                    },
                    oninput: move |event| typed.set(event.value()),
                    onkeydown: move |event| {
                        if event.key() == Key::Enter
                            && let Some(first) = shown.peek().first()
                        {
                            event.prevent_default();
                            pick(emoji::toned(first, tone()));
                        }
                    },
                }
            }
            div { class: "emoji__grid", tabindex: "-1",
                if typed.read().trim().is_empty() && !recent_ones.is_empty() {
                    h3 { {t("emoji-recent")} }
                    div {
                        for picture in recent_ones {
                            button { key: "{picture}", r#type: "button", aria_label: "{picture}", onclick: { let picture = picture.clone(); move |_| pick(picture.clone()) }, "{picture}" }
                        }
                    }
                }
                h3 { "{title}" }
                div {
                    for emoji in shown.read().iter().cloned() {
                        button {
                            key: "{emoji.picture}",
                            r#type: "button",
                            aria_label: "{emoji.name}",
                            title: "{emoji.name}",
                            onmouseenter: { let emoji = emoji.clone(); move |_| over.set(Some((emoji.picture.clone(), emoji.name.clone()))) },
                            onclick: { let emoji = emoji.clone(); move |_| pick(emoji::toned(&emoji, tone())) },
                            {emoji::toned(&emoji, tone())}
                        }
                    }
                }
            }
            div { class: "emoji__foot",
                match over.read().clone() {
                    Some((picture, name)) => rsx! {
                        span { aria_hidden: "true", "{picture}" }
                        span { class: "grow clip", "{name}" }
                    },
                    None => rsx! { span { class: "grow" } },
                }
                button {
                    class: "btn btn--quiet btn--s",
                    r#type: "button",
                    aria_label: t("emoji-tone"),
                    title: t("emoji-tone"),
                    onclick: move |_| {
                        let next = (tone() + 1) % TONES.len();
                        browser::save(TONE, &next.to_string());
                        tone.set(next);
                    },
                    "✋{TONES[tone()]}"
                }
            }
        }
    }
}
