//! A message: who, when, what, and whether it was sent and read.

mod actions;
mod reactions;

use dioxus::prelude::*;
use hearth_client_state::{
    names::colour,
    rich::first_link,
    route::Route,
    timeline::{Content, Locked, Message, Quote, Sending},
};

use self::{
    actions::{Actions, Delete, key_on_message, open_thread},
    reactions::Reactions,
};
use super::{
    super::shell::{Open, Over},
    InRoom, forward,
    link::LinkPreview,
    picture::{File, Picture, Played, Sticker},
    poll::PollView,
    text::{Note, Text},
    timeline::jump_to,
    voice::VoicePlayer,
};
use crate::{
    app::use_shared,
    browser,
    design::{Avatar, Icon},
    words::{Value, t, tv},
};

#[component]
pub fn MessageRow(id: String, message: Message, begins_group: bool) -> Element {
    let in_room = use_context::<InRoom>();
    let is_open = use_memo(use_reactive!(|id| in_room.menu.read().as_ref() == Some(&id)));
    let time = browser::time(message.at);
    let moment = browser::moment(message.at);
    // The same event stands in the room and in its thread.
    let page_id = message.event.as_deref().map(|event| in_room.id(event));
    let open = use_context::<Open>();
    let event = use_hook(|| CopyValue::new(None));
    let mut event = event;
    event.set(message.event.clone());
    let own = id.clone();
    let (keyed, keyed_message) = (id.clone(), message.clone());
    rsx! {
        li {
            class: "msg",
            class: if begins_group { "msg--first" },
            class: if message.is_mention { "msg--mention" },
            class: if message.sending == Sending::Waiting { "msg--sending" },
            class: if message.sending == Sending::Failed { "msg--failed" },
            class: if message.content == Content::Deleted { "msg--redacted" },
            class: if is_open() { "is-open" },
            id: page_id,
            tabindex: "-1",
            onkeydown: move |event| key_on_message(&event, in_room, open, &keyed, &keyed_message),
            // A long press on a phone.
            oncontextmenu: move |event| {
                if browser::is_touch() {
                    event.prevent_default();
                    let mut menu = in_room.menu;
                    menu.set(Some(own.clone()));
                }
            },
            div { class: "msg__side",
                if begins_group {
                    Sender { message: message.clone(), is_name: false }
                } else {
                    span { class: "msg__at", aria_hidden: "true", "{time}" }
                }
            }
            div { class: "msg__body",
                if begins_group {
                    div { class: "msg__head",
                        Sender { message: message.clone(), is_name: true }
                        time { title: "{moment}", "{time}" }
                    }
                } else {
                    span { class: "sr", "{message.sender.name}, {time}" }
                }
                if let Some(quote) = &message.reply {
                    Quoted { quote: quote.clone() }
                }
                Body { message: message.clone(), id: id.clone() }
                if !message.reactions.is_empty() {
                    Reactions { id: id.clone(), reactions: message.reactions.clone() }
                }
                if let Some(thread) = message.thread.as_ref().filter(|_| in_room.place == "room") {
                    button { class: "threadline", onclick: move |_| open_thread(open, event.peek().as_deref()),
                        Icon { name: "message-square-text", size: "s" }
                        b { {tv("replies", [("count", Value::from(u64::from(thread.replies)))])} }
                    }
                }
                if message.sending == Sending::Failed {
                    Failed { id: id.clone() }
                }
            }
            div { class: "msg__end",
                if message.sending == Sending::Waiting {
                    SendingNote {}
                } else if !message.read_by.is_empty() {
                    Receipts { message: message.clone() }
                }
            }
            if message.content != Content::Deleted {
                Actions { id, message: message.clone() }
            }
        }
    }
}

/// Who wrote: the picture or the name, which opens their card.
#[component]
fn Sender(message: Message, is_name: bool) -> Element {
    let in_room = use_context::<InRoom>();
    let open = use_context::<Open>();
    let sender = message.sender;
    let user = sender.id.clone();
    let show = move |event: MouseEvent| {
        event.stop_propagation();
        open.show_over(Over::Person { user: user.clone(), room: Some(in_room.room().id().to_owned()) });
    };
    rsx! {
        if is_name {
            button { class: "msg__name n{colour(&sender.id)}", dir: "auto", title: "{sender.id}", onclick: show, "{sender.name}" }
        } else {
            // The name beside it does the same for who goes by keys.
            button { tabindex: "-1", aria_hidden: "true", onclick: show,
                Avatar { id: sender.id.clone(), name: sender.name.clone(), picture: sender.picture.clone() }
            }
        }
    }
}

