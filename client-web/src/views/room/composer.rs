//! The composer: a plain text area that nobody but the person changes while they write.

use dioxus::{core::spawn_forever, html::HasFileData, prelude::*};
use dioxus_web::WebEventExt;
use hearth_client_state::{
    compose::{self, About, Completion, Kind},
    timeline::{Content, Person, What, last_editable},
};
use wasm_bindgen::JsCast;

use super::InRoom;
use crate::{
    app::use_shared,
    browser,
    design::{Avatar, Icon, IconButton},
    matrix::Upload,
    words::{Value, t, tv},
};

/// How long after the last key what is written is kept.
const KEEP_AFTER: u32 = 400;

/// How often others are told that one is typing, in milliseconds.
const TELL_EVERY: i64 = 3_000;

/// Nobody chooses among more.
const MOST_PEOPLE: usize = 6;

/// People who may be meant by what is being typed.
#[derive(Clone, Default, PartialEq)]
struct Offer {
    completion: Option<Completion>,
    people: Vec<Person>,
    chosen: usize,
}

#[component]
pub fn Composer() -> Element {
    let shared = use_shared();
    let in_room = use_context::<InRoom>();
    let id = move || in_room.id("composer");
    let mut writing = in_room.writing;
    let mut is_empty = use_signal(|| true);
    let mut offer = use_signal(Offer::default);
    let mut told = use_hook(|| CopyValue::new(0_i64));
    let mut version = use_hook(|| CopyValue::new(0_u32));
    // What was being written when it was left.
    use_future(move || async move {
        if let Some(text) = in_room.room().draft().await {
            put(&id(), &text, None);
            is_empty.set(false);
        }
    });
    // What is edited comes into the composer, and what was there is gone with the edit.
    use_effect(move || {
        let about = writing.read().clone();
        if let About::Edit { key } = &about {
            let items = in_room.items.peek();
            let source = items.as_ref().and_then(|items| items.iter().find(|item| item.key == *key).cloned());
            if let Some(What::Message(message)) = source.as_ref().map(|item| &item.what)
                && let Content::Text { source, .. } = &message.content
            {
                put(&id(), source, None);
                is_empty.set(false);
            }
        }
        if about != About::Nothing {
            spawn(async move { browser::focus(&id()) });
        }
    });
    let mut changed = move || {
        let Some((text, cursor)) = written(&id()) else { return };
        is_empty.set(text.trim().is_empty());
        let found = compose::completion(&text, cursor).filter(|found| found.kind == Kind::Person);
        let now = version.peek().wrapping_add(1);
        version.set(now);
        spawn(async move {
            let people = match &found {
                Some(found) => in_room.room().people_called(&found.begun, MOST_PEOPLE).await,
                None => Vec::new(),
            };
            if *version.peek() == now {
                offer.set(Offer { completion: found, people, chosen: 0 });
            }
            browser::wait(KEEP_AFTER).await;
            let is_edit = matches!(&*writing.peek(), About::Edit { .. });
            if *version.peek() == now && !is_edit {
                in_room.room().save_draft(&text).await;
            }
        });
        if browser::now() - *told.peek() > TELL_EVERY {
            told.set(browser::now());
            spawn(async move { in_room.room().set_typing(true).await });
        }
    };
    let mut send = move || {
        let Some((text, _)) = written(&id()) else { return };
        if text.trim().is_empty() {
            return;
        }
        let about = writing.replace(About::Nothing);
        let now = version.peek().wrapping_add(1);
        version.set(now);
        told.set(0);
        put(&id(), "", None);
        is_empty.set(true);
        offer.set(Offer::default());
        // It goes on when another room is opened meanwhile.
        let room = in_room.room();
        spawn_forever(async move {
            let outcome = match &about {
                About::Nothing => room.send(&text, None).await,
                About::Reply { event, .. } => room.send(&text, Some(event)).await,
                About::Edit { key } => room.edit(key, &text).await,
            };
            match outcome {
                Ok(()) => room.save_draft("").await,
                Err(problem) => {
                    // Nothing that was typed is lost.
                    room.save_draft(&text).await;
                    if shared.route.peek().room() == Some(room.id()) {
                        put(&id(), &text, None);
                    }
                    shared.tell(&problem);
                }
            }
            room.set_typing(false).await;
        });
    };
    let mut complete = move |person: &Person| {
        let (Some((text, _)), Some(completion)) = (written(&id()), offer.peek().completion.clone()) else {
            return;
        };
        let mention = compose::mention(&person.name, &person.id);
        let (text, cursor) = compose::completed(&text, &completion, &mention);
        put(&id(), &text, Some(cursor));
        offer.set(Offer::default());
        is_empty.set(false);
    };
    let mut cancel = move || {
        if matches!(writing.replace(About::Nothing), About::Edit { .. }) {
            put(&id(), "", None);
            is_empty.set(true);
        }
    };
    let key = move |event: Event<KeyboardData>| {
        // A key that ends a composition belongs to the input method.
        if event.is_composing() || is_of_input_method(&event) {
            return;
        }
        let count = offer.peek().people.len();
        match event.key() {
            Key::ArrowDown if count > 0 => {
                event.prevent_default();
                offer.with_mut(|offer| offer.chosen = (offer.chosen + 1) % count);
            }
            Key::ArrowUp if count > 0 => {
                event.prevent_default();
                offer.with_mut(|offer| offer.chosen = (offer.chosen + count - 1) % count);
            }
            Key::Enter | Key::Tab if count > 0 => {
                event.prevent_default();
                let person = offer.peek().people[offer.peek().chosen].clone();
                complete(&person);
            }
            Key::Escape if count > 0 => offer.set(Offer::default()),
            Key::Escape => cancel(),
            // On a phone the key makes a line, and the button sends.
            Key::Enter if !event.modifiers().shift() && !browser::is_touch() => {
                event.prevent_default();
                send();
            }
            Key::ArrowUp if is_empty() && *writing.peek() == About::Nothing => {
                let items = in_room.items.peek();
                let last = items.as_ref().and_then(|items| last_editable(items.iter()).cloned());
                if let Some(last) = last {
                    event.prevent_default();
                    writing.set(About::Edit { key: last.key.clone() });
                }
            }
            _ => {}
        }
    };
    let files = move |files: Vec<dioxus::html::FileData>| async move {
        for file in files {
            let name = file.name();
            let mime_type = file.content_type().unwrap_or_default();
            let Ok(bytes) = file.read_bytes().await else { continue };
            let bytes = bytes.to_vec();
            let size = match mime_type.starts_with("image/") {
                true => browser::picture_size(&bytes, &mime_type).await,
                false => None,
            };
            let upload = Upload { name, mime_type, bytes, size };
            if let Err(problem) = in_room.room().send_file(upload).await {
                shared.tell(&problem);
            }
        }
    };
    let label = match in_room.place {
        "thread" => t("reply-in-thread"),
        _ => tv("message-to", [("room", Value::from(in_room.about.read().name.as_str()))]),
    };
    rsx! {
        div { class: "compose",
            if !offer.read().people.is_empty() {
                div { class: "menu complete", role: "listbox", id: "complete",
                    for (number, person) in offer.read().people.clone().into_iter().enumerate() {
                        button {
                            key: "{person.id}",
                            class: "menu__item",
                            class: if number == offer.read().chosen { "is-hover" },
                            role: "option",
                            aria_selected: (number == offer.read().chosen).to_string(),
                            onclick: { let person = person.clone(); move |_| complete(&person) },
                            Avatar { id: person.id.clone(), name: person.name.clone(), picture: person.picture.clone() }
                            bdi { "{person.name}" }
                            small { "{person.id}" }
                        }
                    }
                }
            }
            form {
                class: "composer",
                onsubmit: move |event| {
                    event.prevent_default();
                    send();
                },
                ondragover: |event| event.prevent_default(),
                ondrop: move |event| {
                    event.prevent_default();
                    files(event.files())
                },
                Writing { oncancel: move |()| cancel() }
                div { class: "composer__row",
                    label { class: "btn btn--icon", title: t("attach"),
                        Icon { name: "plus" }
                        span { class: "sr", {t("attach")} }
                        input {
                            class: "sr",
                            id: in_room.id("attach"),
                            r#type: "file",
                            multiple: true,
                            onchange: move |event| files(event.files()),
                        }
                    }
                    textarea {
                        class: "composer__text",
                        id: id(),
                        rows: "1",
                        dir: "auto",
                        placeholder: if browser::is_touch() { t("message") } else { label.clone() },
                        aria_label: "{label}",
                        aria_autocomplete: "list",
                        aria_controls: (!offer.read().people.is_empty()).then_some("complete"),
                        oninput: move |_| changed(),
                        onkeydown: key,
                        onpaste: move |event| {
                            let pasted = pasted_files(&event);
                            if !pasted.is_empty() {
                                event.prevent_default();
                            }
                            async move {
                                for file in pasted {
                                    if let Some(upload) = browser::upload(file).await
                                        && let Err(problem) = in_room.room().send_file(upload).await
                                    {
                                        shared.tell(&problem);
                                    }
                                }
                            }
                        },
                        onmounted: move |_| async move {
                            if !browser::is_touch() {
                                browser::focus(&id());
                            }
                        },
                    }
                    if !is_empty() {
                        IconButton { icon: "send-horizontal", label: t("send"), class: "send", onclick: move |_| send() }
                    }
                }
            }
        }
    }
}

