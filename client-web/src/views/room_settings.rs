//! The settings of a room: what it is called, who comes in, how loud it is.

use dioxus::prelude::*;
use futures::{StreamExt, pin_mut};
use hearth_client_state::route::Route;

use crate::{
    app::{problem_text, to_end, use_shared},
    browser,
    design::{Avatar, Field, Icon, IconButton, Submit},
    matrix::{Access, Account, History, Loudness, Problem, RoomSettings, Upload},
    words::{Value, t, tv},
};
use std::rc::Rc;

#[component]
pub fn RoomSettingsView(id: String) -> Element {
    let shared = use_shared();
    let id = use_hook(|| CopyValue::new(id));
    let mut settings = use_signal(|| None::<Result<RoomSettings, Problem>>);
    let mut reading = use_future(move || async move {
        let Some(account) = shared.account() else { return };
        match account.room_settings(&id.peek()) {
            Ok(coming) => {
                pin_mut!(coming);
                while let Some(now) = coming.next().await {
                    settings.set(Some(Ok(now)));
                }
            }
            Err(problem) => settings.set(Some(Err(problem))),
        }
    });
    let back = Route::Room(id.peek().clone()).fragment();
    rsx! {
        super::room_list::RoomList {}
        main { class: "view",
            div { class: "head",
                a { class: "btn btn--icon", href: back, aria_label: t("back-to-room"), title: t("back-to-room"),
                    Icon { name: "arrow-left" }
                }
                div { class: "head__title", h1 { {t("room-settings")} } }
            }
            div { class: "page",
                div { class: "page__in",
                    match settings() {
                        None => rsx! { span { class: "spin", role: "status", aria_label: t("loading") } },
                        Some(Err(problem)) => rsx! {
                            div { class: "empty",
                                p { {problem_text(&problem)} }
                                button { class: "btn", onclick: move |_| reading.restart(), {t("retry")} }
                            }
                        },
                        Some(Ok(now)) => rsx! { Parts { id: id.peek().clone(), now } },
                    }
                }
            }
        }
    }
}

#[component]
fn Parts(id: String, now: RoomSettings) -> Element {
    rsx! {
        General { id: id.clone(), now: now.clone() }
        if !now.is_space {
            Sound { id: id.clone() }
        }
        Coming { id: id.clone(), now: now.clone() }
        Addresses { id: id.clone(), now: now.clone() }
        if now.may.upgrade {
            Upgrade { id, now }
        }
    }
}

/// Changes something, and tells what went wrong.
fn use_change<F, T>(id: String, change: F) -> impl Fn(T) + Copy + 'static
where
    F: AsyncFn(Rc<Account>, String, T) -> Result<(), Problem> + 'static,
    T: 'static,
{
    let shared = use_shared();
    let id = use_hook(|| CopyValue::new(id));
    let change = use_hook(|| CopyValue::new(Rc::new(change)));
    move |value: T| {
        let Some(account) = shared.account() else { return };
        let (id, change) = (id.peek().clone(), change.peek().clone());
        spawn(async move {
            if let Err(problem) = change(account, id, value).await {
                shared.tell(&problem);
            }
        });
    }
}

