//! Canonical JSON (appendices, "Canonical JSON"): a strict parser and the one way to write it.
//!
//! The tree borrows from the text it was parsed from, and the objects are sorted while they are
//! read, so that a value is parsed and written once. Unlike serde's trees it keeps the numbers of
//! room versions 1 to 5, which may be of any size and need not be integers.

use std::{borrow::Cow, ops::Range};

use thiserror::Error;

mod parser;

pub use parser::Parser;

/// How many arrays and objects may be nested. The specification has no bound; a recursive reader
/// needs one.
pub const MAX_DEPTH: usize = 100;

/// The largest integer that strict canonical JSON knows: 2^53 − 1.
pub const MAX_INTEGER: i64 = (1 << 53) - 1;

/// Which numbers are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// Integers within ±(2^53 − 1): room versions 6 and later, and all that is signed elsewhere.
    Integers,
    /// Any finite number: room versions 1 to 5.
    Any,
}

/// Why a text is not canonical JSON.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CanonicalJsonError {
    #[error("not JSON: unexpected input at byte {at}")]
    Syntax { at: usize },
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    #[error("the key {0:?} appears twice in an object")]
    DuplicateKey(String),
    #[error("the number at byte {at} is not an integer")]
    NotAnInteger { at: usize },
    #[error("the number at byte {at} is out of range")]
    OutOfRange { at: usize },
    #[error("not a JSON object")]
    NotAnObject,
}

