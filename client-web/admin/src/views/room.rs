//! One room: what is known of it, who is in it, and what can be done.

use dioxus::prelude::*;
use hearth_client_design::{
    controls::Icon,
    page,
    words::{Value as Words, t, tv},
};
use hearth_client_state::{admin::Kind, when::DAY};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    api::{SYNAPSE, encoded},
    app::use_shared,
    forms::{Ask, Check, Deed, Steps},
    measures::count,
    parts::{Action, Asked, Face, Head, found, several, shown, use_asked},
    views::rooms::{Listed, kind},
};

#[derive(Clone, PartialEq, Deserialize)]
struct About {
    #[serde(flatten)]
    listed: Listed,
    topic: Option<String>,
    join_rules: Option<String>,
    history_visibility: Option<String>,
    state_events: u64,
}

#[derive(Clone, PartialEq, Deserialize)]
struct Members {
    members: Vec<String>,
}

#[derive(Clone, PartialEq, Deserialize)]
struct Block {
    block: bool,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum RoomDeed {
    Block,
    Unblock,
    MakeAdmin,
    Purge,
    QuarantineMedia,
    Delete,
}

impl RoomDeed {
    /// Those that one does with several rooms at once.
    pub const OF_MANY: [Self; 3] = [Self::Block, Self::QuarantineMedia, Self::Delete];

    pub fn is_final(self) -> bool {
        matches!(self, Self::Purge | Self::Delete | Self::QuarantineMedia)
    }

    pub fn icon(self) -> &'static str {
        match self {
            Self::Block => "ban",
            Self::Unblock => "door-open",
            Self::MakeAdmin => "shield",
            Self::Purge => "history",
            Self::QuarantineMedia => "image-off",
            Self::Delete => "trash-2",
        }
    }

    pub fn label(self) -> &'static str {
        match self {
            Self::Block => "block-room",
            Self::Unblock => "unblock-room",
            Self::MakeAdmin => "make-room-admin",
            Self::Purge => "purge-room",
            Self::QuarantineMedia => "quarantine-room",
            Self::Delete => "delete-room",
        }
    }
}

/// How often it is asked how a task stands, in milliseconds.
const AGAIN_MS: u32 = 1_000;

#[component]
pub fn Room(id: String) -> Element {
    let path = encoded(&id);
    let mut about: Asked<About> = use_asked(format!("{SYNAPSE}/v1/rooms/{path}"));
    let mut block: Asked<Block> = use_asked(format!("{SYNAPSE}/v1/rooms/{path}/block"));
    let mut members: Asked<Members> = use_asked(format!("{SYNAPSE}/v1/rooms/{path}/members"));
    let is_blocked = found(block, |found| found.block).unwrap_or(false);
    rsx! {
        div { class: "admin__in",
            a { class: "btn btn--quiet btn--s back", href: Kind::Rooms.list().fragment(),
                Icon { name: "arrow-left", size: "s" }
                {t("rooms")}
            }
            {shown(about, |found| rsx! {
                Head { title: found.listed.shown_name(), text: found.topic.clone().unwrap_or_default(),
                    if is_blocked {
                        span { class: "tag tag--danger", {t("blocked")} }
                    }
                }
                div { class: "split-2",
                    div { class: "pile",
                        Facts { about: found.clone() }
                        section { class: "block",
                            h2 { {t("members")} }
                            {shown(members, |found| rsx! { MemberList { members: found.members.clone() } })}
                        }
                    }
                    Deeds {
                        room: found.listed.clone(),
                        is_blocked,
                        onchange: move |()| {
                            about.restart();
                            block.restart();
                            members.restart();
                        },
                    }
                }
            })}
        }
    }
}

