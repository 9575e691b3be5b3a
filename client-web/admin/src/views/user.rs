//! One account: what is known of it, where it is signed in, its rooms, and what can be done.

use std::collections::BTreeMap;

use dioxus::prelude::*;
use hearth_client_design::{
    controls::Icon,
    words::{Value as Words, t, tv},
};
use hearth_client_state::admin::Kind;
use serde::Deserialize;
use serde_json::json;

use crate::{
    api::{SYNAPSE, encoded},
    app::use_shared,
    forms::Deed,
    measures::{counted, size, when},
    parts::{Action, Asked, Face, Head, act, found, shown, use_asked},
    views::{
        user_deeds::{AskDeed, UserDeed},
        users::{Account, AccountKind, State},
    },
};

#[derive(Clone, PartialEq, Deserialize)]
struct Devices {
    devices: Vec<Device>,
}

#[derive(Clone, PartialEq, Deserialize)]
struct Device {
    device_id: String,
    display_name: Option<String>,
    last_seen_ip: Option<String>,
    last_seen_ts: Option<u64>,
}

#[derive(Clone, PartialEq, Deserialize)]
struct Memberships {
    memberships: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Deserialize)]
struct Media {
    media: Vec<File>,
    total: u64,
}

#[derive(Clone, PartialEq, Deserialize)]
struct File {
    media_length: Option<u64>,
}

#[component]
pub fn User(id: String) -> Element {
    let path = encoded(&id);
    let mut account: Asked<Account> = use_asked(format!("{SYNAPSE}/v2/users/{path}"));
    let mut devices: Asked<Devices> = use_asked(format!("{SYNAPSE}/v2/users/{path}/devices"));
    let memberships: Asked<Memberships> = use_asked(format!("{SYNAPSE}/v1/users/{path}/memberships"));
    let media: Asked<Media> = use_asked(format!("{SYNAPSE}/v1/users/{path}/media?limit=1000"));
    rsx! {
        div { class: "admin__in",
            a { class: "btn btn--quiet btn--s back", href: Kind::Users.list().fragment(),
                Icon { name: "arrow-left", size: "s" }
                {t("users")}
            }
            {shown(account, |account_found| rsx! {
                Head { title: account_found.shown_name().to_owned(), text: account_found.name.clone(),
                    State { account: account_found.clone() }
                }
                div { class: "split-2",
                    div { class: "pile",
                        About { account: account_found.clone(), media }
                        section { class: "block",
                            h2 { {t("sessions")} }
                            {shown(devices, |found| rsx! {
                                Sessions { user: id.clone(), devices: found.devices.clone(), onchange: move |()| devices.restart() }
                            })}
                        }
                        section { class: "block",
                            h2 { {t("rooms")} }
                            {shown(memberships, |found| rsx! { Rooms { memberships: found.memberships.clone() } })}
                        }
                    }
                    Deeds {
                        account: account_found.clone(),
                        devices: found(devices, |found| {
                            found.devices.iter().map(|device| device.device_id.clone()).collect::<Vec<_>>()
                        }).unwrap_or_default(),
                        onchange: move |()| {
                            account.restart();
                            devices.restart();
                        },
                    }
                }
            })}
        }
    }
}

#[component]
fn About(account: Account, media: Asked<Media>) -> Element {
    let uploaded = found(media, |media| {
        let bytes = media.media.iter().filter_map(|file| file.media_length).sum();
        format!("{}, {}", counted("files", media.total), size(bytes))
    });
    rsx! {
        section { class: "block",
            div { class: "cellname cellname--l",
                Face { id: account.name.clone(), name: account.shown_name().to_owned(), class: "avatar--l" }
                AccountKind { account: account.clone() }
            }
            dl { class: "kv",
                dt { {t("since")} }
                dd { {when(Some(account.creation_ts))} }
                dt { {t("last-here")} }
                dd { {when(account.last_seen_ts)} }
                dt { {t("media")} }
                dd {
                    a { href: Kind::Media.of(account.name.as_str()).fragment(),
                        {uploaded.unwrap_or_else(|| "–".to_owned())}
                    }
                }
            }
        }
    }
}

#[component]
fn Sessions(user: String, devices: Vec<Device>, onchange: EventHandler<()>) -> Element {
    let shared = use_shared();
    rsx! {
        if devices.is_empty() {
            p { class: "muted", {t("no-sessions")} }
        }
        ul { class: "entries",
            for device in devices {
                li { key: "{device.device_id}",
                    Icon { name: "monitor-smartphone" }
                    span { class: "grow",
                        b { class: "clip", dir: "auto",
                            {device.display_name.clone().unwrap_or_else(|| device.device_id.clone())}
                        }
                        small { class: "clip",
                            {[Some(device.device_id.clone()), device.last_seen_ip.clone(), Some(when(device.last_seen_ts))]
                                .into_iter().flatten().collect::<Vec<_>>().join(", ")}
                        }
                    }
                    button {
                        class: "btn btn--s",
                        onclick: {
                            let deed = Deed {
                                method: "DELETE",
                                path: format!("{SYNAPSE}/v2/users/{}/devices/{}", encoded(&user), encoded(&device.device_id)),
                                body: json!({}),
                                done: t("session-ended"),
                            };
                            move |_| act(shared, deed.clone(), move |_| onchange.call(()))
                        },
                        {t("sign-out")}
                    }
                }
            }
        }
    }
}

#[component]
fn Rooms(memberships: BTreeMap<String, String>) -> Element {
    rsx! {
        if memberships.is_empty() {
            p { class: "muted", {t("no-rooms")} }
        }
        ul { class: "entries entries--scrolled", tabindex: "0", aria_label: t("rooms"),
            for (room, membership) in memberships {
                li { key: "{room}",
                    a { class: "grow clip", dir: "ltr", href: Kind::Rooms.of(room.as_str()).fragment(), "{room}" }
                    span { class: "muted", {t(&format!("membership-{membership}"))} }
                }
            }
        }
    }
}

#[component]
fn Deeds(account: Account, devices: Vec<String>, onchange: EventHandler<()>) -> Element {
    let mut asked = use_signal(|| None::<UserDeed>);
    rsx! {
        section { class: "aside", aria_label: t("actions"),
            h2 { {t("actions")} }
            ul { class: "actions",
                for deed in UserDeed::all(&account) {
                    Action {
                        key: "{deed:?}",
                        icon: deed.icon(),
                        label: t(deed.label()),
                        text: tv(&format!("{}-short", deed.label()), [("name", Words::from(account.shown_name()))]),
                        is_danger: deed.is_final(),
                        onclick: move |()| asked.set(Some(deed)),
                    }
                }
            }
        }
        if let Some(deed) = asked() {
            AskDeed {
                deed,
                accounts: vec![account],
                devices,
                onclose: move |()| asked.set(None),
                ondone: move |_| onchange.call(()),
            }
        }
    }
}
