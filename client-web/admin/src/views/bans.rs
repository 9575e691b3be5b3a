//! Whom the whole server has nothing to do with: users, servers and aliases, by what their names look like.

use dioxus::prelude::*;
use hearth_client_design::{
    controls::{Field, Icon, PlainInput},
    page,
    words::{Value as Words, t, tv},
};
use hearth_client_state::names::localpart;
use serde::Deserialize;
use serde_json::json;

use crate::{
    api::{HEARTH, encoded},
    app::use_shared,
    forms::{Ask, Deed, FormDialog, use_asking},
    parts::{Asked, Chip, Empty, Head, Pager, Search, found, shown, use_asked, use_finding},
};

#[derive(Clone, PartialEq, Deserialize)]
struct Found {
    bans: Vec<Ban>,
}

#[derive(Clone, PartialEq, Deserialize)]
struct Ban {
    kind: BanKind,
    glob: String,
    reason: Option<String>,
    by: String,
    at: u64,
}

#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum BanKind {
    User,
    Server,
    Alias,
}

impl BanKind {
    const ALL: [Self; 3] = [Self::User, Self::Server, Self::Alias];

    /// Its name in paths; with `ban-` before it, that of its text.
    fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Server => "server",
            Self::Alias => "alias",
        }
    }

    fn label(self) -> String {
        t(&format!("ban-{}", self.word()))
    }
}

impl Ban {
    /// Whether it is of a kind, and a term is in its glob or reason.
    fn is_wanted(&self, kind: Option<BanKind>, term: &str) -> bool {
        let has = |text: &str| text.to_lowercase().contains(&term.to_lowercase());
        kind.is_none_or(|kind| self.kind == kind)
            && (has(&self.glob) || self.reason.as_deref().is_some_and(has))
    }
}

fn path(kind: BanKind, glob: &str) -> String {
    format!("{HEARTH}/bans/{}/{}", kind.word(), encoded(glob))
}

#[component]
pub fn Bans() -> Element {
    let mut bans: Asked<Found> = use_asked(format!("{HEARTH}/bans"));
    let finding = use_finding();
    let mut of_kind = use_signal(|| None::<BanKind>);
    let mut is_making = use_signal(|| false);
    let mut lifted = use_signal(|| None::<Ban>);
    let mut show = move |kind| {
        of_kind.set(kind);
        finding.begin();
    };
    let has_any = found(bans, |found| !found.bans.is_empty()).unwrap_or_default();
    rsx! {
        div { class: "admin__in",
            Head { title: t("bans"), text: t("bans-text"),
                button { class: "btn btn--primary", onclick: move |_| is_making.set(true),
                    Icon { name: "plus", size: "s" }
                    {t("new-ban")}
                }
            }
            if has_any {
                div { class: "toolbar",
                    Search { label: t("find-bans"), finding }
                    Chip { label: t("all-bans"), is_on: of_kind().is_none(), onclick: move |()| show(None) }
                    for kind in BanKind::ALL {
                        Chip {
                            key: "{kind:?}",
                            label: t(&format!("bans-{}", kind.word())),
                            is_on: of_kind() == Some(kind),
                            onclick: move |()| show(Some(kind)),
                        }
                    }
                }
            }
            {shown(bans, |found| {
                let term = finding.term.read();
                let wanted = || found.bans.iter().filter(|ban| ban.is_wanted(of_kind(), &term));
                let total = wanted().count() as u64;
                rsx! {
                    if !has_any {
                        Empty { icon: "ban", title: t("no-bans"), text: t("no-bans-text") }
                    } else if total == 0 {
                        Empty { icon: "search-x", title: t("no-ban-found"), text: t("no-ban-found-text") }
                    } else {
                        Table { bans: finding.page(wanted().cloned()), onlift: move |ban| lifted.set(Some(ban)) }
                        Pager { finding, total }
                    }
                }
            })}
        }
        if is_making() {
            NewBan { onclose: move |()| is_making.set(false), ondone: move |()| bans.restart() }
        }
        if let Some(ban) = lifted() {
            Ask {
                title: t("lift-ban"),
                text: tv("lift-ban-text", [("glob", Words::from(ban.glob.as_str()))]),
                label: t("lift-ban"),
                deed: Deed {
                    method: "DELETE",
                    path: path(ban.kind, &ban.glob),
                    body: json!({}),
                    done: t("lift-ban-done"),
                },
                onclose: move |()| lifted.set(None),
                ondone: move |_| bans.restart(),
            }
        }
    }
}

