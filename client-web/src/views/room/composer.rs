//! The composer: a plain text area that nobody but the person changes while they write.

mod completion;
mod tools;

use dioxus::{core::spawn_forever, html::HasFileData, prelude::*};
use dioxus_web::WebEventExt;
use hearth_client_state::{
    compose::{self, About},
    timeline::{Content, What, last_editable},
};
use wasm_bindgen::JsCast;

use self::{
    completion::{Offer, Offered, found},
    tools::{Mark, Tools},
};
use super::{
    InRoom,
    emoji::{EmojiPicker, note_used},
    poll::NewPoll,
    tray::{Tray, Waiting},
    voice::Recording,
};
use crate::{
    app::{Shared, use_shared},
    browser::{self, drafts},
    design::{Icon, IconButton, MenuItem},
    matrix::Upload,
    words::{Value, t, tv},
};

/// How long after the last key the list shows what is written, in milliseconds.
const SHOW_AFTER: u32 = 400;

/// How often others are told that one is typing, in milliseconds.
const TELL_EVERY: i64 = 3_000;

/// Larger files would not fit into the memory of a page.
const LARGEST: u64 = 100 << 20;

/// Whether the bar of marks is shown, kept in this browser.
const TOOLS: &str = "hearth-tools";

/// What is open above or in the place of the text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Aside {
    Nothing,
    Emoji,
    Menu,
    Poll,
    Voice,
}

