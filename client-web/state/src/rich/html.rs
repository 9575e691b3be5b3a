//! What others send as HTML ("m.room.message msgtypes"), read by a browser's rules and kept by an allow-list.

use ruma_html::{Html, NodeData, NodeRef};

use super::{
    Node, Row, Style, from_plain,
    link::{self, mentioned, safe_link},
    plain::linked,
};

/// Deeper nesting than this is nobody's text ("clients should limit the depth").
const DEEPEST: usize = 100;

/// Reads the `formatted_body` of a message; what is nested too deeply is shown as its plain `body` instead.
pub fn from_html(html: &str, body: &str) -> Vec<Node> {
    if depth(html) > DEEPEST {
        return from_plain(body);
    }
    let html = Html::parse(html);
    trimmed(nodes(html.children(), Reading::default()))
}

/// How deep the tags of a text nest at most, told without reading it as HTML: that would nest as deeply itself.
fn depth(html: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for tag in html.split('<').skip(1) {
        let name: String = tag.chars().take_while(|c| c.is_ascii_alphanumeric()).collect();
        if tag.starts_with('/') {
            depth = depth.saturating_sub(1);
        } else if !name.is_empty() && !["br", "hr", "img", "p", "li"].contains(&name.as_str()) {
            depth += 1;
            deepest = deepest.max(depth);
        }
    }
    deepest
}

/// What is around the words that are read.
#[derive(Clone, Copy, Default)]
struct Reading {
    is_in_link: bool,
    depth: usize,
}

fn nodes(children: impl Iterator<Item = NodeRef>, reading: Reading) -> Vec<Node> {
    let mut all = Vec::new();
    for child in children {
        match child.data() {
            NodeData::Text(text) => text_node(&text.borrow(), reading, &mut all),
            NodeData::Element(_) if reading.depth < DEEPEST => element(&child, reading, &mut all),
            _ => {}
        }
    }
    all
}

/// Words, their white space as a browser shows it: the space between tags of a block is none.
fn text_node(text: &str, reading: Reading, all: &mut Vec<Node>) {
    let after_block = all.last().is_none_or(is_block);
    let mut words = collapsed(text);
    if after_block {
        words = words.trim_start().to_owned();
    }
    if words.is_empty() {
        return;
    }
    if reading.is_in_link { all.push(Node::Words(words)) } else { linked(&words, all) }
}

fn collapsed(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_ascii_whitespace() {
            true if words.ends_with(' ') => {}
            true => words.push(' '),
            false => words.push(c),
        }
    }
    words
}

fn is_block(node: &Node) -> bool {
    use Node::*;
    matches!(
        node,
        Break | Line | Heading(..) | Paragraph(_) | Quote(_) | List { .. } | CodeBlock { .. } | Table(_)
    )
}

fn element(element: &NodeRef, reading: Reading, all: &mut Vec<Node>) {
    let Some(data) = element.as_element() else { return };
    let name: &str = &data.name.local;
    let attribute = |name: &str| {
        let attributes = data.attrs.borrow();
        attributes
            .iter()
            .find(|attribute| &*attribute.name.local == name)
            .map(|found| found.value.to_string())
    };
    let reading = Reading { depth: reading.depth + 1, ..reading };
    let inside = |reading| nodes(element.children(), reading);
    match name {
        "b" | "strong" => all.push(Node::Styled(Style::Strong, inside(reading))),
        "i" | "em" => all.push(Node::Styled(Style::Emphasis, inside(reading))),
        "u" => all.push(Node::Styled(Style::Underlined, inside(reading))),
        "s" | "del" | "strike" => all.push(Node::Styled(Style::Struck, inside(reading))),
        "sup" => all.push(Node::Styled(Style::Superscript, inside(reading))),
        "sub" => all.push(Node::Styled(Style::Subscript, inside(reading))),
        "br" => all.push(Node::Break),
        "hr" => all.push(Node::Line),
        "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
            all.push(Node::Heading(name.as_bytes()[1] - b'0', trimmed(inside(reading))));
        }
        "p" => all.push(Node::Paragraph(trimmed(inside(reading)))),
        "blockquote" => all.push(Node::Quote(trimmed(inside(reading)))),
        "ul" => all.push(Node::List { start: None, items: items(element, reading) }),
        "ol" => {
            let start = attribute("start").and_then(|start| start.parse().ok()).unwrap_or(1);
            all.push(Node::List { start: Some(start), items: items(element, reading) });
        }
        "pre" => all.push(code_block(element)),
        "code" => all.push(Node::Code(text_of(element))),
        "a" if !reading.is_in_link => {
            let text = inside(Reading { is_in_link: true, ..reading });
            all.extend(link_to(&attribute("href").unwrap_or_default(), text));
        }
        "span" => match attribute("data-mx-spoiler") {
            Some(reason) => {
                let reason = Some(reason).filter(|reason| !reason.is_empty());
                all.push(Node::Spoiler { reason, text: inside(reading) });
            }
            None => all.extend(inside(reading)),
        },
        "table" => all.push(Node::Table(rows(element, reading))),
        // Pictures in text would be fetched from wherever the sender likes: their description is shown.
        "img" => all.extend(attribute("alt").or_else(|| attribute("title")).map(Node::Words)),
        // The quote that older clients put before an answer; the answer's relation tells it better.
        "mx-reply" => {}
        // What is never words for people.
        "script" | "style" | "title" | "template" | "noscript" | "iframe" | "object" | "textarea"
        | "select" | "svg" | "math" => {}
        // Anything else, known or not, is the words in it.
        _ => all.extend(inside(reading)),
    }
}

