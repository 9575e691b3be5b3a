//! A message: who, when, what, and what one can do with it.

use dioxus::prelude::*;
use hearth_client_state::{
    compose::About,
    names::colour,
    rich::{self, first_link},
    route::Route,
    timeline::{Content, Locked, Message, Quote, Reaction, Sending},
};

use super::{
    super::shell::{Open, Over, Panel},
    InRoom,
    emoji::EmojiPicker,
    forward,
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
    design::{Avatar, Icon, IconButton, either, use_give_back_focus},
    words::{Value, t, tv},
};

/// What people react with most.
const REACTIONS: [&str; 12] = ["👍", "❤️", "😂", "🎉", "😮", "😢", "🙏", "🔥", "👀", "✅", "👏", "🤔"];

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
fn Reactions(id: String, reactions: Vec<Reaction>) -> Element {
    /// More are counted together.
    const MOST: usize = 12;
    let others = reactions.len().saturating_sub(MOST);
    rsx! {
        div { class: "reactions",
            for reaction in reactions.into_iter().take(MOST) {
                ReactionButton { key: "{reaction.key}", id: id.clone(), reaction }
            }
            if others > 0 {
                span { class: "muted", "+{others}" }
            }
            AddReaction { id }
        }
    }
}

/// Opens the picker for one more.
#[component]
fn AddReaction(id: String) -> Element {
    let in_room = use_context::<InRoom>();
    rsx! {
        button {
            class: "reaction reaction--add",
            title: t("react"),
            aria_label: t("react"),
            onclick: move |event| {
                event.stop_propagation();
                let (mut reacting, mut is_up) = (in_room.reacting, in_room.menu_is_up);
                is_up.set(event.client_coordinates().y > browser::height() / 2.0);
                reacting.set(Some(id.clone()));
            },
            Icon { name: "smile-plus", size: "s" }
        }
    }
}

#[component]
fn ReactionButton(id: String, reaction: Reaction) -> Element {
    let names = reaction.by.join(", ");
    let label = tv(
        "reaction-by",
        [
            ("key", Value::from(reaction.key.as_str())),
            ("count", Value::from(reaction.count)),
            ("names", Value::from(names)),
        ],
    );
    let react = use_react(id, reaction.key.clone());
    rsx! {
        button {
            class: "reaction",
            aria_pressed: reaction.is_mine.to_string(),
            title: "{label}",
            aria_label: "{label}",
            onclick: react,
            span { aria_hidden: "true", "{reaction.key}" }
            "{reaction.count}"
        }
    }
}

