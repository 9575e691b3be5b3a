//! Events in answers, written as the text that they are kept as: a room's state can be large.

use hearth_http::JsonText;
use hearth_spec::Pdu;

use crate::Federation;

/// A JSON object that is written key by key.
pub(crate) struct Object(String);

impl Object {
    pub(crate) fn new() -> Self {
        Self("{".to_owned())
    }

    /// A key with JSON text.
    pub(crate) fn json(mut self, key: &str, value: &str) -> Self {
        self.key(key);
        self.0.push_str(value);
        self
    }

    /// A key with a list of events.
    pub(crate) fn pdus<'a>(mut self, key: &str, events: impl IntoIterator<Item = &'a Pdu>) -> Self {
        self.key(key);
        self.0.push('[');
        for (at, event) in events.into_iter().enumerate() {
            if at > 0 {
                self.0.push(',');
            }
            self.0.push_str(event.text());
        }
        self.0.push(']');
        self
    }

    pub(crate) fn close(mut self) -> JsonText {
        self.0.push('}');
        JsonText(self.0)
    }

    fn key(&mut self, key: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push('"');
        self.0.push_str(key);
        self.0.push_str("\":");
    }
}

/// Events in the form of a transaction, as `/backfill` and `/event` give them.
pub(crate) fn transaction<'a>(
    federation: &Federation,
    events: impl IntoIterator<Item = &'a Pdu>,
) -> JsonText {
    // A server name has no letter that JSON would escape.
    Object::new()
        .json("origin", &format!("\"{}\"", federation.server_name()))
        .json("origin_server_ts", &federation.now_ms().to_string())
        .pdus("pdus", events)
        .close()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_of_several_keys() {
        let JsonText(text) = Object::new().json("a", "1").pdus("b", []).json("c", "{}").close();
        assert_eq!(text, r#"{"a":1,"b":[],"c":{}}"#);
        assert_eq!(Object::new().close().0, "{}");
    }
}
