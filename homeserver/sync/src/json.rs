//! Writing JSON as text: objects and arrays whose parts are written one after another.

use std::fmt::{Display, Write as _};

use hearth_spec::canonical_json::write_string;

/// An object that is being written.
pub(crate) struct Object<'a> {
    out: &'a mut String,
    empty: bool,
}

impl<'a> Object<'a> {
    pub fn open(out: &'a mut String) -> Self {
        out.push('{');
        Self { out, empty: true }
    }

    /// Writes a key; its value is to be pushed onto what this gives back.
    pub fn key(&mut self, key: &str) -> &mut String {
        if !std::mem::take(&mut self.empty) {
            self.out.push(',');
        }
        write_string(self.out, key);
        self.out.push(':');
        self.out
    }

    pub fn text(&mut self, key: &str, value: &str) {
        write_string(self.key(key), value);
    }

    pub fn number(&mut self, key: &str, value: impl Display) {
        // Writing to a string cannot fail.
        let _ = write!(self.key(key), "{value}");
    }

    pub fn boolean(&mut self, key: &str, value: bool) {
        self.key(key).push_str(if value { "true" } else { "false" });
    }

    /// Writes a value that is JSON already.
    pub fn json(&mut self, key: &str, value: &str) {
        self.key(key).push_str(value);
    }

    pub fn close(self) {
        self.out.push('}');
    }
}

/// An array that is being written.
pub(crate) struct Array<'a> {
    out: &'a mut String,
    empty: bool,
}

impl<'a> Array<'a> {
    pub fn open(out: &'a mut String) -> Self {
        out.push('[');
        Self { out, empty: true }
    }

    /// Starts the next item, which is to be pushed onto what this gives back.
    pub fn item(&mut self) -> &mut String {
        if !std::mem::take(&mut self.empty) {
            self.out.push(',');
        }
        self.out
    }

    pub fn text(&mut self, value: &str) {
        write_string(self.item(), value);
    }

    pub fn close(self) {
        self.out.push(']');
    }
}

/// Items gathered for `{"events": […]}`: a part of a response that is only written where it holds something.
#[derive(Default)]
pub(crate) struct Events(String);

impl Events {
    /// Starts the next event, which is to be pushed onto what this gives back.
    pub fn item(&mut self) -> &mut String {
        self.0.push(if self.0.is_empty() { '[' } else { ',' });
        &mut self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes `{"events": […]}`, also where there are none.
    pub fn write(&self, out: &mut String) {
        out.push_str("{\"events\":");
        out.push_str(if self.0.is_empty() { "[" } else { &self.0 });
        out.push_str("]}");
    }

    /// Writes it under a key, if there are any.
    pub fn write_if_any(&self, object: &mut Object<'_>, key: &str) {
        if !self.is_empty() {
            self.write(object.key(key));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_is_written_is_json() {
        let mut out = String::new();
        let mut object = Object::open(&mut out);
        object.text("a\"b", "line\nbreak \u{1}");
        object.number("n", 7);
        object.boolean("yes", true);
        let mut array = Array::open(object.key("list"));
        array.text("one");
        array.item().push_str("{}");
        array.close();
        let mut events = Events::default();
        events.write(object.key("none"));
        events.item().push_str("{\"type\":\"x\"}");
        events.item().push('2');
        events.write_if_any(&mut object, "some");
        object.json("raw", "null");
        object.close();
        let written: Value = serde_json::from_str(&out).unwrap();
        let wanted = json!({
            "a\"b": "line\nbreak \u{1}", "n": 7, "yes": true, "list": ["one", {}], "none": {"events": []},
            "some": {"events": [{"type": "x"}, 2]}, "raw": null,
        });
        assert_eq!(written, wanted);
    }
}
