//! A person's card: who they are, what one shares with them, and what one may do about them.

use dioxus::prelude::*;
use hearth_client_state::route::Route;

use super::shell::{Open, write_to};
use crate::{
    app::{problem_text, use_shared},
    browser,
    design::{Avatar, Dialog, Field, Icon, IconButton, either},
    matrix::{Card, Problem, Role},
    words::{Value, t, tv},
};

/// What is asked for before it is done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asking {
    Kick,
    Ban,
}

#[component]
pub fn PersonCard(user: String, room: Option<String>) -> Element {
    let shared = use_shared();
    let open = use_context::<Open>();
    let (user, room) = (use_hook(|| CopyValue::new(user)), use_hook(|| CopyValue::new(room)));
    let mut asking = use_signal(|| None::<Asking>);
    let mut card = use_resource(move || async move {
        let account = shared.account()?;
        let (user, room) = (user.peek().clone(), room.peek().clone());
        Some(account.card(&user, room.as_deref()).await)
    });
    let close = move |()| {
        open.close_over();
        if matches!(*shared.route.peek(), Route::Person(_)) {
            shared.go(Route::Home);
        }
    };
    let outcome = card.read().clone().flatten();
    rsx! {
        div { class: "scrim scrim--card", onclick: move |_| close(()),
            div {
                class: "card",
                role: "dialog",
                aria_modal: "true",
                aria_label: "{user.peek()}",
                id: "card",
                tabindex: "-1",
                onmounted: |_| async { browser::focus("card") },
                onclick: |event| event.stop_propagation(),
                match outcome {
                    None => rsx! { span { class: "spin", role: "status", aria_label: t("loading") } },
                    Some(Err(problem)) => rsx! { p { class: "empty", {problem_text(&problem)} } },
                    Some(Ok(card_now)) => rsx! {
                        Top { card: card_now.clone(), onclose: close }
                        Parts {
                            card: card_now,
                            room: room.peek().clone(),
                            onchange: move |()| card.restart(),
                            onask: move |what| asking.set(Some(what)),
                        }
                    },
                }
            }
        }
        if let (Some(what), Some(room)) = (asking(), room.peek().clone()) {
            Sure {
                what,
                user: user.peek().clone(),
                room,
                onclose: move |()| {
                    asking.set(None);
                    card.restart();
                },
            }
        }
    }
}

#[component]
fn Top(card: Card, onclose: EventHandler<()>) -> Element {
    let shared = use_shared();
    let open = use_context::<Open>();
    let person = card.person;
    let (user, copied) = (person.id.clone(), person.id.clone());
    rsx! {
        div { class: "card__top",
            Avatar { id: person.id.clone(), name: person.name.clone(), picture: person.picture.clone() }
            h2 {
                bdi { class: "clip", "{person.name}" }
                if card.is_verified {
                    Icon { name: "shield-check", size: "s", label: t("session-verified") }
                }
                span { class: "grow" }
                IconButton { icon: "x", label: t("close"), size: "s", onclick: move |_| onclose.call(()) }
            }
            small {
                span { class: "clip", dir: "ltr", "{person.id}" }
                IconButton {
                    icon: "copy",
                    label: t("copy-address"),
                    size: "xs",
                    onclick: move |_| {
                        let address = copied.clone();
                        async move {
                                browser::copy(&address).await;
                            }
                    },
                }
            }
        }
        if !card.is_me {
            div { class: "card__acts",
                button {
                    class: "btn",
                    onclick: move |_| write_to(shared, open, user.clone()),
                    Icon { name: "message-square", size: "s" }
                    {t("write")}
                }
            }
        }
    }
}

