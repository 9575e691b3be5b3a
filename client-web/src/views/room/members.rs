//! The panel of those who are in a room.

use dioxus::prelude::*;
use hearth_client_state::rooms::is_found;

use super::{ClosePanel, InRoom};
use crate::{
    app::{problem_text, to_end, use_shared},
    design::{Avatar, Field, Icon, Submit},
    matrix::{Member, Problem, Role},
    views::shell::{Open, Over, leave},
    words::{Value, t, tv},
};

#[component]
pub fn Members() -> Element {
    let shared = use_shared();
    let in_room = use_context::<InRoom>();
    let mut filter = use_signal(String::new);
    let mut is_inviting = use_signal(|| false);
    let mut members = use_resource(move || async move {
        // Who comes and goes changes the count.
        let _ = in_room.about.read().people;
        in_room.room().members().await
    });
    let people = in_room.about.read().people;
    let leave = move |_| leave(shared, in_room.room().id().to_owned());
    rsx! {
        aside { class: "panel", aria_label: t("members"),
            header { class: "panel__head",
                h2 {
                    {t("members")}
                    small { {tv("people", [("count", Value::from(people))])} }
                }
                ClosePanel {}
            }
            div { class: "panel__body",
                div { class: "panel__section",
                    div { class: "affix",
                        Icon { name: "search", size: "s" }
                        input {
                            class: "input input--quiet",
                            r#type: "search",
                            id: "find-person",
                            placeholder: t("find-person"),
                            aria_label: t("find-person"),
                            oninput: move |event| filter.set(event.value()),
                        }
                    }
                }
                match &*members.read() {
                    None => rsx! { span { class: "skel", role: "status", aria_label: t("members") } },
                    Some(Err(problem)) => rsx! { p { class: "empty", {problem_text(problem)} } },
                    Some(Ok(members)) => rsx! { List { members: members.clone(), filter: filter() } },
                }
            }
            div { class: "panel__section panel__foot",
                if is_inviting() {
                    Invite {
                        ondone: move |()| {
                            is_inviting.set(false);
                            members.restart();
                        },
                    }
                } else {
                    if in_room.about.read().may.invite {
                    button { class: "btn btn--wide", onclick: move |_| is_inviting.set(true),
                        Icon { name: "user-plus", size: "s" }
                        {t("invite-people")}
                    }
                    }
                    button { class: "btn btn--wide btn--danger-plain", onclick: leave,
                        Icon { name: "log-out", size: "s" }
                        {t("leave-room")}
                    }
                }
            }
        }
    }
}

#[component]
fn List(members: Vec<Member>, filter: String) -> Element {
    let fits =
        |member: &&Member| is_found(&member.person.name, &filter) || is_found(&member.person.id, &filter);
    // Nobody scrolls through more: the field finds the others.
    const MOST: usize = 300;
    let shown: Vec<Member> = members.iter().filter(fits).take(MOST).cloned().collect();
    let is_out = |member: &Member| member.is_invited || member.is_banned;
    let runs = |member: &Member| !is_out(member) && member.role != Role::Everyone;
    let groups: [(&str, Vec<Member>); 4] = [
        ("role-admins", shown.iter().filter(|member| runs(member)).cloned().collect()),
        ("role-everyone", shown.iter().filter(|member| !runs(member) && !is_out(member)).cloned().collect()),
        ("role-invited", shown.iter().filter(|member| member.is_invited).cloned().collect()),
        ("role-banned", shown.iter().filter(|member| member.is_banned).cloned().collect()),
    ];
    rsx! {
        div { class: "people",
            for (title, members) in groups.into_iter().filter(|(_, members)| !members.is_empty()) {
                h3 { key: "{title}", class: "group-title",
                    span { {t(title)} }
                    span { class: "num", "{members.len()}" }
                }
                ul {
                    for member in members {
                        li { key: "{member.person.id}", Person { member } }
                    }
                }
            }
        }
    }
}

#[component]
fn Person(member: Member) -> Element {
    let tag = match member.role {
        Role::Admin => Some("tag-admin"),
        Role::Moderator => Some("tag-moderator"),
        Role::Everyone => None,
    };
    let in_room = use_context::<InRoom>();
    let open = use_context::<Open>();
    let person = member.person;
    let user = person.id.clone();
    rsx! {
        button {
            class: "row",
            onclick: move |_| {
                let room = Some(in_room.room().id().to_owned());
                open.show_over(Over::Person { user: user.clone(), room });
            },
            Avatar { id: person.id.clone(), name: person.name.clone(), picture: person.picture.clone() }
            span { class: "row__text", b { bdi { "{person.name}" } } small { dir: "ltr", "{person.id}" } }
            if let Some(tag) = tag {
                span { class: "tag", {t(tag)} }
            }
        }
    }
}

#[component]
fn Invite(ondone: EventHandler<()>) -> Element {
    let in_room = use_context::<InRoom>();
    let mut address = use_signal(String::new);
    let mut is_busy = use_signal(|| false);
    let mut error = use_signal(|| None::<String>);
    let submit = move |event: FormEvent| async move {
        event.prevent_default();
        is_busy.set(true);
        let (room, address) = (in_room.room(), address());
        let outcome = to_end(async move { room.invite(&address).await }).await;
        is_busy.set(false);
        match outcome {
            Ok(()) => ondone.call(()),
            Err(Problem::Known("error-address")) => {
                error.set(Some(tv("error-address", [("example", Value::from("@name:example.org"))])));
            }
            Err(problem) => error.set(Some(problem_text(&problem))),
        }
    };
    rsx! {
        form { class: "pile", onsubmit: submit, novalidate: true,
            Field { id: "invite", label: t("invite-id"), hint: t("invite-id-hint"), error: error(),
                input {
                    class: "input",
                    id: "invite",
                    autocapitalize: "none",
                    autocomplete: "off",
                    spellcheck: "false",
                    onmounted: |_| async { crate::browser::focus("invite") },
                    oninput: move |event| address.set(event.value()),
                }
            }
            p { class: "field__hint",
                Icon { name: "history", size: "s" }
                {t("invite-history")}
            }
            Submit { label: t("invite-people"), is_busy: is_busy() }
        }
    }
}