#[component]
fn General(id: String, now: RoomSettings) -> Element {
    let shared = use_shared();
    let (mut name, mut topic) = (use_signal(|| now.name.clone()), use_signal(|| now.topic.clone()));
    let mut is_busy = use_signal(|| false);
    let mut is_saved = use_signal(|| false);
    let room = use_hook(|| CopyValue::new(id.clone()));
    let mut before = use_hook(|| CopyValue::new((now.name.clone(), now.topic.clone())));
    let save = move |event: FormEvent| async move {
        event.prevent_default();
        let Some(account) = shared.account() else { return };
        let room = room.peek().clone();
        let (name, topic) = (name(), topic());
        is_busy.set(true);
        let outcome: Result<(), Problem> = async {
            if name != before.peek().0 {
                account.set_room_name(&room, &name).await?;
                before.write().0 = name;
            }
            if topic != before.peek().1 {
                account.set_room_topic(&room, &topic).await?;
                before.write().1 = topic;
            }
            Ok(())
        }
        .await;
        is_busy.set(false);
        match outcome {
            Ok(()) => is_saved.set(true),
            Err(problem) => shared.tell(&problem),
        }
    };
    let set_picture = use_change(id.clone(), async |account: Rc<Account>, id: String, upload: Upload| {
        account.set_room_picture(&id, upload).await
    });
    rsx! {
        section { class: "block",
            h2 { {t("room-general")} }
            div { class: "person",
                Avatar { id, name: now.name.clone(), picture: now.picture.clone(), is_room: true, class: "avatar--xl" }
                if now.may.picture {
                    label { class: "btn",
                        Icon { name: "image", size: "s" }
                        {t("picture-change")}
                        input {
                            class: "sr",
                            id: "room-picture",
                            r#type: "file",
                            accept: "image/*",
                            onchange: move |event| async move {
                                if let Some(file) = event.files().into_iter().next()
                                    && let Some(upload) = super::room::upload_of(file).await
                                {
                                    set_picture(upload);
                                }
                            },
                        }
                    }
                }
            }
            form { class: "pile", onsubmit: save,
                Field { id: "settings-name", label: t("room-name"),
                    input {
                        class: "input",
                        id: "settings-name",
                        disabled: !now.may.name,
                        initial_value: "{now.name}",
                        oninput: move |event| {
                            name.set(event.value());
                            is_saved.set(false);
                        },
                    }
                }
                Field { id: "settings-topic", label: t("topic"),
                    textarea {
                        class: "input",
                        id: "settings-topic",
                        rows: "2",
                        disabled: !now.may.topic,
                        initial_value: "{now.topic}",
                        oninput: move |event| {
                            topic.set(event.value());
                            is_saved.set(false);
                        },
                    }
                }
                if now.may.name || now.may.topic {
                    div { class: "btn-row",
                        Submit { label: t("save"), is_busy: is_busy() }
                        if is_saved() {
                            span { class: "muted", role: "status", {t("saved")} }
                        }
                    }
                }
            }
        }
    }
}

/// One of several, as a list that opens.
#[component]
fn Select<T: Copy + PartialEq + 'static>(
    id: &'static str,
    label: String,
    choices: Vec<(T, &'static str)>,
    now: T,
    is_fixed: bool,
    onchoose: EventHandler<T>,
) -> Element {
    let all = choices.clone();
    rsx! {
        div { class: "select",
            select {
                class: "input",
                id,
                aria_label: "{label}",
                disabled: is_fixed,
                onchange: move |event| {
                    if let Some((choice, _)) = all.iter().find(|(_, text)| *text == event.value()) {
                        onchoose.call(*choice);
                    }
                },
                for (choice, text) in choices {
                    option { key: "{text}", value: text, selected: choice == now, {t(text)} }
                }
            }
            Icon { name: "chevron-down", size: "s" }
        }
    }
}

#[component]
fn Sound(id: String) -> Element {
    let shared = use_shared();
    let room = use_hook(|| CopyValue::new(id.clone()));
    let loudness = use_resource(move || async move {
        let room = room.peek().clone();
        Some(shared.account()?.loudness(&room).await)
    });
    let set = use_change(id, async move |account: Rc<Account>, id: String, to: Loudness| {
        let outcome = account.set_loudness(&id, to).await;
        let mut loudness = loudness;
        loudness.restart();
        outcome
    });
    let Some(now) = (*loudness.read()).flatten() else { return rsx! {} };
    rsx! {
        section { class: "block",
            div { class: "opt",
                div { b { {t("settings-notifications")} } }
                Select {
                    id: "loudness",
                    label: t("settings-notifications"),
                    choices: Loudness::ALL.map(|of| (of, of.text())).to_vec(),
                    now,
                    is_fixed: false,
                    onchoose: move |loudness| set(loudness),
                }
            }
        }
    }
}

