//! The encoding of protocol buffers, as far as these messages need it: <https://protobuf.dev/programming-guides/encoding/>.
//!
//! A message is a row of fields, each with its number and a value of one of four shapes. Fields with unknown numbers are
//! skipped; of one that comes twice the last counts, unless it is a list.

use std::collections::HashMap;

/// Why bytes are not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no message")]
pub struct Malformed;

/// A message.
pub trait Message: Default {
    /// Appends its fields.
    fn put_fields(&self, out: &mut Vec<u8>);

    /// Takes the field of that number.
    fn take_field(&mut self, number: u32, value: Value<'_>) -> Result<(), Malformed>;

    /// The whole message.
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.put_fields(&mut out);
        out
    }

    /// Reads one.
    fn decode(mut bytes: &[u8]) -> Result<Self, Malformed> {
        let mut message = Self::default();
        while !bytes.is_empty() {
            let key = take_varint(&mut bytes)?;
            let number = u32::try_from(key >> 3).map_err(|_| Malformed)?;
            let value = match key & 7 {
                0 => Value::Number(take_varint(&mut bytes)?),
                1 => Value::Eight(take(&mut bytes, 8)?),
                2 => {
                    let length = usize::try_from(take_varint(&mut bytes)?).map_err(|_| Malformed)?;
                    Value::Bytes(take(&mut bytes, length)?)
                }
                5 => Value::Four(take(&mut bytes, 4)?),
                _ => return Err(Malformed),
            };
            message.take_field(number, value)?;
        }
        Ok(message)
    }
}

/// The value of a field.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Four(&'a [u8]),
    Eight(&'a [u8]),
}

/// What a field can hold. What is empty or zero is not written.
pub trait Field {
    fn put(&self, number: u32, out: &mut Vec<u8>);
    fn take(&mut self, value: Value<'_>) -> Result<(), Malformed>;
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], Malformed> {
    let (taken, rest) = bytes.split_at_checked(length).ok_or(Malformed)?;
    *bytes = rest;
    Ok(taken)
}

fn take_varint(bytes: &mut &[u8]) -> Result<u64, Malformed> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(bytes, 1)?[0];
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(Malformed)
}

fn put_varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn put_number(number: u32, value: u64, out: &mut Vec<u8>) {
    if value != 0 {
        put_varint(u64::from(number) << 3, out);
        put_varint(value, out);
    }
}

fn put_bytes(number: u32, bytes: &[u8], out: &mut Vec<u8>) {
    put_varint(u64::from(number) << 3 | 2, out);
    put_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

impl Value<'_> {
    pub fn number(self) -> Result<u64, Malformed> {
        match self {
            Self::Number(number) => Ok(number),
            _ => Err(Malformed),
        }
    }

    fn bytes(&self) -> Result<&[u8], Malformed> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(Malformed),
        }
    }
}

/// Numbers are cut to their size, and negative ones have all 64 bits.
macro_rules! numbers {
    ($($type:ty),*) => {$(
        impl Field for $type {
            fn put(&self, number: u32, out: &mut Vec<u8>) {
                put_number(number, i64::from(*self) as u64, out);
            }

            fn take(&mut self, value: Value<'_>) -> Result<(), Malformed> {
                *self = value.number()? as $type;
                Ok(())
            }
        }
    )*};
}

numbers!(i32, i64, u32);

impl Field for bool {
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        put_number(number, u64::from(*self), out);
    }

    fn take(&mut self, value: Value<'_>) -> Result<(), Malformed> {
        *self = value.number()? != 0;
        Ok(())
    }
}

impl Field for f32 {
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        if *self != 0.0 {
            put_varint(u64::from(number) << 3 | 5, out);
            out.extend_from_slice(&self.to_le_bytes());
        }
    }

    fn take(&mut self, value: Value<'_>) -> Result<(), Malformed> {
        let Value::Four(bytes) = value else { return Err(Malformed) };
        *self = Self::from_le_bytes(bytes.try_into().map_err(|_| Malformed)?);
        Ok(())
    }
}

impl Field for String {
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        if !self.is_empty() {
            put_bytes(number, self.as_bytes(), out);
        }
    }

    fn take(&mut self, value: Value<'_>) -> Result<(), Malformed> {
        *self = String::from_utf8(value.bytes()?.to_vec()).map_err(|_| Malformed)?;
        Ok(())
    }
}

