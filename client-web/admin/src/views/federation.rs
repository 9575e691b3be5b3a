//! Other servers, and why one does not answer.

use dioxus::prelude::*;
use hearth_client_design::{
    controls::{Icon, either},
    words::{Value as Words, t, tv},
};
use hearth_client_state::admin::Kind;
use serde::Deserialize;
use serde_json::json;

use crate::{
    api::{HEARTH, SYNAPSE, encoded},
    app::use_shared,
    forms::Deed,
    measures::{count, lasting, when},
    parts::{Asked, Chip, Empty, Head, Pager, Search, act, found, shown, use_asked, use_finding},
};

#[derive(Clone, PartialEq, Deserialize)]
struct Peers {
    destinations: Vec<Peer>,
    total: u64,
}

#[derive(Clone, PartialEq, Deserialize)]
struct Peer {
    destination: String,
    failure_ts: Option<u64>,
    retry_interval: u64,
}

#[derive(Clone, PartialEq, Deserialize)]
struct Checked {
    server_name: String,
    answers: bool,
    error: Option<String>,
    failures: u64,
    retry_at: Option<u64>,
    rooms_shared: u64,
    rooms_behind: u64,
}

#[component]
pub fn Federation(open: Option<String>) -> Element {
    let shared = use_shared();
    let finding = use_finding();
    let mut is_failing_first = use_signal(|| false);
    let order = if is_failing_first() { "&order_by=failure_ts&dir=b" } else { "" };
    let query = finding.query("destination");
    let mut peers: Asked<Peers> = use_asked(format!("{SYNAPSE}/v1/federation/destinations?{query}{order}"));
    let total = found(peers, |found| found.total).unwrap_or(0);
    let text = tv(
        "federation-text",
        [("server", Words::from(shared.server.read().as_str())), ("count", total.into())],
    );
    rsx! {
        div { class: "admin__in",
            Head { title: t("federation"), text }
            div { class: "split-2",
                div { class: "pile",
                    div { class: "toolbar",
                        Search { label: t("find-server"), finding }
                        Chip { label: t("by-name"), is_on: !is_failing_first(), onclick: move |()| is_failing_first.set(false) }
                        Chip { label: t("failing-first"), is_on: is_failing_first(), onclick: move |()| is_failing_first.set(true) }
                    }
                    {shown(peers, |found| rsx! {
                        if found.destinations.is_empty() {
                            Empty { icon: "globe", title: t("no-servers"), text: t("no-servers-text") }
                        } else {
                            Table { peers: found.destinations.clone(), open: open.clone() }
                        }
                        Pager { finding, total: found.total }
                    })}
                }
                match open {
                    Some(server) => rsx! { Check { server, onchange: move |()| peers.restart() } },
                    None => rsx! {
                        aside { class: "aside",
                            Empty { icon: "activity", title: t("choose-server"), text: t("choose-server-text") }
                        }
                    },
                }
            }
        }
    }
}

#[component]
fn Table(peers: Vec<Peer>, open: Option<String>) -> Element {
    let shared = use_shared();
    rsx! {
        table { class: "table table--stack",
            thead {
                tr {
                    th { {t("server")} }
                    th { class: "t-less", {t("last-failure")} }
                    th { class: "t-less", {t("pause")} }
                    th { span { class: "sr", {t("actions")} } }
                }
            }
            tbody {
                for peer in peers {
                    tr {
                        key: "{peer.destination}",
                        aria_selected: (open.as_ref() == Some(&peer.destination)).then_some("true"),
                        td { class: "t-name",
                            b { class: "block-text", dir: "ltr", "{peer.destination}" }
                            small { class: if peer.failure_ts.is_some() { "small state--bad" } else { "small muted" },
                                {t(either(peer.failure_ts.is_some(), "peer-fails", "peer-fine"))}
                            }
                        }
                        td { class: "num t-less", {peer.failure_ts.map(|at| when(Some(at)))} }
                        td { class: "num t-less", if peer.failure_ts.is_some() { {lasting(peer.retry_interval)} } }
                        td { class: "end t-more",
                            button {
                                class: "btn btn--s",
                                aria_label: tv("check-server", [("server", Words::from(peer.destination.as_str()))]),
                                onclick: {
                                    let place = Kind::Federation.of(peer.destination.as_str());
                                    move |_| shared.go(&place)
                                },
                                {t("check")}
                            }
                        }
                    }
                }
            }
        }
    }
}

#[component]
fn Check(server: String, onchange: EventHandler<()>) -> Element {
    let shared = use_shared();
    let mut checked: Asked<Checked> = use_asked(format!("{HEARTH}/federation/{}", encoded(&server)));
    let is_asking = checked.state().cloned() == UseResourceState::Pending;
    let reset = Deed {
        method: "POST",
        path: format!("{SYNAPSE}/v1/federation/destinations/{}/reset_connection", encoded(&server)),
        body: json!({}),
        done: tv("reset-done", [("server", Words::from(server.as_str()))]),
    };
    if is_asking {
        return rsx! {
            aside { class: "aside aside--answer", aria_busy: "true",
                h2 { {tv("asking-server", [("server", Words::from(server.as_str()))])} }
                p { class: "muted", role: "status", {t("asking-server-text")} }
                span { class: "bar bar--wait", aria_hidden: "true", span {} }
            }
        };
    }
    rsx! {
        aside { class: "aside aside--answer",
            {shown(checked, |found| rsx! { Answer { found: found.clone() } })}
            div { class: "btn-row",
                button { class: "btn", onclick: move |_| checked.restart(),
                    Icon { name: "refresh-cw", size: "s" }
                    {t("ask-again")}
                }
                button {
                    class: "btn",
                    onclick: move |_| {
                        act(shared, reset.clone(), move |_| {
                            checked.restart();
                            onchange.call(());
                        });
                    },
                    {t("reset-connection")}
                }
            }
        }
    }
}

#[component]
fn Answer(found: Checked) -> Element {
    let title = if found.answers { "server-answers" } else { "server-answers-not" };
    rsx! {
        h2 { {tv(title, [("server", Words::from(found.server_name.as_str()))])} }
        ol { class: "trace",
            li { class: if !found.answers { "bad" },
                Icon { name: either(found.answers, "circle-check", "circle-x") }
                b { {t(either(found.answers, "trace-answer", "trace-no-answer"))} }
                if let Some(error) = found.error.clone() {
                    small { class: "break", "{error}" }
                }
            }
            li { class: if found.failures > 0 { "bad" },
                Icon { name: either(found.failures > 0, "circle-x", "circle-check") }
                b { {tv("trace-failures", [("count", Words::from(found.failures))])} }
                if let Some(at) = found.retry_at.filter(|_| found.failures > 0) {
                    small { {tv("trace-retry", [("at", Words::from(when(Some(at))))])} }
                }
            }
            li { class: if found.rooms_behind > 0 { "bad" },
                Icon { name: either(found.rooms_behind > 0, "circle-x", "circle-check") }
                b { {tv("trace-behind", [("count", Words::from(found.rooms_behind))])} }
                small { {tv("trace-shared", [("count", Words::from(count(found.rooms_shared)))])} }
            }
        }
    }
}
