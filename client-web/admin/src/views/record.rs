//! What administrators did: the audit log, which they cannot change.

use dioxus::prelude::*;
use hearth_client_design::{controls::Icon, page, words::t};
use hearth_client_state::names::localpart;
use serde::Deserialize;

use crate::{
    api::HEARTH,
    parts::{Asked, Empty, Head, ROWS, shown, use_asked},
};

#[derive(Clone, PartialEq, Deserialize)]
struct Log {
    entries: Vec<Entry>,
    next_token: Option<String>,
}

#[derive(Clone, PartialEq, Deserialize)]
struct Entry {
    at: u64,
    who: String,
    request: String,
    body: Option<String>,
    /// `None` where the server stopped before it was done.
    status: Option<u16>,
}

#[component]
pub fn Record() -> Element {
    // The pages that were left behind; the last one is shown.
    let mut pages = use_signal(|| vec![String::new()]);
    let from = pages.read().last().filter(|token| !token.is_empty()).map(|token| format!("&from={token}"));
    let log: Asked<Log> = use_asked(format!("{HEARTH}/audit_log?limit={ROWS}{}", from.unwrap_or_default()));
    let is_first = pages.read().len() == 1;
    rsx! {
        div { class: "admin__in",
            Head { title: t("record"), text: t("record-text") }
            {shown(log, |found| rsx! {
                if found.entries.is_empty() {
                    Empty { icon: "scroll-text", title: t("no-record"), text: t("no-record-text") }
                } else {
                    Table { entries: found.entries.clone() }
                }
                div { class: "toolbar toolbar--ends",
                    button {
                        class: "btn",
                        disabled: is_first,
                        onclick: move |_| drop(pages.write().pop()),
                        Icon { name: "chevron-left", size: "s" }
                        {t("newer")}
                    }
                    button {
                        class: "btn",
                        disabled: found.next_token.is_none(),
                        onclick: {
                            let next = found.next_token.clone();
                            move |_| pages.write().extend(next.clone())
                        },
                        {t("older")}
                        Icon { name: "chevron-right", size: "s" }
                    }
                }
            })}
        }
    }
}

#[component]
fn Table(entries: Vec<Entry>) -> Element {
    rsx! {
        table { class: "table table--stack",
            thead {
                tr {
                    th { {t("when")} }
                    th { {t("who")} }
                    th { {t("what")} }
                    th { {t("outcome")} }
                }
            }
            tbody {
                for (number, entry) in entries.into_iter().enumerate() {
                    tr { key: "{entry.at}-{number}",
                        td { class: "num nowrap", title: page::moment(entry.at as i64), {page::short(entry.at as i64)} }
                        td { title: "{entry.who}", {localpart(&entry.who).to_owned()} }
                        td { class: "t-name",
                            code { class: "break", dir: "ltr", {decoded(&entry.request)} }
                            if let Some(body) = entry.body.clone().filter(|body| !body.is_empty() && body != "{}") {
                                small { class: "break block-text muted", dir: "ltr", "{body}" }
                            }
                            small { class: "only-phone",
                                {format!("{}, {}", localpart(&entry.who), page::short(entry.at as i64))}
                            }
                        }
                        td { class: "t-more", Outcome { status: entry.status } }
                    }
                }
            }
        }
    }
}

#[component]
fn Outcome(status: Option<u16>) -> Element {
    match status {
        None => rsx! { span { class: "tag tag--warning", {t("outcome-unknown")} } },
        Some(200..=299) => rsx! { span { class: "state--ok", {t("outcome-done")} } },
        Some(status) => rsx! { span { class: "tag tag--danger", {t("outcome-refused")} " {status}" } },
    }
}

/// A path as people read it; as it was where it is no text.
fn decoded(request: &str) -> String {
    js_sys::decode_uri_component(request).map_or_else(|_| request.to_owned(), String::from)
}
