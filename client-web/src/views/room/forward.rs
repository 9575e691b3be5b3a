//! What is open over the room for one of its messages: to which room it is forwarded, why it is reported, what it was.

use dioxus::prelude::*;
use hearth_client_state::{
    rooms::{Kind, Row, jump_targets},
    timeline::Content,
};

use super::{InRoom, text::Text};
use crate::{
    app::{problem_text, use_shared},
    browser,
    design::{Avatar, Dialog, Field, Icon},
    words::t,
};

/// What was asked for a message.
#[derive(Clone, PartialEq)]
pub enum Asked {
    /// By the key of its row.
    Forward(String),
    /// By its event.
    Report(String),
    /// By its event.
    Versions(String),
}

#[component]
pub fn ForMessage(what: Asked) -> Element {
    match what {
        Asked::Forward(key) => rsx! { Forward { message: key } },
        Asked::Report(event) => rsx! { Report { event } },
        Asked::Versions(event) => rsx! { Versions { event } },
    }
}

fn close(in_room: InRoom) {
    let mut asked = in_room.asked;
    asked.set(None);
}

#[component]
fn Forward(message: String) -> Element {
    const MOST: usize = 30;
    let shared = use_shared();
    let in_room = use_context::<InRoom>();
    let mut typed = use_signal(String::new);
    let found = use_memo(move || {
        let rows = shared.rows.read();
        let rows = rows.iter().flatten().filter(|row| !matches!(row.kind, Kind::Invitation { .. }));
        jump_targets(&rows.cloned().collect::<Vec<Row>>(), &typed.read(), MOST)
    });
    rsx! {
        Dialog { title: t("forward-to"), onclose: move |()| close(in_room),
            div { class: "dialog__body",
                div { class: "affix",
                    Icon { name: "search", size: "s" }
                    input {
                        class: "input",
                        id: "forward",
                        r#type: "search",
                        placeholder: t("filter"),
                        aria_label: t("filter"),
                        onmounted: |_| async { browser::focus("forward") },
                        oninput: move |event| typed.set(event.value()),
                    }
                }
                div { class: "rows",
                    for row in found.read().iter().cloned() {
                        button {
                            key: "{row.id}",
                            class: "row",
                            onclick: {
                                let (key, to) = (message.clone(), row.id.clone());
                                move |_| {
                                    let (key, to, room) = (key.clone(), to.clone(), in_room.room());
                                    close(in_room);
                                    shared.act(async move { room.forward(&key, &to).await });
                                }
                            },
                            Avatar { id: row.id.clone(), name: row.name.clone(), picture: row.picture.clone(), is_room: row.kind != Kind::Person }
                            span { class: "row__text", b { bdi { "{row.name}" } } }
                        }
                    }
                }
            }
        }
    }
}

#[component]
fn Report(event: String) -> Element {
    let shared = use_shared();
    let in_room = use_context::<InRoom>();
    let mut reason = use_signal(String::new);
    let event = use_hook(|| CopyValue::new(event));
    let submit = move |form: FormEvent| {
        form.prevent_default();
        let (event, reason, room) = (event.peek().clone(), reason(), in_room.room());
        close(in_room);
        shared.act(async move { room.report(&event, &reason).await });
    };
    rsx! {
        Dialog { title: t("report-title"), onclose: move |()| close(in_room),
            form { onsubmit: submit,
                div { class: "dialog__body",
                    p { {t("report-hint")} }
                    Field { id: "report", label: t("reason"),
                        textarea {
                            class: "input",
                            id: "report",
                            rows: "3",
                            onmounted: |_| async { browser::focus("report") },
                            oninput: move |event| reason.set(event.value()),
                        }
                    }
                }
                div { class: "dialog__foot",
                    button { class: "btn", r#type: "button", onclick: move |_| close(in_room), {t("cancel")} }
                    button { class: "btn btn--danger", r#type: "submit", {t("report")} }
                }
            }
        }
    }
}

/// What a message has been since it was sent, the newest version first.
#[component]
fn Versions(event: String) -> Element {
    let in_room = use_context::<InRoom>();
    let event = use_hook(|| CopyValue::new(event));
    let versions = use_resource(move || async move {
        let event = event.peek().clone();
        in_room.room().versions(&event).await
    });
    rsx! {
        Dialog { title: t("versions"), onclose: move |()| close(in_room),
            div { class: "dialog__body",
                match &*versions.read() {
                    None => rsx! { span { class: "spin", role: "status", aria_label: t("versions") } },
                    Some(Err(problem)) => rsx! { p { {problem_text(problem)} } },
                    Some(Ok(versions)) => rsx! {
                        ol { class: "versions",
                            for (number, version) in versions.iter().enumerate().rev() {
                                li { key: "{number}",
                                    time { {browser::moment(version.at)} }
                                    if let Content::Text { text, .. } = &version.content {
                                        div { class: "msg__text", dir: "auto", Text { nodes: text.clone() } }
                                    }
                                }
                            }
                        }
                    },
                }
            }
        }
    }
}
