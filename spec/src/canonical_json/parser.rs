//! The reader of canonical JSON: recursive descent over bytes, bounded in depth.

use std::borrow::Cow;

use super::{CanonicalJsonError, MAX_DEPTH, MAX_INTEGER, Numbers, Object, Value};

/// A reader at a place in a text.
#[derive(Debug)]
pub struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    numbers: Numbers,
}

type Result<T> = std::result::Result<T, CanonicalJsonError>;

impl<'a> Parser<'a> {
    pub fn new(text: &'a str, numbers: Numbers) -> Self {
        Self { text, at: 0, depth: 0, numbers }
    }

    /// Reads one value.
    pub fn value(&mut self) -> Result<Value<'a>> {
        self.whitespace();
        match self.peek() {
            Some(b'{') => {
                let mut entries = Vec::new();
                self.object(|parser, key| {
                    let value = parser.value()?;
                    entries.push((key, value));
                    Ok(())
                })?;
                Object::from_entries(entries).map(Value::Object)
            }
            Some(b'[') => {
                let mut values = Vec::new();
                self.array(|parser| {
                    values.push(parser.value()?);
                    Ok(())
                })?;
                Ok(Value::Array(values))
            }
            Some(b'"') => self.string().map(Value::String),
            Some(b't') => self.literal("true").map(|()| Value::Bool(true)),
            Some(b'f') => self.literal("false").map(|()| Value::Bool(false)),
            Some(b'n') => self.literal("null").map(|()| Value::Null),
            _ => self.number().map(Value::Number),
        }
    }

    /// Reads one value without keeping it; gives the bytes it takes, from and to.
    pub fn skip(&mut self) -> Result<(usize, usize)> {
        self.whitespace();
        let start = self.at;
        match self.peek() {
            Some(b'{') => self.object(|parser, _| parser.skip().map(|_| ()))?,
            Some(b'[') => self.array(|parser| parser.skip().map(|_| ()))?,
            Some(b'"') => {
                self.string()?;
            }
            Some(b't') => self.literal("true")?,
            Some(b'f') => self.literal("false")?,
            Some(b'n') => self.literal("null")?,
            _ => {
                self.number_text()?;
            }
        }
        Ok((start, self.at))
    }

    /// Reads an object; `entry` must read the value of each key.
    pub fn object(&mut self, mut entry: impl FnMut(&mut Self, Cow<'a, str>) -> Result<()>) -> Result<()> {
        self.open(b'{')?;
        if self.close(b'}') {
            return Ok(());
        }
        loop {
            self.whitespace();
            let key = self.string()?;
            self.whitespace();
            self.expect(b':')?;
            entry(self, key)?;
            self.whitespace();
            if self.close(b'}') {
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    /// Reads an array; `element` must read each of its values.
    pub fn array(&mut self, mut element: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        self.open(b'[')?;
        if self.close(b']') {
            return Ok(());
        }
        loop {
            element(self)?;
            self.whitespace();
            if self.close(b']') {
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    /// Reads a string; borrows it when it has no escapes.
    pub fn string(&mut self) -> Result<Cow<'a, str>> {
        self.expect(b'"')?;
        let start = self.at;
        let mut unescaped: Option<String> = None;
        let mut run = start;
        loop {
            match self.peek() {
                Some(b'"') => {
                    let rest = &self.text[run..self.at];
                    self.at += 1;
                    return Ok(match unescaped {
                        None => Cow::Borrowed(rest),
                        Some(mut text) => {
                            text.push_str(rest);
                            Cow::Owned(text)
                        }
                    });
                }
                Some(b'\\') => {
                    let text = unescaped.get_or_insert_default();
                    text.push_str(&self.text[run..self.at]);
                    self.at += 1;
                    let escaped = self.escape()?;
                    text.push(escaped);
                    run = self.at;
                }
                Some(byte) if byte >= 0x20 => self.at += 1,
                _ => return self.syntax(),
            }
        }
    }

    /// Refuses anything but whitespace after the value.
    pub fn end(&mut self) -> Result<()> {
        self.whitespace();
        if self.at == self.text.len() { Ok(()) } else { self.syntax() }
    }

    /// The next byte that is not whitespace.
    pub fn next_byte(&mut self) -> Option<u8> {
        self.whitespace();
        self.peek()
    }

    fn escape(&mut self) -> Result<char> {
        let byte = self.peek();
        self.at += 1;
        Ok(match byte {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let unit = self.hex()?;
                let code = if (0xd800..0xdc00).contains(&unit) {
                    self.expect(b'\\')?;
                    self.expect(b'u')?;
                    let low = self.hex()?;
                    if !(0xdc00..0xe000).contains(&low) {
                        return self.syntax();
                    }
                    0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00)
                } else {
                    unit
                };
                // A surrogate without its pair is no character and has no UTF-8.
                match char::from_u32(code) {
                    Some(character) => character,
                    None => return self.syntax(),
                }
            }
            _ => {
                self.at -= 1;
                return self.syntax();
            }
        })
    }

    fn hex(&mut self) -> Result<u32> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4);
        let mut code = 0;
        for byte in digits.ok_or(CanonicalJsonError::Syntax { at: self.at })? {
            match char::from(*byte).to_digit(16) {
                Some(digit) => code = code * 16 + digit,
                None => return self.syntax(),
            }
        }
        self.at += 4;
        Ok(code)
    }

    /// The canonical text of a number.
    fn number(&mut self) -> Result<Cow<'a, str>> {
        let at = self.at;
        let (text, integer) = self.number_text()?;
        if !integer {
            return match self.numbers {
                Numbers::Integers => Err(CanonicalJsonError::NotAnInteger { at }),
                Numbers::Any => {
                    canonical_float(text).map(Cow::Owned).ok_or(CanonicalJsonError::OutOfRange { at })
                }
            };
        }
        if self.numbers == Numbers::Integers
            && !text.parse::<i64>().is_ok_and(|number| number.abs() <= MAX_INTEGER)
        {
            return Err(CanonicalJsonError::OutOfRange { at });
        }
        // Negative zero is no canonical integer; as an integer it is zero.
        Ok(Cow::Borrowed(if text == "-0" { "0" } else { text }))
    }

    /// Reads a number; also whether it has neither a fraction nor an exponent.
    fn number_text(&mut self) -> Result<(&'a str, bool)> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return self.syntax(),
        }
        let mut integer = true;
        if self.peek() == Some(b'.') {
            integer = false;
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            integer = false;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok((&self.text[start..self.at], integer))
    }

    fn digits(&mut self) -> Result<()> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return self.syntax();
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn literal(&mut self, literal: &str) -> Result<()> {
        if self.text[self.at..].starts_with(literal) {
            self.at += literal.len();
            Ok(())
        } else {
            self.syntax()
        }
    }

    fn open(&mut self, bracket: u8) -> Result<()> {
        self.whitespace();
        self.expect(bracket)?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(CanonicalJsonError::TooDeep);
        }
        self.whitespace();
        Ok(())
    }

    fn close(&mut self, bracket: u8) -> bool {
        let closes = self.peek() == Some(bracket);
        if closes {
            self.at += 1;
            self.depth -= 1;
        }
        closes
    }

    fn expect(&mut self, byte: u8) -> Result<()> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            self.syntax()
        }
    }

    fn whitespace(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn syntax<T>(&self) -> Result<T> {
        Err(CanonicalJsonError::Syntax { at: self.at })
    }
}

/// A float as the first implementation wrote it, which the hashes of room versions 1 to 5 rest on:
/// the shortest digits that give the same double, with an exponent below 1e-4 and from 1e16.
fn canonical_float(text: &str) -> Option<String> {
    let number: f64 = text.parse().ok().filter(|number: &f64| number.is_finite())?;
    let scientific = format!("{number:e}");
    let (mantissa, exponent) = scientific.split_once('e')?;
    let exponent: i32 = exponent.parse().ok()?;
    if (-4..16).contains(&exponent) {
        return Some(format!("{number:?}"));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    Some(format!("{mantissa}e{sign}{:02}", exponent.abs()))
}
