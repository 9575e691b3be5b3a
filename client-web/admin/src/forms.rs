//! Dialogs in which something is asked of the server: what is filled in, and what went wrong.

use std::future::Future;

use dioxus::prelude::*;
use hearth_client_design::{
    controls::{Dialog, Field, Icon, PlainInput, either},
    words::t,
};
use hearth_client_state::admin::is_confirmed;
use serde_json::{Value, json};

use crate::{
    api::Problem,
    app::{Shared, use_shared},
};

/// Whether a form asks the server just now, and what went wrong the last time.
#[derive(Clone, Copy, PartialEq)]
pub struct Asking {
    is_busy: Signal<bool>,
    problem: Signal<Option<Problem>>,
}

pub fn use_asking() -> Asking {
    Asking { is_busy: use_signal(|| false), problem: use_signal(|| None) }
}

impl Asking {
    /// Asks; `done` gets the answer unless it is a refusal.
    pub fn begin(
        mut self,
        asked: impl Future<Output = Result<Value, Problem>> + 'static,
        done: impl FnOnce(Value) + 'static,
    ) {
        self.is_busy.set(true);
        self.problem.set(None);
        spawn(async move {
            let answer = asked.await;
            self.is_busy.set(false);
            match answer {
                Ok(answer) => done(answer),
                Err(problem) => self.problem.set(Some(problem)),
            }
        });
    }
}

/// A dialog with a form; `label` is on the button that submits it.
#[component]
pub fn FormDialog(
    title: String,
    label: String,
    #[props(default)] is_danger: bool,
    #[props(default = true)] may: bool,
    asking: Asking,
    onsubmit: EventHandler<()>,
    onclose: EventHandler<()>,
    children: Element,
) -> Element {
    let is_busy = (asking.is_busy)();
    let color = either(is_danger, "btn--danger", "btn--primary");
    let submit = move |event: FormEvent| {
        event.prevent_default();
        if may && !is_busy {
            onsubmit.call(());
        }
    };
    rsx! {
        Dialog { title, onclose: move |()| onclose.call(()),
            form { onsubmit: submit, novalidate: true,
                div { class: "dialog__body",
                    {children}
                    if let Some(problem) = &*asking.problem.read() {
                        p { class: "field__error", role: "alert",
                            Icon { name: "circle-alert", size: "s" }
                            span { {problem.text()} }
                        }
                    }
                }
                footer { class: "dialog__foot",
                    button { class: "btn", r#type: "button", onclick: move |_| onclose.call(()), {t("cancel")} }
                    button {
                        class: "btn {color}",
                        r#type: "submit",
                        disabled: !may || is_busy,
                        aria_busy: is_busy.then_some("true"),
                        if is_busy {
                            span { class: "spin", aria_hidden: "true" }
                        }
                        "{label}"
                    }
                }
            }
        }
    }
}

/// A choice between yes and no.
#[component]
pub fn Check(label: String, is_on: Signal<bool>) -> Element {
    let mut is_on = is_on;
    rsx! {
        label { class: "check",
            input { r#type: "checkbox", checked: is_on(), onchange: move |event| is_on.set(event.checked()) }
            span { "{label}" }
        }
    }
}

/// What people are told in the name of the server.
#[component]
pub fn Notice(text: Signal<String>) -> Element {
    let mut text = text;
    rsx! {
        Field { id: "notice", label: t("notice"), hint: t("notice-hint"),
            textarea { class: "input", id: "notice", dir: "auto", oninput: move |event| text.set(event.value()) }
        }
    }
}

/// A notice to somebody, as Synapse's admin API is asked for it.
pub fn notice_to(user: &str, text: &str) -> (&'static str, String, Value) {
    let content = json!({ "msgtype": "m.text", "body": text });
    ("POST", "v1/send_server_notice".to_owned(), json!({ "user_id": user, "content": content }))
}

/// What is to be asked of the server when a person agrees.
#[derive(Clone, PartialEq)]
pub struct Deed {
    pub method: &'static str,
    pub path: String,
    pub body: Value,
    /// What is told when it is done.
    pub done: String,
}

/// What is asked one after the other.
#[derive(Clone, PartialEq)]
pub struct Steps(pub Vec<Deed>);

impl From<Deed> for Steps {
    fn from(deed: Deed) -> Self {
        Self(vec![deed])
    }
}

impl Steps {
    /// What is told when all of it is done.
    pub fn done(&self) -> String {
        self.0.last().map(|deed| deed.done.clone()).unwrap_or_default()
    }

    /// Asks, until one is refused; gives the last answer.
    pub async fn ask(self, shared: Shared) -> Result<Value, Problem> {
        let mut answer = Value::Null;
        for Deed { method, path, body, .. } in self.0 {
            answer = shared.ask(method, &path, Some(&body)).await?;
        }
        Ok(answer)
    }
}

/// A question before something is done. What cannot be undone wants the name of what it is done to typed.
#[component]
pub fn Ask(
    title: String,
    text: String,
    #[props(default)] name: Option<String>,
    /// Whether what is needed is filled in.
    #[props(default = true)]
    may: bool,
    label: String,
    #[props(into)] deed: Steps,
    onclose: EventHandler<()>,
    ondone: EventHandler<Value>,
    #[props(default)] children: Element,
) -> Element {
    let shared = use_shared();
    let asking = use_asking();
    let mut typed = use_signal(String::new);
    let may = may && name.as_ref().is_none_or(|name| is_confirmed(&typed.read(), name));
    let submit = move |()| {
        let done = deed.done();
        asking.begin(deed.clone().ask(shared), move |answer| {
            shared.tell(done);
            ondone.call(answer);
            onclose.call(());
        });
    };
    rsx! {
        FormDialog { title, label, is_danger: name.is_some(), may, asking, onsubmit: submit, onclose,
            p { "{text}" }
            {children}
            if let Some(name) = &name {
                div { class: "field",
                    label { r#for: "confirm",
                        {t("type-to-confirm")}
                        " "
                        b { class: "name", dir: "ltr", "{name}" }
                    }
                    PlainInput { id: "confirm", autocomplete: "off", oninput: move |text| typed.set(text) }
                }
            }
        }
    }
}