#[component]
fn Facts(about: About) -> Element {
    let room = &about.listed;
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| t("none"));
    rsx! {
        section { class: "block",
            dl { class: "kv",
                dt { {t("address")} }
                dd { dir: "ltr", {or_none(&room.canonical_alias)} }
                dt { {t("id")} }
                dd { class: "break", dir: "ltr", "{room.room_id}" }
                dt { {t("kind")} }
                dd { {t(kind(room))} }
                dt { {t("encryption")} }
                dd { {t(if room.encryption.is_some() { "encrypted" } else { "not-encrypted" })} }
                dt { {t("people")} }
                dd {
                    {tv("people-of-which", [
                        ("count", Words::from(count(room.joined_members))),
                        ("here", count(room.joined_local_members).into()),
                    ])}
                }
                dt { {t("creator")} }
                dd { dir: "ltr", {or_none(&room.creator)} }
                dt { {t("join-rule")} }
                dd { {rule("join-rule", about.join_rules.as_deref())} }
                dt { {t("history")} }
                dd { {rule("history", about.history_visibility.as_deref())} }
                dt { {t("version")} }
                dd { {or_none(&room.version)} }
                dt { {t("state-events")} }
                dd { {count(about.state_events)} }
            }
        }
    }
}

/// A rule of the room in words, as far as it is one of the specification's.
fn rule(name: &str, value: Option<&str>) -> String {
    const KNOWN: [&str; 10] = [
        "public",
        "invite",
        "knock",
        "restricted",
        "knock_restricted",
        "private",
        "invited",
        "joined",
        "shared",
        "world_readable",
    ];
    match value {
        Some(value) if KNOWN.contains(&value) => t(&format!("{name}-{value}")),
        Some(value) => value.to_owned(),
        None => t("none"),
    }
}

#[component]
fn MemberList(members: Vec<String>) -> Element {
    /// More are not drawn.
    const MANY: usize = 200;
    let shared = use_shared();
    let more = members.len().saturating_sub(MANY);
    rsx! {
        if members.is_empty() {
            p { class: "muted", {t("no-members")} }
        }
        ul { class: "entries entries--scrolled", tabindex: "0", aria_label: t("members"),
            for member in members.into_iter().take(MANY) {
                li { key: "{member}",
                    Face { id: member.clone(), name: member.trim_start_matches('@').to_owned(), class: "avatar--s" }
                    if shared.is_own(&member) {
                        a { class: "grow clip", dir: "ltr", href: Kind::Users.of(member.as_str()).fragment(), "{member}" }
                    } else {
                        span { class: "grow clip", dir: "ltr", "{member}" }
                    }
                }
            }
            if more > 0 {
                li { class: "muted", {tv("and-more", [("count", Words::from(more))])} }
            }
        }
    }
}

#[component]
fn Deeds(room: Listed, is_blocked: bool, onchange: EventHandler<()>) -> Element {
    let mut asked = use_signal(|| None::<RoomDeed>);
    let mut task = use_signal(|| None::<String>);
    let mut is_deletion = use_signal(|| false);
    let shared = use_shared();
    let block = if is_blocked { RoomDeed::Unblock } else { RoomDeed::Block };
    let deeds = [block, RoomDeed::MakeAdmin, RoomDeed::QuarantineMedia, RoomDeed::Purge, RoomDeed::Delete];
    rsx! {
        section { class: "aside", aria_label: t("actions"),
            h2 { {t("actions")} }
            if let Some(path) = task() {
                Progress {
                    path,
                    ondone: move |is_complete| match is_complete && is_deletion() {
                        true => {
                            shared.tell(t("delete-room-gone"));
                            shared.go(&Kind::Rooms.list());
                        }
                        false => onchange.call(()),
                    },
                }
            }
            ul { class: "actions",
                for deed in deeds {
                    Action {
                        key: "{deed:?}",
                        icon: deed.icon(),
                        label: t(deed.label()),
                        text: t(&format!("{}-short", deed.label())),
                        is_danger: deed.is_final(),
                        onclick: move |()| asked.set(Some(deed)),
                    }
                }
            }
        }
        if let Some(deed) = asked() {
            AskRooms {
                deed,
                rooms: vec![room],
                onclose: move |()| asked.set(None),
                ondone: move |answer: Value| {
                    let status = |key: &str, path: &str| {
                        answer[key].as_str().map(|id| format!("{SYNAPSE}/{path}/{}", encoded(id)))
                    };
                    let deletion = status("delete_id", "v2/rooms/delete_status");
                    is_deletion.set(deletion.is_some());
                    task.set(deletion.or_else(|| status("purge_id", "v1/purge_history_status")));
                    // Of a room that is being deleted nothing more is asked.
                    if !is_deletion() {
                        onchange.call(());
                    }
                },
            }
        }
    }
}