impl Field for Vec<u8> {
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        if !self.is_empty() {
            put_bytes(number, self, out);
        }
    }

    fn take(&mut self, value: Value<'_>) -> Result<(), Malformed> {
        *self = value.bytes()?.to_vec();
        Ok(())
    }
}

impl Field for Vec<String> {
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        self.iter().for_each(|text| put_bytes(number, text.as_bytes(), out));
    }

    fn take(&mut self, value: Value<'_>) -> Result<(), Malformed> {
        let mut text = String::new();
        text.take(value)?;
        self.push(text);
        Ok(())
    }
}

/// Packed, as they are written today; one by one, as they may be read.
impl Field for Vec<i32> {
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        if !self.is_empty() {
            let mut packed = Vec::new();
            self.iter().for_each(|value| put_varint(i64::from(*value) as u64, &mut packed));
            put_bytes(number, &packed, out);
        }
    }

    fn take(&mut self, value: Value<'_>) -> Result<(), Malformed> {
        let Value::Bytes(mut packed) = value else {
            self.push(value.number()? as i32);
            return Ok(());
        };
        while !packed.is_empty() {
            self.push(take_varint(&mut packed)? as i32);
        }
        Ok(())
    }
}

/// A message within another is written even if it is empty.
impl<M: Message> Field for M {
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        put_bytes(number, &self.encode(), out);
    }

    fn take(&mut self, value: Value<'_>) -> Result<(), Malformed> {
        *self = M::decode(value.bytes()?)?;
        Ok(())
    }
}

impl<M: Message> Field for Option<M> {
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        if let Some(message) = self {
            message.put(number, out);
        }
    }

    fn take(&mut self, value: Value<'_>) -> Result<(), Malformed> {
        *self = Some(M::decode(value.bytes()?)?);
        Ok(())
    }
}

impl<M: Message> Field for Vec<M> {
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        self.iter().for_each(|message| message.put(number, out));
    }

    fn take(&mut self, value: Value<'_>) -> Result<(), Malformed> {
        self.push(M::decode(value.bytes()?)?);
        Ok(())
    }
}

impl<M: Message> Message for Box<M> {
    fn put_fields(&self, out: &mut Vec<u8>) {
        (**self).put_fields(out);
    }

    fn take_field(&mut self, number: u32, value: Value<'_>) -> Result<(), Malformed> {
        (**self).take_field(number, value)
    }
}

/// A map is a list of messages of a key (1) and a value (2).
impl Field for HashMap<String, String> {
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        for (key, value) in self {
            Entry { key: key.clone(), value: value.clone() }.put(number, out);
        }
    }

    fn take(&mut self, value: Value<'_>) -> Result<(), Malformed> {
        let Entry { key, value } = Entry::decode(value.bytes()?)?;
        self.insert(key, value);
        Ok(())
    }
}

