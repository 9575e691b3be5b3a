//! A room: its head, its timeline, its composer, and the panel beside it.

mod about;
mod composer;
mod emoji;
mod forward;
mod link;
mod members;
mod message;
mod outside;
mod picture;
mod poll;
mod shared_files;
mod text;
mod thread;
mod threads;
mod timeline;
mod tray;
mod voice;

use std::rc::Rc;

use dioxus::prelude::*;
use futures::StreamExt;
use hearth_client_state::{
    compose,
    route::Route,
    timeline::{Item, first_unread},
};
use imbl::Vector;

use self::{
    about::{About, Pinbar},
    composer::Composer,
    forward::{Asked, ForMessage},
    members::Members,
    outside::Outside,
    shared_files::SharedPanel,
    thread::Thread,
    threads::Threads,
    timeline::Timeline,
};
pub use self::{composer::upload_of, shared_files::Tab};
use super::{
    call::{CallBar, CallButtons},
    shell::{Open, Panel, leave},
};
use crate::{
    app::{problem_text, to_end, use_shared},
    browser,
    design::{Avatar, Icon, IconButton},
    matrix::{OpenRoom, Opened, RoomAbout},
    words::{Value, t, tv},
};

/// What the views of one room, or of a thread in it, share.
#[derive(Clone, Copy)]
pub struct InRoom {
    /// `room` or `thread`: both are on the page at the same time.
    pub place: &'static str,
    pub room: CopyValue<Rc<OpenRoom>>,
    pub about: Signal<RoomAbout>,
    pub items: Signal<Option<Vector<Rc<Item>>>>,
    /// What the message that is being written is about.
    pub writing: Signal<compose::About>,
    /// The first message that was not read when the room was opened, by its key.
    pub unread: Signal<Option<String>>,
    /// All was read once since the room was opened: what comes later is not new to who looks on.
    pub is_settled: CopyValue<bool>,
    /// The message for which emoji are chosen, by its key.
    pub reacting: Signal<Option<String>>,
    /// What was asked for one of its messages.
    pub asked: Signal<Option<Asked>>,
    /// The message whose menu is open, by its key.
    pub menu: Signal<Option<String>>,
    /// Whether that menu has more room above than below.
    pub menu_is_up: Signal<bool>,
}

impl InRoom {
    fn new(place: &'static str, room: Rc<OpenRoom>) -> Self {
        Self {
            place,
            room: CopyValue::new(room),
            about: Signal::new(RoomAbout::default()),
            items: Signal::new(None),
            writing: Signal::new(compose::About::Nothing),
            unread: Signal::new(None),
            is_settled: CopyValue::new(false),
            reacting: Signal::new(None),
            asked: Signal::new(None),
            menu: Signal::new(None),
            menu_is_up: Signal::new(false),
        }
    }

    /// A menu or a picker opens above who points low on the page, and below who points high.
    fn open_menu_away_from(mut self, event: &MouseEvent) {
        self.menu_is_up.set(event.client_coordinates().y > browser::height() / 2.0);
    }

    /// The id of an element of this place.
    pub fn id(&self, element: &str) -> String {
        format!("{}-{element}", self.place)
    }

    pub fn room(&self) -> Rc<OpenRoom> {
        self.room.peek().clone()
    }
}

#[component]
pub fn RoomView(id: String, event: Option<String>) -> Element {
    let shared = use_shared();
    let (id, event) = (use_hook(|| CopyValue::new(id)), use_hook(|| CopyValue::new(event)));
    let mut opened = use_resource(move || async move {
        let account = shared.account()?;
        let (id, event) = (id.peek().clone(), event.peek().clone());
        Some(account.open_room(&id, event.as_deref()).await)
    });
    let outcome = opened.read().clone().flatten();
    match outcome {
        None => rsx! {
            main { class: "view", aria_busy: "true",
                header { class: "head" }
            }
        },
        Some(Err(problem)) => rsx! {
            main { class: "view",
                div { class: "empty grow",
                    Icon { name: "circle-alert" }
                    h2 { {t("room-failed")} }
                    p { {t("room-failed-hint")} }
                    p { class: "muted", {problem_text(&problem)} }
                    div { class: "btn-row",
                        button { class: "btn btn--primary", onclick: move |_| opened.restart(), {t("retry")} }
                        a { class: "btn only-phone", href: Route::Home.fragment(), {t("back")} }
                    }
                }
            }
        },
        Some(Ok(Opened::Outside(room))) => rsx! { Outside { room } },
        Some(Ok(Opened::Room(room))) => rsx! { Inside { room } },
    }
}

