//! The text of a message: a tree of what Matrix lets text be, made from what anybody may send.
//!
//! It is the only way from a message into the page, and it holds words, never markup: what is not known becomes the
//! words in it, an attribute that is not known is gone, and a link leads to where it says or nowhere.

mod html;
mod link;
mod plain;

pub use self::{html::from_html, plain::from_plain};

/// A piece of text.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    Words(String),
    Break,
    Line,
    Styled(Style, Vec<Node>),
    /// `h1` to `h6`.
    Heading(u8, Vec<Node>),
    Paragraph(Vec<Node>),
    Quote(Vec<Node>),
    /// Each item, and the first number of a list that counts.
    List {
        start: Option<i64>,
        items: Vec<Vec<Node>>,
    },
    Code(String),
    CodeBlock {
        language: Option<String>,
        code: String,
    },
    Link {
        to: String,
        text: Vec<Node>,
    },
    /// A person or a room that is named.
    Mention {
        id: String,
        name: String,
    },
    Spoiler {
        reason: Option<String>,
        text: Vec<Node>,
    },
    /// Rows of cells.
    Table(Vec<Row>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub is_head: bool,
    pub cells: Vec<Vec<Node>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Strong,
    Emphasis,
    Underlined,
    Struck,
    Superscript,
    Subscript,
}

/// The first address of the web in a text, of which a preview may be shown.
pub fn first_link(nodes: &[Node]) -> Option<String> {
    nodes.iter().find_map(|node| match node {
        Node::Link { to, .. } if to.starts_with("http") => Some(to.clone()),
        Node::Styled(_, text) | Node::Paragraph(text) | Node::Heading(_, text) => first_link(text),
        Node::List { items, .. } => items.iter().find_map(|item| first_link(item)),
        // What is quoted was shown before, and what is hidden stays so.
        _ => None,
    })
}

/// All the words of a text.
pub fn words(nodes: &[Node]) -> String {
    let mut all = String::new();
    collect(nodes, &mut all);
    all
}

fn collect(nodes: &[Node], all: &mut String) {
    for node in nodes {
        match node {
            Node::Words(words) | Node::Code(words) | Node::CodeBlock { code: words, .. } => {
                all.push_str(words)
            }
            Node::Mention { name, .. } => all.push_str(name),
            Node::Break | Node::Line => all.push('\n'),
            Node::Styled(_, text) | Node::Link { text, .. } => collect(text, all),
            Node::Heading(_, text) | Node::Paragraph(text) | Node::Quote(text) => {
                collect(text, all);
                all.push('\n');
            }
            // What is hidden until one asks is not told in a row either.
            Node::Spoiler { .. } => all.push('█'),
            Node::List { items, .. } => items.iter().for_each(|item| {
                collect(item, all);
                all.push('\n');
            }),
            Node::Table(rows) => rows.iter().flat_map(|row| &row.cells).for_each(|cell| {
                collect(cell, all);
                all.push(' ');
            }),
        }
    }
}

/// Text in one line of at most so many characters.
pub fn one_line(text: &str, most: usize) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(word.chars().take(most));
        if line.chars().count() >= most {
            line = line.chars().take(most - 1).collect();
            line.push('…');
            break;
        }
    }
    line
}

/// Whether a message is nothing but a few pictures of the keyboard, which are shown large.
pub fn is_jumbo(text: &str) -> bool {
    let is_picture = |c: char| matches!(c as u32, 0x1F000..=0x1FAFF | 0x2600..=0x27BF | 0x2B00..=0x2BFF | 0x2190..=0x21FF | 0xE0020..=0xE007F);
    let joins =
        |c: char| matches!(c as u32, 0x200D | 0xFE0F | 0x20E3 | 0x1F3FB..=0x1F3FF) || c.is_whitespace();
    let text = text.trim();
    let pictures = text.chars().filter(|c| is_picture(*c) && !joins(*c)).count();
    (1..=12).contains(&pictures) && text.chars().all(|c| is_picture(c) || joins(c))
}

#[cfg(test)]
mod tests;
