//! An HTML document, tag by tag.

use std::collections::BTreeMap;

use html5gum::{DefaultEmitter, Token, Tokenizer};

/// What comes next in a document.
pub(crate) enum Part {
    /// A tag begins: its name and attributes, in lower case.
    Open(String, BTreeMap<String, String>),
    Close(String),
    Text(String),
}

/// The parts of a document, as a browser would read them. What is no tag and no text is left out.
pub(crate) fn parts(html: &str) -> impl Iterator<Item = Part> {
    let mut emitter = DefaultEmitter::<()>::default();
    // What is in scripts and the like is text.
    emitter.naively_switch_states(true);
    let tokens = Tokenizer::new_with_emitter(html, emitter).map(|token| match token {
        Ok(token) => token,
        Err(never) => match never {},
    });
    tokens.filter_map(|token| match token {
        Token::StartTag(tag) => {
            let attributes = tag.attributes.iter().map(|(name, value)| (text(name), text(value)));
            Some(Part::Open(text(&tag.name), attributes.collect()))
        }
        Token::EndTag(tag) => Some(Part::Close(text(&tag.name))),
        Token::String(string) => Some(Part::Text(text(&string))),
        Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => None,
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
