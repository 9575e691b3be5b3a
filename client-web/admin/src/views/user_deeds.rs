//! What can be done with an account, and what is asked before it is.

use dioxus::prelude::*;
use hearth_client_design::{
    controls::{Dialog, Field, Password, PlainInput},
    words::{Value as Words, t, tv},
};
use serde_json::{Value, json};

use crate::{
    api::{SYNAPSE, encoded},
    app::use_shared,
    forms::{Ask, Check, Deed, FormDialog, Notice, Steps, notice_to, use_asking},
    parts::{Copied, several},
    views::users::Account,
};

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum UserDeed {
    Approve,
    SetPassword,
    Promote,
    Demote,
    Suspend,
    EndSuspension,
    Lock,
    Unlock,
    ShadowBan,
    EndShadowBan,
    SignOutEverywhere,
    LogInAs,
    Notify,
    Redact,
    End,
}

impl UserDeed {
    /// All that can be done with it as it is.
    pub fn all(account: &Account) -> Vec<Self> {
        if account.deactivated {
            return vec![Self::Redact];
        }
        if !account.approved {
            return vec![Self::Approve, Self::End];
        }
        let either = |is_so, undo, make| if is_so { undo } else { make };
        vec![
            Self::SetPassword,
            Self::SignOutEverywhere,
            Self::LogInAs,
            Self::Notify,
            either(account.admin, Self::Demote, Self::Promote),
            either(account.suspended, Self::EndSuspension, Self::Suspend),
            either(account.locked, Self::Unlock, Self::Lock),
            either(account.shadow_banned, Self::EndShadowBan, Self::ShadowBan),
            Self::Redact,
            Self::End,
        ]
    }

    /// Of these, those that one does from a list.
    pub fn of_menu(account: &Account) -> Vec<Self> {
        const NOT: [UserDeed; 3] = [UserDeed::SignOutEverywhere, UserDeed::LogInAs, UserDeed::Redact];
        Self::all(account).into_iter().filter(|deed| !NOT.contains(deed)).collect()
    }

    /// Those that one does with several accounts at once.
    pub const OF_MANY: [Self; 6] =
        [Self::Approve, Self::Notify, Self::Suspend, Self::EndSuspension, Self::Lock, Self::End];

    /// Whether it cannot be taken back: then the name is typed.
    pub fn is_final(self) -> bool {
        matches!(self, Self::End | Self::Redact | Self::LogInAs)
    }

    pub fn icon(self) -> &'static str {
        match self {
            Self::Approve => "circle-check",
            Self::Notify => "mail",
            Self::SetPassword => "key-round",
            Self::Promote => "shield",
            Self::Demote => "shield-off",
            Self::Suspend | Self::EndSuspension => "pause",
            Self::Lock => "lock",
            Self::Unlock => "lock-open",
            Self::ShadowBan => "eye-off",
            Self::EndShadowBan => "eye",
            Self::SignOutEverywhere => "log-out",
            Self::LogInAs => "log-in",
            Self::Redact => "trash-2",
            Self::End => "user-x",
        }
    }

    /// The name of its text; with `-text` behind it, what it means.
    pub fn label(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Notify => "notify",
            Self::SetPassword => "set-password",
            Self::Promote => "promote",
            Self::Demote => "demote",
            Self::Suspend => "suspend",
            Self::EndSuspension => "end-suspension",
            Self::Lock => "lock",
            Self::Unlock => "unlock",
            Self::ShadowBan => "shadow-ban",
            Self::EndShadowBan => "end-shadow-ban",
            Self::SignOutEverywhere => "sign-out-everywhere",
            Self::LogInAs => "log-in-as",
            Self::Redact => "redact-user",
            Self::End => "end-account",
        }
    }

    fn deed(self, account: &Account, filled: &Filled) -> Deed {
        let id = encoded(&account.name);
        let (method, path, body) = match self {
            Self::Notify => notice_to(&account.name, &filled.notice),
            Self::Approve => ("PUT", format!("v2/users/{id}"), json!({ "approved": true })),
            Self::SetPassword => (
                "POST",
                format!("v1/reset_password/{id}"),
                json!({ "new_password": filled.password, "logout_devices": filled.is_signing_out }),
            ),
            Self::Promote => ("PUT", format!("v1/users/{id}/admin"), json!({ "admin": true })),
            Self::Demote => ("PUT", format!("v1/users/{id}/admin"), json!({ "admin": false })),
            Self::Suspend => ("PUT", format!("v1/suspend/{id}"), json!({ "suspend": true })),
            Self::EndSuspension => ("PUT", format!("v1/suspend/{id}"), json!({ "suspend": false })),
            Self::Lock => ("PUT", format!("v2/users/{id}"), json!({ "locked": true })),
            Self::Unlock => ("PUT", format!("v2/users/{id}"), json!({ "locked": false })),
            Self::ShadowBan => ("POST", format!("v1/users/{id}/shadow_ban"), json!({})),
            Self::EndShadowBan => ("DELETE", format!("v1/users/{id}/shadow_ban"), json!({})),
            Self::SignOutEverywhere => {
                ("POST", format!("v2/users/{id}/delete_devices"), json!({ "devices": filled.devices }))
            }
            Self::LogInAs => ("POST", format!("v1/users/{id}/login"), json!({})),
            Self::Redact => ("POST", format!("v1/user/{id}/redact"), json!({ "rooms": [] })),
            Self::End => ("POST", format!("v1/deactivate/{id}"), json!({ "erase": filled.is_erasing })),
        };
        let done = tv(&format!("{}-done", self.label()), [("name", Words::from(account.shown_name()))]);
        Deed { method, path: format!("{SYNAPSE}/{path}"), body, done }
    }
}

