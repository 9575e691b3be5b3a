//! Whether new messages are shown outside of the page, also while it is closed; and the words that count as a mention.

use dioxus::prelude::*;
use futures::StreamExt;
use hearth_client_state::when::{QuietHours, minutes, time_of_day};

use crate::{
    app::use_shared,
    browser::{self, Permission},
    design::Icon,
    words::t,
};

#[component]
pub fn Notifications() -> Element {
    let mut permission = use_signal(browser::may_notify);
    let mut is_on = use_signal(browser::wants_to_notify);
    let is_refused = permission() == Permission::Refused;
    rsx! {
        Undisturbed {}
        section { class: "block",
            label { class: "opt",
                span { b { {t("notify")} } small { {t("notify-hint")} } }
                input {
                    class: "switch",
                    id: "notify",
                    r#type: "checkbox",
                    role: "switch",
                    disabled: is_refused,
                    checked: is_on() && permission() == Permission::Given,
                    onchange: move |event| async move {
                        let wanted = event.checked();
                        browser::set_wants_to_notify(wanted);
                        is_on.set(wanted);
                        if wanted {
                            permission.set(browser::ask_to_notify().await);
                        }
                    },
                }
            }
            if is_on() && permission() == Permission::Given {
                Push {}
                button {
                    class: "btn",
                    onclick: move |_| browser::notify("Hearth", &t("notify-test-text"), "test", "#/settings/notifications".to_owned()),
                    Icon { name: "bell-ring", size: "s" }
                    {t("notify-test")}
                }
            }
            if is_refused {
                p { class: "banner banner--box banner--warning", role: "status", {t("notify-refused")} }
            }
        }
        Heard {}
        Keywords {}
    }
}

/// The sound, and the hours without it.
#[component]
fn Heard() -> Element {
    let mut has_sound = use_signal(browser::wants_sound);
    let mut hours = use_signal(browser::quiet_hours);
    let mut set_hours = move |now: Option<QuietHours>| {
        browser::set_quiet_hours(now);
        hours.set(now);
    };
    rsx! {
        section { class: "block",
            label { class: "opt",
                span { b { {t("sound")} } small { {t("sound-hint")} } }
                input {
                    class: "switch",
                    id: "sound",
                    r#type: "checkbox",
                    role: "switch",
                    checked: has_sound(),
                    onchange: move |event| {
                        browser::set_wants_sound(event.checked());
                        has_sound.set(event.checked());
                    },
                }
            }
            if has_sound() {
                button { class: "btn", id: "sound-test", r#type: "button", onclick: |_| browser::chime(),
                    Icon { name: "volume-2", size: "s" }
                    {t("sound-test")}
                }
            }
            label { class: "opt",
                span { b { {t("quiet-hours")} } small { {t("quiet-hours-hint")} } }
                input {
                    class: "switch",
                    id: "quiet-hours",
                    r#type: "checkbox",
                    role: "switch",
                    checked: hours.read().is_some(),
                    onchange: move |event| set_hours(event.checked().then_some(QuietHours::USUAL)),
                }
            }
            if let Some(now) = hours() {
                div { class: "inline",
                    input {
                        class: "input input--day",
                        id: "quiet-from",
                        r#type: "time",
                        aria_label: t("quiet-hours-from"),
                        initial_value: time_of_day(now.from),
                        onchange: move |event| {
                            if let Some(from) = minutes(&event.value()) {
                                set_hours(hours().map(|hours| QuietHours { from, ..hours }));
                            }
                        },
                    }
                    span { aria_hidden: "true", "–" }
                    input {
                        class: "input input--day",
                        id: "quiet-to",
                        r#type: "time",
                        aria_label: t("quiet-hours-to"),
                        initial_value: time_of_day(now.to),
                        onchange: move |event| {
                            if let Some(to) = minutes(&event.value()) {
                                set_hours(hours().map(|hours| QuietHours { to, ..hours }));
                            }
                        },
                    }
                }
            }
        }
    }
}

