//! What people reported, and deciding about it.

use dioxus::prelude::*;
use hearth_client_design::{
    controls::IconButton,
    page,
    words::{Value as Words, t, tv},
};
use hearth_client_state::{
    admin::{Kind, grouped},
    names::{colour, localpart},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    api::{Problem, SYNAPSE, encoded},
    app::use_shared,
    forms::{Ask, Deed, Notice, Steps, notice_to},
    measures::when,
    parts::{Asked, Empty, Face, act, found, shown, use_asked},
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

/// How many are listed: the newest. And how many of one case are read.
const LISTED: u64 = 200;
const READ: usize = 20;

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

    /// Reports about the same person in the same room are one case.
    fn about(&self) -> (Option<String>, Option<String>) {
        (self.room_id.clone(), self.sender.clone())
    }

    fn reason(&self) -> String {
        self.reason.clone().filter(|reason| !reason.is_empty()).unwrap_or_else(|| t("no-words"))
    }
}

#[component]
pub fn Reports(open: Option<String>) -> Element {
    let open = open.and_then(|id| id.parse::<u64>().ok());
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
                        for case in grouped(found.event_reports.clone(), Report::about) {
                            Listed { key: "{case[0].id}", is_open: open.is_some_and(|open| has(&case, open)), case }
                        }
                    }
                })}
            }
            div { class: "inbox__view",
                if let Some(open) = open {
                    Case {
                        ids: case_of(reports, open),
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

fn has(case: &[Report], id: u64) -> bool {
    case.iter().any(|report| report.id == id)
}

/// The reports of the case that one of them belongs to, the newest first; that one alone, if it is not listed.
fn case_of(reports: Asked<Found>, id: u64) -> Vec<u64> {
    let case = found(reports, |found| {
        let cases = grouped(found.event_reports.iter().cloned(), Report::about);
        cases.into_iter().find(|case| has(case, id))
    });
    match case.flatten() {
        Some(case) => case.iter().map(|report| report.id).collect(),
        None => vec![id],
    }
}

#[component]
fn Listed(case: Vec<Report>, is_open: bool) -> Element {
    // The newest.
    let Some(report) = case.first() else { return rsx! {} };
    let from = match case.len() {
        1 => localpart(&report.user_id).to_owned(),
        count => tv("reports-count", [("count", Words::from(count))]),
    };
    rsx! {
        li {
            a {
                class: "case",
                href: Kind::Reports.of(report.id.to_string()).fragment(),
                aria_current: is_open.then_some("true"),
                span { class: "split",
                    span { class: "clip", "{from}" }
                    span { class: "num", {when(Some(report.received_ts))} }
                }
                b { class: "clip", dir: "auto", {report.title()} }
                span { class: "clip", dir: "auto", {report.reason()} }
            }
        }
    }
}

#[component]
fn Case(ids: Vec<u64>, ondone: EventHandler<()>) -> Element {
    let shared = use_shared();
    let read: Vec<u64> = ids.iter().copied().take(READ).collect();
    let reports: Asked<Vec<Report>> = use_resource(use_reactive!(|read| async move {
        let mut reports = Vec::new();
        for id in read {
            reports.push(shared.get::<Report>(&format!("{SYNAPSE}/v1/event_reports/{id}")).await?);
        }
        Ok::<_, Problem>(reports)
    }));
    shown(reports, |reports| {
        let (Some(report), Some(oldest)) = (reports.first(), reports.last()) else { return rsx! {} };
        let at = when(Some(report.received_ts));
        let about = match ids.len() {
            1 => tv("report-by", [("who", Words::from(report.user_id.as_str())), ("at", at.into())]),
            count => tv(
                "reports-between",
                [
                    ("count", Words::from(count)),
                    ("first", when(Some(oldest.received_ts)).into()),
                    ("last", at.into()),
                ],
            ),
        };
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
                    Said { reports: reports.clone() }
                    section { class: "block",
                        h2 { {t("who-reported")} }
                        ul { class: "log",
                            for report in reports.clone() {
                                li { key: "{report.id}",
                                    Face { id: report.user_id.clone(), name: localpart(&report.user_id).to_owned(), class: "avatar--s" }
                                    span { class: "break",
                                        b { title: "{report.user_id}", {localpart(&report.user_id).to_owned()} }
                                        {format!(", {}: ", page::short(report.received_ts as i64))}
                                        span { dir: "auto", {report.reason()} }
                                    }
                                }
                            }
                        }
                    }
                    section { class: "block",
                        h2 { {t("about-it")} }
                        dl { class: "kv",
                            if let Some(sender) = report.sender.clone() {
                                dt { {t("person")} }
                                dd { dir: "ltr", class: "break", UserLink { user: sender } }
                            }
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
            Decide { report: report.clone(), ids: ids.clone(), ondone }
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

/// What was said when it was reported, in its order.
#[component]
fn Said(reports: Vec<Report>) -> Element {
    let reported = |report: &Report| report.event_json.clone().map(|event| (report.event_id.clone(), event));
    let mut events: Vec<Value> = grouped(reports.iter().filter_map(reported), |(id, _)| id.clone())
        .into_iter()
        .filter_map(|same| same.into_iter().next().map(|(_, event)| event))
        .collect();
    events.sort_by_key(|event| event["origin_server_ts"].as_i64());
    if events.is_empty() {
        return rsx! {};
    }
    rsx! {
        section { class: "block",
            h2 { {t("what-was-said")} }
            div { class: "evidence",
                ol {
                    for (number, event) in events.into_iter().enumerate() {
                        Message { key: "{number}", event }
                    }
                }
            }
        }
    }
}

#[component]
fn Message(event: Value) -> Element {
    let sender = event["sender"].as_str().unwrap_or_default().to_owned();
    let at = event["origin_server_ts"].as_i64().unwrap_or_default();
    let content = &event["content"];
    let text = match content["body"].as_str() {
        Some(text) => text.to_owned(),
        None if event["type"] == "m.room.encrypted" => t("said-encrypted"),
        None => serde_json::to_string_pretty(content).unwrap_or_default(),
    };
    let name = localpart(&sender).to_owned();
    rsx! {
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

#[derive(Clone, Copy, PartialEq, Debug)]
enum Decision {
    Warn,
    Remove,
    Suspend,
    End,
}

impl Decision {
    fn label(self) -> &'static str {
        match self {
            Self::Warn => "decide-warn",
            Self::Remove => "decide-remove",
            Self::Suspend => "decide-suspend",
            Self::End => "decide-end",
        }
    }
}

#[component]
fn Decide(report: Report, ids: Vec<u64>, ondone: EventHandler<()>) -> Element {
    let shared = use_shared();
    let mut asked = use_signal(|| None::<Decision>);
    let notice = use_signal(String::new);
    let is_own = report.sender.as_ref().is_some_and(|sender| shared.is_own(sender));
    let sender = report.sender.clone().unwrap_or_default();
    let close = |id: &u64| Deed {
        method: "DELETE",
        path: format!("{SYNAPSE}/v1/event_reports/{id}"),
        body: json!({}),
        done: tv("reports-closed", [("count", Words::from(ids.len()))]),
    };
    let close = Steps(ids.iter().map(close).collect());
    let deed = {
        let report = report.clone();
        let sender = sender.clone();
        move |decision: Decision| {
            let id = encoded(&sender);
            let (method, path, body) = match decision {
                Decision::Warn => notice_to(&sender, &notice.read()),
                Decision::Remove => (
                    "POST",
                    format!("v1/user/{id}/redact"),
                    json!({ "rooms": report.room_id.iter().collect::<Vec<_>>(), "reason": report.reason, "use_admin": !is_own }),
                ),
                Decision::Suspend => ("PUT", format!("v1/suspend/{id}"), json!({ "suspend": true })),
                Decision::End => ("POST", format!("v1/deactivate/{id}"), json!({ "erase": false })),
            };
            let done = t(&format!("{}-done", decision.label()));
            Deed { method, path: format!("{SYNAPSE}/{path}"), body, done }
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
            if report.sender.is_some() && is_own {
                button { class: "btn", onclick: move |_| asked.set(Some(Decision::Warn)), {t("decide-warn")} }
            }
            span { class: "grow" }
            button {
                class: "btn btn--quiet",
                onclick: move |_| act(shared, close.clone(), move |_| ondone.call(())),
                {tv("close-reports", [("count", Words::from(ids.len()))])}
            }
        }
        if let Some(decision) = asked() {
            Ask {
                title: t(decision.label()),
                text: tv(&format!("{}-text", decision.label()), [("name", Words::from(sender.as_str()))]),
                name: matches!(decision, Decision::Remove | Decision::End).then(|| sender.clone()),
                may: decision != Decision::Warn || !notice.read().trim().is_empty(),
                label: t(decision.label()),
                deed: deed(decision),
                onclose: move |()| asked.set(None),
                ondone: |_| {},
                if decision == Decision::Warn {
                    Notice { text: notice }
                }
            }
        }
    }
}