/// Declares a message: each field with its number.
macro_rules! message {
    ($($(#[$about:meta])* pub struct $name:ident { $($(#[$note:meta])* pub $field:ident: $type:ty = $number:literal,)* })*) => {$(
        $(#[$about])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name { $($(#[$note])* pub $field: $type,)* }

        impl $crate::messages::wire::Message for $name {
            fn put_fields(&self, out: &mut Vec<u8>) {
                $($crate::messages::wire::Field::put(&self.$field, $number, out);)*
            }

            fn take_field(
                &mut self,
                number: u32,
                value: $crate::messages::wire::Value<'_>,
            ) -> Result<(), $crate::messages::wire::Malformed> {
                match number {
                    $($number => $crate::messages::wire::Field::take(&mut self.$field, value),)*
                    _ => Ok(()),
                }
            }
        }
    )*};
}

/// Declares an enumeration. The first value stands for what is not known as well.
macro_rules! enumeration {
    ($($(#[$about:meta])* pub enum $name:ident { $first:ident = 0, $($value:ident = $number:literal,)* })*) => {$(
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { #[default] $first = 0, $($value = $number,)* }

        impl $crate::messages::wire::Field for $name {
            fn put(&self, number: u32, out: &mut Vec<u8>) {
                (*self as i32).put(number, out);
            }

            fn take(
                &mut self,
                value: $crate::messages::wire::Value<'_>,
            ) -> Result<(), $crate::messages::wire::Malformed> {
                *self = match value.number()? {
                    $($number => Self::$value,)*
                    _ => Self::$first,
                };
                Ok(())
            }
        }
    )*};
}

/// Declares a message that is one of several.
macro_rules! one_of {
    ($(#[$about:meta])* pub struct $name:ident is $choice:ident { $($value:ident($type:ty) = $number:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name {
            /// None if it is none that is known.
            pub message: Option<$choice>,
        }

        $(#[$about])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $choice { $($value($type),)* }

        impl From<$choice> for $name {
            fn from(message: $choice) -> Self {
                Self { message: Some(message) }
            }
        }

        impl $crate::messages::wire::Message for $name {
            fn put_fields(&self, out: &mut Vec<u8>) {
                match &self.message {
                    $(Some($choice::$value(value)) => $crate::messages::wire::Field::put(value, $number, out),)*
                    None => {}
                }
            }

            fn take_field(
                &mut self,
                number: u32,
                value: $crate::messages::wire::Value<'_>,
            ) -> Result<(), $crate::messages::wire::Malformed> {
                match number {
                    $($number => {
                        let mut taken = <$type>::default();
                        $crate::messages::wire::Field::take(&mut taken, value)?;
                        self.message = Some($choice::$value(taken));
                    })*
                    _ => {}
                }
                Ok(())
            }
        }
    };
}

pub(crate) use {enumeration, message, one_of};

message! {
    pub struct Entry {
        pub key: String = 1,
        pub value: String = 2,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    enumeration! {
        pub enum Colour { Red = 0, Green = 3, }
    }

    message! {
        pub struct Everything {
            pub yes: bool = 1,
            pub small: i32 = 2,
            pub large: i64 = 3,
            pub count: u32 = 4,
            pub level: f32 = 5,
            pub text: String = 6,
            pub bytes: Vec<u8> = 7,
            pub texts: Vec<String> = 8,
            pub packed: Vec<i32> = 9,
            pub entry: Option<Entry> = 10,
            pub entries: Vec<Entry> = 11,
            pub map: HashMap<String, String> = 100,
            pub colour: Colour = 13,
        }
    }

    #[test]
    fn bytes_are_those_of_others() {
        // The examples of the encoding's own description.
        assert_eq!(Everything { small: 150, ..Everything::default() }.encode(), [0x10, 0x96, 0x01]);
        let text = Everything { text: "testing".to_owned(), ..Everything::default() }.encode();
        assert_eq!(text, [&[0x32, 7][..], b"testing"].concat());
        let packed = Everything { packed: vec![3, 270, 86942], ..Everything::default() }.encode();
        assert_eq!(packed, [0x4a, 6, 3, 0x8e, 2, 0x9e, 0xa7, 5]);
        assert_eq!(Everything::decode(&[0x48, 3, 0x48, 4]).unwrap().packed, [3, 4]);
        assert_eq!(Everything { small: -1, ..Everything::default() }.encode().len(), 11);
    }

    #[test]
    fn what_is_unknown_is_skipped_and_the_last_counts() {
        let bytes = [0x10, 5, 0xf8, 0x7f, 1, 0x10, 7, 0x68, 9];
        let read = Everything::decode(&bytes).unwrap();
        assert_eq!((read.small, read.colour), (7, Colour::Red));
        assert_eq!(Everything::decode(&[0x68, 3]).unwrap().colour, Colour::Green);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            (yes, small, large, count, level) in any::<(bool, i32, i64, u32, i16)>(),
            (text, bytes) in any::<(String, Vec<u8>)>(),
            texts in prop::collection::vec(".*", 0..3),
            packed in prop::collection::vec(any::<i32>(), 0..5),
            map in prop::collection::hash_map(".*", ".*", 0..3),
            green in any::<bool>(),
        ) {
            let entries: Vec<Entry> =
                texts.iter().map(|text| Entry { key: text.clone(), value: String::new() }).collect();
            let colour = if green { Colour::Green } else { Colour::Red };
            let entry = entries.first().cloned();
            let level = f32::from(level);
            let message = Everything {
                yes, small, large, count, level, text, bytes, texts, packed, entry, entries, map, colour,
            };
            prop_assert_eq!(Everything::decode(&message.encode()).unwrap(), message);
        }

        #[test]
        fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            _ = Everything::decode(&bytes);
        }
    }
}
