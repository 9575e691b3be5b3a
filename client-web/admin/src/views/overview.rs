//! How it stands with the server, and how it stood.

use dioxus::prelude::*;
use hearth_client_design::{
    controls::Icon,
    words::{Value as Words, t, tv},
};
use hearth_client_state::admin::Kind;
use serde::Deserialize;

use crate::{
    api::HEARTH,
    app::use_shared,
    measures::{count, lasting, size, when},
    parts::{Asked, Head, found, shown, use_asked},
    views::plot::Plot,
};

#[derive(Clone, PartialEq, Deserialize)]
struct About {
    server_name: String,
    version: String,
    now: u64,
    started_at: u64,
    accounts: u64,
    administrators: u64,
    deactivated: u64,
    rooms: u64,
    servers: u64,
    servers_failing: u64,
    failing: Vec<Failing>,
    reports: u64,
    changes_behind: u64,
    writing_fails: bool,
}

#[derive(Clone, PartialEq, Deserialize)]
struct Failing {
    server_name: String,
    failed_at: u64,
    retry_at: u64,
}

#[derive(Clone, PartialEq, Deserialize)]
struct Storage {
    database: Option<u64>,
    search: Option<u64>,
    uploads: u64,
    uploads_count: u64,
    copies: u64,
    disk_free: Option<u64>,
    disk_total: Option<u64>,
    rooms: Vec<Large>,
}

#[derive(Clone, PartialEq, Deserialize)]
struct Large {
    room_id: String,
    name: Option<String>,
    events: u64,
    estimated_bytes: u64,
}

#[derive(Clone, PartialEq, Deserialize)]
struct Metrics {
    step_ms: f64,
    steps: f64,
    samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, Deserialize)]
struct Sample {
    at: f64,
    messages: f64,
    requests: f64,
    send_ms: f64,
    online: f64,
    memory: f64,
    behind: f64,
}

#[derive(Clone, PartialEq, Deserialize)]
struct Readers {
    readers: Vec<Reader>,
}

#[derive(Clone, PartialEq, Deserialize)]
struct Reader {
    name: String,
    changes_behind: u64,
}

/// How often what is shown is asked for anew, in milliseconds.
const AGAIN_MS: u32 = 30_000;
/// Readers that are further behind have a problem.
const FAR_BEHIND: u64 = 10_000;

const SPANS: [&str; 4] = ["hour", "day", "week", "month"];

#[component]
pub fn Overview() -> Element {
    let mut shared = use_shared();
    let mut span = use_signal(|| "day");
    let mut about: Asked<About> = use_asked(format!("{HEARTH}/overview"));
    let mut metrics: Asked<Metrics> = use_asked(format!("{HEARTH}/metrics?span={span}"));
    let storage: Asked<Storage> = use_asked(format!("{HEARTH}/storage"));
    let mut readers: Asked<Readers> = use_asked(format!("{HEARTH}/readers"));
    use_future(move || async move {
        loop {
            hearth_client_design::page::wait(AGAIN_MS).await;
            about.restart();
            metrics.restart();
            readers.restart();
        }
    });
    use_effect(move || {
        if let Some(Ok(about)) = &*about.read() {
            shared.reports.set(about.reports);
        }
    });
    shown(about, |about| {
        let up = lasting(about.now.saturating_sub(about.started_at));
        let text = tv(
            "overview-text",
            [
                ("server", Words::from(about.server_name.as_str())),
                ("version", about.version.as_str().into()),
                ("up", up.into()),
            ],
        );
        rsx! {
            div { class: "admin__in",
                Head { title: t("overview"), text,
                    Health { about: about.clone() }
                    fieldset { class: "segments",
                        legend { class: "sr", {t("span")} }
                        for name in SPANS {
                            label { key: "{name}",
                                input {
                                    class: "sr",
                                    r#type: "radio",
                                    name: "span",
                                    checked: span() == name,
                                    onchange: move |_| span.set(name),
                                }
                                {t(&format!("span-{name}"))}
                            }
                        }
                    }
                }
                Warnings { about: about.clone() }
                Figures { about: about.clone(), storage }
                {shown(metrics, |metrics| rsx! { Plots { metrics: metrics.clone(), now: about.now as f64 } })}
                div { class: "charts",
                    section { class: "chart chart--4",
                        header {
                            h2 { {t("storage")} }
                        }
                        {shown(storage, |storage| rsx! { Parts { storage: storage.clone() } })}
                    }
                    section { class: "chart chart--4",
                        header {
                            h2 { {t("largest-rooms")} }
                            small { {t("estimated")} }
                        }
                        {shown(storage, |storage| rsx! { LargestRooms { rooms: storage.rooms.clone() } })}
                    }
                    section { class: "chart chart--4",
                        header {
                            h2 { {t("readers")} }
                            small { {t("readers-unit")} }
                        }
                        {shown(readers, |found| rsx! { Lags { readers: found.readers.clone() } })}
                    }
                }
            }
        }
    })
}