#[component]
fn Body(message: Message, id: String) -> Element {
    let in_room = use_context::<InRoom>();
    let (edited, versions) = (message.is_edited, message.event.clone());
    match message.content {
        Content::Text { text, is_emote, is_notice, is_jumbo, .. } => rsx! {
            div {
                class: "msg__text",
                class: if is_jumbo { "jumbo" },
                class: if is_notice { "msg__text--notice" },
                dir: "auto",
                if is_emote {
                    em { "{message.sender.name} " }
                }
                Text { nodes: text.clone() }
                if edited {
                    " "
                    button { class: "msg__note", onclick: move |_| show_versions(in_room, versions.clone()), {t("edited")} }
                }
            }
            if let Some(link) = first_link(&text) {
                LinkPreview { link }
            }
        },
        Content::Picture(media) => rsx! { Picture { media } },
        Content::Video(media) => rsx! { Played { media, is_video: true } },
        Content::Sound(media) if !media.loudness.is_empty() => rsx! { VoicePlayer { media, id } },
        Content::Sound(media) => rsx! { Played { media, is_video: false } },
        Content::File(media) => rsx! { File { media } },
        Content::Sticker(media) => rsx! { Sticker { media } },
        Content::Poll(poll) => {
            rsx! { PollView { poll, event: message.event.clone(), is_mine: message.is_mine } }
        }
        Content::Deleted => {
            let text = match message.is_mine {
                true => t("deleted-by-me"),
                false => tv("deleted", [("name", Value::from(message.sender.name.as_str()))]),
            };
            rsx! {
                div { class: "msg__text",
                    Icon { name: "trash-2", size: "s" }
                    "{text}"
                }
            }
        }
        Content::Locked(why) => {
            let text = match why {
                Locked::Waiting => "locked-waiting",
                Locked::BeforeJoining => "locked-before",
                Locked::NeedsRecovery => "locked-recovery",
                Locked::Withheld => "locked-withheld",
            };
            rsx! {
                Note { icon: "lock", text: t(text),
                    if why == Locked::Waiting {
                        AskAgain { id }
                    }
                }
            }
        }
        Content::Unknown(kind) => {
            rsx! { Note { icon: "circle-help", text: tv("unknown-event", [("type", Value::from(kind.as_str()))]) } }
        }
    }
}

/// Looks for the key of a message once more.
#[component]
fn AskAgain(id: String) -> Element {
    let in_room = use_context::<InRoom>();
    let mut is_asked = use_signal(|| false);
    let mut is_busy = use_signal(|| false);
    let ask = move |_| {
        let (id, room) = (id.clone(), in_room.room());
        async move {
            is_busy.set(true);
            room.ask_for_key(&id).await;
            is_busy.set(false);
            is_asked.set(true);
        }
    };
    rsx! {
        span { class: "status", role: "status",
            if is_asked() {
                {t("locked-asked")}
            }
            button { disabled: is_busy(), onclick: ask, {t("locked-ask")} }
        }
    }
}

fn show_versions(in_room: InRoom, event: Option<String>) {
    let mut asked = in_room.asked;
    asked.set(event.map(forward::Asked::Versions));
}

/// The message that this one answers.
#[component]
fn Quoted(quote: Quote) -> Element {
    let shared = use_shared();
    let in_room = use_context::<InRoom>();
    let event = use_hook(|| CopyValue::new(quote.event.clone()));
    let is_known = quote.of.is_some();
    use_future(move || async move {
        if !is_known {
            let event = event.peek().clone();
            in_room.room().fetch_quote(&event).await;
        }
    });
    let (class, name, text) = match quote.of {
        Some((person, text)) => (format!("n{}", colour(&person.id)), person.name, text),
        None => (String::new(), "…".to_owned(), String::new()),
    };
    rsx! {
        button {
            class: "quote",
            onclick: move |_| {
                let event = event.peek().clone();
                // What is not on the page is opened among what was around it.
                if !jump_to(&in_room.id(&event)) {
                    shared.go(Route::Message(in_room.room().id().to_owned(), event));
                }
            },
            b { class: "{class}", dir: "auto", "{name}" }
            span { dir: "auto", "{text}" }
        }
    }
}

#[component]
fn Failed(id: String) -> Element {
    let in_room = use_context::<InRoom>();
    let again = id.clone();
    rsx! {
        span { class: "status status--failed",
            Icon { name: "circle-alert", size: "xs" }
            {t("failed")}
            " "
            button {
                onclick: move |_| {
                    let id = again.clone();
                    async move { in_room.room().retry(&id).await }
                },
                {t("retry")}
            }
            Delete { id }
        }
    }
}

/// Most messages never show that they are on their way.
#[component]
fn SendingNote() -> Element {
    let mut is_shown = use_signal(|| false);
    use_future(move || async move {
        browser::wait(500).await;
        is_shown.set(true);
    });
    rsx! {
        if is_shown() {
            span { class: "status", role: "status",
                Icon { name: "clock", size: "xs" }
                {t("sending")}
            }
        }
    }
}

#[component]
fn Receipts(message: Message) -> Element {
    const MOST: usize = 3;
    let names: Vec<&str> = message.read_by.iter().map(|person| person.name.as_str()).collect();
    let label = tv("read-by", [("names", Value::from(names.join(", ")))]);
    let others = message.read_by.len().saturating_sub(MOST);
    rsx! {
        span { class: "receipts", role: "img", title: "{label}", aria_label: "{label}",
            for person in message.read_by.iter().take(MOST).cloned() {
                Avatar { key: "{person.id}", id: person.id.clone(), name: person.name, picture: person.picture }
            }
            if others > 0 {
                bdi { class: "num", dir: "ltr", aria_hidden: "true", "+{others}" }
            }
        }
    }
}
