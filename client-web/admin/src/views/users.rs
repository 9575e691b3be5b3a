//! The accounts of this server.

use dioxus::prelude::*;
use hearth_client_design::{
    controls::{Icon, MenuItem},
    words::{Value as Words, t, tv},
};
use hearth_client_state::{admin::Kind, names::localpart};
use serde::Deserialize;

use crate::{
    api::SYNAPSE,
    app::use_shared,
    measures::when,
    parts::{
        Asked, Chip, Choice, Chosen, ChosenDeed, Empty, Face, Head, Menu, Pager, Pick, Search, found, shown,
        use_asked, use_choice, use_finding,
    },
    views::user_deeds::{AskDeed, NewUser, UserDeed},
};

/// An account, as lists tell it.
#[derive(Clone, PartialEq, Deserialize)]
pub struct Account {
    pub name: String,
    pub displayname: Option<String>,
    pub admin: bool,
    pub is_guest: bool,
    pub deactivated: bool,
    pub locked: bool,
    pub suspended: bool,
    pub shadow_banned: bool,
    /// Whether they do not wait for an administrator to let them in.
    pub approved: bool,
    pub creation_ts: u64,
    pub last_seen_ts: Option<u64>,
}

#[derive(Clone, PartialEq, Deserialize)]
struct Accounts {
    users: Vec<Account>,
    total: u64,
}

/// Which accounts are shown.
#[derive(Clone, Copy, PartialEq)]
enum Which {
    Everyone,
    Administrators,
    Unapproved,
    Ended,
}

impl Account {
    pub fn shown_name(&self) -> &str {
        self.displayname.as_deref().filter(|name| !name.is_empty()).unwrap_or_else(|| localpart(&self.name))
    }
}

#[component]
pub fn Users() -> Element {
    let finding = use_finding();
    let mut which = use_signal(|| Which::Everyone);
    let mut is_making = use_signal(|| false);
    let narrowed = match which() {
        Which::Everyone => "v2/users?",
        Which::Administrators => "v2/users?admins=true&",
        Which::Unapproved => "v2/users?approved=false&",
        Which::Ended => "v3/users?deactivated=true&",
    };
    let mut accounts: Asked<Accounts> =
        use_asked(format!("{SYNAPSE}/{narrowed}guests=true&{}", finding.query("name")));
    let total = found(accounts, |found| found.total);
    let mut shared = use_shared();
    use_effect(move || {
        // What was found is of the list that is shown once it comes.
        let is_of_all = which() == Which::Unapproved && finding.term.read().is_empty();
        if let Some(Ok(found)) = &*accounts.read()
            && is_of_all
            && found.users.iter().all(|account| !account.approved)
        {
            shared.unapproved.set(found.total);
        }
    });
    let text = total.map(|total| tv("accounts", [("count", Words::from(total))])).unwrap_or_default();
    rsx! {
        div { class: "admin__in",
            Head { title: t("users"), text,
                button { class: "btn btn--primary", onclick: move |_| is_making.set(true),
                    Icon { name: "user-plus", size: "s" }
                    {t("new-user")}
                }
            }
            div { class: "toolbar",
                Search { label: t("find-users"), finding }
                for (name, kind) in [
                    ("everyone", Which::Everyone),
                    ("administrators", Which::Administrators),
                    ("unapproved", Which::Unapproved),
                    ("ended", Which::Ended),
                ] {
                    Chip {
                        key: "{name}",
                        label: t(name),
                        is_on: which() == kind,
                        onclick: move |()| {
                            which.set(kind);
                            finding.begin();
                        },
                    }
                }
            }
            {shown(accounts, |found| rsx! {
                if found.users.is_empty() {
                    Empty { icon: "search-x", title: t("nobody-found"), text: t("nobody-found-text") }
                } else {
                    Table { accounts: found.users.clone(), onchange: move |()| accounts.restart() }
                }
                Pager { finding, total: found.total }
            })}
            if is_making() {
                NewUser { onclose: move |()| is_making.set(false), ondone: move |()| accounts.restart() }
            }
        }
    }
}