/// How many things need somebody.
fn warnings(about: &About) -> u64 {
    u64::from(about.writing_fails) + u64::from(about.changes_behind > FAR_BEHIND) + about.servers_failing
}

#[component]
fn Health(about: About) -> Element {
    match warnings(&about) {
        0 => rsx! {
            span { class: "health",
                Icon { name: "circle-check" }
                {t("healthy")}
            }
        },
        warnings => rsx! {
            span { class: "health health--warning",
                Icon { name: "triangle-alert" }
                {tv("warnings", [("count", Words::from(warnings))])}
            }
        },
    }
}

#[component]
fn Warnings(about: About) -> Element {
    let shared = use_shared();
    rsx! {
        if about.writing_fails {
            div { class: "banner banner--box banner--danger", role: "alert",
                Icon { name: "triangle-alert" }
                span { class: "grow", b { {t("writing-fails")} } " " {t("writing-fails-text")} }
            }
        }
        if about.changes_behind > FAR_BEHIND {
            div { class: "banner banner--box banner--warning",
                Icon { name: "triangle-alert" }
                span { class: "grow",
                    b { {t("far-behind")} }
                    " "
                    {tv("far-behind-text", [("count", Words::from(count(about.changes_behind)))])}
                }
            }
        }
        if let Some(failing) = about.failing.first().cloned() {
            div { class: "banner banner--box banner--warning",
                Icon { name: "triangle-alert" }
                span { class: "grow",
                    b {
                        {tv("server-silent", [
                            ("server", Words::from(failing.server_name.as_str())),
                            ("since", when(Some(failing.failed_at)).into()),
                        ])}
                    }
                    " "
                    {tv("server-silent-text", [
                        ("at", Words::from(when(Some(failing.retry_at)))),
                        ("others", (about.servers_failing - 1).into()),
                    ])}
                }
                button {
                    class: "btn btn--s",
                    onclick: move |_| shared.go(&Kind::Federation.of(failing.server_name.as_str())),
                    {t("look-into")}
                }
            }
        }
    }
}

#[component]
fn Figures(about: About, storage: Asked<Storage>) -> Element {
    let all = |storage: &Storage| {
        storage.database.unwrap_or(0) + storage.search.unwrap_or(0) + storage.uploads + storage.copies
    };
    let free = |storage: &Storage| {
        let (free, total) = (storage.disk_free?, storage.disk_total?);
        Some(tv("disk-free", [("free", Words::from(size(free))), ("total", size(total).into())]))
    };
    let storage = found(storage, Clone::clone);
    rsx! {
        dl { class: "figures",
            div {
                dt { {t("users")} }
                dd { {count(about.accounts)} }
                dd { class: "sub", {tv("figure-administrators", [("count", Words::from(about.administrators))])} }
            }
            div {
                dt { {t("rooms")} }
                dd { {count(about.rooms)} }
                dd { class: "sub", {tv("figure-ended", [("count", Words::from(about.deactivated))])} }
            }
            div {
                dt { {t("figure-servers")} }
                dd { {count(about.servers)} }
                dd { class: "sub", {tv("figure-failing", [("count", Words::from(about.servers_failing))])} }
            }
            div {
                dt { {t("figure-media")} }
                dd { {storage.as_ref().map_or_else(|| "–".to_owned(), |storage| count(storage.uploads_count))} }
                dd { class: "sub", {storage.as_ref().map(|storage| size(storage.uploads))} }
            }
            div {
                dt { {t("disk")} }
                dd { {storage.as_ref().map_or_else(|| "–".to_owned(), |storage| size(all(storage)))} }
                dd { class: "sub", {storage.as_ref().and_then(free)} }
            }
        }
    }
}

