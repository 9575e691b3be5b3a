//! An event as its properties, each under its dot-separated path.

use std::collections::HashMap;

use ruma::{OwnedUserId, UserId, push::ScalarJsonValue};

use crate::{
    canonical_json::{self, Numbers, Object, Value},
    glob::lower_case,
    pdu::Pdu,
};

/// A value that is neither an object nor an array.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Integer(i64),
    String(String),
}

impl From<&ScalarJsonValue> for Scalar {
    fn from(value: &ScalarJsonValue) -> Self {
        match value {
            ScalarJsonValue::Null => Self::Null,
            ScalarJsonValue::Bool(value) => Self::Bool(*value),
            ScalarJsonValue::Integer(value) => Self::Integer((*value).into()),
            ScalarJsonValue::String(value) => Self::String(value.clone()),
        }
    }
}

impl Scalar {
    fn of(value: &Value<'_>) -> Option<Self> {
        match value {
            Value::Null => Some(Self::Null),
            Value::Bool(value) => Some(Self::Bool(*value)),
            Value::Number(text) => text.parse().ok().map(Self::Integer),
            Value::String(text) => Some(Self::String(text.to_string())),
            Value::Array(_) | Value::Object(_) => None,
        }
    }
}

#[derive(Clone, Debug)]
enum Property {
    /// With its text in lower case if it is a string, as patterns compare it.
    Scalar(Scalar, Vec<char>),
    List(Vec<Scalar>),
}

/// The properties of an event that push rules can ask for; made once for all its recipients.
#[derive(Clone, Debug)]
pub struct FlatEvent {
    sender: OwnedUserId,
    has_mentions: bool,
    properties: HashMap<String, Property>,
}

impl FlatEvent {
    pub fn new(pdu: &Pdu) -> Self {
        let mut flat =
            Self { sender: pdu.sender().to_owned(), has_mentions: false, properties: HashMap::new() };
        for (key, text) in [
            ("type", Some(pdu.type_str())),
            ("sender", Some(pdu.sender().as_str())),
            ("room_id", Some(pdu.room_id().as_str())),
            ("event_id", Some(pdu.event_id().as_str())),
            ("state_key", pdu.state_key()),
            ("redacts", pdu.redacts().map(|id| id.as_str())),
        ] {
            if let Some(text) = text {
                flat.add_scalar(key.to_owned(), Scalar::String(text.to_owned()));
            }
        }
        let sent_at = i64::from(pdu.origin_server_ts().get());
        flat.add_scalar("origin_server_ts".to_owned(), Scalar::Integer(sent_at));
        if let Ok(content) = canonical_json::parse_object(pdu.content_str(), Numbers::Any) {
            flat.has_mentions = content.get("m.mentions").is_some();
            flat.add_object("content", &content);
        }
        flat
    }

    fn add_object(&mut self, path: &str, object: &Object<'_>) {
        for (key, value) in object.iter() {
            let mut path = format!("{path}.");
            for character in key.chars() {
                if matches!(character, '.' | '\\') {
                    path.push('\\');
                }
                path.push(character);
            }
            match value {
                Value::Object(object) => self.add_object(&path, object),
                Value::Array(values) => {
                    let list = values.iter().filter_map(Scalar::of).collect();
                    self.properties.insert(path, Property::List(list));
                }
                value => {
                    if let Some(scalar) = Scalar::of(value) {
                        self.add_scalar(path, scalar);
                    }
                }
            }
        }
    }

    fn add_scalar(&mut self, path: String, scalar: Scalar) {
        let lower = match &scalar {
            Scalar::String(text) => lower_case(text),
            _ => Vec::new(),
        };
        self.properties.insert(path, Property::Scalar(scalar, lower));
    }

    pub(super) fn sender(&self) -> &UserId {
        &self.sender
    }

    pub(super) fn has_mentions(&self) -> bool {
        self.has_mentions
    }

    /// The string at a path, in lower case.
    pub(super) fn lower_case(&self, path: &str) -> Option<&[char]> {
        match self.properties.get(path)? {
            Property::Scalar(Scalar::String(_), lower) => Some(lower),
            _ => None,
        }
    }

    pub(super) fn scalar(&self, path: &str) -> Option<&Scalar> {
        match self.properties.get(path)? {
            Property::Scalar(scalar, _) => Some(scalar),
            Property::List(_) => None,
        }
    }

    pub(super) fn list(&self, path: &str) -> Option<&[Scalar]> {
        match self.properties.get(path)? {
            Property::List(values) => Some(values),
            Property::Scalar(..) => None,
        }
    }
}
