//! The accounts that are signed in in this browser, one of them in each tab.

use dioxus::prelude::*;
use hearth_client_state::names::localpart;

use crate::{
    app::use_shared,
    browser,
    design::{Avatar, Icon},
    matrix::Session,
    words::t,
};

#[component]
pub fn Accounts() -> Element {
    let shared = use_shared();
    let all = use_hook(Session::all);
    let Some(account) = shared.account() else { return rsx! {} };
    let open = account.session.database();
    rsx! {
        section { class: "block",
            h2 { {t("accounts")} }
            p { {t("accounts-hint")} }
            ul {
                for session in all.into_iter().filter(|session| session.database() != open) {
                    Other { key: "{session.database()}", session }
                }
            }
            div { class: "btn-row",
                button {
                    class: "btn",
                    onclick: |_| {
                        Session::ask_for_one_more();
                        begin_anew();
                    },
                    Icon { name: "plus", size: "s" }
                    {t("account-add")}
                }
            }
        }
    }
}

#[component]
fn Other(session: Session) -> Element {
    let id = session.user.to_string();
    let name = localpart(&id).to_owned();
    rsx! {
        li { class: "session",
            Avatar { id: id.clone(), name: name.clone(), picture: None }
            span { class: "grow",
                b { dir: "auto", "{name}" }
                small { dir: "ltr", "{id}" }
            }
            button { class: "btn btn--s", onclick: move |_| go_to(&session), {t("account-open")} }
        }
    }
}

/// Opens another account in this tab.
pub fn go_to(session: &Session) {
    session.save();
    begin_anew();
}

/// What the account that was open has in memory goes with the page.
fn begin_anew() {
    browser::set_fragment("#/");
    browser::reload();
}