/// Nothing at all, wherever one is signed in.
#[component]
fn Undisturbed() -> Element {
    let shared = use_shared();
    let mut is_on = use_signal(|| false);
    use_future(move || async move {
        let Some(account) = shared.account() else { return };
        let mut stream = Box::pin(account.undisturbed());
        while let Some(now) = stream.next().await {
            is_on.set(now);
        }
    });
    let set = move |event: FormEvent| async move {
        let Some(account) = shared.account() else { return };
        is_on.set(event.checked());
        if let Err(problem) = account.set_undisturbed(is_on()).await {
            is_on.toggle();
            shared.tell(&problem);
        }
    };
    rsx! {
        section { class: "block",
            label { class: "opt",
                span { b { {t("undisturbed")} } small { {t("undisturbed-hint")} } }
                input {
                    class: "switch",
                    id: "undisturbed",
                    r#type: "checkbox",
                    role: "switch",
                    checked: is_on(),
                    onchange: set,
                }
            }
        }
    }
}

/// Also while the page is closed, where server and browser can.
#[component]
fn Push() -> Element {
    let shared = use_shared();
    let mut is_busy = use_signal(|| false);
    let mut is_on = use_signal(|| false);
    let key = use_resource(move || async move {
        is_on.set(browser::push_subscription().await.is_some());
        shared.account()?.push_key().await
    });
    let Some(key) = key.read().clone().flatten() else { return rsx! {} };
    let key = use_hook(|| CopyValue::new(key));
    let set = move |event: FormEvent| async move {
        let Some(account) = shared.account() else { return };
        let (wanted, key) = (event.checked(), key.peek().clone());
        is_busy.set(true);
        if wanted {
            match browser::push_subscribe(&key).await {
                Some(subscription) => match account.push_to(&subscription).await {
                    Ok(()) => is_on.set(true),
                    Err(problem) => shared.tell(&problem),
                },
                None => {
                    let mut toast = shared.toast;
                    toast.set(Some(t("push-failed")));
                }
            }
        } else if let Some(subscription) = browser::push_subscription().await {
            if let Err(problem) = account.push_no_more(&subscription.p256dh).await {
                shared.tell(&problem);
            }
            browser::push_unsubscribe().await;
            is_on.set(false);
        }
        is_busy.set(false);
    };
    rsx! {
        label { class: "opt",
            span { b { {t("push")} } small { {t("push-hint")} } }
            input {
                class: "switch",
                id: "push",
                r#type: "checkbox",
                role: "switch",
                disabled: is_busy(),
                checked: is_on(),
                onchange: set,
            }
        }
    }
}

#[component]
fn Keywords() -> Element {
    let shared = use_shared();
    let mut word = use_signal(String::new);
    let mut words = use_resource(move || async move {
        match shared.account() {
            Some(account) => account.keywords().await,
            None => Vec::new(),
        }
    });
    let add = move |event: FormEvent| async move {
        event.prevent_default();
        let Some(account) = shared.account().filter(|_| !word.peek().trim().is_empty()) else { return };
        if let Err(problem) = account.add_keyword(&word()).await {
            shared.tell(&problem);
        }
        word.set(String::new());
        words.restart();
    };
    let remove = move |word: String| async move {
        let Some(account) = shared.account() else { return };
        if let Err(problem) = account.remove_keyword(&word).await {
            shared.tell(&problem);
        }
        words.restart();
    };
    rsx! {
        section { class: "block",
            h2 { {t("keywords")} }
            p { {t("keywords-hint")} }
            if words.read().as_ref().is_some_and(|words| !words.is_empty()) {
                div { class: "tokens",
                    for of in words.read().clone().unwrap_or_default() {
                        span { key: "{of}", class: "chip chip--person chip--word",
                            bdi { "{of}" }
                            button {
                                aria_label: "{t(\"remove\")}: {of}",
                                onclick: { let of = of.clone(); move |_| remove(of.clone()) },
                                Icon { name: "x", size: "xs" }
                            }
                        }
                    }
                }
            }
            form { class: "inline", onsubmit: add,
                input {
                    class: "input",
                    id: "keyword",
                    aria_label: t("keywords-new"),
                    placeholder: t("keywords-new"),
                    autocomplete: "off",
                    value: "{word}",
                    oninput: move |event| word.set(event.value()),
                }
                button { class: "btn", r#type: "submit", {t("add")} }
            }
        }
    }
}
