//! Signing in and registering.

use dioxus::prelude::*;
use hearth_client_state::route::Route;

use crate::{
    app::{problem_text, use_shared},
    browser,
    design::{Brand, Field, Icon, Password, PlainInput, Submit},
    matrix::{self, Problem, Registration, Session, Steps},
    views::settings::go_to,
    words::{Value, t, tv},
};

/// The server that was chosen last, if it is not the one that this page came from.
const SERVER: &str = "hearth-server";

#[component]
pub fn Door() -> Element {
    let shared = use_shared();
    let server = use_signal(|| browser::load(SERVER));
    let is_registering = *shared.route.read() == Route::Register;
    rsx! {
        div { class: "door",
            main { class: "door__form",
                span { class: "door__brand",
                    Brand { size: "28" }
                    "Hearth"
                }
                if is_registering {
                    Register { server }
                } else {
                    SignIn { server }
                }
                if let Some(session) = Session::all().into_iter().next() {
                    button {
                        class: "btn btn--quiet",
                        onclick: {
                            let session = session.clone();
                            move |_| go_to(&session)
                        },
                        Icon { name: "arrow-left", size: "s" }
                        {tv("account-back", [("name", Value::from(session.user.as_str()))])}
                    }
                }
                footer { class: "door__foot", span { {t("language-name")} } }
            }
            div { class: "door__pic", aria_hidden: "true" }
        }
    }
}

/// Which server, and another one.
#[component]
fn Server(server: Signal<Option<String>>, before: &'static str, onchange: EventHandler<()>) -> Element {
    let mut server = server;
    let mut is_changing = use_signal(|| false);
    let shown = server().unwrap_or_else(browser::host);
    if is_changing() {
        return rsx! {
            Field { id: "server", label: t("server"), hint: t("server-hint"),
                input {
                    class: "input",
                    id: "server",
                    autocapitalize: "none",
                    spellcheck: "false",
                    inputmode: "url",
                    initial_value: "{shown}",
                    onmounted: |_| async { browser::focus("server") },
                    onchange: move |event| {
                        let chosen = event.value().trim().to_owned();
                        let chosen = Some(chosen).filter(|chosen| !chosen.is_empty() && *chosen != browser::host());
                        match &chosen {
                            Some(chosen) => browser::save(SERVER, chosen),
                            None => browser::forget(SERVER),
                        }
                        server.set(chosen);
                        is_changing.set(false);
                        onchange.call(());
                    },
                }
            }
        };
    }
    rsx! {
        p { class: "door__server",
            {t(before)}
            b { "{shown}" }
            button {
                class: "btn btn--quiet btn--s",
                r#type: "button",
                onclick: move |_| is_changing.set(true),
                {t("change-server")}
            }
        }
    }
}

/// The server that is meant: the chosen one, or that of this page.
async fn find(server: Option<String>) -> Result<matrix::Door, Problem> {
    matrix::Door::find(&server.unwrap_or_else(browser::origin)).await
}

fn server_text(problem: &Problem, server: Option<String>) -> String {
    match problem {
        Problem::Known("error-server") => {
            tv("error-server", [("server", Value::from(server.unwrap_or_else(browser::host)))])
        }
        problem => problem_text(problem),
    }
}

#[component]
fn SignIn(server: Signal<Option<String>>) -> Element {
    let shared = use_shared();
    let mut name = use_signal(String::new);
    let password = use_signal(String::new);
    let mut is_busy = use_signal(|| false);
    let mut error = use_signal(|| None::<String>);
    let submit = move |event: FormEvent| async move {
        event.prevent_default();
        if is_busy() {
            return;
        }
        if name.read().trim().is_empty() || password.read().is_empty() {
            let text = if name.read().trim().is_empty() { "empty-name" } else { "empty-password" };
            error.set(Some(t(text)));
            return;
        }
        is_busy.set(true);
        let session = match find(server()).await {
            Ok(door) => door.sign_in(&name(), &password()).await,
            Err(problem) => Err(problem),
        };
        is_busy.set(false);
        match session {
            Ok(session) => shared.enter(session),
            Err(problem) => error.set(Some(server_text(&problem, server()))),
        }
    };
    rsx! {
        div {
            div {
                h1 { {t("sign-in")} }
                Server { server, before: "sign-in-to", onchange: move |()| error.set(None) }
            }
            form { onsubmit: submit, novalidate: true,
                Field { id: "name", label: t("name"),
                    PlainInput {
                        id: "name",
                        autocomplete: "username",
                        is_wrong: error.read().is_some(),
                        oninput: move |text| name.set(text),
                    }
                }
                Password {
                    id: "password",
                    label: t("password"),
                    value: password,
                    autocomplete: "current-password",
                    error: error(),
                }
                Submit { label: t("sign-in"), is_busy: is_busy(), class: "btn--l btn--wide" }
            }
            p { class: "door__note",
                {t("new-here")}
                " "
                a { href: Route::Register.fragment(), {t("new-here-link")} }
            }
        }
    }
}