#[component]
fn Plots(metrics: Metrics, now: f64) -> Element {
    let time = (now - metrics.steps * metrics.step_ms, now, metrics.step_ms * 1.5);
    let points = |value: fn(&Sample) -> f64| -> Vec<(f64, f64)> {
        metrics.samples.iter().map(|sample| (sample.at.max(time.0), value(sample))).collect()
    };
    rsx! {
        div { class: "charts",
            Plot { title: t("plot-messages"), unit: t("a-minute"), points: points(|s| s.messages), time }
            Plot { title: t("plot-send"), unit: t("plot-send-unit"), points: points(|s| s.send_ms), time }
            Plot { title: t("plot-requests"), unit: t("a-minute"), points: points(|s| s.requests), time }
            Plot { title: t("plot-online"), unit: t("plot-online-unit"), points: points(|s| s.online), time }
            Plot { title: t("plot-memory"), unit: "MB", points: points(|s| (s.memory / 1e6).round()), time }
            Plot { title: t("plot-behind"), unit: t("plot-behind-unit"), points: points(|s| s.behind), time }
        }
    }
}

#[component]
fn Parts(storage: Storage) -> Element {
    let parts = [
        ("storage-uploads", "one", storage.uploads),
        ("storage-database", "two", storage.database.unwrap_or(0)),
        ("storage-copies", "three", storage.copies),
        ("storage-search", "four", storage.search.unwrap_or(0)),
    ];
    let spoken: Vec<String> =
        parts.iter().map(|(name, _, bytes)| format!("{} {}", t(name), size(*bytes))).collect();
    rsx! {
        div { class: "stack", role: "img", aria_label: spoken.join(", "),
            for (name, class, bytes) in parts {
                if bytes > 0 {
                    span { key: "{name}", class: "part--{class}", flex: "{bytes}" }
                }
            }
        }
        ul { class: "legend",
            for (name, class, bytes) in parts {
                li { key: "{name}",
                    i { class: "part--{class}" }
                    {t(name)}
                    span { class: "num", {size(bytes)} }
                }
            }
        }
    }
}

#[component]
fn LargestRooms(rooms: Vec<Large>) -> Element {
    let largest = rooms.first().map_or(1, |room| room.events.max(1));
    rsx! {
        if rooms.is_empty() {
            p { class: "muted", {t("no-rooms")} }
        }
        ul {
            for room in rooms {
                li { key: "{room.room_id}", class: "lagbar",
                    a { class: "clip", href: Kind::Rooms.of(room.room_id.as_str()).fragment(), dir: "auto",
                        {room.name.clone().unwrap_or_else(|| room.room_id.clone())}
                    }
                    span { class: "bar", aria_hidden: "true", span { width: "{room.events * 100 / largest}%" } }
                    span { class: "num", title: count(room.events), {size(room.estimated_bytes)} }
                }
            }
        }
    }
}

#[component]
fn Lags(readers: Vec<Reader>) -> Element {
    let most = readers.iter().map(|reader| reader.changes_behind).max().unwrap_or(0).max(1);
    rsx! {
        if readers.is_empty() {
            p { class: "muted", {t("no-readers")} }
        }
        ul {
            for reader in readers {
                li {
                    key: "{reader.name}",
                    class: if reader.changes_behind > FAR_BEHIND { "lagbar bad" } else { "lagbar" },
                    span { class: "clip", title: "{reader.name}", "{reader.name}" }
                    span { class: "bar", aria_hidden: "true", span { width: "{reader.changes_behind * 100 / most}%" } }
                    span { class: "num", {count(reader.changes_behind)} }
                }
            }
        }
    }
}
