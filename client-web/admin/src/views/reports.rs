//! What people reported, and deciding about it.

use dioxus::prelude::*;
use hearth_client_design::{
    controls::IconButton,
    page,
    words::{Value as Words, t, tv},
};
use hearth_client_state::{
    admin::Kind,
    names::{colour, localpart},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    api::{SYNAPSE, encoded},
    app::use_shared,
    forms::{Ask, Deed},
    measures::when,
    parts::{Asked, Empty, Face, act, shown, use_asked},
};

#[derive(Clone, PartialEq, Deserialize)]
struct Found {
    event_reports: Vec<Report>,
    total: u64,
}

#[derive(Clone, PartialEq, Deserialize)]
struct Report {
    id: u64,
    received_ts: u64,
    room_id: Option<String>,
    event_id: Option<String>,
    /// Who reported it.
    user_id: String,
    /// Whom it is about.
    sender: Option<String>,
    reason: Option<String>,
    name: Option<String>,
    canonical_alias: Option<String>,
    /// What was said, in the report itself.
    event_json: Option<Value>,
}

/// How many are listed: the newest.
const LISTED: u64 = 200;

impl Report {
    fn room(&self) -> Option<String> {
        self.name.clone().or_else(|| self.canonical_alias.clone()).or_else(|| self.room_id.clone())
    }

    fn title(&self) -> String {
        let room = self.room().unwrap_or_default();
        let sender = self.sender.as_deref().map(localpart).unwrap_or_default();
        let values = [("room", Words::from(room)), ("sender", sender.into())];
        match (&self.event_id, &self.room_id) {
            (Some(_), _) => tv("report-message", values),
            (None, Some(_)) => tv("report-room", values),
            (None, None) => tv("report-user", values),
        }
    }

    fn reason(&self) -> String {
        self.reason.clone().filter(|reason| !reason.is_empty()).unwrap_or_else(|| t("no-words"))
    }
}

#[component]
pub fn Reports(open: Option<String>) -> Element {
    let mut shared = use_shared();
    let mut reports: Asked<Found> = use_asked(format!("{SYNAPSE}/v1/event_reports?limit={LISTED}"));
    use_effect(move || {
        page::set_title(&format!("{} · Hearth", t("reports")));
        if let Some(Ok(found)) = &*reports.read() {
            shared.reports.set(found.total);
        }
    });
    let view = if open.is_some() { "case" } else { "list" };
    rsx! {
        div { class: "inbox inbox--inner", "data-view": view,
            section { class: "inbox__list", aria_label: t("reports"),
                header { class: "list__head", h1 { {t("reports")} } }
                {shown(reports, |found| rsx! {
                    if found.event_reports.is_empty() {
                        Empty { icon: "inbox", title: t("no-reports"), text: t("no-reports-text") }
                    }
                    ul { tabindex: "0", aria_label: t("reports"),
                        for report in found.event_reports.clone() {
                            li { key: "{report.id}",
                                a {
                                    class: "case",
                                    href: Kind::Reports.of(report.id.to_string()).fragment(),
                                    aria_current: (open.as_deref() == Some(&report.id.to_string())).then_some("true"),
                                    span { class: "split",
                                        span { class: "clip", {localpart(&report.user_id).to_owned()} }
                                        span { class: "num", {when(Some(report.received_ts))} }
                                    }
                                    b { class: "clip", dir: "auto", {report.title()} }
                                    span { class: "clip", dir: "auto", {report.reason()} }
                                }
                            }
                        }
                    }
                })}
            }
            div { class: "inbox__view",
                if let Some(id) = open {
                    Case {
                        id,
                        ondone: move |()| {
                            reports.restart();
                            shared.go(&Kind::Reports.list());
                        },
                    }
                } else {
                    Empty { icon: "inbox", title: t("choose-report"), text: t("choose-report-text") }
                }
            }
        }
    }
}

#[component]
fn Case(id: String, ondone: EventHandler<()>) -> Element {
    let shared = use_shared();
    let report: Asked<Report> = use_asked(format!("{SYNAPSE}/v1/event_reports/{}", encoded(&id)));
    shown(report, |report| {
        let about = tv(
            "report-by",
            [("who", Words::from(report.user_id.as_str())), ("at", when(Some(report.received_ts)).into())],
        );
        rsx! {
            header { class: "head",
                span { class: "only-phone",
                    IconButton { icon: "arrow-left", label: t("back"), onclick: move |_| shared.go(&Kind::Reports.list()) }
                }
                div { class: "head__title",
                    h2 { class: "clip", dir: "auto", {report.title()} }
                    p { class: "clip", "{about}" }
                }
            }
            div { class: "page", tabindex: "0",
                div { class: "page__in page__in--case",
                    Said { report: report.clone() }
                    section { class: "block",
                        h2 { {t("reason")} }
                        p { dir: "auto", {report.reason()} }
                    }
                    section { class: "block",
                        h2 { {t("about-it")} }
                        dl { class: "kv",
                            if let Some(sender) = report.sender.clone() {
                                dt { {t("person")} }
                                dd { dir: "ltr", class: "break", UserLink { user: sender } }
                            }
                            dt { {t("reported-by")} }
                            dd { dir: "ltr", class: "break", UserLink { user: report.user_id.clone() } }
                            if let Some(room) = report.room_id.clone() {
                                dt { {t("room")} }
                                dd { class: "break",
                                    a { href: Kind::Rooms.of(room.as_str()).fragment(), dir: "auto", {report.room()} }
                                }
                            }
                            if let Some(event) = report.event_id.clone() {
                                dt { {t("event")} }
                                dd { dir: "ltr", class: "break", "{event}" }
                            }
                        }
                    }
                }
            }
            Decide { report: report.clone(), ondone }
        }
    })
}

