//! How the client looks in this browser.

use dioxus::prelude::*;

use crate::{browser, words::t};

/// Where `boot.js` finds them at the next start, and the attribute of the root that says so.
const THEME: (&str, &str) = ("hearth-theme", "data-theme");
const DENSITY: (&str, &str) = ("hearth-density", "data-density");

#[component]
pub fn Appearance() -> Element {
    rsx! {
        Choice {
            title: "theme",
            place: THEME,
            options: vec![
                ("", "theme-system"),
                ("light", "theme-light"),
                ("dark", "theme-dark"),
                ("contrast", "theme-contrast"),
            ],
        }
        Choice {
            title: "density",
            place: DENSITY,
            options: vec![("", "density-comfortable"), ("compact", "density-compact")],
        }
    }
}

/// One of several, each with its value and its text; none is the first.
#[component]
fn Choice(
    title: &'static str,
    place: (&'static str, &'static str),
    options: Vec<(&'static str, &'static str)>,
) -> Element {
    let (stored, attribute) = place;
    let mut chosen = use_signal(|| browser::load(stored).unwrap_or_default());
    rsx! {
        section { class: "block",
            h2 { {t(title)} }
            div { class: "pile pile--s", role: "radiogroup", aria_label: t(title),
                for (value, text) in options {
                    label { key: "{value}", class: "check",
                        input {
                            r#type: "radio",
                            name: title,
                            checked: *chosen.read() == value,
                            onchange: move |_| {
                                let value = Some(value).filter(|value| !value.is_empty());
                                match value {
                                    Some(value) => browser::save(stored, value),
                                    None => browser::forget(stored),
                                }
                                browser::set_root(attribute, value);
                                chosen.set(value.unwrap_or_default().to_owned());
                            },
                        }
                        span { {t(text)} }
                    }
                }
            }
        }
    }
}