#[component]
fn Inside(room: Rc<OpenRoom>) -> Element {
    let open = use_context::<Open>();
    let in_room = use_in_room("room", room);
    let panel = open.panel.read().clone();
    let about = in_room.about.read();
    let is_invitation = about.invited_by.is_some();
    let (may_write, successor) = (about.may.write || about.name.is_empty(), about.successor.clone());
    rsx! {
        main { class: "view",
            Head {}
            if is_invitation {
                Invitation {}
            } else {
                CallBar { room: in_room.room().id().to_owned() }
                Pinbar {}
                Timeline {}
                Typing {}
                if let Some(successor) = successor {
                    div { class: "closed",
                        span { {t("room-moved")} }
                        a { class: "btn btn--s btn--primary", href: Route::Room(successor).fragment(), {t("room-moved-go")} }
                    }
                } else if may_write {
                    Composer {}
                } else {
                    div { class: "closed", {t("room-read-only")} }
                }
            }
        }
        match panel {
            Panel::None => rsx! {},
            Panel::Members => rsx! { Members {} },
            Panel::About => rsx! { About {} },
            Panel::Threads => rsx! { Threads {} },
            Panel::Shared(tab) => rsx! { SharedPanel { tab } },
            // A list of one: another thread is another view.
            Panel::Thread(root) => rsx! {
                for root in [root] {
                    Thread { key: "{root}", root: root.clone() }
                }
            },
        }
        if let Some(what) = in_room.asked.read().clone() {
            ForMessage { what }
        }
    }
}

/// Follows a room or a thread for as long as the view is there.
fn use_in_room(place: &'static str, room: Rc<OpenRoom>) -> InRoom {
    let in_room = use_context_provider(|| InRoom::new(place, room));
    use_future(move || async move {
        let mut stream = Box::pin(in_room.room().about());
        let mut about = in_room.about;
        while let Some(now) = stream.next().await {
            if *about.peek() != now {
                about.set(now);
            }
        }
    });
    use_future(move || async move {
        let mut stream = Box::pin(in_room.room().items());
        let mut items = in_room.items;
        let mut unread = in_room.unread;
        while let Some(now) = stream.next().await {
            // What comes while one looks on is not new, what comes meanwhile is.
            if !*in_room.is_settled.peek() || !browser::is_visible() {
                let first = first_unread(&now);
                if first.is_some() && *unread.peek() != first {
                    unread.set(first);
                }
            }
            items.set(Some(now));
        }
    });
    use_future(move || async move { in_room.room().complete().await });
    in_room
}

