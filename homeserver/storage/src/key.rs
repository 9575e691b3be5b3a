//! Keys: tuples of parts whose bytes sort as the tuples do.

use ruma::{
    DeviceId, EventId, OwnedDeviceId, OwnedEventId, OwnedRoomAliasId, OwnedRoomId, OwnedServerName,
    OwnedUserId, RoomAliasId, RoomId, ServerName, UserId,
};

use crate::{
    Buffer, EventNid, Position, RoomNid, StateId, StateKeyNid, StorageError, TimelineOrder, buffer::Form,
};

/// One part of a key.
pub trait KeyPart: Sized {
    /// Reads the part from the front of `bytes` and moves past it.
    fn read(bytes: &mut &[u8]) -> Result<Self, StorageError>;
}

/// What can stand for the part `P` in a look-up: the part itself or its borrowed form.
pub trait AsPart<P> {
    /// Appends the part's bytes.
    fn write(&self, out: &mut Buffer);
}

/// A whole key: a tuple of one to five parts.
pub trait Key: Sized {
    /// Reads a key from exactly these bytes.
    fn decode(bytes: &[u8]) -> Result<Self, StorageError>;
}

/// What can stand for the key `K` in a look-up: a tuple of parts or of their borrowed forms.
pub trait AsKey<K> {
    /// Appends the key's bytes.
    fn write_key(&self, out: &mut Buffer);

    /// The key's bytes.
    fn encode(&self) -> Vec<u8> {
        let mut out = Buffer::with_capacity(64);
        self.write_key(&mut out);
        out.into_bytes()
    }
}

impl<K, T: AsKey<K> + ?Sized> AsKey<K> for &T {
    fn write_key(&self, out: &mut Buffer) {
        (**self).write_key(out);
    }
}

/// What can stand for the first parts of the key `K` in a scan.
pub trait AsPrefix<K> {
    /// The bytes with which all keys of the range begin.
    fn encode_prefix(&self) -> Vec<u8>;
}

fn take<'a>(bytes: &mut &'a [u8], n: usize) -> Result<&'a [u8], StorageError> {
    let (head, tail) =
        bytes.split_at_checked(n).ok_or_else(|| StorageError::corrupt("a key is too short"))?;
    *bytes = tail;
    Ok(head)
}

macro_rules! unsigned_part {
    ($($name:ident),*) => {$(
        impl KeyPart for $name {
            fn read(bytes: &mut &[u8]) -> Result<Self, StorageError> {
                u64::read(bytes).map($name)
            }
        }
        impl AsPart<$name> for $name {
            fn write(&self, out: &mut Buffer) {
                self.0.write(out);
            }
        }
    )*};
}

impl KeyPart for u64 {
    fn read(bytes: &mut &[u8]) -> Result<Self, StorageError> {
        let mut number = [0; 8];
        number.copy_from_slice(take(bytes, 8)?);
        Ok(u64::from_be_bytes(number))
    }
}
impl AsPart<u64> for u64 {
    fn write(&self, out: &mut Buffer) {
        out.extend(self.to_be_bytes());
    }
}
unsigned_part!(RoomNid, EventNid, StateKeyNid);

impl KeyPart for Position {
    fn read(bytes: &mut &[u8]) -> Result<Self, StorageError> {
        u64::read(bytes).map(Self)
    }
}
impl AsPart<Position> for Position {
    fn write(&self, out: &mut Buffer) {
        if self.is_provisional() {
            out.note(Form::KeyPosition);
        }
        self.0.write(out);
    }
}

impl KeyPart for TimelineOrder {
    fn read(bytes: &mut &[u8]) -> Result<Self, StorageError> {
        u64::read(bytes).map(Self::from_sortable)
    }
}
impl AsPart<TimelineOrder> for TimelineOrder {
    fn write(&self, out: &mut Buffer) {
        if self.is_provisional() {
            out.note(Form::KeyOrder);
        }
        self.to_sortable().write(out);
    }
}

macro_rules! array_part {
    ($($n:literal),*) => {$(
        impl KeyPart for [u8; $n] {
            fn read(bytes: &mut &[u8]) -> Result<Self, StorageError> {
                let mut array = [0; $n];
                array.copy_from_slice(take(bytes, $n)?);
                Ok(array)
            }
        }
        impl AsPart<[u8; $n]> for [u8; $n] {
            fn write(&self, out: &mut Buffer) {
                out.extend(self);
            }
        }
    )*};
}
array_part!(1, 16, 32);

impl KeyPart for StateId {
    fn read(bytes: &mut &[u8]) -> Result<Self, StorageError> {
        <[u8; 16]>::read(bytes).map(Self)
    }
}
impl AsPart<StateId> for StateId {
    fn write(&self, out: &mut Buffer) {
        self.0.write(out);
    }
}

// A string ends with 00 01; a 00 inside is written 00 FF, so that no string is a prefix of another and the
// order is kept.
fn write_str(text: &str, out: &mut Buffer) {
    for (place, part) in text.split('\0').enumerate() {
        if place > 0 {
            out.extend(b"\0\xFF");
        }
        out.extend(part);
    }
    out.extend(b"\0\x01");
}