#[component]
fn Register(server: Signal<Option<String>>) -> Element {
    let shared = use_shared();
    let mut name = use_signal(String::new);
    let password = use_signal(String::new);
    let mut token = use_signal(String::new);
    let mut steps = use_signal(|| None::<Steps>);
    let mut is_agreed = use_signal(|| false);
    let mut is_busy = use_signal(|| false);
    let mut error = use_signal(|| None::<(&'static str, String)>);
    let submit = move |event: FormEvent| async move {
        event.prevent_default();
        if is_busy() {
            return;
        }
        if name.read().trim().is_empty() {
            return error.set(Some(("name", t("empty-name"))));
        }
        if password.read().is_empty() {
            return error.set(Some(("password", t("empty-password"))));
        }
        let asked = steps();
        let wants_terms = asked.as_ref().is_some_and(|steps| !steps.terms.is_empty());
        if wants_terms && !is_agreed() {
            return browser::focus("terms");
        }
        error.set(None);
        is_busy.set(true);
        let outcome = match find(server()).await {
            Ok(door) => door.register(&name(), &password(), &token(), asked.as_ref()).await,
            Err(problem) => Err(problem),
        };
        is_busy.set(false);
        match outcome {
            Ok(Registration::Done(session)) => shared.enter(session),
            Ok(Registration::Needs(needed)) => {
                if needed.is_token_wrong {
                    error.set(Some(("token", t("error-token"))));
                }
                steps.set(Some(needed));
            }
            Err(problem) => error.set(Some(told(&problem, &name(), server()))),
        }
    };
    let error_of = move |field: &str| error().filter(|(of, _)| *of == field).map(|(_, text)| text);
    let strength = strength(&password.read());
    let asked = steps().unwrap_or_default();
    rsx! {
        div {
            div {
                h1 { {t("register-title")} }
                Server { server, before: "register-on", onchange: move |()| { error.set(None); steps.set(None); } }
            }
            form { onsubmit: submit, novalidate: true,
                Field {
                    id: "name",
                    label: t("name"),
                    error: error_of("name"),
                    hint: t("name-hint"),
                    PlainInput {
                        id: "name",
                        autocomplete: "username",
                        is_wrong: error_of("name").is_some(),
                        oninput: move |text| name.set(text),
                    }
                }
                Password {
                    id: "password",
                    label: t("password"),
                    value: password,
                    autocomplete: "new-password",
                    error: error_of("password"),
                    if strength > 0 {
                        div {
                            class: "strength",
                            role: "img",
                            aria_label: tv("password-strength", [("strength", Value::from(strength))]),
                            for step in 1..=4 {
                                span { key: "{step}", class: if step <= strength { "on" } }
                            }
                        }
                        p { class: "field__hint", {t(if strength < 3 { "password-weak" } else { "password-good" })} }
                    }
                }
                if asked.token {
                    Field { id: "token", label: t("token"), error: error_of("token"),
                        input {
                            class: "input",
                            id: "token",
                            autocomplete: "off",
                            placeholder: t("token-hint"),
                            onmounted: |_| async { browser::focus("token") },
                            oninput: move |event| token.set(event.value()),
                        }
                    }
                }
                if !asked.terms.is_empty() {
                    label { class: "check",
                        input {
                            id: "terms",
                            r#type: "checkbox",
                            checked: is_agreed(),
                            onchange: move |event| is_agreed.set(event.checked()),
                        }
                        span {
                            {t("terms-read")}
                            " "
                            for (name, url) in asked.terms.clone() {
                                a { key: "{url}", href: "{url}", target: "_blank", rel: "noopener noreferrer", "{name}" }
                                " "
                            }
                        }
                    }
                }
                if let Some(text) = error_of("form") {
                    p { class: "field__error", role: "alert",
                        Icon { name: "circle-alert", size: "s" }
                        span { "{text}" }
                    }
                }
                Submit { label: t("register"), is_busy: is_busy(), class: "btn--l btn--wide" }
            }
            p { class: "door__note",
                {t("have-one")}
                " "
                a { href: Route::Home.fragment(), {t("have-one-link")} }
            }
        }
    }
}

/// A problem, and the field that it is told at.
fn told(problem: &Problem, name: &str, server: Option<String>) -> (&'static str, String) {
    match problem {
        Problem::Known("error-taken") => ("name", tv("error-taken", [("name", Value::from(name.trim()))])),
        Problem::Known("error-name") => ("name", t("error-name")),
        problem => ("form", server_text(problem, server)),
    }
}

/// How hard a password is to guess, 1 to 4; 0 while there is none. Length counts most.
fn strength(password: &str) -> usize {
    let kinds = [
        password.chars().any(char::is_lowercase),
        password.chars().any(char::is_uppercase),
        password.chars().any(|c| c.is_ascii_digit()),
        password.chars().any(|c| !c.is_alphanumeric()),
    ];
    let kinds = kinds.into_iter().filter(|kind| *kind).count();
    match password.chars().count() + 2 * kinds.saturating_sub(1) {
        _ if password.is_empty() => 0,
        ..=9 => 1,
        10..=13 => 2,
        14..=17 => 3,
        _ => 4,
    }
}