#[component]
fn Table(accounts: Vec<Account>, onchange: EventHandler<()>) -> Element {
    let mut asked = use_signal(|| None::<(UserDeed, Vec<Account>)>);
    let choice = use_choice();
    // Of those that are not shown any more, none is chosen.
    let chosen: Vec<Account> = accounts.iter().filter(|account| choice.has(&account.name)).cloned().collect();
    let ids: Vec<String> = accounts.iter().map(|account| account.name.clone()).collect();
    rsx! {
        if !chosen.is_empty() {
            Deeds { accounts: chosen, choice, onask: move |deed| asked.set(Some(deed)) }
        }
        table { class: "table table--stack table--picked",
            thead {
                tr {
                    th { class: "t-pick", Pick { label: t("choose-all"), ids, choice } }
                    th { {t("name")} }
                    th { {t("kind")} }
                    th { {t("last-here")} }
                    th { class: "t-less", {t("since")} }
                    th { {t("state")} }
                    th { span { class: "sr", {t("actions")} } }
                }
            }
            tbody {
                for account in accounts {
                    Row { key: "{account.name}", account, choice, onask: move |deed| asked.set(Some(deed)) }
                }
            }
        }
        if let Some((deed, accounts)) = asked() {
            AskDeed {
                deed,
                accounts,
                onclose: move |()| {
                    // Of several, some may be done although it ended with a refusal.
                    if asked.peek().as_ref().is_some_and(|(_, accounts)| accounts.len() > 1) {
                        onchange.call(());
                    }
                    asked.set(None);
                },
                ondone: move |_| {
                    choice.clear();
                    onchange.call(());
                },
            }
        }
    }
}

/// What can be done with those that are chosen, each with whom it makes sense.
#[component]
fn Deeds(accounts: Vec<Account>, choice: Choice, onask: EventHandler<(UserDeed, Vec<Account>)>) -> Element {
    let can = |deed: UserDeed| -> Vec<Account> {
        accounts.iter().filter(|account| UserDeed::all(account).contains(&deed)).cloned().collect()
    };
    let deeds = UserDeed::OF_MANY.map(|deed| (deed, can(deed)));
    rsx! {
        Chosen { count: accounts.len(), choice,
            for (deed, accounts) in deeds.into_iter().filter(|(_, accounts)| !accounts.is_empty()) {
                ChosenDeed {
                    key: "{deed:?}",
                    icon: deed.icon(),
                    label: t(deed.label()),
                    is_danger: deed.is_final(),
                    onclick: move |()| onask.call((deed, accounts.clone())),
                }
            }
        }
    }
}

#[component]
fn Row(account: Account, choice: Choice, onask: EventHandler<(UserDeed, Vec<Account>)>) -> Element {
    let shared = use_shared();
    let is_open = use_signal(|| false);
    let place = Kind::Users.of(account.name.as_str());
    let (address, seen) = (place.fragment(), when(account.last_seen_ts));
    rsx! {
        tr { aria_selected: choice.has(&account.name).then_some("true"),
            td { class: "t-pick",
                Pick {
                    label: tv("choose", [("name", Words::from(account.shown_name()))]),
                    ids: vec![account.name.clone()],
                    choice,
                }
            }
            td { class: "t-name",
                a { class: "cellname", href: "{address}",
                    Face { id: account.name.clone(), name: account.shown_name().to_owned() }
                    span { class: "cellname__text",
                        b { class: "clip", dir: "auto", {account.shown_name()} }
                        small { class: "clip", "{account.name}" }
                        small { class: "only-phone", "{seen}, " State { account: account.clone() } }
                    }
                }
            }
            td { AccountKind { account: account.clone() } }
            td { class: "num", "{seen}" }
            td { class: "num t-less", {when(Some(account.creation_ts))} }
            td { State { account: account.clone() } }
            td { class: "end t-more",
                Menu { label: tv("actions-for", [("name", Words::from(account.shown_name()))]), is_open,
                    MenuItem { icon: "user", label: t("open"), onclick: move |()| shared.go(&place) }
                    for deed in UserDeed::of_menu(&account) {
                        MenuItem {
                            key: "{deed:?}",
                            icon: deed.icon(),
                            label: t(deed.label()),
                            is_danger: deed.is_final(),
                            onclick: {
                                let account = account.clone();
                                move |()| onask.call((deed, vec![account.clone()]))
                            },
                        }
                    }
                }
            }
        }
    }
}

#[component]
pub fn AccountKind(account: Account) -> Element {
    rsx! {
        if account.admin {
            span { class: "tag tag--ember", {t("admin")} }
        } else if account.is_guest {
            span { class: "tag", {t("guest")} }
        } else {
            span { class: "muted", {t("person")} }
        }
    }
}

#[component]
pub fn State(account: Account) -> Element {
    let states = [
        (account.deactivated, "state-ended", "tag"),
        (!account.approved && !account.deactivated, "state-unapproved", "tag tag--warning"),
        (account.locked, "state-locked", "tag tag--danger"),
        (account.suspended, "state-suspended", "tag tag--danger"),
        (account.shadow_banned, "state-shadow-banned", "tag tag--warning"),
    ];
    let told: Vec<_> = states.into_iter().filter(|(holds, ..)| *holds).collect();
    rsx! {
        if told.is_empty() {
            span { class: "muted", {t("state-active")} }
        }
        for (_, name, class) in told {
            span { key: "{name}", class, {t(name)} }
        }
    }
}