/// What the message answers or edits, above the text.
#[component]
fn Writing(oncancel: EventHandler<()>) -> Element {
    let in_room = use_context::<InRoom>();
    let (icon, title, text) = match in_room.writing.read().clone() {
        About::Nothing => return rsx! {},
        About::Reply { to, text, .. } => ("reply", tv("replying-to", [("name", Value::from(to))]), text),
        About::Edit { .. } => ("pencil", t("editing"), String::new()),
    };
    rsx! {
        div { class: "composer__about",
            Icon { name: icon, size: "s" }
            b { class: "clip", dir: "auto", "{title}" }
            span { class: "clip grow", dir: "auto", "{text}" }
            IconButton { icon: "x", label: t("cancel"), class: "btn--s", size: "s", onclick: move |_| oncancel.call(()) }
        }
    }
}

/// What stands in the text area, and where the cursor is in it, in bytes.
fn written(id: &str) -> Option<(String, usize)> {
    let area = browser::text_area(id)?;
    let text = area.value();
    let cursor = area.selection_start().ok().flatten().unwrap_or(0) as usize;
    let cursor = compose::byte_of(&text, cursor);
    Some((text, cursor))
}

/// Puts a text there, with the cursor at a byte of it or at its end.
fn put(id: &str, text: &str, cursor: Option<usize>) {
    let Some(area) = browser::text_area(id) else { return };
    area.set_value(text);
    let cursor = compose::utf16_of(text, cursor.unwrap_or(text.len())) as u32;
    let _ = area.set_selection_range(cursor, cursor);
    if cursor > 0 {
        let _ = area.focus();
    }
}

/// Some browsers tell a key of an input method by its number alone.
fn is_of_input_method(event: &Event<KeyboardData>) -> bool {
    event.data().as_web_event().key_code() == 229
}

fn pasted_files(event: &Event<ClipboardData>) -> Vec<web_sys::File> {
    let event = event.data().as_web_event();
    let Some(event) = event.dyn_ref::<web_sys::ClipboardEvent>() else { return Vec::new() };
    let files = event.clipboard_data().and_then(|data| data.files());
    let files = files.into_iter().flat_map(|files| (0..files.length()).filter_map(move |at| files.get(at)));
    files.collect()
}