#[component]
fn Coming(id: String, now: RoomSettings) -> Element {
    let shared = use_shared();
    let room = use_hook(|| CopyValue::new(id.clone()));
    let is_listed = use_resource(move || async move {
        let room = room.peek().clone();
        Some(shared.account()?.is_listed(&room).await)
    });
    let set_access = use_change(id.clone(), async |account: Rc<Account>, id: String, access: Access| {
        account.set_access(&id, access).await
    });
    let set_history = use_change(id.clone(), async |account: Rc<Account>, id: String, history: History| {
        account.set_history(&id, history).await
    });
    let set_listed = use_change(id.clone(), async move |account: Rc<Account>, id: String, to: bool| {
        let outcome = account.set_listed(&id, to).await;
        let mut is_listed = is_listed;
        is_listed.restart();
        outcome
    });
    let encrypt =
        use_change(id, async |account: Rc<Account>, id: String, (): ()| account.encrypt_room(&id).await);
    let may = now.may;
    rsx! {
        section { class: "block",
            h2 { {t("access")} }
            div { class: "pile pile--s", role: "radiogroup", aria_label: t("access"),
                for access in Access::CHOICES {
                    label { key: "{access:?}", class: "check",
                        input {
                            r#type: "radio",
                            name: "access",
                            disabled: !may.access,
                            checked: now.access == access,
                            onchange: move |_| set_access(access),
                        }
                        span { {t(access.text())} small { {t(&format!("{}-hint", access.text()))} } }
                    }
                }
                if now.access == Access::Other {
                    p { class: "field__hint", {t("access-other")} }
                }
            }
        }
        section { class: "block",
            h2 { {t("history")} }
            Select {
                id: "history",
                label: t("history"),
                choices: History::ALL.map(|of| (of, of.text())).to_vec(),
                now: now.history,
                is_fixed: !may.history,
                onchoose: move |history| set_history(history),
            }
            p { class: "field__hint", {t("history-hint")} }
        }
        section { class: "block",
            label { class: "opt",
                span { b { {t("listed")} } small { {t("listed-hint")} } }
                input {
                    class: "switch",
                    r#type: "checkbox",
                    role: "switch",
                    disabled: !may.alias,
                    checked: (*is_listed.read()).flatten().unwrap_or_default(),
                    onchange: move |event| set_listed(event.checked()),
                }
            }
            if !now.is_space {
                label { class: "opt",
                    span { b { {t("room-encrypted")} } small { {t("room-encrypted-hint")} } }
                    input {
                        class: "switch",
                        r#type: "checkbox",
                        role: "switch",
                        disabled: now.is_encrypted || !may.encrypt,
                        checked: now.is_encrypted,
                        onchange: move |_| encrypt(()),
                    }
                }
            }
        }
    }
}

#[component]
fn Addresses(id: String, now: RoomSettings) -> Element {
    let mut name = use_signal(String::new);
    let set = use_change(id, async |account: Rc<Account>, id: String, name: String| {
        account.set_alias(&id, &name).await
    });
    let copied = now.alias.clone().unwrap_or_default();
    rsx! {
        section { class: "block",
            h2 { {t("addresses")} }
            p { {t("addresses-hint")} }
            if let Some(alias) = &now.alias {
                div { class: "session",
                    span { class: "grow", b { dir: "ltr", "{alias}" } }
                    IconButton {
                        icon: "copy",
                        label: t("copy-address"),
                        onclick: move |_| {
                            let alias = copied.clone();
                            async move {
                                browser::copy(&alias).await;
                            }
                        },
                    }
                }
            }
            if now.may.alias {
                form {
                    class: "inline",
                    onsubmit: move |event| {
                        event.prevent_default();
                        if !name.peek().trim().is_empty() {
                            set(name());
                            name.set(String::new());
                        }
                    },
                    input {
                        class: "input",
                        id: "alias",
                        aria_label: t("new-address"),
                        placeholder: t("new-address"),
                        autocapitalize: "none",
                        spellcheck: "false",
                        value: "{name}",
                        oninput: move |event| name.set(event.value()),
                    }
                    button { class: "btn", r#type: "submit", {t("add")} }
                }
            }
        }
    }
}

#[component]
fn Upgrade(id: String, now: RoomSettings) -> Element {
    let shared = use_shared();
    let Some(newest) = now.upgrade.clone() else { return rsx! {} };
    let room = use_hook(|| CopyValue::new(id));
    let mut is_busy = use_signal(|| false);
    let upgrade = move |_| async move {
        let Some(account) = shared.account() else { return };
        let room = room.peek().clone();
        is_busy.set(true);
        match to_end(async move { account.upgrade_room(&room).await }).await {
            Ok(next) => shared.go(Route::Room(next)),
            Err(problem) => shared.tell(&problem),
        }
        is_busy.set(false);
    };
    let versions = [("version", Value::from(now.version)), ("newest", Value::from(newest))];
    rsx! {
        section { class: "block",
            h2 { {t("careful")} }
            p { {tv("upgrade-hint", versions)} }
            div { class: "btn-row",
                button { class: "btn", disabled: is_busy(), onclick: upgrade, {t("upgrade")} }
            }
        }
    }
}
