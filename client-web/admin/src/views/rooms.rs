//! The rooms that this server knows.

use dioxus::prelude::*;
use hearth_client_design::{
    controls::Icon,
    words::{Value as Words, t, tv},
};
use hearth_client_state::admin::Kind;
use serde::Deserialize;

use crate::{
    api::SYNAPSE,
    measures::count,
    parts::{
        Asked, Chip, Chosen, ChosenDeed, Empty, Face, Head, Pager, Pick, Search, found, shown, use_asked,
        use_choice, use_finding,
    },
    views::room::{AskRooms, RoomDeed},
};

/// A room, as lists tell it.
#[derive(Clone, PartialEq, Deserialize)]
pub struct Listed {
    pub room_id: String,
    pub name: Option<String>,
    pub canonical_alias: Option<String>,
    pub joined_members: u64,
    pub joined_local_members: u64,
    pub version: Option<String>,
    pub creator: Option<String>,
    pub encryption: Option<String>,
    pub public: bool,
    pub room_type: Option<String>,
}

#[derive(Clone, PartialEq, Deserialize)]
struct Found {
    rooms: Vec<Listed>,
    total_rooms: u64,
}

/// By what the list is ordered, as the server names it.
const ORDERS: [&str; 3] = ["joined_members", "joined_local_members", "name"];

impl Listed {
    pub fn shown_name(&self) -> String {
        let name = self.name.clone().filter(|name| !name.is_empty());
        name.or_else(|| self.canonical_alias.clone()).unwrap_or_else(|| t("no-name"))
    }

    pub fn is_space(&self) -> bool {
        self.room_type.as_deref() == Some("m.space")
    }
}

#[component]
pub fn Rooms() -> Element {
    let finding = use_finding();
    let mut which = use_signal(|| "all-rooms");
    let mut order = use_signal(|| ORDERS[0]);
    let narrowed = match which() {
        "public-rooms" => "&public_rooms=true",
        "private-rooms" => "&public_rooms=false",
        "empty-rooms" => "&empty_rooms=true",
        _ => "",
    };
    let mut rooms: Asked<Found> =
        use_asked(format!("{SYNAPSE}/v1/rooms?order_by={order}{narrowed}&{}", finding.query("search_term")));
    let total = found(rooms, |found| found.total_rooms);
    let text = total.map(|total| tv("rooms-count", [("count", Words::from(total))])).unwrap_or_default();
    rsx! {
        div { class: "admin__in",
            Head { title: t("rooms"), text }
            div { class: "toolbar",
                Search { label: t("find-rooms"), finding }
                for name in ["all-rooms", "public-rooms", "private-rooms", "empty-rooms"] {
                    Chip {
                        key: "{name}",
                        label: t(name),
                        is_on: which() == name,
                        onclick: move |()| {
                            which.set(name);
                            finding.begin();
                        },
                    }
                }
            }
            {shown(rooms, |found| rsx! {
                if found.rooms.is_empty() {
                    Empty { icon: "search-x", title: t("no-room-found"), text: t("no-room-found-text") }
                } else {
                    Table {
                        rooms: found.rooms.clone(),
                        order: order(),
                        onorder: move |by| order.set(by),
                        onchange: move |()| rooms.restart(),
                    }
                }
                Pager { finding, total: found.total_rooms }
            })}
        }
    }
}

#[component]
fn Table(
    rooms: Vec<Listed>,
    order: &'static str,
    onorder: EventHandler<&'static str>,
    onchange: EventHandler<()>,
) -> Element {
    let mut asked = use_signal(|| None::<(RoomDeed, Vec<Listed>)>);
    let choice = use_choice();
    // Of those that are not shown any more, none is chosen.
    let chosen: Vec<Listed> = rooms.iter().filter(|room| choice.has(&room.room_id)).cloned().collect();
    let ids: Vec<String> = rooms.iter().map(|room| room.room_id.clone()).collect();
    let sorted = |by: &str, way: &'static str| (order == by).then_some(way);
    rsx! {
        if !chosen.is_empty() {
            Chosen { count: chosen.len(), choice,
                for deed in RoomDeed::OF_MANY {
                    ChosenDeed {
                        key: "{deed:?}",
                        icon: deed.icon(),
                        label: t(deed.label()),
                        is_danger: deed.is_final(),
                        onclick: {
                            let chosen = chosen.clone();
                            move |()| asked.set(Some((deed, chosen.clone())))
                        },
                    }
                }
            }
        }
        if let Some((deed, rooms)) = asked() {
            AskRooms {
                deed,
                rooms,
                onclose: move |()| {
                    asked.set(None);
                    onchange.call(());
                },
                ondone: move |_| choice.clear(),
            }
        }
        table { class: "table table--stack table--picked",
            thead {
                tr {
                    th { class: "t-pick", Pick { label: t("choose-all"), ids, choice } }
                    th { aria_sort: sorted("name", "ascending"),
                        button { onclick: move |_| onorder.call("name"), {t("room")} }
                    }
                    th { class: "t-less", {t("kind")} }
                    th { span { class: "sr", {t("encryption")} } }
                    th { class: "end", aria_sort: sorted("joined_members", "descending"),
                        button { onclick: move |_| onorder.call("joined_members"), {t("people")} }
                    }
                    th { class: "end", aria_sort: sorted("joined_local_members", "descending"),
                        button { onclick: move |_| onorder.call("joined_local_members"), {t("people-here")} }
                    }
                    th { class: "end t-less", {t("version")} }
                }
            }
            tbody {
                for room in rooms {
                    tr { key: "{room.room_id}", aria_selected: choice.has(&room.room_id).then_some("true"),
                        td { class: "t-pick",
                            Pick {
                                label: tv("choose", [("name", Words::from(room.shown_name()))]),
                                ids: vec![room.room_id.clone()],
                                choice,
                            }
                        }
                        td { class: "t-name",
                            a { class: "cellname", href: Kind::Rooms.of(room.room_id.as_str()).fragment(),
                                Face { id: room.room_id.clone(), name: room.shown_name(), is_room: true }
                                span { class: "cellname__text",
                                    b { class: "clip", dir: "auto", {room.shown_name()} }
                                    small { class: "clip", dir: "ltr",
                                        {room.canonical_alias.clone().unwrap_or_else(|| room.room_id.clone())}
                                    }
                                    small { class: "only-phone",
                                        {tv("people-count", [("count", Words::from(room.joined_members))])}
                                    }
                                }
                            }
                        }
                        td { class: "t-less", span { class: "muted", {t(kind(&room))} } }
                        td {
                            if room.encryption.is_some() {
                                Icon { name: "lock", size: "s", label: t("encrypted") }
                            } else {
                                span { class: "sr", {t("not-encrypted")} }
                            }
                        }
                        td { class: "end num", {count(room.joined_members)} }
                        td { class: "end num", {count(room.joined_local_members)} }
                        td { class: "end num t-less", {room.version.clone()} }
                    }
                }
            }
        }
    }
}

/// The name of what it is.
pub fn kind(room: &Listed) -> &'static str {
    match (room.is_space(), room.public) {
        (true, _) => "space",
        (false, true) => "public-room",
        (false, false) => "private-room",
    }
}