#[component]
fn Table(bans: Vec<Ban>, onlift: EventHandler<Ban>) -> Element {
    rsx! {
        table { class: "table table--stack",
            thead {
                tr {
                    th { {t("ban-glob")} }
                    th { {t("kind")} }
                    th { class: "t-less", {t("reason")} }
                    th { {t("who")} }
                    th { {t("when")} }
                    th { span { class: "sr", {t("actions")} } }
                }
            }
            tbody {
                for ban in bans {
                    Row { key: "{ban.kind:?} {ban.glob}", ban, onlift }
                }
            }
        }
    }
}

#[component]
fn Row(ban: Ban, onlift: EventHandler<Ban>) -> Element {
    let reason = ban.reason.clone().unwrap_or_default();
    let at = ban.at as i64;
    rsx! {
        tr {
            td { class: "t-name",
                code { class: "break", dir: "ltr", "{ban.glob}" }
                small { class: "only-phone", dir: "auto",
                    {[ban.kind.label(), reason.clone()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")}
                }
            }
            td { {ban.kind.label()} }
            td { class: "t-less break", dir: "auto", "{reason}" }
            td { title: "{ban.by}", {localpart(&ban.by).to_owned()} }
            td { class: "num nowrap", title: page::moment(at), {page::short(at)} }
            td { class: "end t-more",
                button {
                    class: "btn btn--s",
                    aria_label: tv("lift-this-ban", [("glob", Words::from(ban.glob.as_str()))]),
                    onclick: move |_| onlift.call(ban.clone()),
                    {t("lift-ban")}
                }
            }
        }
    }
}

#[component]
fn NewBan(onclose: EventHandler<()>, ondone: EventHandler<()>) -> Element {
    let shared = use_shared();
    let asking = use_asking();
    let mut kind = use_signal(|| BanKind::User);
    let mut glob = use_signal(String::new);
    let mut reason = use_signal(String::new);
    let submit = move |()| {
        let path = path(kind(), glob.peek().trim());
        let reason = Some(reason.peek().trim().to_owned()).filter(|reason| !reason.is_empty());
        let asked = async move { shared.ask("PUT", &path, Some(&json!({ "reason": reason }))).await };
        asking.begin(asked, move |_| {
            shared.tell(t("new-ban-done"));
            ondone.call(());
            onclose.call(());
        });
    };
    rsx! {
        FormDialog {
            title: t("new-ban"),
            label: t("make-ban"),
            is_danger: true,
            may: !glob.read().trim().is_empty(),
            asking,
            onsubmit: submit,
            onclose,
            div { class: "toolbar", role: "group", aria_label: t("kind"),
                for one in BanKind::ALL {
                    Chip { key: "{one:?}", label: one.label(), is_on: kind() == one, onclick: move |()| kind.set(one) }
                }
            }
            Field { id: "glob", label: t("ban-glob"), hint: t(&format!("ban-{}-hint", kind().word())),
                PlainInput { id: "glob", autocomplete: "off", oninput: move |text| glob.set(text) }
            }
            Field { id: "why", label: t("reason"), hint: t("ban-reason-hint"),
                input { class: "input", id: "why", dir: "auto", oninput: move |event| reason.set(event.value()) }
            }
            p { class: "muted", {t(&format!("ban-{}-text", kind().word()))} }
        }
    }
}
