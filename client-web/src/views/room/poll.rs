//! Polls: in the timeline, and the dialog that makes one.

use dioxus::prelude::*;
use hearth_client_state::timeline::{Answer, Poll};

use super::InRoom;
use crate::{
    app::use_shared,
    design::{Dialog, Field, Icon, IconButton},
    words::{Value, t, tv},
};

/// The specification allows no more.
const MOST_ANSWERS: usize = 20;

#[component]
pub fn PollView(poll: Poll, event: Option<String>, is_mine: bool) -> Element {
    let shared = use_shared();
    let in_room = use_context::<InRoom>();
    let is_told = !poll.is_secret || poll.is_over;
    let state = if poll.is_over { "poll-over" } else { "poll-votes" };
    let ended = event.clone();
    rsx! {
        div { class: "poll", role: "group", aria_label: "{poll.question}",
            h3 { dir: "auto", "{poll.question}" }
            for answer in poll.answers.clone() {
                Choice { key: "{answer.id}", poll: poll.clone(), answer, event: event.clone(), is_told }
            }
            footer {
                span { {tv(state, [("count", Value::from(poll.voters))])} }
                if is_mine && !poll.is_over {
                    button {
                        class: "link",
                        onclick: move |_| {
                            let (Some(event), room) = (ended.clone(), in_room.room()) else { return };
                            shared.act(async move { room.end_poll(&event, &t("poll-ended")).await });
                        },
                        {t("poll-end")}
                    }
                }
            }
        }
    }
}

#[component]
fn Choice(poll: Poll, answer: Answer, event: Option<String>, is_told: bool) -> Element {
    let shared = use_shared();
    let in_room = use_context::<InRoom>();
    let share = poll.share(&answer);
    let is_one = poll.most <= 1;
    let is_fixed = poll.is_over || event.is_none();
    let group = event.clone().unwrap_or_default();
    let clicked = answer.id.clone();
    rsx! {
        label { class: "check option", class: if answer.is_mine { "mine" },
            input {
                r#type: if is_one { "radio" } else { "checkbox" },
                name: "{group}",
                disabled: is_fixed,
                checked: answer.is_mine,
                onchange: move |_| {
                    let (Some(event), room) = (event.clone(), in_room.room()) else { return };
                    let (poll, clicked) = (poll.clone(), clicked.clone());
                    shared.act(async move { room.vote(&event, &poll, &clicked).await });
                },
            }
            span { class: "word", dir: "auto", "{answer.text}" }
            if is_told {
                span { class: "num", "{answer.votes}" }
                span { class: "bar", aria_hidden: "true", span { width: "{share}%" } }
            }
        }
    }
}

#[component]
pub fn NewPoll(onclose: EventHandler<()>) -> Element {
    let shared = use_shared();
    let in_room = use_context::<InRoom>();
    let mut question = use_signal(String::new);
    let mut answers = use_signal(|| vec![String::new(), String::new()]);
    let mut is_wrong = use_signal(|| false);
    let submit = move |event: FormEvent| {
        event.prevent_default();
        let answers: Vec<String> = answers().into_iter().filter(|answer| !answer.trim().is_empty()).collect();
        if question.peek().trim().is_empty() || answers.len() < 2 {
            is_wrong.set(true);
            return;
        }
        let (question, room) = (question(), in_room.room());
        onclose.call(());
        shared.act(async move { room.ask_poll(&question, &answers).await });
    };
    rsx! {
        Dialog { title: t("poll-new"), onclose,
            form { onsubmit: submit, novalidate: true,
                div { class: "dialog__body",
                    Field { id: "poll-question", label: t("poll-question"), error: is_wrong().then(|| t("error-poll")),
                        input {
                            class: "input",
                            id: "poll-question",
                            autocomplete: "off",
                            onmounted: |_| async { crate::browser::focus("poll-question") },
                            oninput: move |event| question.set(event.value()),
                        }
                    }
                    for number in 0..answers.read().len() {
                        div { key: "{number}", class: "inline",
                            input {
                                class: "input",
                                id: "poll-answer-{number}",
                                aria_label: tv("poll-answer", [("number", Value::from(number + 1))]),
                                placeholder: tv("poll-answer", [("number", Value::from(number + 1))]),
                                autocomplete: "off",
                                value: "{answers.read()[number]}",
                                oninput: move |event| answers.with_mut(|answers| answers[number] = event.value()),
                            }
                            if answers.read().len() > 2 {
                                IconButton {
                                    icon: "x",
                                    label: t("remove"),
                                    onclick: move |_| answers.with_mut(|answers| drop(answers.remove(number))),
                                }
                            }
                        }
                    }
                    if answers.read().len() < MOST_ANSWERS {
                        button {
                            class: "btn btn--quiet btn--s",
                            r#type: "button",
                            onclick: move |_| answers.with_mut(|answers| answers.push(String::new())),
                            Icon { name: "plus", size: "s" }
                            {t("poll-add")}
                        }
                    }
                }
                div { class: "dialog__foot",
                    button { class: "btn", r#type: "button", onclick: move |_| onclose.call(()), {t("cancel")} }
                    button { class: "btn btn--primary", r#type: "submit", {t("poll-ask")} }
                }
            }
        }
    }
}
