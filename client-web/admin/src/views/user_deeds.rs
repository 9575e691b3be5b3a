//! What can be done with an account, and what is asked before it is.

use dioxus::prelude::*;
use hearth_client_design::{
    controls::{Dialog, Field, Icon, Password, Submit},
    words::{Value as Words, t, tv},
};
use serde_json::{Value, json};

use crate::{
    api::{Problem, SYNAPSE, encoded},
    app::use_shared,
    parts::{Ask, Copied, Deed},
    views::users::Account,
};

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum UserDeed {
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
    Redact,
    End,
}

impl UserDeed {
    /// All that can be done with it as it is.
    pub fn all(account: &Account) -> Vec<Self> {
        if account.deactivated {
            return vec![Self::Redact];
        }
        let either = |is_so, undo, make| if is_so { undo } else { make };
        vec![
            Self::SetPassword,
            Self::SignOutEverywhere,
            Self::LogInAs,
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

    /// Whether it cannot be taken back: then the name is typed.
    pub fn is_final(self) -> bool {
        matches!(self, Self::End | Self::Redact | Self::LogInAs)
    }

    pub fn icon(self) -> &'static str {
        match self {
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

    fn deed(self, account: &Account, is_erasing: bool) -> Deed {
        let id = encoded(&account.name);
        let (method, path, body) = match self {
            Self::SetPassword => ("POST", format!("v1/reset_password/{id}"), json!({})),
            Self::Promote => ("PUT", format!("v1/users/{id}/admin"), json!({ "admin": true })),
            Self::Demote => ("PUT", format!("v1/users/{id}/admin"), json!({ "admin": false })),
            Self::Suspend => ("PUT", format!("v1/suspend/{id}"), json!({ "suspend": true })),
            Self::EndSuspension => ("PUT", format!("v1/suspend/{id}"), json!({ "suspend": false })),
            Self::Lock => ("PUT", format!("v2/users/{id}"), json!({ "locked": true })),
            Self::Unlock => ("PUT", format!("v2/users/{id}"), json!({ "locked": false })),
            Self::ShadowBan => ("POST", format!("v1/users/{id}/shadow_ban"), json!({})),
            Self::EndShadowBan => ("DELETE", format!("v1/users/{id}/shadow_ban"), json!({})),
            Self::SignOutEverywhere => ("POST", format!("v2/users/{id}/delete_devices"), json!({})),
            Self::LogInAs => ("POST", format!("v1/users/{id}/login"), json!({})),
            Self::Redact => ("POST", format!("v1/user/{id}/redact"), json!({ "rooms": [] })),
            Self::End => ("POST", format!("v1/deactivate/{id}"), json!({ "erase": is_erasing })),
        };
        let done = tv(&format!("{}-done", self.label()), [("name", Words::from(account.shown_name()))]);
        Deed { method, path: format!("{SYNAPSE}/{path}"), body, done }
    }
}

/// Asks before something is done with an account, and does it.
#[component]
pub fn AskDeed(
    deed: UserDeed,
    account: Account,
    /// The ids of the account's devices, for signing them out.
    #[props(default)]
    devices: Vec<String>,
    onclose: EventHandler<()>,
    ondone: EventHandler<Value>,
) -> Element {
    let mut is_erasing = use_signal(|| false);
    let mut token = use_signal(|| None::<String>);
    if deed == UserDeed::SetPassword {
        return rsx! { SetPassword { account, onclose } };
    }
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
    let mut asked = deed.deed(&account, is_erasing());
    if deed == UserDeed::SignOutEverywhere {
        asked.body = json!({ "devices": devices });
    }
    rsx! {
        Ask {
            title: t(deed.label()),
            text: tv(&format!("{}-text", deed.label()), [("name", Words::from(account.shown_name()))]),
            name: deed.is_final().then(|| account.name.clone()),
            label: t(deed.label()),
            deed: asked,
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
            if deed == UserDeed::End {
                label { class: "check",
                    input {
                        id: "erase",
                        r#type: "checkbox",
                        checked: is_erasing(),
                        onchange: move |event| is_erasing.set(event.checked()),
                    }
                    span { {t("end-account-erase")} }
                }
            }
        }
    }
}

#[component]
fn SetPassword(account: Account, onclose: EventHandler<()>) -> Element {
    let shared = use_shared();
    let password = use_signal(String::new);
    let mut is_signing_out = use_signal(|| true);
    let mut is_busy = use_signal(|| false);
    let mut problem = use_signal(|| None::<Problem>);
    let deed = UserDeed::SetPassword.deed(&account, false);
    let submit = move |event: FormEvent| {
        event.prevent_default();
        let deed = deed.clone();
        is_busy.set(true);
        spawn(async move {
            let body = json!({ "new_password": *password.peek(), "logout_devices": is_signing_out() });
            match shared.ask(deed.method, &deed.path, Some(&body)).await {
                Ok(_) => {
                    shared.tell(deed.done);
                    onclose.call(());
                }
                Err(found) => {
                    problem.set(Some(found));
                    is_busy.set(false);
                }
            }
        });
    };
    rsx! {
        Dialog { title: t("set-password"), onclose: move |()| onclose.call(()),
            form { onsubmit: submit, novalidate: true,
                div { class: "dialog__body",
                    p { {tv("set-password-text", [("name", Words::from(account.shown_name()))])} }
                    Password {
                        id: "new-password",
                        label: t("new-password"),
                        value: password,
                        autocomplete: "new-password",
                        error: problem.read().as_ref().map(Problem::text),
                    }
                    label { class: "check",
                        input {
                            r#type: "checkbox",
                            checked: is_signing_out(),
                            onchange: move |event| is_signing_out.set(event.checked()),
                        }
                        span { {t("set-password-sign-out")} }
                    }
                }
                footer { class: "dialog__foot",
                    button { class: "btn", r#type: "button", onclick: move |_| onclose.call(()), {t("cancel")} }
                    Submit { label: t("set-password"), is_busy: is_busy() }
                }
            }
        }
    }
}

/// Makes an account.
#[component]
pub fn NewUser(onclose: EventHandler<()>, ondone: EventHandler<()>) -> Element {
    let shared = use_shared();
    let mut name = use_signal(String::new);
    let password = use_signal(String::new);
    let mut is_admin = use_signal(|| false);
    let mut is_busy = use_signal(|| false);
    let mut problem = use_signal(|| None::<Problem>);
    let submit = move |event: FormEvent| {
        event.prevent_default();
        if name.read().trim().is_empty() || is_busy() {
            return;
        }
        is_busy.set(true);
        spawn(async move {
            let localpart = name.peek().trim().to_owned();
            let id = encoded(&format!("@{localpart}:{}", shared.server.peek()));
            let free = format!("{SYNAPSE}/v1/username_available?username={}", encoded(&localpart));
            let body = json!({ "password": *password.peek(), "admin": is_admin() });
            // Without the question, one would change an account that is there.
            let made = match shared.ask("GET", &free, None).await {
                Ok(_) => shared.ask("PUT", &format!("{SYNAPSE}/v2/users/{id}"), Some(&body)).await,
                Err(problem) => Err(problem),
            };
            match made {
                Ok(_) => {
                    shared.tell(tv("new-user-done", [("name", Words::from(localpart))]));
                    ondone.call(());
                    onclose.call(());
                }
                Err(found) => {
                    problem.set(Some(found));
                    is_busy.set(false);
                }
            }
        });
    };
    rsx! {
        Dialog { title: t("new-user"), onclose: move |()| onclose.call(()),
            form { onsubmit: submit, novalidate: true,
                div { class: "dialog__body",
                    Field { id: "new-name", label: t("name"), hint: t("new-user-hint"),
                        input {
                            class: "input",
                            id: "new-name",
                            autocomplete: "off",
                            autocapitalize: "none",
                            spellcheck: "false",
                            oninput: move |event| name.set(event.value()),
                        }
                    }
                    Password { id: "new-password", label: t("password"), value: password, autocomplete: "new-password" }
                    label { class: "check",
                        input {
                            r#type: "checkbox",
                            checked: is_admin(),
                            onchange: move |event| is_admin.set(event.checked()),
                        }
                        span { {t("new-user-admin")} }
                    }
                    if let Some(problem) = &*problem.read() {
                        p { class: "field__error", role: "alert",
                            Icon { name: "circle-alert", size: "s" }
                            span { {problem.text()} }
                        }
                    }
                }
                footer { class: "dialog__foot",
                    button { class: "btn", r#type: "button", onclick: move |_| onclose.call(()), {t("cancel")} }
                    Submit { label: t("make-user"), is_busy: is_busy() }
                }
            }
        }
    }
}