#[component]
fn UserLink(user: String) -> Element {
    let is_own = use_shared().is_own(&user);
    rsx! {
        if is_own {
            a { href: Kind::Users.of(user.as_str()).fragment(), "{user}" }
        } else {
            "{user}"
        }
    }
}

/// What was said when it was reported.
#[component]
fn Said(report: Report) -> Element {
    let Some(event) = &report.event_json else { return rsx! {} };
    let sender = event["sender"].as_str().unwrap_or_default().to_owned();
    let at = event["origin_server_ts"].as_i64().unwrap_or_default();
    let content = &event["content"];
    let text = content["body"].as_str().map(str::to_owned);
    let is_encrypted = event["type"] == "m.room.encrypted";
    let text = match text {
        Some(text) => text,
        None if is_encrypted => t("said-encrypted"),
        None => serde_json::to_string_pretty(content).unwrap_or_default(),
    };
    let name = localpart(&sender).to_owned();
    rsx! {
        section { class: "block",
            h2 { {t("what-was-said")} }
            div { class: "evidence",
                ol {
                    li { class: "msg msg--first is-reported",
                        div { class: "msg__side",
                            Face { id: sender.clone(), name: name.clone() }
                        }
                        div { class: "msg__body",
                            div { class: "msg__head",
                                span { class: "msg__name n{colour(&sender)}", dir: "auto", "{name}" }
                                time { {page::short(at)} }
                            }
                            div { class: "msg__text reported-text", dir: "auto", "{text}" }
                        }
                    }
                }
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Decision {
    Remove,
    Suspend,
    End,
}

impl Decision {
    fn label(self) -> &'static str {
        match self {
            Self::Remove => "decide-remove",
            Self::Suspend => "decide-suspend",
            Self::End => "decide-end",
        }
    }
}

#[component]
fn Decide(report: Report, ondone: EventHandler<()>) -> Element {
    let shared = use_shared();
    let mut asked = use_signal(|| None::<Decision>);
    let is_own = report.sender.as_ref().is_some_and(|sender| shared.is_own(sender));
    let sender = report.sender.clone().unwrap_or_default();
    let close = Deed {
        method: "DELETE",
        path: format!("{SYNAPSE}/v1/event_reports/{}", report.id),
        body: json!({}),
        done: t("report-closed"),
    };
    let deed = {
        let report = report.clone();
        let sender = sender.clone();
        move |decision: Decision| {
            let id = encoded(&sender);
            let (method, path, body) = match decision {
                Decision::Remove => (
                    "POST",
                    format!("v1/user/{id}/redact"),
                    json!({ "rooms": report.room_id.iter().collect::<Vec<_>>(), "reason": report.reason, "use_admin": !is_own }),
                ),
                Decision::Suspend => ("PUT", format!("v1/suspend/{id}"), json!({ "suspend": true })),
                Decision::End => ("POST", format!("v1/deactivate/{id}"), json!({ "erase": false })),
            };
            Deed {
                method,
                path: format!("{SYNAPSE}/{path}"),
                body,
                done: t(&format!("{}-done", decision.label())),
            }
        }
    };
    rsx! {
        footer { class: "inbox__foot",
            if report.sender.is_some() && is_own {
                button { class: "btn btn--danger", onclick: move |_| asked.set(Some(Decision::Suspend)), {t("decide-suspend")} }
            }
            if report.sender.is_some() && report.room_id.is_some() {
                button { class: "btn", onclick: move |_| asked.set(Some(Decision::Remove)), {t("decide-remove")} }
            }
            if report.sender.is_some() && is_own {
                button { class: "btn", onclick: move |_| asked.set(Some(Decision::End)), {t("decide-end")} }
            }
            span { class: "grow" }
            button {
                class: "btn btn--quiet",
                onclick: move |_| act(shared, close.clone(), move |_| ondone.call(())),
                {t("close-report")}
            }
        }
        if let Some(decision) = asked() {
            Ask {
                title: t(decision.label()),
                text: tv(&format!("{}-text", decision.label()), [("name", Words::from(sender.as_str()))]),
                name: (decision != Decision::Suspend).then(|| sender.clone()),
                label: t(decision.label()),
                deed: deed(decision),
                onclose: move |()| asked.set(None),
                ondone: |_| {},
            }
        }
    }
}
