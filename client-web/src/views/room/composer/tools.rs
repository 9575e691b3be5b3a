//! The bar of marks, which edits the Markdown that is written.

use dioxus::prelude::*;
use hearth_client_state::compose::{lined, wrapped};

use crate::{design::IconButton, words::t};

/// A mark of Markdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Bold,
    Italic,
    Struck,
    Link,
    List,
    Quote,
    Code,
    Spoiler,
}

const TOOLS: [(Mark, &str, &str); 8] = [
    (Mark::Bold, "bold", "bold"),
    (Mark::Italic, "italic", "italic"),
    (Mark::Struck, "strikethrough", "struck"),
    (Mark::Link, "link", "link"),
    (Mark::List, "list", "list"),
    (Mark::Quote, "text-quote", "quote"),
    (Mark::Code, "code", "code"),
    (Mark::Spoiler, "eye-off", "spoiler"),
];

impl Mark {
    /// The mark of a key that is pressed with Ctrl.
    pub fn of_key(key: &str) -> Option<Self> {
        match key.to_lowercase().as_str() {
            "b" => Some(Self::Bold),
            "i" => Some(Self::Italic),
            "e" => Some(Self::Code),
            _ => None,
        }
    }

    /// A text with the mark around or before what is chosen of it, and what is chosen then.
    pub fn apply(self, text: &str, start: usize, end: usize) -> (String, usize, usize) {
        match self {
            Self::Bold => wrapped(text, start, end, "**"),
            Self::Italic => wrapped(text, start, end, "*"),
            Self::Struck => wrapped(text, start, end, "~~"),
            Self::Spoiler => wrapped(text, start, end, "||"),
            Self::Code if text[start..end].contains('\n') => {
                let (before, chosen, after) = (&text[..start], &text[start..end], &text[end..]);
                (format!("{before}```\n{chosen}\n```{after}"), start + 4, end + 4)
            }
            Self::Code => wrapped(text, start, end, "`"),
            Self::List => lined(text, start, end, "- "),
            Self::Quote => lined(text, start, end, "> "),
            Self::Link => {
                let (before, chosen, after) = (&text[..start], &text[start..end], &text[end..]);
                let address = "https://";
                let from = start + chosen.len() + 3;
                (format!("{before}[{chosen}]({address}){after}"), from, from + address.len())
            }
        }
    }
}

#[component]
pub fn Tools(onmark: EventHandler<Mark>) -> Element {
    rsx! {
        div { class: "composer__tools", role: "toolbar", aria_label: t("formatting"),
            for (mark, icon, text) in TOOLS {
                IconButton { key: "{icon}", icon, label: t(text), size: "s", onclick: move |_| onmark.call(mark) }
            }
        }
    }
}