#[component]
fn Head() -> Element {
    let in_room = use_context::<InRoom>();
    let mut open = use_context::<Open>();
    let about = in_room.about.read().clone();
    let id = in_room.room().id().to_owned();
    let is_open = *open.panel.read() == Panel::Members;
    let is_about = *open.panel.read() == Panel::About;
    let is_threads = *open.panel.read() == Panel::Threads;
    rsx! {
        header { class: "head",
            a {
                class: "btn btn--icon only-phone",
                href: Route::Home.fragment(),
                aria_label: t("back"),
                Icon { name: "chevron-left", size: "l" }
            }
            Avatar { id, name: about.name.clone(), picture: about.picture.clone(), is_room: !about.is_person }
            div { class: "head__title",
                h1 {
                    span { class: "clip", dir: "auto", "{about.name}" }
                    if about.is_encrypted {
                        Icon { name: "lock", size: "xs", label: t("encrypted") }
                    } else if !about.name.is_empty() {
                        Icon { name: "globe", size: "xs", label: t("public-room") }
                    }
                }
                if let Some(topic) = &about.topic {
                    p { dir: "auto", "{topic}" }
                }
            }
            div { class: "head__tools",
                if about.invited_by.is_none() {
                    CallButtons { room: in_room.room().id().to_owned() }
                }
                span { class: "only-desktop",
                    IconButton {
                        icon: "message-square-text",
                        label: t("threads"),
                        pressed: is_threads,
                        onclick: move |_| open.panel.set(if is_threads { Panel::None } else { Panel::Threads }),
                    }
                }
                button {
                    class: "btn btn--icon btn--members",
                    r#type: "button",
                    title: t("members"),
                    aria_label: tv("people", [("count", Value::from(about.people))]),
                    aria_pressed: is_open.to_string(),
                    onclick: move |_| open.panel.set(if is_open { Panel::None } else { Panel::Members }),
                    Icon { name: "users" }
                    "{about.people}"
                }
                IconButton {
                    icon: "panel-right",
                    label: t("about-room"),
                    pressed: is_about,
                    onclick: move |_| open.panel.set(if is_about { Panel::None } else { Panel::About }),
                }
            }
        }
    }
}

/// A room to which one is invited: join or decline.
#[component]
fn Invitation() -> Element {
    let shared = use_shared();
    let in_room = use_context::<InRoom>();
    let about = in_room.about.read().clone();
    let by = about.invited_by.clone().unwrap_or_default();
    let mut is_busy = use_signal(|| false);
    let join = move |_| async move {
        let room = in_room.room();
        is_busy.set(true);
        // The keys to what was said before are taken when one is in the room, and this view is gone then.
        if let Err(problem) = to_end(async move { room.join().await }).await {
            shared.tell(&problem);
        }
        is_busy.set(false);
    };
    let decline = move |_| leave(shared, in_room.room().id().to_owned());
    rsx! {
        div { class: "empty grow",
            Avatar {
                id: in_room.room().id().to_owned(),
                name: about.name.clone(),
                picture: about.picture.clone(),
                is_room: !about.is_person,
                class: "avatar--xl",
            }
            h2 { {tv("invitation-title", [("name", Value::from(by)), ("room", Value::from(about.name.clone()))])} }
            if about.is_of_stranger {
                p { {t("invitation-stranger")} }
            }
            p { {t("invitation-hint")} }
            div { class: "btn-row",
                button { class: "btn", onclick: decline, {t("decline")} }
                button { class: "btn btn--primary", disabled: is_busy(), onclick: join, {t("join")} }
            }
        }
    }
}

#[component]
fn Typing() -> Element {
    let in_room = use_context::<InRoom>();
    let mut names = use_signal(Vec::new);
    use_future(move || async move {
        let mut stream = Box::pin(in_room.room().typing());
        while let Some(now) = stream.next().await {
            names.set(now);
        }
    });
    let names = names.read();
    let text = match names.as_slice() {
        [] => None,
        [name] => Some(tv("typing-one", [("name", Value::from(name.as_str()))])),
        [name, other] => {
            let values = [("name", Value::from(name.as_str())), ("other", Value::from(other.as_str()))];
            Some(tv("typing-two", values))
        }
        [name, others @ ..] => {
            let values = [("name", Value::from(name.as_str())), ("count", Value::from(others.len()))];
            Some(tv("typing-more", values))
        }
    };
    rsx! {
        div { class: "typing",
            if let Some(text) = text {
                span { class: "typing__dots", aria_hidden: "true", i {} i {} i {} }
                span { "{text}" }
            }
        }
    }
}

/// A button at the head of a panel that closes it.
#[component]
fn ClosePanel() -> Element {
    let mut open = use_context::<Open>();
    rsx! {
        IconButton { icon: "x", label: t("close"), onclick: move |_| open.panel.set(Panel::None) }
    }
}
