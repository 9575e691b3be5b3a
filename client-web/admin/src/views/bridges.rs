//! Bridges and bots: what waits for them, and whether they are there.

use dioxus::prelude::*;
use hearth_client_design::{
    controls::{Icon, either},
    words::{Value as Words, t, tv},
};
use serde::Deserialize;
use serde_json::json;

use crate::{
    api::{HEARTH, encoded},
    app::use_shared,
    measures::counted,
    parts::{Asked, Empty, Head, shown, use_asked},
};

#[derive(Clone, PartialEq, Deserialize)]
struct Services {
    appservices: Vec<Service>,
}

#[derive(Clone, PartialEq, Deserialize)]
struct Service {
    id: String,
    url: Option<String>,
    sender: String,
    protocols: Vec<String>,
    changes_behind: Option<u64>,
}

#[component]
pub fn Bridges() -> Element {
    let services: Asked<Services> = use_asked(format!("{HEARTH}/appservices"));
    rsx! {
        div { class: "admin__in",
            Head { title: t("bridges"), text: t("bridges-text") }
            {shown(services, |found| rsx! {
                if found.appservices.is_empty() {
                    Empty { icon: "waypoints", title: t("no-bridges"), text: t("no-bridges-text") }
                }
                ul {
                    for service in found.appservices.clone() {
                        Bridge { key: "{service.id}", service }
                    }
                }
            })}
        }
    }
}

/// What came of a ping.
#[derive(Clone, PartialEq)]
enum Ping {
    None,
    Asked,
    There(u64),
    Not(String),
}

#[component]
fn Bridge(service: Service) -> Element {
    let shared = use_shared();
    let mut ping = use_signal(|| Ping::None);
    let path = format!("{HEARTH}/appservices/{}/ping", encoded(&service.id));
    let behind = service.changes_behind.unwrap_or(0);
    let about = [service.url.clone().unwrap_or_else(|| t("bridge-silent")), service.sender.clone()];
    rsx! {
        li { class: "bridge",
            span { class: "file__kind", aria_hidden: "true", Icon { name: "waypoints" } }
            span { class: "bridge__text",
                b { class: "clip", dir: "auto", "{service.id}" }
                small { class: "clip", dir: "ltr", {about.join(", ")} }
                if !service.protocols.is_empty() {
                    small { {service.protocols.join(", ")} }
                }
            }
            span { class: if behind > 0 { "state state--warn" } else { "state state--ok" },
                Icon { name: either(behind > 0, "clock", "circle-check"), size: "s" }
                {counted("bridge-behind", behind)}
            }
            span { class: "btn-row",
                button {
                    class: "btn btn--s",
                    disabled: service.url.is_none() || ping() == Ping::Asked,
                    aria_label: tv("ping-service", [("name", Words::from(service.id.as_str()))]),
                    onclick: move |_| {
                        let path = path.clone();
                        ping.set(Ping::Asked);
                        spawn(async move {
                            ping.set(match shared.ask("POST", &path, Some(&json!({}))).await {
                                Ok(answer) => Ping::There(answer["duration_ms"].as_u64().unwrap_or_default()),
                                Err(problem) => Ping::Not(problem.text()),
                            });
                        });
                    },
                    {t("ping")}
                }
            }
            match ping() {
                Ping::None => rsx! {},
                Ping::Asked => rsx! { p { class: "bridge__ping muted", role: "status", {t("ping-asked")} } },
                Ping::There(ms) => rsx! {
                    p { class: "bridge__ping state--ok", role: "status", {tv("ping-there", [("ms", Words::from(ms))])} }
                },
                Ping::Not(why) => rsx! { p { class: "bridge__ping state--bad", role: "alert", "{why}" } },
            }
        }
    }
}
