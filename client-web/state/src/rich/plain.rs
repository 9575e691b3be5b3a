//! Text without markup: its lines, and the links in it.

use super::{
    Node,
    link::{link, safe_link},
};

/// Text as it was written, with its addresses as links.
pub fn from_plain(text: &str) -> Vec<Node> {
    let mut nodes = Vec::new();
    for (number, line) in text.trim_end().split('\n').enumerate() {
        if number > 0 {
            nodes.push(Node::Break);
        }
        linked(line, &mut nodes);
    }
    nodes
}

/// Appends a line, its addresses as links.
pub(super) fn linked(line: &str, nodes: &mut Vec<Node>) {
    let mut rest = line;
    while let Some(start) = next_address(rest) {
        let end = rest[start..].find(|c: char| c.is_whitespace() || "<>\"".contains(c));
        let end = end.map_or(rest.len(), |end| start + end);
        let address = without_punctuation(&rest[start..end]);
        push_words(&rest[..start], nodes);
        match safe_link(address) {
            Some(to) => nodes.extend(link(vec![Node::Words(address.to_owned())], to)),
            None => push_words(address, nodes),
        }
        rest = &rest[start + address.len()..];
    }
    push_words(rest, nodes);
}

fn push_words(words: &str, nodes: &mut Vec<Node>) {
    if !words.is_empty() {
        nodes.push(Node::Words(words.to_owned()));
    }
}

/// Where the next `https://…` of a line begins, that something follows.
fn next_address(text: &str) -> Option<usize> {
    let starts = ["https://", "http://"].iter().flat_map(|scheme| {
        let follows =
            |at: &usize| text[at + scheme.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '[');
        text.match_indices(scheme).map(|(at, _)| at).find(follows)
    });
    starts.min()
}

/// An address without what belongs to the sentence around it.
fn without_punctuation(address: &str) -> &str {
    let mut address = address;
    loop {
        let shorter = address.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '*', '_']);
        let opened = |open: char| shorter.matches(open).count();
        let shorter = match shorter.chars().last() {
            Some(')') if opened('(') < opened(')') => &shorter[..shorter.len() - 1],
            Some(']') if opened('[') < opened(']') => &shorter[..shorter.len() - 1],
            _ => shorter,
        };
        if shorter.len() == address.len() {
            return address;
        }
        address = shorter;
    }
}
