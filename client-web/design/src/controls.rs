//! The controls that views are made of, with the classes of the design system (`assets/controls.css`).

use dioxus::prelude::*;

use crate::{page, words::t};

/// One of two names, in a place where a component is given its icon or class.
pub fn either(is_so: bool, yes: &'static str, no: &'static str) -> &'static str {
    if is_so { yes } else { no }
}

/// An icon of Lucide by its name; the page carries all of them (`assets/icons.svg`).
#[component]
pub fn Icon(
    name: &'static str,
    #[props(default)] size: &'static str,
    #[props(default)] label: String,
) -> Element {
    let class = match size {
        "" => "i".to_owned(),
        size => format!("i i--{size}"),
    };
    let is_hidden = label.is_empty();
    rsx! {
        svg {
            class,
            view_box: "0 0 24 24",
            role: if !is_hidden { "img" },
            "aria-label": if !is_hidden { "{label}" },
            "aria-hidden": if is_hidden { "true" },
            r#use { href: "#i-{name}" }
        }
    }
}

/// Something that can be done, in a menu.
#[component]
pub fn MenuItem(
    icon: &'static str,
    label: String,
    #[props(default)] size: &'static str,
    #[props(default)] is_danger: bool,
    onclick: EventHandler<()>,
) -> Element {
    let danger = if is_danger { "menu__item--danger" } else { "" };
    rsx! {
        button { class: "menu__item {danger}", role: "menuitem", onclick: move |_| onclick.call(()),
            Icon { name: icon, size }
            "{label}"
        }
    }
}

/// A button that is an icon, with its name for whoever does not see it.
#[component]
pub fn IconButton(
    icon: &'static str,
    label: String,
    onclick: EventHandler<MouseEvent>,
    #[props(default)] class: &'static str,
    #[props(default)] size: &'static str,
    pressed: Option<bool>,
) -> Element {
    rsx! {
        button {
            class: "btn btn--icon {class}",
            r#type: "button",
            title: "{label}",
            aria_label: "{label}",
            aria_pressed: pressed.map(|pressed| pressed.to_string()),
            onclick,
            Icon { name: icon, size }
        }
    }
}

/// The sign of Hearth: a fire in its place.
#[component]
pub fn Brand(size: &'static str) -> Element {
    rsx! {
        svg { width: size, height: size, view_box: "0 0 32 32", fill: "none", "aria-hidden": "true",
            path { d: "M4 28V14.5C4 8 9.4 3 16 3s12 5 12 11.5V28", stroke: "currentColor", stroke_width: "2.6", stroke_linecap: "round" }
            path { class: "brand__fire", d: "M16 10.5c.6 3.6 5.2 5.4 5.2 10.3A5.2 5.2 0 0 1 16 26a5.2 5.2 0 0 1-5.2-5.2c0-2.2 1-3.6 2.2-4.8.2 1.5.8 2.4 1.7 2.9-.5-3.2-.2-6 1.3-8.4z" }
            path { d: "M2.5 28.5h27", stroke: "currentColor", stroke_width: "2.6", stroke_linecap: "round" }
        }
    }
}

/// A field with a label, and what is wrong with it.
#[component]
pub fn Field(
    id: &'static str,
    label: String,
    #[props(default)] error: Option<String>,
    #[props(default)] hint: Option<String>,
    children: Element,
) -> Element {
    rsx! {
        div { class: "field",
            label { r#for: id, "{label}" }
            {children}
            if let Some(error) = error {
                p { class: "field__error", id: "{id}-error", role: "alert",
                    Icon { name: "circle-alert", size: "s" }
                    span { "{error}" }
                }
            }
            if let Some(hint) = hint {
                p { class: "field__hint", "{hint}" }
            }
        }
    }
}

/// A field for a name, a code or the like, in which nothing is corrected.
#[component]
pub fn PlainInput(
    id: &'static str,
    autocomplete: &'static str,
    #[props(default)] is_wrong: bool,
    oninput: EventHandler<String>,
) -> Element {
    rsx! {
        input {
            class: "input",
            id,
            autocomplete,
            autocapitalize: "none",
            spellcheck: "false",
            aria_invalid: is_wrong.then_some("true"),
            oninput: move |event| oninput.call(event.value()),
        }
    }
}

/// A password, which can be shown.
#[component]
pub fn Password(
    id: &'static str,
    label: String,
    value: Signal<String>,
    autocomplete: &'static str,
    #[props(default)] error: Option<String>,
    #[props(default)] children: Element,
) -> Element {
    let mut value = value;
    let mut is_shown = use_signal(|| false);
    let shown = is_shown();
    let (icon, toggle) = if shown { ("eye-off", "password-hide") } else { ("eye", "password-show") };
    rsx! {
        Field { id, label, error: error.clone(),
            div { class: "affix",
                input {
                    class: "input",
                    id,
                    r#type: if shown { "text" } else { "password" },
                    autocomplete,
                    autocapitalize: "none",
                    spellcheck: "false",
                    aria_invalid: error.is_some().then_some("true"),
                    value: "{value}",
                    oninput: move |event| value.set(event.value()),
                }
                span { class: "affix__end",
                    IconButton {
                        icon,
                        label: t(toggle),
                        class: "btn--s",
                        size: "s",
                        onclick: move |_| is_shown.toggle(),
                    }
                }
            }
            {children}
        }
    }
}

/// The main button of a form; it turns while what it began goes on.
#[component]
pub fn Submit(label: String, is_busy: bool, #[props(default)] class: &'static str) -> Element {
    rsx! {
        button {
            class: "btn btn--primary {class}",
            r#type: "submit",
            disabled: is_busy,
            aria_busy: is_busy.then_some("true"),
            if is_busy {
                span { class: "spin", aria_hidden: "true" }
            }
            "{label}"
        }
    }
}

/// Gives the focus back, when a view goes, to what had it when the view came.
pub fn use_give_back_focus() {
    let before = use_hook(|| CopyValue::new(page::focused()));
    use_drop(move || {
        let Some(before) = before.peek().clone().filter(|before| before.is_connected()) else { return };
        // What the browser tells of the focus must not come in the middle of an event.
        wasm_bindgen_futures::spawn_local(async move {
            // Whoever put it somewhere else meanwhile meant that.
            if page::focused().is_none() {
                let _ = before.focus();
            }
        });
    });
}

/// A dialog over everything else: it takes the focus and keeps it, and Escape closes it.
#[component]
pub fn Dialog(title: String, onclose: EventHandler<()>, children: Element) -> Element {
    use_give_back_focus();
    use_effect(|| {
        spawn(async {
            // A field of it may have asked for the focus.
            if !page::has_focus("#dialog *") {
                page::focus("dialog");
            }
        });
    });
    rsx! {
        div {
            class: "scrim",
            onclick: move |_| onclose.call(()),
            div {
                class: "dialog",
                id: "dialog",
                role: "dialog",
                aria_modal: "true",
                aria_labelledby: "dialog-title",
                tabindex: "-1",
                onclick: |event| event.stop_propagation(),
                onkeydown: move |event| match event.key() {
                    Key::Escape => {
                        event.stop_propagation();
                        onclose.call(());
                    }
                    Key::Tab if page::focus_round("dialog", event.modifiers().shift()) => event.prevent_default(),
                    _ => {}
                },
                header { class: "dialog__head",
                    h2 { id: "dialog-title", "{title}" }
                    IconButton {
                        icon: "x",
                        label: t("close"),
                        onclick: move |_| onclose.call(()),
                    }
                }
                {children}
            }
        }
    }
}
