//! Settings as serde reads them: each is a text, whether it comes from the file or from a variable.

use serde::{
    Deserializer,
    de::{
        DeserializeSeed, Error as _, IntoDeserializer, MapAccess, Visitor,
        value::{Error, SeqDeserializer},
    },
    forward_to_deserialize_any,
};

use super::{ConfigError, Place};

/// What was set.
pub(super) struct Setting {
    pub(super) key: String,
    pub(super) text: String,
    pub(super) place: Place,
}

/// Settings whose text no message may repeat.
const SECRETS: [&str; 5] =
    ["registration", "registration_shared_secret", "jwt_secret", "turn_secret", "calls_secret"];

/// All that was set, the first mistake of which is told.
pub(super) struct Settings<'a>(pub(super) &'a [Setting]);

impl<'de> Deserializer<'de> for Settings<'_> {
    type Error = ConfigError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        visitor.visit_map(Entries { left: self.0.iter(), current: None })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConfigError> {
        match self.0.iter().find(|setting| !known.contains(&setting.key.as_str())) {
            Some(unknown) => {
                Err(unknown.place.clone().error(format!("there is no setting `{}`", unknown.key)))
            }
            None => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

struct Entries<'a> {
    left: std::slice::Iter<'a, Setting>,
    current: Option<&'a Setting>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = ConfigError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ConfigError> {
        self.current = self.left.next();
        self.current.map(|setting| seed.deserialize(setting.key.as_str().into_deserializer())).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ConfigError> {
        let setting = self.current.ok_or_else(|| ConfigError::custom("a value without a key"))?;
        seed.deserialize(Text(&setting.text)).map_err(|problem| {
            let Setting { key, text, place } = setting;
            let told = match SECRETS.contains(&key.as_str()) {
                true => problem.to_string(),
                false => format!("`{text}`: {problem}"),
            };
            // A variable has the setting's name.
            place.clone().error(match place {
                Place::Line { .. } => format!("{key}: {told}"),
                Place::Variable(_) => told,
            })
        })
    }
}

/// One setting's text. Empty, it is none; its parts have commas between.
struct Text<'a>(&'a str);

impl<'de> Deserializer<'de> for Text<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0.is_empty() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            "on" => visitor.visit_bool(true),
            "off" => visitor.visit_bool(false),
            _ => Err(Error::custom("must be `on` or `off`")),
        }
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_u32(self.0.parse().map_err(|_| Error::custom("not a whole number"))?)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let parts = self.0.split(',').map(str::trim).filter(|_| !self.0.is_empty()).map(Text);
        visitor.visit_seq(SeqDeserializer::new(parts))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        IntoDeserializer::<Error>::into_deserializer(self.0).deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 u8 u16 u64 f32 f64 char str string bytes byte_buf unit unit_struct tuple tuple_struct
        map struct identifier ignored_any
    }
}

impl IntoDeserializer<'_, Error> for Text<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
