//! Settings: a list of sections, and the one that is open.

mod accounts;
mod appearance;
mod encryption;
mod notifications;
mod password;
mod profile;
mod sessions;

use dioxus::prelude::*;
use hearth_client_state::route::{Route, Section};

pub use self::accounts::go_to;
use self::{
    accounts::Accounts, appearance::Appearance, encryption::Encryption, notifications::Notifications,
    password::NewPassword, profile::OwnProfile, sessions::Sessions,
};
use crate::{app::use_shared, browser, design::Icon, words::t};

fn icon(section: Section) -> &'static str {
    match section {
        Section::Profile => "circle-user-round",
        Section::Appearance => "palette",
        Section::Notifications => "bell",
        Section::Sessions => "monitor-smartphone",
        Section::Encryption => "shield-check",
    }
}

/// Without a section a phone shows the list alone, a desktop the first section beside it.
#[component]
pub fn Settings(section: Option<Section>) -> Element {
    let shared = use_shared();
    let sign_out = move |_| async move {
        if let Some(account) = shared.account() {
            account.sign_out().await;
            browser::set_fragment("#/");
            // What the account still has in memory goes with the page.
            browser::reload();
        }
    };
    let open = section.unwrap_or_default();
    let title = format!("settings-{}", open.word());
    rsx! {
        nav { class: "snav", aria_label: t("settings"),
            div { class: "snav__head",
                a { class: "btn btn--icon", href: Route::Home.fragment(), aria_label: t("back"), title: t("back"),
                    Icon { name: "arrow-left" }
                }
                {t("settings")}
            }
            for of in [Section::Profile, Section::Appearance, Section::Notifications] {
                SectionLink { key: "{of.word()}", of, open }
            }
            h2 { {t("settings-security")} }
            for of in [Section::Sessions, Section::Encryption] {
                SectionLink { key: "{of.word()}", of, open }
            }
            h2 { "Hearth" }
            button { class: "row", onclick: sign_out,
                Icon { name: "log-out" }
                {t("sign-out")}
            }
        }
        main { class: "view",
            div { class: "head only-phone",
                a { class: "btn btn--icon", href: Route::Settings(None).fragment(), aria_label: t("settings"),
                    Icon { name: "chevron-left", size: "l" }
                }
                div { class: "head__title", b { {t(&title)} } }
            }
            div { class: "page",
                div { class: "page__in",
                    div { h1 { {t(&title)} } }
                    match open {
                        Section::Profile => rsx! {
                            OwnProfile {}
                            NewPassword {}
                            Accounts {}
                        },
                        Section::Appearance => rsx! { Appearance {} },
                        Section::Notifications => rsx! { Notifications {} },
                        Section::Sessions => rsx! { Sessions {} },
                        Section::Encryption => rsx! { Encryption {} },
                    }
                }
            }
        }
    }
}

#[component]
fn SectionLink(of: Section, open: Section) -> Element {
    rsx! {
        a {
            class: "row",
            href: Route::Settings(Some(of)).fragment(),
            aria_current: (of == open).then_some("page"),
            Icon { name: icon(of) }
            {t(&format!("settings-{}", of.word()))}
        }
    }
}
