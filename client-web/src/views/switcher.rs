//! Search or jump: rooms and people by what is typed, with the keys alone.

use dioxus::prelude::*;
use hearth_client_state::{
    rooms::{Kind, Row, jump_targets},
    route::Route,
};

use super::shell::Open;
use crate::{
    app::use_shared,
    browser,
    design::{Avatar, Icon},
    words::{Value, t, tv},
};

/// Nobody reads through more.
const MOST: usize = 12;

#[component]
pub fn Switcher() -> Element {
    let shared = use_shared();
    let open = use_context::<Open>();
    let mut typed = use_signal(String::new);
    let mut chosen = use_signal(|| 0_usize);
    let found = use_memo(move || {
        let rows: Vec<Row> = shared.rows.read().iter().flatten().cloned().collect();
        jump_targets(&rows, &typed.read(), MOST)
    });
    // Searching messages stands after the rooms.
    let has_search = !typed.read().trim().is_empty();
    let count = found.read().len() + usize::from(has_search);
    let go = move |at: usize| {
        let route = match found.peek().get(at) {
            Some(row) => Route::Room(row.id.clone()),
            None => Route::Search(typed.peek().trim().to_owned()),
        };
        open.close_over();
        shared.go(route);
    };
    let key = move |event: Event<KeyboardData>| match event.key() {
        Key::ArrowDown if count > 0 => {
            event.prevent_default();
            chosen.set((chosen() + 1) % count);
            browser::scroll_just_to(&format!("jump-{}", chosen()));
        }
        Key::ArrowUp if count > 0 => {
            event.prevent_default();
            chosen.set((chosen() + count - 1) % count);
            browser::scroll_just_to(&format!("jump-{}", chosen()));
        }
        Key::Enter if count > 0 && !event.is_composing() => {
            event.prevent_default();
            go(chosen());
        }
        Key::Escape => open.close_over(),
        _ => {}
    };
    let at = found.read().len();
    rsx! {
        div { class: "scrim scrim--top", onclick: move |_| open.close_over(),
            div {
                class: "switcher",
                role: "dialog",
                aria_modal: "true",
                aria_label: t("jump"),
                onclick: |event| event.stop_propagation(),
                onkeydown: key,
                div { class: "switcher__find",
                    Icon { name: "search" }
                    input {
                        id: "jump",
                        r#type: "text",
                        role: "combobox",
                        aria_label: t("jump"),
                        aria_expanded: "true",
                        aria_controls: "jump-list",
                        aria_activedescendant: "jump-{chosen}",
                        placeholder: t("jump"),
                        autocomplete: "off",
                        spellcheck: "false",
                        onmounted: |_| async { browser::focus("jump") },
                        oninput: move |event| {
                            typed.set(event.value());
                            chosen.set(0);
                        },
                    }
                    kbd { "Esc" }
                }
                div { class: "switcher__body",
                    ul { id: "jump-list", role: "listbox", aria_label: t("jump"),
                        for (number, row) in found.read().iter().cloned().enumerate() {
                            li {
                                key: "{row.id}",
                                id: "jump-{number}",
                                role: "option",
                                aria_selected: (number == chosen()).to_string(),
                                class: "row",
                                class: if number == chosen() { "is-hover" },
                                onclick: move |_| go(number),
                                Avatar { id: row.id.clone(), name: row.name.clone(), picture: row.picture.clone(), is_room: row.kind != Kind::Person }
                                span { class: "row__text",
                                    span { dir: "auto", "{row.name}" }
                                    if let Some(space) = open.apart.read().get(&row.id) {
                                        small { dir: "auto", "{space}" }
                                    }
                                }
                                if row.unread.mentions > 0 {
                                    span { class: "badge badge--mention", "@" }
                                } else if row.unread.notifications > 0 {
                                    span { class: "badge", "{row.unread.notifications}" }
                                }
                            }
                        }
                        if has_search {
                            li {
                                key: "{at}",
                                id: "jump-{at}",
                                role: "option",
                                aria_selected: (chosen() == at).to_string(),
                                class: "row",
                                class: if chosen() == at { "is-hover" },
                                onclick: move |_| go(at),
                                span { class: "switcher__do", Icon { name: "search" } }
                                span { class: "row__text",
                                    span { {tv("jump-search", [("words", Value::from(typed.read().trim()))])} }
                                }
                            }
                        }
                    }
                }
                div { class: "switcher__foot",
                    span { kbd { "↑" } kbd { "↓" } {t("jump-choose")} }
                    span { kbd { "Enter" } {t("jump-open")} }
                    span { kbd { "#" } {t("section-rooms")} }
                    span { kbd { "@" } {t("section-people")} }
                }
            }
        }
    }
}
