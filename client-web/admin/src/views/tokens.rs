//! Tokens with which people may register.

use dioxus::prelude::*;
use hearth_client_design::{
    controls::{Field, Icon},
    page,
    words::{Value as Words, t, tv},
};
use hearth_client_state::when::DAY;
use serde::Deserialize;
use serde_json::json;

use crate::{
    api::{SYNAPSE, encoded},
    app::use_shared,
    forms::{Ask, Deed, FormDialog, use_asking},
    measures::{count, when},
    parts::{Asked, Copied, Empty, Head, shown, use_asked},
};

#[derive(Clone, PartialEq, Deserialize)]
struct Codes {
    registration_tokens: Vec<Token>,
}

#[derive(Clone, PartialEq, Deserialize)]
struct Token {
    token: String,
    uses_allowed: Option<u64>,
    completed: u64,
    expiry_time: Option<u64>,
}

impl Token {
    fn is_over(&self) -> bool {
        self.uses_allowed.is_some_and(|allowed| self.completed >= allowed)
            || self.expiry_time.is_some_and(|at| (at as i64) < page::now())
    }
}

#[component]
pub fn Tokens() -> Element {
    let mut tokens: Asked<Codes> = use_asked(format!("{SYNAPSE}/v1/registration_tokens?limit=1000"));
    let mut is_making = use_signal(|| false);
    let mut deleted = use_signal(|| None::<String>);
    rsx! {
        div { class: "admin__in",
            Head { title: t("tokens"), text: t("tokens-text"),
                button { class: "btn btn--primary", onclick: move |_| is_making.set(true),
                    Icon { name: "plus", size: "s" }
                    {t("new-token")}
                }
            }
            {shown(tokens, |found| rsx! {
                if found.registration_tokens.is_empty() {
                    Empty { icon: "ticket", title: t("no-tokens"), text: t("no-tokens-text") }
                } else {
                    table { class: "table table--stack",
                        thead {
                            tr {
                                th { {t("token")} }
                                th { class: "end", {t("uses")} }
                                th { {t("expires")} }
                                th { {t("state")} }
                                th { span { class: "sr", {t("actions")} } }
                            }
                        }
                        tbody {
                            for token in found.registration_tokens.clone() {
                                Row { key: "{token.token}", token, ondelete: move |token| deleted.set(Some(token)) }
                            }
                        }
                    }
                }
            })}
        }
        if is_making() {
            NewToken { onclose: move |()| is_making.set(false), ondone: move |()| tokens.restart() }
        }
        if let Some(token) = deleted() {
            Ask {
                title: t("delete-token"),
                text: t("delete-token-text"),
                name: token.clone(),
                label: t("delete-token"),
                deed: Deed {
                    method: "DELETE",
                    path: format!("{SYNAPSE}/v1/registration_tokens/{}", encoded(&token)),
                    body: json!({}),
                    done: t("delete-token-done"),
                },
                onclose: move |()| deleted.set(None),
                ondone: move |_| tokens.restart(),
            }
        }
    }
}

#[component]
fn Row(token: Token, ondelete: EventHandler<String>) -> Element {
    let allowed = token.uses_allowed.map_or_else(|| "∞".to_owned(), count);
    let uses = tv("uses-of", [("count", Words::from(count(token.completed))), ("allowed", allowed.into())]);
    let ends = token.expiry_time.map_or_else(|| t("never"), |at| when(Some(at)));
    rsx! {
        tr {
            td { class: "t-name",
                Copied { text: token.token.clone() }
                small { class: "only-phone",
                    {tv("token-short", [("uses", Words::from(uses.as_str())), ("ends", ends.as_str().into())])}
                }
            }
            td { class: "end num", "{uses}" }
            td { class: "num", "{ends}" }
            td {
                if token.is_over() {
                    span { class: "tag", {t("token-over")} }
                } else {
                    span { class: "muted", {t("token-valid")} }
                }
            }
            td { class: "end t-more",
                button {
                    class: "btn btn--s btn--danger-plain",
                    aria_label: tv("delete-this-token", [("token", Words::from(token.token.as_str()))]),
                    onclick: move |_| ondelete.call(token.token.clone()),
                    {t("delete")}
                }
            }
        }
    }
}

#[component]
fn NewToken(onclose: EventHandler<()>, ondone: EventHandler<()>) -> Element {
    let shared = use_shared();
    let asking = use_asking();
    let mut uses = use_signal(|| "1".to_owned());
    let mut days = use_signal(|| "7".to_owned());
    let submit = move |()| {
        let days = days.peek().trim().parse::<u16>().ok();
        let body = json!({
            "uses_allowed": uses.peek().trim().parse::<u64>().ok(),
            "expiry_time": days.map(|days| page::now() + i64::from(days) * DAY),
        });
        let asked = async move {
            shared.ask("POST", &format!("{SYNAPSE}/v1/registration_tokens/new"), Some(&body)).await
        };
        asking.begin(asked, move |made| {
            let token = made["token"].as_str().unwrap_or_default();
            shared.tell(tv("new-token-done", [("token", Words::from(token))]));
            ondone.call(());
            onclose.call(());
        });
    };
    rsx! {
        FormDialog { title: t("new-token"), label: t("new-token"), asking, onsubmit: submit, onclose,
            Field { id: "uses", label: t("token-uses"), hint: t("token-uses-hint"),
                input {
                    class: "input",
                    id: "uses",
                    inputmode: "numeric",
                    value: "{uses}",
                    oninput: move |event| uses.set(event.value()),
                }
            }
            Field { id: "days", label: t("token-days"), hint: t("token-days-hint"),
                input {
                    class: "input",
                    id: "days",
                    inputmode: "numeric",
                    value: "{days}",
                    oninput: move |event| days.set(event.value()),
                }
            }
        }
    }
}