#[component]
fn Parts(
    card: Card,
    room: Option<String>,
    onchange: EventHandler<()>,
    onask: EventHandler<Asking>,
) -> Element {
    let shared = use_shared();
    let open = use_context::<Open>();
    let user = use_hook(|| CopyValue::new(card.person.id.clone()));
    let room = use_hook(|| CopyValue::new(room));
    let is_ignored = card.is_ignored;
    let verify = move |_| async move {
        let Some(account) = shared.account() else { return };
        let user = user.peek().clone();
        match account.verify_user(&user).await {
            Ok(begun) => {
                open.close_over();
                let mut verifying = shared.verifying;
                verifying.set(Some(begun));
            }
            Err(problem) => shared.tell(&problem),
        }
    };
    let ignore = move |_| async move {
        let Some(account) = shared.account() else { return };
        let user = user.peek().clone();
        match account.set_ignored(&user, !is_ignored).await {
            Ok(()) => onchange.call(()),
            Err(problem) => shared.tell(&problem),
        }
    };
    let unban = move |_| async move {
        let (Some(account), Some(room)) = (shared.account(), room.peek().clone()) else { return };
        let user = user.peek().clone();
        match account.unban(&room, &user).await {
            Ok(()) => onchange.call(()),
            Err(problem) => shared.tell(&problem),
        }
    };
    let set_role = move |event: FormEvent| async move {
        let (Some(account), Some(room)) = (shared.account(), room.peek().clone()) else { return };
        let user = user.peek().clone();
        let Some(role) = Role::ALL.into_iter().find(|role| role.text() == event.value()) else { return };
        if let Err(problem) = account.set_role(&room, &user, role).await {
            shared.tell(&problem);
        }
        onchange.call(());
    };
    rsx! {
        if !card.shared.is_empty() {
            div { class: "card__part",
                h3 { {t("rooms-in-common")} }
                div { class: "shared",
                    for (id, name) in card.shared.clone() {
                        a { key: "{id}", href: Route::Room(id.clone()).fragment(), onclick: move |_| open.close_over(),
                            Avatar { id: id.clone(), name: name.clone(), picture: None, is_room: true }
                            bdi { "{name}" }
                        }
                    }
                }
            }
        }
        if let Some(here) = &card.here {
            div { class: "card__part",
                div { class: "opt",
                    div { {t("role-here")} }
                    if here.may_set_role {
                        div { class: "select",
                            select { class: "input", aria_label: t("role-here"), onchange: set_role,
                                for role in Role::ALL {
                                    option { key: "{role:?}", value: role.text(), selected: role == here.role, {t(role.text())} }
                                }
                            }
                            Icon { name: "chevron-down", size: "s" }
                        }
                    } else {
                        span { class: "muted", {t(here.role.text())} }
                    }
                }
            }
        }
        if !card.is_me {
            div { class: "card__part card__part--menu",
                if !card.is_verified {
                    button { class: "menu__item", onclick: verify,
                        Icon { name: "shield-question" }
                        {t("verify")}
                    }
                }
                button { class: "menu__item", onclick: ignore,
                    Icon { name: either(is_ignored, "eye", "eye-off") }
                    {t(if is_ignored { "unignore" } else { "ignore" })}
                    span { class: "end", {t("only-you")} }
                }
                if let Some(here) = &card.here {
                    if here.is_banned {
                        if here.may_ban {
                            button { class: "menu__item", onclick: unban,
                                Icon { name: "door-open" }
                                {t("unban")}
                            }
                        }
                    } else {
                        if here.may_kick {
                            button { class: "menu__item menu__item--danger", onclick: move |_| onask.call(Asking::Kick),
                                Icon { name: "user-minus" }
                                {t("kick")}
                            }
                        }
                        if here.may_ban {
                            button { class: "menu__item menu__item--danger", onclick: move |_| onask.call(Asking::Ban),
                                Icon { name: "ban" }
                                {t("ban")}
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Asks why, before somebody is turned out.
#[component]
fn Sure(what: Asking, user: String, room: String, onclose: EventHandler<()>) -> Element {
    let shared = use_shared();
    let mut reason = use_signal(String::new);
    let mut is_busy = use_signal(|| false);
    let (title, hint, button) = match what {
        Asking::Kick => ("kick-title", "kick-hint", "kick-do"),
        Asking::Ban => ("ban-title", "ban-hint", "ban-do"),
    };
    let name = Value::from(user.as_str());
    let title = tv(title, [("name", name)]);
    let (user, room) = (use_hook(|| CopyValue::new(user)), use_hook(|| CopyValue::new(room)));
    let act = move |event: FormEvent| async move {
        event.prevent_default();
        let Some(account) = shared.account() else { return };
        let (user, room, reason) = (user.peek().clone(), room.peek().clone(), reason());
        is_busy.set(true);
        let outcome: Result<(), Problem> = match what {
            Asking::Kick => account.kick(&room, &user, &reason).await,
            Asking::Ban => account.ban(&room, &user, &reason).await,
        };
        if let Err(problem) = outcome {
            shared.tell(&problem);
        }
        onclose.call(());
    };
    rsx! {
        Dialog { title, onclose,
            form { onsubmit: act,
                div { class: "dialog__body",
                    p { {t(hint)} }
                    Field { id: "why", label: t("reason"),
                        input { class: "input", id: "why", oninput: move |event| reason.set(event.value()) }
                    }
                }
                div { class: "dialog__foot",
                    button { class: "btn", r#type: "button", onclick: move |_| onclose.call(()), {t("cancel")} }
                    button { class: "btn btn--danger", r#type: "submit", disabled: is_busy(), {t(button)} }
                }
            }
        }
    }
}