/// What is filled in for a deed.
struct Filled {
    password: String,
    is_signing_out: bool,
    is_erasing: bool,
    notice: String,
    devices: Vec<String>,
}

/// Asks before something is done with accounts, and does it.
#[component]
pub fn AskDeed(
    deed: UserDeed,
    accounts: Vec<Account>,
    /// The ids of the account's devices, for signing them out.
    #[props(default)]
    devices: Vec<String>,
    onclose: EventHandler<()>,
    ondone: EventHandler<Value>,
) -> Element {
    let is_erasing = use_signal(|| false);
    let is_signing_out = use_signal(|| true);
    let password = use_signal(String::new);
    let notice = use_signal(String::new);
    let mut token = use_signal(|| None::<String>);
    if let Some(token) = token() {
        return rsx! {
            Dialog { title: t("log-in-as"), onclose: move |()| onclose.call(()),
                div { class: "dialog__body",
                    p { {t("log-in-as-token")} }
                    Copied { text: token }
                }
            }
        };
    }
    let filled = Filled {
        password: password(),
        is_signing_out: is_signing_out(),
        is_erasing: is_erasing(),
        notice: notice(),
        devices,
    };
    let mut asked: Vec<Deed> = accounts.iter().map(|account| deed.deed(account, &filled)).collect();
    let (text, name) = match &*accounts {
        [account] => {
            let values = [("name", Words::from(account.shown_name()))];
            (tv(&format!("{}-text", deed.label()), values), account.name.clone())
        }
        many => {
            let count = many.len();
            if let Some(last) = asked.last_mut() {
                last.done = tv("done-with-many", [("count", Words::from(count))]);
            }
            let names = several(many, |account| account.shown_name().to_owned());
            let text = tv("for-many", [("count", Words::from(count)), ("names", names.into())]);
            (format!("{text} {}", t(&format!("{}-short", deed.label()))), count.to_string())
        }
    };
    rsx! {
        Ask {
            title: t(deed.label()),
            text,
            name: deed.is_final().then_some(name),
            may: deed != UserDeed::Notify || !notice.read().trim().is_empty(),
            label: t(deed.label()),
            deed: Steps(asked),
            onclose: move |()| {
                // A token is shown first.
                if token.peek().is_none() {
                    onclose.call(());
                }
            },
            ondone: move |answer: Value| {
                if let Some(found) = answer["access_token"].as_str() {
                    token.set(Some(found.to_owned()));
                }
                ondone.call(answer);
            },
            if deed == UserDeed::Notify {
                Notice { text: notice }
            }
            if deed == UserDeed::End {
                Check { label: t("end-account-erase"), is_on: is_erasing }
            }
            if deed == UserDeed::SetPassword {
                Password { id: "new-password", label: t("new-password"), value: password, autocomplete: "new-password" }
                Check { label: t("set-password-sign-out"), is_on: is_signing_out }
            }
        }
    }
}

/// Makes an account.
#[component]
pub fn NewUser(onclose: EventHandler<()>, ondone: EventHandler<()>) -> Element {
    let shared = use_shared();
    let asking = use_asking();
    let mut name = use_signal(String::new);
    let password = use_signal(String::new);
    let is_admin = use_signal(|| false);
    let submit = move |()| {
        let localpart = name.peek().trim().to_owned();
        let id = encoded(&format!("@{localpart}:{}", shared.server.peek()));
        let free = format!("{SYNAPSE}/v1/username_available?username={}", encoded(&localpart));
        let body = json!({ "password": *password.peek(), "admin": is_admin() });
        let asked = async move {
            // Without the question, one would change an account that is there.
            shared.ask("GET", &free, None).await?;
            shared.ask("PUT", &format!("{SYNAPSE}/v2/users/{id}"), Some(&body)).await
        };
        asking.begin(asked, move |_| {
            shared.tell(tv("new-user-done", [("name", Words::from(localpart))]));
            ondone.call(());
            onclose.call(());
        });
    };
    rsx! {
        FormDialog {
            title: t("new-user"),
            label: t("make-user"),
            may: !name.read().trim().is_empty(),
            asking,
            onsubmit: submit,
            onclose,
            Field { id: "new-name", label: t("name"), hint: t("new-user-hint"),
                PlainInput { id: "new-name", autocomplete: "off", oninput: move |text| name.set(text) }
            }
            Password { id: "new-password", label: t("password"), value: password, autocomplete: "new-password" }
            Check { label: t("new-user-admin"), is_on: is_admin }
        }
    }
}
