//! Media: who has how much, and what somebody uploaded.

use dioxus::prelude::*;
use hearth_client_design::{
    controls::{Icon, MenuItem, either},
    page,
    words::{Value as Words, t, tv},
};
use hearth_client_state::{admin::Kind, names::localpart, when::DAY};
use serde::Deserialize;
use serde_json::json;

use crate::{
    api::{self, SYNAPSE, encoded},
    app::use_shared,
    forms::{Ask, Deed},
    measures::{count, counted, size, when},
    parts::{Asked, Empty, Face, Head, Menu, Pager, Search, act, shown, use_asked, use_finding},
};

#[derive(Clone, PartialEq, Deserialize)]
struct Usages {
    users: Vec<Usage>,
    total: u64,
}

#[derive(Clone, PartialEq, Deserialize)]
struct Usage {
    user_id: String,
    displayname: Option<String>,
    media_count: u64,
    media_length: u64,
}

#[derive(Clone, PartialEq, Deserialize)]
struct Files {
    media: Vec<File>,
    total: u64,
}

#[derive(Clone, PartialEq, Deserialize)]
struct File {
    media_id: String,
    created_ts: u64,
    media_length: Option<u64>,
    media_type: Option<String>,
    upload_name: Option<String>,
    quarantined_by: Option<String>,
}

/// How long copies of other servers' media are kept when one makes room, in milliseconds.
const FRESH_MS: i64 = 7 * DAY;

#[component]
pub fn Media(user: Option<String>) -> Element {
    match user {
        Some(user) => rsx! { OfUser { user } },
        None => rsx! { OfAll {} },
    }
}

#[component]
fn OfAll() -> Element {
    let finding = use_finding();
    let mut is_clearing = use_signal(|| false);
    let usages: Asked<Usages> = use_asked(format!(
        "{SYNAPSE}/v1/statistics/users/media?order_by=media_length&dir=b&{}",
        finding.query("search_term")
    ));
    rsx! {
        div { class: "admin__in",
            Head { title: t("media"), text: t("media-text"),
                button { class: "btn", onclick: move |_| is_clearing.set(true),
                    Icon { name: "hard-drive", size: "s" }
                    {t("clear-copies")}
                }
            }
            div { class: "toolbar",
                Search { label: t("find-users"), finding }
            }
            {shown(usages, |found| rsx! {
                if found.users.is_empty() {
                    Empty { icon: "image", title: t("no-media"), text: t("no-media-text") }
                } else {
                    UsageTable { usages: found.users.clone() }
                }
                Pager { finding, total: found.total }
            })}
        }
        if is_clearing() {
            Ask {
                title: t("clear-copies"),
                text: t("clear-copies-text"),
                label: t("clear-copies"),
                deed: Deed {
                    method: "POST",
                    path: format!("{SYNAPSE}/v1/purge_media_cache?before_ts={}", page::now() - FRESH_MS),
                    body: json!({}),
                    done: t("clear-copies-done"),
                },
                onclose: move |()| is_clearing.set(false),
                ondone: |_| {},
            }
        }
    }
}

#[component]
fn UsageTable(usages: Vec<Usage>) -> Element {
    let most = usages.iter().map(|usage| usage.media_length).max().unwrap_or(0).max(1);
    rsx! {
        table { class: "table table--stack",
            thead {
                tr {
                    th { {t("name")} }
                    th { class: "end", {t("files-head")} }
                    th { class: "end", {t("size")} }
                    th { class: "t-less", span { class: "sr", {t("share")} } }
                }
            }
            tbody {
                for usage in usages {
                    tr { key: "{usage.user_id}",
                        td { class: "t-name",
                            a { class: "cellname", href: Kind::Media.of(usage.user_id.as_str()).fragment(),
                                Face { id: usage.user_id.clone(), name: usage.displayname.clone().unwrap_or_else(|| localpart(&usage.user_id).to_owned()) }
                                span { class: "cellname__text",
                                    b { class: "clip", dir: "auto", {usage.displayname.clone().unwrap_or_else(|| localpart(&usage.user_id).to_owned())} }
                                    small { class: "clip", dir: "ltr", "{usage.user_id}" }
                                    small { class: "only-phone", {format!("{}, {}", counted("files", usage.media_count), size(usage.media_length))} }
                                }
                            }
                        }
                        td { class: "end num", {count(usage.media_count)} }
                        td { class: "end num", {size(usage.media_length)} }
                        td { class: "t-less t-bar", span { class: "bar", aria_hidden: "true", span { width: "{usage.media_length * 100 / most}%" } } }
                    }
                }
            }
        }
    }
}

