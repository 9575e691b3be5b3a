//! The text of a message on the page: elements made one by one, never markup of others.

use dioxus::prelude::*;
use hearth_client_state::{
    highlight,
    names::localpart,
    rich::{Node, Style},
    route::Route,
};

use crate::{
    app::use_shared,
    browser,
    design::{Icon, IconButton},
    views::shell::{Open, follow},
    words::t,
};

#[component]
pub fn Text(nodes: Vec<Node>) -> Element {
    rsx! {
        for (number, node) in nodes.into_iter().enumerate() {
            Piece { key: "{number}", node }
        }
    }
}

#[component]
fn Piece(node: Node) -> Element {
    match node {
        Node::Words(words) => rsx! { "{words}" },
        Node::Break => rsx! { br {} },
        Node::Line => rsx! { hr {} },
        Node::Styled(Style::Strong, nodes) => rsx! { strong { Text { nodes } } },
        Node::Styled(Style::Emphasis, nodes) => rsx! { em { Text { nodes } } },
        Node::Styled(Style::Underlined, nodes) => rsx! { u { Text { nodes } } },
        Node::Styled(Style::Struck, nodes) => rsx! { s { Text { nodes } } },
        Node::Styled(Style::Superscript, nodes) => rsx! { sup { Text { nodes } } },
        Node::Styled(Style::Subscript, nodes) => rsx! { sub { Text { nodes } } },
        // The page has headings of its own: those of a message are one level for whoever jumps between them.
        Node::Heading(1, nodes) => rsx! { h3 { Text { nodes } } },
        Node::Heading(2, nodes) => rsx! { h4 { Text { nodes } } },
        Node::Heading(_, nodes) => rsx! { h5 { Text { nodes } } },
        Node::Paragraph(nodes) => rsx! { p { Text { nodes } } },
        Node::Quote(nodes) => rsx! { blockquote { Text { nodes } } },
        Node::List { start: None, items } => rsx! {
            ul {
                for (number, nodes) in items.into_iter().enumerate() {
                    li { key: "{number}", Text { nodes } }
                }
            }
        },
        Node::List { start: Some(start), items } => rsx! {
            ol { start: "{start}",
                for (number, nodes) in items.into_iter().enumerate() {
                    li { key: "{number}", Text { nodes } }
                }
            }
        },
        Node::Code(code) => rsx! { code { dir: "ltr", "{code}" } },
        Node::CodeBlock { language, code } => rsx! { CodeBlock { language, code } },
        Node::Link { to, text } => rsx! {
            a { href: "{to}", target: "_blank", rel: "noopener noreferrer nofollow", Text { nodes: text } }
        },
        Node::Mention { id, name } => rsx! { Mention { id, name } },
        Node::Spoiler { reason, text } => rsx! { Spoiler { reason, text } },
        Node::Table(rows) => rsx! {
            table {
                tbody {
                    for (number, row) in rows.into_iter().enumerate() {
                        tr { key: "{number}",
                            for (number, nodes) in row.cells.into_iter().enumerate() {
                                if row.is_head {
                                    th { key: "{number}", Text { nodes } }
                                } else {
                                    td { key: "{number}", Text { nodes } }
                                }
                            }
                        }
                    }
                }
            }
        },
    }
}

#[component]
fn Mention(id: String, name: String) -> Element {
    let shared = use_shared();
    let open = use_context::<Open>();
    let is_me = shared.account().is_some_and(|account| account.session.user.as_str() == id);
    // An address as a name is hard to read; a person's name says enough.
    let name = if name == id && id.starts_with('@') { format!("@{}", localpart(&id)) } else { name };
    let route = if id.starts_with('@') { Route::Person(id.clone()) } else { Route::Room(id.clone()) };
    rsx! {
        a {
            class: "mention",
            class: if is_me { "mention--me" },
            title: "{id}",
            href: route.fragment(),
            onclick: move |event| {
                event.prevent_default();
                follow(shared, open, route.clone());
            },
            bdi { "{name}" }
        }
    }
}

#[component]
fn Spoiler(reason: Option<String>, text: Vec<Node>) -> Element {
    let mut is_open = use_signal(|| false);
    rsx! {
        if let Some(reason) = reason {
            span { class: "spoiler__word", "({reason}) " }
        }
        if is_open() {
            span { class: "spoiler", Text { nodes: text } }
        } else {
            button {
                class: "spoiler spoiler--shut",
                aria_label: "{t(\"spoiler\")}: {t(\"spoiler-show\")}",
                onclick: move |_| is_open.set(true),
                span { aria_hidden: "true", "{hidden(&text)}" }
            }
        }
    }
}

/// As much room as the words take, without the words.
fn hidden(text: &[Node]) -> String {
    "\u{2003}".repeat(hearth_client_state::rich::words(text).chars().count().clamp(3, 40) / 2)
}

#[component]
fn CodeBlock(language: Option<String>, code: String) -> Element {
    let mut is_copied = use_signal(|| false);
    let text = code.clone();
    let pieces = highlight::parts(&code, language.as_deref());
    let icon = if is_copied() { "check" } else { "copy" };
    rsx! {
        div { class: "code",
            div { class: "code__head",
                span { {language.unwrap_or_default()} }
                IconButton {
                    icon,
                    label: t("copy-text"),
                    class: "btn--s",
                    size: "s",
                    onclick: move |_| {
                        let text = text.clone();
                        async move { is_copied.set(browser::copy(&text).await) }
                    },
                }
            }
            pre { tabindex: "0", aria_label: t("code"),
                code {
                    for (number, (part, piece)) in pieces.into_iter().enumerate() {
                        match part.class() {
                            Some(class) => rsx! { span { key: "{number}", class, "{piece}" } },
                            None => rsx! { "{piece}" },
                        }
                    }
                }
            }
        }
    }
}

/// A line with an icon in place of a message that cannot be shown.
#[component]
pub fn Note(icon: &'static str, text: String, #[props(default)] children: Element) -> Element {
    rsx! {
        div { class: "locked",
            p {
                Icon { name: icon, size: "s" }
                span { "{text}" }
            }
            {children}
        }
    }
}
