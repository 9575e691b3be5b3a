//! The keys of the whole page, and the sheet that lists them.

use dioxus::prelude::*;
use hearth_client_state::{
    rooms::{Row, neighbour, sections},
    route::Route,
};

use super::shell::{Open, Over, Panel};
use crate::{app::Shared, browser, design::Dialog, matrix::Space, words::t};

/// Each key with the text that says what it does.
const KEYS: [(&str, &str); 19] = [
    ("Ctrl K", "key-jump"),
    ("Alt ↑ ↓", "key-rooms"),
    ("Alt Shift ↑ ↓", "key-unread"),
    ("Ctrl Shift F", "key-search"),
    ("Ctrl ,", "key-settings"),
    ("F6, Shift F6", "key-parts"),
    ("Esc", "key-close"),
    ("?", "key-sheet"),
    ("↑", "key-edit"),
    ("Shift Enter", "key-line"),
    ("Ctrl B", "key-bold"),
    ("Ctrl I", "key-italic"),
    ("Ctrl E", "key-code"),
    ("@, #, :", "key-complete"),
    ("R, T, E, +", "key-message"),
    ("Del", "key-delete"),
    ("||…||", "key-spoiler"),
    ("Ctrl D, Ctrl E", "key-call"),
    ("Space", "key-talk"),
];

/// The parts of the page that F6 goes through.
const PARTS: [&str; 5] = [".rail", ".list__scroll", ".view .timeline", ".view .composer__text", ".panel"];

/// Listens to the keys for as long as the page is there: the shell is made once for each account.
pub fn use_keys(shared: Shared, open: Open) {
    use_hook(move || {
        browser::on_key(move |event| {
            let (key, is_ctrl) = (event.key(), event.ctrl_key() || event.meta_key());
            let (is_alt, is_shift) = (event.alt_key(), event.shift_key());
            match key.as_str() {
                "k" | "K" if is_ctrl && !is_alt && !is_shift => {
                    let is_there = *open.over.peek() == Over::Switcher;
                    open.show_over(if is_there { Over::Nothing } else { Over::Switcher });
                }
                "f" | "F" if is_ctrl && is_shift => shared.go(Route::Search(String::new())),
                "," if is_ctrl => shared.go(Route::Settings(None)),
                "ArrowDown" | "ArrowUp" if is_alt && !is_ctrl => {
                    step(shared, open, key == "ArrowDown", is_shift);
                }
                "F6" => browser::focus_next_part(&PARTS, is_shift),
                "?" if !browser::is_writing() && !is_ctrl => open.show_over(Over::Shortcuts),
                "Escape" if *open.over.peek() != Over::Nothing => open.close_over(),
                "Escape" if *open.panel.peek() != Panel::None && !browser::is_writing() => {
                    let mut panel = open.panel;
                    panel.set(Panel::None);
                }
                _ => return false,
            }
            true
        });
    });
}

/// To the room before or after, as the list shows them.
fn step(shared: Shared, open: Open, is_down: bool, is_unread: bool) {
    let rows: Vec<Row> = shared.rows.peek().iter().flatten().cloned().collect();
    let spaces = shared.spaces.peek();
    let space = open.space.peek();
    let within = Space::chosen(&spaces, space.as_deref()).map(|space| &space.rooms);
    let shown = sections(&rows, "", *open.show.peek(), within);
    let next = neighbour(&shown, shared.route.peek().room(), is_down, is_unread);
    if let Some(next) = next {
        shared.go(Route::Room(next));
    }
}

#[component]
pub fn Shortcuts() -> Element {
    let open = use_context::<Open>();
    rsx! {
        Dialog { title: t("keys"), onclose: move |()| open.close_over(),
            div { class: "dialog__body",
                dl { class: "keys",
                    for (key, text) in KEYS {
                        div { key: "{key}",
                            dt { kbd { "{key}" } }
                            dd { {t(text)} }
                        }
                    }
                }
            }
        }
    }
}