#[component]
fn OfUser(user: String) -> Element {
    let finding = use_finding();
    let mut is_asking = use_signal(|| false);
    let path = encoded(&user);
    let mut files: Asked<Files> =
        use_asked(format!("{SYNAPSE}/v1/users/{path}/media?{}", finding.query("search_term")));
    rsx! {
        div { class: "admin__in",
            a { class: "btn btn--quiet btn--s back", href: Kind::Media.list().fragment(),
                Icon { name: "arrow-left", size: "s" }
                {t("media")}
            }
            Head { title: tv("media-of", [("name", Words::from(localpart(&user)))]), text: user.clone(),
                button { class: "btn btn--danger-plain", onclick: move |_| is_asking.set(true),
                    Icon { name: "shield-alert", size: "s" }
                    {t("quarantine-all")}
                }
            }
            {shown(files, |found| rsx! {
                if found.media.is_empty() {
                    Empty { icon: "image", title: t("no-media"), text: t("no-media-text") }
                } else {
                    ul { class: "mediawall",
                        for file in found.media.clone() {
                            Tile { key: "{file.media_id}", file, onchange: move |()| files.restart() }
                        }
                    }
                }
                Pager { finding, total: found.total }
            })}
        }
        if is_asking() {
            Ask {
                title: t("quarantine-all"),
                text: tv("quarantine-all-text", [("name", Words::from(user.as_str()))]),
                name: user.clone(),
                label: t("quarantine-all"),
                deed: Deed {
                    method: "POST",
                    path: format!("{SYNAPSE}/v1/user/{path}/media/quarantine"),
                    body: json!({}),
                    done: t("quarantine-all-done"),
                },
                onclose: move |()| is_asking.set(false),
                ondone: move |_| files.restart(),
            }
        }
    }
}

#[component]
fn Tile(file: File, onchange: EventHandler<()>) -> Element {
    let shared = use_shared();
    let is_open = use_signal(|| false);
    let mut is_deleting = use_signal(|| false);
    let server = encoded(&shared.server.read());
    let id = encoded(&file.media_id);
    let name = file.upload_name.clone().unwrap_or_else(|| file.media_id.clone());
    let is_quarantined = file.quarantined_by.is_some();
    let is_picture = file.media_type.as_deref().is_some_and(|kind| kind.starts_with("image/"));
    let way = if is_quarantined { "unquarantine" } else { "quarantine" };
    let deed = Deed {
        method: "POST",
        path: format!("{SYNAPSE}/v1/media/{way}/{server}/{id}"),
        body: json!({}),
        done: tv(&format!("{way}-done"), [("name", Words::from(name.as_str()))]),
    };
    let about = [file.media_length.map(size), Some(when(Some(file.created_ts)))];
    rsx! {
        li { class: if is_quarantined { "veiled" },
            div { class: "shot",
                if is_quarantined {
                    Icon { name: "eye-off" }
                    span { {t("quarantined")} }
                } else if is_picture {
                    Thumbnail { path: format!("/_matrix/client/v1/media/thumbnail/{server}/{id}?width=320&height=240&method=crop"), name: name.clone() }
                } else {
                    Icon { name: "file" }
                }
            }
            div { class: "split split--centred",
                span { class: "tile__text",
                    b { class: "clip", dir: "auto", title: "{name}", "{name}" }
                    small { class: "clip", {about.into_iter().flatten().collect::<Vec<_>>().join(", ")} }
                }
                Menu { label: tv("actions-for", [("name", Words::from(name.as_str()))]), is_open,
                    MenuItem {
                        icon: either(is_quarantined, "eye", "eye-off"),
                        label: t(way),
                        onclick: move |()| act(shared, deed.clone(), move |_| onchange.call(())),
                    }
                    MenuItem { icon: "trash-2", label: t("delete-file"), is_danger: true, onclick: move |()| is_deleting.set(true) }
                }
            }
            if is_deleting() {
                Ask {
                    title: t("delete-file"),
                    text: tv("delete-file-text", [("name", Words::from(name.as_str()))]),
                    name: name.clone(),
                    label: t("delete-file"),
                    deed: Deed {
                        method: "DELETE",
                        path: format!("{SYNAPSE}/v1/media/{server}/{id}"),
                        body: json!({}),
                        done: tv("delete-file-done", [("name", Words::from(name.as_str()))]),
                    },
                    onclose: move |()| is_deleting.set(false),
                    ondone: move |_| onchange.call(()),
                }
            }
        }
    }
}

/// A picture that only who has a token gets.
#[component]
fn Thumbnail(path: String, name: String) -> Element {
    let shared = use_shared();
    let address = use_resource(use_reactive!(|path| async move {
        let token = shared.token().await.ok()?;
        let (bytes, kind) = api::picture(&path, &token).await?;
        page::address_of(&bytes, &kind)
    }));
    use_drop(move || {
        if let Some(Some(address)) = &*address.peek() {
            page::revoke(address);
        }
    });
    match address.read().clone().flatten() {
        Some(address) => rsx! { img { class: "pic", src: "{address}", alt: "{name}" } },
        None => rsx! { Icon { name: "image" } },
    }
}