/// How it stands with what takes a while.
#[component]
fn Progress(path: String, ondone: EventHandler<bool>) -> Element {
    let shared = use_shared();
    let mut status = use_signal(|| "active".to_owned());
    let mut error = use_signal(String::new);
    use_future(use_reactive!(|path| async move {
        loop {
            if let Ok(answer) = shared.ask("GET", &path, None).await {
                let now = answer["status"].as_str().unwrap_or("failed").to_owned();
                error.set(answer["error"].as_str().unwrap_or_default().to_owned());
                status.set(now.clone());
                if now != "active" {
                    ondone.call(now == "complete");
                    break;
                }
            }
            page::wait(AGAIN_MS).await;
        }
    }));
    let (class, icon) = match &*status.read().as_str() {
        "active" => ("banner banner--box", "clock"),
        "complete" => ("banner banner--box banner--success", "circle-check"),
        _ => ("banner banner--box banner--danger", "circle-alert"),
    };
    rsx! {
        div { class, role: "status",
            Icon { name: icon }
            span { class: "grow", {t(&format!("task-{status}"))} " {error}" }
        }
    }
}

#[component]
pub fn AskRooms(
    deed: RoomDeed,
    rooms: Vec<Listed>,
    onclose: EventHandler<()>,
    ondone: EventHandler<Value>,
) -> Element {
    let shared = use_shared();
    let is_blocking = use_signal(|| true);
    let mut days = use_signal(|| 30_i64);
    let is_own_too = use_signal(|| false);
    let of_room = |room: &Listed| {
        let path = encoded(&room.room_id);
        let (method, path, body) = match deed {
            RoomDeed::Block => ("PUT", format!("v1/rooms/{path}/block"), json!({ "block": true })),
            RoomDeed::Unblock => ("PUT", format!("v1/rooms/{path}/block"), json!({ "block": false })),
            RoomDeed::MakeAdmin => ("POST", format!("v1/rooms/{path}/make_room_admin"), json!({})),
            RoomDeed::QuarantineMedia => ("POST", format!("v1/room/{path}/media/quarantine"), json!({})),
            RoomDeed::Purge => (
                "POST",
                format!("v1/purge_history/{path}"),
                json!({ "purge_up_to_ts": page::now() - days() * DAY, "delete_local_events": is_own_too() }),
            ),
            RoomDeed::Delete => ("DELETE", format!("v2/rooms/{path}"), json!({ "block": is_blocking() })),
        };
        Deed { method, path: format!("{SYNAPSE}/{path}"), body, done: t(&format!("{}-done", deed.label())) }
    };
    let mut asked: Vec<Deed> = rooms.iter().map(of_room).collect();
    let (text, name) = match &*rooms {
        [room] => {
            let values =
                [("name", Words::from(room.shown_name())), ("server", shared.server.read().as_str().into())];
            (tv(&format!("{}-text", deed.label()), values), room.shown_name())
        }
        many => {
            let count = many.len();
            if let Some(last) = asked.last_mut() {
                last.done = tv("done-with-rooms", [("count", Words::from(count))]);
            }
            let names = several(many, Listed::shown_name);
            let text = tv("for-rooms", [("count", Words::from(count)), ("names", names.into())]);
            (format!("{text} {}", t(&format!("{}-short", deed.label()))), count.to_string())
        }
    };
    rsx! {
        Ask {
            title: t(deed.label()),
            text,
            name: deed.is_final().then_some(name),
            label: t(deed.label()),
            deed: Steps(asked),
            onclose,
            ondone,
            if deed == RoomDeed::Purge {
                div { class: "field",
                    label { r#for: "days", {t("keep-days")} }
                    input {
                        class: "input",
                        id: "days",
                        r#type: "number",
                        min: "0",
                        value: "{days}",
                        oninput: move |event| {
                            if let Ok(number) = event.value().parse::<u16>() {
                                days.set(number.into());
                            }
                        },
                    }
                }
                Check { label: t("purge-own-too"), is_on: is_own_too }
            }
            if deed == RoomDeed::Delete {
                Check { label: t("delete-room-block"), is_on: is_blocking }
            }
        }
    }
}