/// Reacts to a message, or takes the reaction back.
fn use_react(id: String, key: String) -> impl FnMut(Event<MouseData>) + 'static {
    let shared = use_shared();
    let in_room = use_context::<InRoom>();
    move |_| {
        let (id, key, mut menu, room) = (id.clone(), key.clone(), in_room.menu, in_room.room());
        menu.set(None);
        shared.act(async move { room.react(&id, &key).await });
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

#[component]
fn Delete(id: String, #[props(default)] class: &'static str, #[props(default)] children: Element) -> Element {
    let shared = use_shared();
    let in_room = use_context::<InRoom>();
    rsx! {
        button {
            class,
            onclick: move |_| {
                let (id, mut menu, room) = (id.clone(), in_room.menu, in_room.room());
                menu.set(None);
                shared.act(async move { room.delete(&id).await });
            },
            {children}
            {t("delete")}
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

/// What one can do with a message.
#[component]
fn Actions(id: String, message: Message) -> Element {
    let in_room = use_context::<InRoom>();
    let mut menu = in_room.menu;
    let is_open = use_memo(use_reactive!(|id| menu.read().as_ref() == Some(&id)));
    let is_sent = message.event.is_some();
    let is_reacting = use_memo(use_reactive!(|id| in_room.reacting.read().as_ref() == Some(&id)));
    let (answered, opened, reacted, picked) = (message.clone(), id.clone(), id.clone(), id.clone());
    let shared = use_shared();
    let mut reacting = in_room.reacting;
    rsx! {
        div { class: "msg__actions", role: "toolbar", aria_label: t("message-actions"),
            if is_sent {
                IconButton {
                    icon: "smile-plus",
                    label: t("react"),
                    size: "s",
                    onclick: move |event: MouseEvent| {
                        event.stop_propagation();
                        let mut menu_is_up = in_room.menu_is_up;
                        menu_is_up.set(event.client_coordinates().y > browser::height() / 2.0);
                        reacting.set(Some(reacted.clone()));
                    },
                }
            }
            if message.can_be_answered {
                IconButton { icon: "reply", label: t("reply"), size: "s", onclick: move |_| answer(in_room, &answered) }
            }
            IconButton {
                icon: "ellipsis",
                label: t("more"),
                size: "s",
                pressed: is_open(),
                onclick: move |event: MouseEvent| {
                    event.stop_propagation();
                    let mut menu_is_up = in_room.menu_is_up;
                    menu_is_up.set(event.client_coordinates().y > browser::height() / 2.0);
                    let opened = Some(opened.clone()).filter(|_| !is_open());
                    menu.set(opened);
                },
            }
        }
        if is_reacting() {
            EmojiPicker {
                class: either(*in_room.menu_is_up.read(), "emoji--react emoji--up", "emoji--react"),
                onclose: move |()| reacting.set(None),
                onpick: move |picture: String| {
                    let (id, room) = (picked.clone(), in_room.room());
                    reacting.set(None);
                    shared.act(async move { room.react(&id, &picture).await });
                },
            }
        }
        if is_open() {
            Menu { id, message, is_sent }
        }
    }
}

/// The keys of the message that has the focus.
fn key_on_message(event: &Event<KeyboardData>, in_room: InRoom, open: Open, id: &str, message: &Message) {
    let modifiers = event.modifiers();
    if modifiers.ctrl() || modifiers.alt() || modifiers.meta() || browser::is_writing() {
        return;
    }
    let (mut writing, mut menu, mut reacting) = (in_room.writing, in_room.menu, in_room.reacting);
    match event.key() {
        Key::Character(key) => match key.to_lowercase().as_str() {
            "r" if message.can_be_answered => answer(in_room, message),
            "t" if message.can_be_answered && in_room.place == "room" => {
                open_thread(open, message.event.as_deref());
            }
            "e" if message.can_be_edited => writing.set(About::Edit { key: id.to_owned() }),
            "+" => reacting.set(Some(id.to_owned())),
            _ => return,
        },
        // On a button inside of the message, Enter is the button's.
        Key::Delete | Key::Enter if browser::has_focus("li.msg") => {
            let mut menu_is_up = in_room.menu_is_up;
            menu_is_up.set(browser::is_low("li.msg:focus"));
            menu.set(Some(id.to_owned()));
        }
        Key::Escape => {
            menu.set(None);
            reacting.set(None);
        }
        Key::ArrowUp | Key::ArrowDown => {
            browser::focus_neighbour("li.msg", event.key() == Key::ArrowDown);
        }
        _ => return,
    }
    event.prevent_default();
    event.stop_propagation();
}

fn open_thread(open: Open, event: Option<&str>) {
    let mut panel = open.panel;
    if let Some(event) = event {
        panel.set(Panel::Thread(event.to_owned()));
    }
}

fn answer(in_room: InRoom, message: &Message) {
    let (mut writing, mut menu) = (in_room.writing, in_room.menu);
    menu.set(None);
    let Some(event) = message.event.clone() else { return };
    writing.set(About::Reply {
        event,
        to: message.sender.name.clone(),
        text: rich::one_line(&source_of(message), 120),
    });
}

/// What a message says, to copy, quote or edit.
fn source_of(message: &Message) -> String {
    match &message.content {
        Content::Text { source, .. } => source.clone(),
        Content::Picture(media) | Content::Video(media) | Content::Sound(media) | Content::File(media) => {
            media.name.clone()
        }
        _ => String::new(),
    }
}

/// The menu of a message: beside it, on a phone a sheet.
#[component]
fn Menu(id: String, message: Message, is_sent: bool) -> Element {
    let shared = use_shared();
    let in_room = use_context::<InRoom>();
    let mut menu = in_room.menu;
    let mut writing = in_room.writing;
    let open = use_context::<Open>();
    let (answered, copied, edited, begun) =
        (message.clone(), message.clone(), id.clone(), message.event.clone());
    let is_text = matches!(message.content, Content::Text { .. });
    let may = in_room.about.read().may;
    let event = message.event.clone().unwrap_or_default();
    let is_pinned = in_room.about.read().pins.contains(&event);
    let (pinned, linked, reported, forwarded) = (event.clone(), event.clone(), event, id.clone());
    let mut asked = in_room.asked;
    let can_be_forwarded = matches!(
        message.content,
        Content::Text { .. } | Content::Picture(_) | Content::Video(_) | Content::Sound(_) | Content::File(_)
    );
    // Keys act on what is in the menu for as long as it is open, and on the message again afterwards.
    use_give_back_focus();
    let keyed = move |event: Event<KeyboardData>| {
        match event.key() {
            Key::Escape => menu.set(None),
            Key::ArrowUp | Key::ArrowDown => {
                browser::focus_neighbour(".msgmenu button", event.key() == Key::ArrowDown);
            }
            _ => {
                event.stop_propagation();
                return;
            }
        }
        event.prevent_default();
        event.stop_propagation();
    };
    rsx! {
        div { class: "msgmenu__scrim only-phone", onclick: move |_| menu.set(None) }
        div {
            class: "menu msgmenu",
            class: if *in_room.menu_is_up.read() { "msgmenu--up" },
            role: "menu",
            onclick: |event| event.stop_propagation(),
            onkeydown: keyed,
            onmounted: |_| async { browser::focus_in(".msgmenu button") },
            if is_sent {
                div { class: "msgmenu__reactions", role: "group", aria_label: t("react"),
                    for reaction in REACTIONS {
                        QuickReaction { key: "{reaction}", id: id.clone(), reaction }
                    }
                }
                div { class: "menu__line" }
            }
            if message.can_be_answered {
                button { class: "menu__item", role: "menuitem", onclick: move |_| answer(in_room, &answered),
                    Icon { name: "reply", size: "s" }
                    {t("reply")}
                }
            }
            if message.can_be_answered && in_room.place == "room" {
                button {
                    class: "menu__item",
                    role: "menuitem",
                    onclick: move |_| {
                        menu.set(None);
                        open_thread(open, begun.as_deref());
                    },
                    Icon { name: "message-square-text", size: "s" }
                    {t("reply-in-thread")}
                }
            }
            if message.can_be_edited {
                button {
                    class: "menu__item",
                    role: "menuitem",
                    onclick: move |_| {
                        menu.set(None);
                        writing.set(About::Edit { key: edited.clone() });
                    },
                    Icon { name: "pencil", size: "s" }
                    {t("edit")}
                }
            }
            if is_text {
                button {
                    class: "menu__item",
                    role: "menuitem",
                    onclick: move |_| {
                        let text = source_of(&copied);
                        menu.set(None);
                        shared.act(async move {
                            browser::copy(&text).await;
                            Ok(())
                        });
                    },
                    Icon { name: "copy", size: "s" }
                    {t("copy-text")}
                }
            }
            if is_sent && can_be_forwarded {
                button {
                    class: "menu__item",
                    role: "menuitem",
                    onclick: move |_| {
                        menu.set(None);
                        asked.set(Some(forward::Asked::Forward(forwarded.clone())));
                    },
                    Icon { name: "forward", size: "s" }
                    {t("forward")}
                }
            }
            if is_sent {
                button {
                    class: "menu__item",
                    role: "menuitem",
                    onclick: move |_| {
                        let (event, room) = (linked.clone(), in_room.room());
                        menu.set(None);
                        shared.act(async move {
                            browser::copy(&room.link_to(&event).await?).await;
                            Ok(())
                        });
                    },
                    Icon { name: "link", size: "s" }
                    {t("copy-link")}
                }
            }
            if is_sent && may.pin {
                button {
                    class: "menu__item",
                    role: "menuitem",
                    onclick: move |_| {
                        let (event, room) = (pinned.clone(), in_room.room());
                        menu.set(None);
                        shared.act(async move { room.set_pinned(&event, !is_pinned).await });
                    },
                    Icon { name: either(is_pinned, "pin-off", "pin"), size: "s" }
                    {t(if is_pinned { "unpin" } else { "pin" })}
                }
            }
            if is_sent && !message.is_mine {
                button {
                    class: "menu__item",
                    role: "menuitem",
                    onclick: move |_| {
                        menu.set(None);
                        asked.set(Some(forward::Asked::Report(reported.clone())));
                    },
                    Icon { name: "flag", size: "s" }
                    {t("report")}
                }
            }
            if message.is_mine || may.delete && is_sent {
                Delete { id, class: "menu__item menu__item--danger",
                    Icon { name: "trash-2", size: "s" }
                }
            }
        }
    }
}

#[component]
fn QuickReaction(id: String, reaction: &'static str) -> Element {
    let react = use_react(id, reaction.to_owned());
    rsx! {
        button { aria_label: "{reaction}", onclick: react, "{reaction}" }
    }
}
