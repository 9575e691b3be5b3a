//! What one can do with a message: the bar beside it, its keys, and its menu.

use dioxus::prelude::*;
use hearth_client_state::{
    compose::About,
    rich,
    timeline::{Content, Message},
};

use super::{
    super::{
        super::shell::{Open, Panel},
        InRoom,
        emoji::EmojiPicker,
        forward,
    },
    reactions::{QuickReaction, REACTIONS},
};
use crate::{
    app::use_shared,
    browser,
    design::{Icon, IconButton, MenuItem, either, use_give_back_focus},
    words::t,
};

#[component]
pub fn Delete(
    id: String,
    #[props(default)] class: &'static str,
    #[props(default)] children: Element,
) -> Element {
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

/// What one can do with a message.
#[component]
pub fn Actions(id: String, message: Message) -> Element {
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
                        in_room.open_menu_away_from(&event);
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
                    in_room.open_menu_away_from(&event);
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
pub fn key_on_message(event: &Event<KeyboardData>, in_room: InRoom, open: Open, id: &str, message: &Message) {
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

pub fn open_thread(open: Open, event: Option<&str>) {
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
                MenuItem { icon: "reply", label: t("reply"), size: "s", onclick: move |()| answer(in_room, &answered) }
            }
            if message.can_be_answered && in_room.place == "room" {
                MenuItem {
                    icon: "message-square-text",
                    label: t("reply-in-thread"),
                    size: "s",
                    onclick: move |()| {
                        menu.set(None);
                        open_thread(open, begun.as_deref());
                    },
                }
            }
            if message.can_be_edited {
                MenuItem {
                    icon: "pencil",
                    label: t("edit"),
                    size: "s",
                    onclick: move |()| {
                        menu.set(None);
                        writing.set(About::Edit { key: edited.clone() });
                    },
                }
            }
            if is_text {
                MenuItem {
                    icon: "copy",
                    label: t("copy-text"),
                    size: "s",
                    onclick: move |()| {
                        let text = source_of(&copied);
                        menu.set(None);
                        shared.act(async move {
                            browser::copy(&text).await;
                            Ok(())
                        });
                    },
                }
            }
            if is_sent && can_be_forwarded {
                MenuItem {
                    icon: "forward",
                    label: t("forward"),
                    size: "s",
                    onclick: move |()| {
                        menu.set(None);
                        asked.set(Some(forward::Asked::Forward(forwarded.clone())));
                    },
                }
            }
            if is_sent {
                MenuItem {
                    icon: "link",
                    label: t("copy-link"),
                    size: "s",
                    onclick: move |()| {
                        let (event, room) = (linked.clone(), in_room.room());
                        menu.set(None);
                        shared.act(async move {
                            browser::copy(&room.link_to(&event).await?).await;
                            Ok(())
                        });
                    },
                }
            }
            if is_sent && may.pin {
                MenuItem {
                    icon: either(is_pinned, "pin-off", "pin"),
                    label: t(if is_pinned { "unpin" } else { "pin" }),
                    size: "s",
                    onclick: move |()| {
                        let (event, room) = (pinned.clone(), in_room.room());
                        menu.set(None);
                        shared.act(async move { room.set_pinned(&event, !is_pinned).await });
                    },
                }
            }
            if is_sent && !message.is_mine {
                MenuItem {
                    icon: "flag",
                    label: t("report"),
                    size: "s",
                    onclick: move |()| {
                        menu.set(None);
                        asked.set(Some(forward::Asked::Report(reported.clone())));
                    },
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