/// A JSON value that can be written canonically.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    Null,
    Bool(bool),
    /// The canonical text of the number.
    Number(Cow<'a, str>),
    String(Cow<'a, str>),
    Array(Vec<Value<'a>>),
    Object(Object<'a>),
}

/// A JSON object, its keys sorted by code point and unique.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object<'a>(Vec<(Cow<'a, str>, Value<'a>)>);

/// Parses a text, refusing what canonical JSON cannot hold.
pub fn parse(text: &str, numbers: Numbers) -> Result<Value<'_>, CanonicalJsonError> {
    let mut parser = Parser::new(text, numbers);
    let value = parser.value()?;
    parser.end()?;
    Ok(value)
}

/// As [`parse`], for a text that must be an object.
pub fn parse_object(text: &str, numbers: Numbers) -> Result<Object<'_>, CanonicalJsonError> {
    match parse(text, numbers)? {
        Value::Object(object) => Ok(object),
        _ => Err(CanonicalJsonError::NotAnObject),
    }
}

/// The canonical form of a JSON text. No tree is made of it, which would take many times the memory of the text:
/// anyone can send one.
pub fn canonicalise(text: &str, numbers: Numbers) -> Result<String, CanonicalJsonError> {
    let mut parser = Parser::new(text, numbers);
    let mut out = String::with_capacity(text.len());
    rewrite(&mut parser, &mut out)?;
    parser.end()?;
    Ok(out)
}

/// Appends the canonical form of the next value.
fn rewrite(parser: &mut Parser<'_>, out: &mut String) -> Result<(), CanonicalJsonError> {
    match parser.next_byte() {
        Some(b'{') => {
            // Each key, and where it stands with its value.
            let mut entries: Vec<(Cow<'_, str>, Range<usize>)> = Vec::new();
            let (begin, mut first) = (out.len(), true);
            out.push('{');
            parser.object(|parser, key| {
                let start = out.len() + usize::from(!first);
                write_key(out, &key, &mut first);
                rewrite(parser, out)?;
                entries.push((key, start..out.len()));
                Ok(())
            })?;
            out.push('}');
            if !is_sorted(&entries) {
                sort(&mut entries)?;
                let unsorted = out.split_off(begin);
                out.push('{');
                for (place, (_, at)) in entries.into_iter().enumerate() {
                    if place > 0 {
                        out.push(',');
                    }
                    out.push_str(&unsorted[at.start - begin..at.end - begin]);
                }
                out.push('}');
            }
            Ok(())
        }
        Some(b'[') => {
            let mut first = true;
            out.push('[');
            parser.array(|parser| {
                if !std::mem::take(&mut first) {
                    out.push(',');
                }
                rewrite(parser, out)
            })?;
            out.push(']');
            Ok(())
        }
        _ => {
            parser.value()?.write(out);
            Ok(())
        }
    }
}

/// Whether the entries of an object are in their order, each key once.
fn is_sorted<T>(entries: &[(Cow<'_, str>, T)]) -> bool {
    // Bytes of UTF-8 sort as code points do.
    entries.is_sorted_by(|left, right| left.0 < right.0)
}

/// Sorts the entries of an object, and refuses a key that appears twice.
fn sort<T>(entries: &mut [(Cow<'_, str>, T)]) -> Result<(), CanonicalJsonError> {
    entries.sort_by(|left, right| left.0.cmp(&right.0));
    match entries.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => Err(CanonicalJsonError::DuplicateKey(pair[0].0.to_string())),
        None => Ok(()),
    }
}

impl<'a> Value<'a> {
    /// Appends the canonical text.
    pub fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(true) => out.push_str("true"),
            Self::Bool(false) => out.push_str("false"),
            Self::Number(text) => out.push_str(text),
            Self::String(text) => write_string(out, text),
            Self::Array(values) => {
                out.push('[');
                for (index, value) in values.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    value.write(out);
                }
                out.push(']');
            }
            Self::Object(object) => object.write(out),
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_object(&self) -> Option<&Object<'a>> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    pub fn as_array(&self) -> Option<&[Value<'a>]> {
        match self {
            Self::Array(values) => Some(values),
            _ => None,
        }
    }
}

impl<'a> Object<'a> {
    /// Sorts the entries and refuses a key that appears twice.
    fn from_entries(mut entries: Vec<(Cow<'a, str>, Value<'a>)>) -> Result<Self, CanonicalJsonError> {
        if !is_sorted(&entries) {
            sort(&mut entries)?;
        }
        Ok(Self(entries))
    }

    pub fn get(&self, key: &str) -> Option<&Value<'a>> {
        let index = self.0.binary_search_by(|(name, _)| name.as_ref().cmp(key)).ok()?;
        Some(&self.0[index].1)
    }

    pub fn get_str(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    pub fn get_object(&self, key: &str) -> Option<&Object<'a>> {
        self.get(key)?.as_object()
    }

    /// Puts a value at a key, in place of what was there.
    pub fn insert(&mut self, key: &'a str, value: Value<'a>) {
        match self.0.binary_search_by(|(name, _)| name.as_ref().cmp(key)) {
            Ok(index) => self.0[index].1 = value,
            Err(index) => self.0.insert(index, (Cow::Borrowed(key), value)),
        }
    }

    /// The entries in canonical order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value<'a>)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), value))
    }

    /// Appends the canonical text.
    pub fn write(&self, out: &mut String) {
        self.write_where(out, |_| true);
    }

    /// Appends the canonical text of the entries whose key is wanted.
    pub fn write_where(&self, out: &mut String, wanted: impl Fn(&str) -> bool) {
        out.push('{');
        let mut first = true;
        for (key, value) in self.iter().filter(|(key, _)| wanted(key)) {
            write_key(out, key, &mut first);
            value.write(out);
        }
        out.push('}');
    }
}

/// Appends `"key":`, after a comma unless it is the first.
pub(crate) fn write_key(out: &mut String, key: &str, first: &mut bool) {
    if !std::mem::take(first) {
        out.push(',');
    }
    write_string(out, key);
    out.push(':');
}

/// Appends a string in quotes, with the fewest escapes: what canonical JSON asks.
pub fn write_string(out: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            0x08 => out.push_str("\\b"),
            b'\t' => out.push_str("\\t"),
            b'\n' => out.push_str("\\n"),
            0x0c => out.push_str("\\f"),
            b'\r' => out.push_str("\\r"),
            control => {
                out.push_str("\\u00");
                out.push(char::from(HEX[usize::from(control >> 4)]));
                out.push(char::from(HEX[usize::from(control & 15)]));
            }
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}