#[component]
pub fn Composer() -> Element {
    let shared = use_shared();
    let in_room = use_context::<InRoom>();
    let id = move || in_room.id("composer");
    let mut writing = in_room.writing;
    let mut is_empty = use_signal(|| true);
    let mut offer = use_signal(Offer::default);
    let mut aside = use_signal(|| Aside::Nothing);
    let mut has_tools = use_signal(|| browser::load(TOOLS).is_some());
    let mut files = use_signal(Vec::<Waiting>::new);
    let mut numbers = use_hook(|| CopyValue::new(0_u32));
    let mut told = use_hook(|| CopyValue::new(0_i64));
    let mut version = use_hook(|| CopyValue::new(0_u32));
    let session = use_hook(|| CopyValue::new(database(shared)));
    let place = use_hook(|| CopyValue::new(in_room.room().place()));
    let keep = move |text: &str| drafts::keep_draft(&session.peek(), &place.peek(), text);
    let show = move || {
        let kept = drafts::draft(&session.peek(), &place.peek());
        shared.show_draft(&place.peek(), &kept.unwrap_or_default());
    };
    let mut restore = move || {
        let kept = drafts::draft(&session.peek(), &place.peek()).unwrap_or_default();
        put(&id(), &kept, None);
        is_empty.set(kept.is_empty());
    };
    use_drop(show);
    // What is edited comes into the composer for as long as it is edited.
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
        let begun = compose::completion(&text, cursor);
        let now = version.peek().wrapping_add(1);
        version.set(now);
        // What is edited has its place in the timeline.
        if !matches!(&*writing.peek(), About::Edit { .. }) {
            keep(&text);
        }
        spawn(async move {
            let now_offered = match begun {
                Some(begun) => found(shared, in_room, begun).await,
                None => Offer::default(),
            };
            if *version.peek() == now {
                offer.set(now_offered);
            }
            browser::wait(SHOW_AFTER).await;
            if *version.peek() == now {
                show();
            }
        });
        if browser::now() - *told.peek() > TELL_EVERY {
            told.set(browser::now());
            spawn(async move { in_room.room().set_typing(true).await });
        }
    };
    let mut send = move || {
        let Some((text, _)) = written(&id()) else { return };
        let uploads: Vec<Upload> = files.write().drain(..).filter_map(|file| file.take()).collect();
        if text.trim().is_empty() && uploads.is_empty() {
            return;
        }
        let about = writing.replace(About::Nothing);
        let now = version.peek().wrapping_add(1);
        version.set(now);
        told.set(0);
        // Behind an edit stands what was being written before it.
        if !matches!(about, About::Edit { .. }) {
            keep("");
        }
        restore();
        show();
        offer.set(Offer::default());
        aside.set(Aside::Nothing);
        // It goes on when another room is opened meanwhile.
        let room = in_room.room();
        spawn_forever(async move {
            for upload in uploads {
                if let Err(problem) = room.send_file(upload).await {
                    shared.tell(&problem);
                }
            }
            let outcome = match &about {
                _ if text.trim().is_empty() => Ok(()),
                About::Nothing => room.send(&text, None).await,
                About::Reply { event, .. } => room.send(&text, Some(event)).await,
                About::Edit { key } => room.edit(key, &text).await,
            };
            if let Err(problem) = outcome {
                // Nothing that was typed is lost.
                drafts::keep_draft(&database(shared), &room.place(), &text);
                shared.show_draft(&room.place(), &text);
                if shared.route.peek().room() == Some(room.id()) {
                    put(&id(), &text, None);
                }
                shared.tell(&problem);
            }
            room.set_typing(false).await;
        });
    };
    let mut complete = move |offered: &Offered| {
        let (Some((text, _)), Some(completion)) = (written(&id()), offer.peek().completion.clone()) else {
            return;
        };
        if let Offered::Emoji { picture, .. } = offered {
            note_used(picture);
        }
        let (text, cursor) = compose::completed(&text, &completion, &offered.text());
        put(&id(), &text, Some(cursor));
        offer.set(Offer::default());
        changed();
    };
    let mut insert = move |words: &str| {
        let Some((text, cursor)) = written(&id()) else { return };
        let all = format!("{}{words}{}", &text[..cursor], &text[cursor..]);
        put(&id(), &all, Some(cursor + words.len()));
        changed();
    };
    let mut mark = move |mark: Mark| {
        let Some((text, start, end)) = chosen(&id()) else { return };
        let (text, start, end) = mark.apply(&text, start, end);
        put_chosen(&id(), &text, start, end);
        changed();
    };
    let mut cancel = move || {
        if matches!(writing.replace(About::Nothing), About::Edit { .. }) {
            restore();
        }
    };
    let key = move |event: Event<KeyboardData>| {
        // A key that ends a composition belongs to the input method.
        if event.is_composing() || is_of_input_method(&event) {
            return;
        }
        let count = offer.peek().choices.len();
        let modifiers = event.modifiers();
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
                let choice = offer.peek().choices[offer.peek().chosen].clone();
                complete(&choice);
            }
            Key::Escape if count > 0 => offer.set(Offer::default()),
            Key::Escape if aside() != Aside::Nothing => aside.set(Aside::Nothing),
            Key::Escape => cancel(),
            // On a phone the key makes a line, and the button sends.
            Key::Enter if !modifiers.shift() && !browser::is_touch() => {
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
            Key::Character(letter) if modifiers.ctrl() || modifiers.meta() => {
                if let Some(of_key) = Mark::of_key(&letter) {
                    event.prevent_default();
                    mark(of_key);
                }
            }
            _ => {}
        }
    };
    let mut wait = move |upload: Upload| {
        if upload.bytes.len() as u64 > LARGEST {
            let mut toast = shared.toast;
            toast.set(Some(tv("file-too-large", [("name", Value::from(upload.name.as_str()))])));
            return;
        }
        let number = *numbers.peek();
        numbers.set(number + 1);
        files.write().push(Waiting::new(number, upload));
        browser::focus(&id());
    };
    let take = move |chosen: Vec<dioxus::html::FileData>| async move {
        for file in chosen {
            if let Some(upload) = upload_of(file).await {
                wait(upload);
            }
        }
    };
    let label = match in_room.place {
        "thread" => t("reply-in-thread"),
        _ => tv("message-to", [("room", Value::from(in_room.about.read().name.as_str()))]),
    };
    rsx! {
        div { class: "compose",
            completion::Choices { offer, onchoose: move |choice: Offered| complete(&choice) }
            if aside() == Aside::Emoji {
                EmojiPicker {
                    onclose: move |()| aside.set(Aside::Nothing),
                    onpick: move |picture: String| {
                        insert(&picture);
                        aside.set(Aside::Nothing);
                    },
                }
            }
            if aside() == Aside::Menu {
                div { class: "menu attachmenu", role: "menu", aria_label: t("attach"),
                    label { class: "menu__item", role: "menuitem",
                        Icon { name: "file" }
                        {t("attach-file")}
                        input {
                            class: "sr",
                            r#type: "file",
                            multiple: true,
                            onchange: move |event| {
                                aside.set(Aside::Nothing);
                                take(event.files())
                            },
                        }
                    }
                    MenuItem {
                        icon: "chart-bar-decreasing",
                        label: t("poll"),
                        onclick: move |()| aside.set(Aside::Poll),
                    }
                    MenuItem {
                        icon: "type",
                        label: t("formatting"),
                        onclick: move |()| {
                            aside.set(Aside::Nothing);
                            has_tools.set(true);
                            browser::save(TOOLS, "on");
                        },
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
                    take(event.files())
                },
                Writing { oncancel: move |()| cancel() }
                Tray { files }
                if has_tools() {
                    Tools { onmark: move |of: Mark| mark(of) }
                }
                if aside() == Aside::Voice {
                    Recording { onclose: move |()| aside.set(Aside::Nothing) }
                }
                div { class: "composer__row", class: if aside() == Aside::Voice { "is-hidden" },
                    IconButton {
                        icon: "plus",
                        label: t("attach"),
                        pressed: aside() == Aside::Menu,
                        onclick: move |_| aside.set(if aside() == Aside::Menu { Aside::Nothing } else { Aside::Menu }),
                    }
                    input {
                        class: "sr",
                        id: in_room.id("attach"),
                        r#type: "file",
                        multiple: true,
                        tabindex: "-1",
                        aria_label: t("attach-file"),
                        onchange: move |event| take(event.files()),
                    }
                    textarea {
                        class: "composer__text",
                        id: id(),
                        rows: "1",
                        dir: "auto",
                        placeholder: if browser::is_touch() { t("message") } else { label.clone() },
                        aria_label: "{label}",
                        aria_autocomplete: "list",
                        aria_controls: (!offer.read().choices.is_empty()).then(|| in_room.id("complete")),
                        oninput: move |_| changed(),
                        onkeydown: key,
                        onpaste: move |event| {
                            let pasted = pasted_files(&event);
                            if !pasted.is_empty() {
                                event.prevent_default();
                            }
                            async move {
                                for file in pasted {
                                    if let Some(upload) = browser::upload(file).await {
                                        wait(upload);
                                    }
                                }
                            }
                        },
                        onmounted: move |_| {
                            // What was being written when it was left.
                            restore();
                            async move {
                                if !browser::is_touch() {
                                    browser::focus(&id());
                                }
                            }
                        },
                    }
                    span { class: "only-desktop",
                        IconButton {
                            icon: "case-sensitive",
                            label: t("formatting"),
                            pressed: has_tools(),
                            onclick: move |_| {
                                has_tools.toggle();
                                if has_tools() { browser::save(TOOLS, "on") } else { browser::forget(TOOLS) }
                            },
                        }
                    }
                    IconButton {
                        icon: "smile",
                        label: t("emoji"),
                        pressed: aside() == Aside::Emoji,
                        onclick: move |_| aside.set(if aside() == Aside::Emoji { Aside::Nothing } else { Aside::Emoji }),
                    }
                    if is_empty() && files.read().is_empty() {
                        IconButton { icon: "mic", label: t("voice-message"), onclick: move |_| aside.set(Aside::Voice) }
                    } else {
                        IconButton { icon: "send-horizontal", label: t("send"), class: "btn--primary send", onclick: move |_| send() }
                    }
                }
            }
            if aside() == Aside::Poll {
                NewPoll { onclose: move |()| aside.set(Aside::Nothing) }
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

/// A file that the person chose, with its content.
pub async fn upload_of(file: dioxus::html::FileData) -> Option<Upload> {
    let (name, mime_type) = (file.name(), file.content_type().unwrap_or_default());
    let bytes = file.read_bytes().await.ok()?.to_vec();
    let size = match mime_type.starts_with("image/") {
        true => browser::picture_size(&bytes, &mime_type).await,
        false => None,
    };
    Some(Upload { name, mime_type, bytes, size, caption: String::new(), voice: None })
}

/// The database of the session, under which what is written is kept.
fn database(shared: Shared) -> String {
    shared.account().map(|account| account.session.database()).unwrap_or_default()
}

/// What stands in the text area, and where the cursor is in it, in bytes.
fn written(id: &str) -> Option<(String, usize)> {
    chosen(id).map(|(text, start, _)| (text, start))
}

/// What stands in the text area, and what is chosen of it, in bytes.
fn chosen(id: &str) -> Option<(String, usize, usize)> {
    let area = browser::text_area(id)?;
    let text = area.value();
    let start = area.selection_start().ok().flatten().unwrap_or(0) as usize;
    let end = area.selection_end().ok().flatten().unwrap_or(0) as usize;
    let (start, end) = (compose::byte_of(&text, start), compose::byte_of(&text, end));
    Some((text, start, end))
}

/// Puts a text there, with the cursor at a byte of it or at its end.
fn put(id: &str, text: &str, cursor: Option<usize>) {
    let cursor = cursor.unwrap_or(text.len());
    put_chosen(id, text, cursor, cursor);
}

/// Puts a text there, with a part of it chosen.
fn put_chosen(id: &str, text: &str, start: usize, end: usize) {
    let Some(area) = browser::text_area(id) else { return };
    area.set_value(text);
    let (start, end) = (compose::utf16_of(text, start) as u32, compose::utf16_of(text, end) as u32);
    let _ = area.set_selection_range(start, end);
    if end > 0 {
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