fn link_to(href: &str, text: Vec<Node>) -> Vec<Node> {
    if let Some(id) = mentioned(href) {
        let name = super::words(&text).trim().to_owned();
        return vec![Node::Mention { name: if name.is_empty() { id.clone() } else { name }, id }];
    }
    match safe_link(href) {
        Some(to) => link::link(text, to),
        None => text,
    }
}

fn code_block(pre: &NodeRef) -> Node {
    let code =
        pre.children().find(|child| child.as_element().is_some_and(|data| &*data.name.local == "code"));
    let language = code.as_ref().and_then(|code| {
        let attributes = code.as_element()?.attrs.borrow();
        let class = attributes.iter().find(|attribute| &*attribute.name.local == "class")?;
        let language = class.value.split_whitespace().find_map(|class| class.strip_prefix("language-"))?;
        Some(language.chars().take(24).collect())
    });
    let code = text_of(code.as_ref().unwrap_or(pre));
    Node::CodeBlock { language, code: code.trim_end_matches('\n').to_owned() }
}

/// All text of an element as it was written.
fn text_of(element: &NodeRef) -> String {
    let mut text = String::new();
    for child in element.children() {
        match child.data() {
            NodeData::Text(words) => text.push_str(&words.borrow()),
            NodeData::Element(data) if &*data.name.local == "br" => text.push('\n'),
            NodeData::Element(_) => text.push_str(&text_of(&child)),
            _ => {}
        }
    }
    text
}

fn items(list: &NodeRef, reading: Reading) -> Vec<Vec<Node>> {
    let is_item = |child: &NodeRef| child.as_element().is_some_and(|data| &*data.name.local == "li");
    let items = list.children().filter(is_item);
    items.map(|item| trimmed(nodes(item.children(), reading))).collect()
}

fn rows(table: &NodeRef, reading: Reading) -> Vec<Row> {
    let mut all = Vec::new();
    for child in table.children() {
        match child.as_element().map(|data| data.name.local.to_string()).as_deref() {
            Some("thead" | "tbody" | "tfoot") => all.extend(rows(&child, reading)),
            Some("tr") => {
                let cells: Vec<NodeRef> =
                    child.children().filter(|cell| cell.as_element().is_some()).collect();
                let is_head =
                    |cell: &NodeRef| cell.as_element().is_some_and(|data| &*data.name.local == "th");
                all.push(Row {
                    is_head: cells.iter().all(is_head),
                    cells: cells.iter().map(|cell| trimmed(nodes(cell.children(), reading))).collect(),
                });
            }
            _ => {}
        }
    }
    all
}

/// Without the breaks and the space at both ends, which only make room.
fn trimmed(mut nodes: Vec<Node>) -> Vec<Node> {
    let is_room = |node: &Node| match node {
        Node::Break => true,
        Node::Words(words) => words.trim().is_empty(),
        _ => false,
    };
    while nodes.last().is_some_and(is_room) {
        nodes.pop();
    }
    let start = nodes.iter().position(|node| !is_room(node)).unwrap_or(0);
    nodes.drain(..start);
    if let Some(Node::Words(words)) = nodes.last_mut() {
        words.truncate(words.trim_end().len());
    }
    nodes
}