impl KeyPart for String {
    fn read(bytes: &mut &[u8]) -> Result<Self, StorageError> {
        let mut text = Vec::new();
        loop {
            match take(bytes, 1)?[0] {
                0 => match take(bytes, 1)?[0] {
                    1 => break,
                    0xFF => text.push(0),
                    _ => return Err(StorageError::corrupt("a key holds a broken string")),
                },
                byte => text.push(byte),
            }
        }
        String::from_utf8(text).map_err(|_| StorageError::corrupt("a key holds a string that is not UTF-8"))
    }
}
impl AsPart<String> for str {
    fn write(&self, out: &mut Buffer) {
        write_str(self, out);
    }
}
impl AsPart<String> for String {
    fn write(&self, out: &mut Buffer) {
        write_str(self, out);
    }
}

macro_rules! id_part {
    ($($owned:ident $borrowed:ident),*) => {$(
        impl KeyPart for $owned {
            fn read(bytes: &mut &[u8]) -> Result<Self, StorageError> {
                String::read(bytes)?
                    .try_into()
                    .map_err(|_| StorageError::corrupt(concat!("a key holds a broken ", stringify!($borrowed))))
            }
        }
        impl AsPart<$owned> for $owned {
            fn write(&self, out: &mut Buffer) {
                write_str(self.as_str(), out);
            }
        }
        impl AsPart<$owned> for $borrowed {
            fn write(&self, out: &mut Buffer) {
                write_str(self.as_str(), out);
            }
        }
    )*};
}
id_part!(
    OwnedUserId UserId,
    OwnedRoomId RoomId,
    OwnedEventId EventId,
    OwnedRoomAliasId RoomAliasId,
    OwnedServerName ServerName
);

/// Stands for the user ids that begin so: as the last part of a prefix for all of them, as the last part of a key
/// from which a scan goes for the first.
pub struct UsersFrom<'a>(pub &'a str);

impl AsPart<OwnedUserId> for UsersFrom<'_> {
    fn write(&self, out: &mut Buffer) {
        // Without the end that a whole one has.
        out.extend(self.0);
    }
}

// Any text is a device id, so reading one cannot fail.
impl KeyPart for OwnedDeviceId {
    fn read(bytes: &mut &[u8]) -> Result<Self, StorageError> {
        String::read(bytes).map(Into::into)
    }
}
impl AsPart<OwnedDeviceId> for OwnedDeviceId {
    fn write(&self, out: &mut Buffer) {
        write_str(self.as_str(), out);
    }
}
impl AsPart<OwnedDeviceId> for DeviceId {
    fn write(&self, out: &mut Buffer) {
        write_str(self.as_str(), out);
    }
}

impl<P, T: AsPart<P> + ?Sized> AsPart<P> for &T {
    fn write(&self, out: &mut Buffer) {
        (**self).write(out);
    }
}

macro_rules! tuple_key {
    ($($part:ident $given:ident $index:tt),+) => {
        impl<$($part: KeyPart),+> Key for ($($part,)+) {
            fn decode(mut bytes: &[u8]) -> Result<Self, StorageError> {
                let key = ($($part::read(&mut bytes)?,)+);
                if bytes.is_empty() { Ok(key) } else { Err(StorageError::corrupt("a key is too long")) }
            }
        }
        impl<$($part,)+ $($given: AsPart<$part>),+> AsKey<($($part,)+)> for ($($given,)+) {
            fn write_key(&self, out: &mut Buffer) {
                $(self.$index.write(out);)+
            }
        }
    };
}
tuple_key!(A GA 0);
tuple_key!(A GA 0, B GB 1);
tuple_key!(A GA 0, B GB 1, C GC 2);
tuple_key!(A GA 0, B GB 1, C GC 2, D GD 3);
tuple_key!(A GA 0, B GB 1, C GC 2, D GD 3, E GE 4);

macro_rules! tuple_prefix {
    ($($part:ident $given:ident $index:tt),* ; $($rest:ident),*) => {
        impl<$($part,)* $($rest,)* $($given: AsPart<$part>),*> AsPrefix<($($part,)* $($rest,)*)> for ($($given,)*) {
            fn encode_prefix(&self) -> Vec<u8> {
                #[allow(unused_mut)]
                let mut out = Buffer::with_capacity(64);
                $(self.$index.write(&mut out);)*
                out.into_bytes()
            }
        }
    };
}
tuple_prefix!(; A);
tuple_prefix!(; A, B);
tuple_prefix!(; A, B, C);
tuple_prefix!(; A, B, C, D);
tuple_prefix!(; A, B, C, D, E);
tuple_prefix!(A GA 0; B);
tuple_prefix!(A GA 0; B, C);
tuple_prefix!(A GA 0; B, C, D);
tuple_prefix!(A GA 0; B, C, D, E);
tuple_prefix!(A GA 0, B GB 1; C);
tuple_prefix!(A GA 0, B GB 1; C, D);
tuple_prefix!(A GA 0, B GB 1; C, D, E);
tuple_prefix!(A GA 0, B GB 1, C GC 2; D);
tuple_prefix!(A GA 0, B GB 1, C GC 2; D, E);
tuple_prefix!(A GA 0, B GB 1, C GC 2, D GD 3; E);
