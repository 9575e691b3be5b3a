//! The bytes of keys and values, and where among them a provisional position stands.
//!
//! A transaction is collected before it has its positions in the log. Until it is submitted it writes
//! *provisional* ones ([`Position::provisional`]); the buffer remembers where, and puts the real ones there once
//! they are known. Both have the same width, so nothing else moves.

use std::cell::Cell;

use serde::Serialize;

use crate::{Position, TimelineOrder};

/// Bytes under way.
#[derive(Clone, Default, Debug)]
pub struct Buffer {
    bytes: Vec<u8>,
    provisional: Vec<(usize, Form)>,
}

/// How a number stands in the bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    /// Eight bytes, the highest first.
    KeyPosition,
    /// The same with the sign bit turned.
    KeyOrder,
    /// A variable-length number of ten bytes, as `postcard` writes it.
    RowPosition,
    /// The same of a signed number.
    RowOrder,
}

/// The longest variable-length number of 64 bits. Provisional numbers are so great that they take all of it.
const VARINT: usize = 10;

thread_local! {
    /// What the next number that `postcard` writes is, if it is provisional: `serde` has no other way to say so.
    static NEXT_NUMBER: Cell<Option<Form>> = const { Cell::new(None) };
}

/// Says that the number which is serialized next is provisional.
pub(crate) fn announce(form: Form) {
    NEXT_NUMBER.set(Some(form));
}

impl Buffer {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), provisional: Vec::new() }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.provisional.clear();
    }

    /// Appends a row.
    pub(crate) fn extend_row(&mut self, row: &impl Serialize) -> postcard::Result<()> {
        // Whatever was serialized before on this thread, and not into a row.
        NEXT_NUMBER.set(None);
        postcard::serialize_with_flavor(row, self)
    }

    /// Appends bytes.
    pub fn extend(&mut self, bytes: impl AsRef<[u8]>) {
        self.bytes.extend_from_slice(bytes.as_ref());
    }

    /// Notes that what is appended next is a provisional number.
    pub(crate) fn note(&mut self, form: Form) {
        self.provisional.push((self.bytes.len(), form));
    }

    /// Puts the real positions in the place of provisional ones. `before` is the last one before the transaction.
    pub(crate) fn settle(&mut self, before: Position) {
        for (at, form) in self.provisional.drain(..) {
            let bytes = &mut self.bytes[at..];
            match form {
                Form::KeyPosition => {
                    let settled = Position(read_fixed(bytes)).settled(before);
                    bytes[..8].copy_from_slice(&settled.0.to_be_bytes());
                }
                Form::KeyOrder => {
                    let settled = TimelineOrder::from_sortable(read_fixed(bytes)).settled(before);
                    bytes[..8].copy_from_slice(&settled.to_sortable().to_be_bytes());
                }
                Form::RowPosition => {
                    let settled = Position(read_varint(bytes)).settled(before);
                    write_varint(bytes, settled.0);
                }
                Form::RowOrder => {
                    let zigzag = read_varint(bytes);
                    let order = (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64);
                    let settled = TimelineOrder(order).settled(before).0;
                    write_varint(bytes, ((settled << 1) ^ (settled >> 63)) as u64);
                }
            }
        }
    }
}

fn read_fixed(bytes: &[u8]) -> u64 {
    bytes[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn read_varint(bytes: &[u8]) -> u64 {
    bytes[..VARINT].iter().rev().fold(0, |number, byte| number << 7 | u64::from(byte & 0x7F))
}

/// Writes a number in as many bytes as the longest takes: readers take one with leading zeros as well.
fn write_varint(bytes: &mut [u8], number: u64) {
    for (place, byte) in bytes[..VARINT].iter_mut().enumerate() {
        let more = if place + 1 < VARINT { 0x80 } else { 0 };
        *byte = (number >> (7 * place)) as u8 & 0x7F | more;
    }
}

/// Lets `postcard` write a row into a buffer.
impl postcard::ser_flavors::Flavor for &mut Buffer {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.bytes.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        if let Some(form) = NEXT_NUMBER.take() {
            debug_assert_eq!(bytes.len(), VARINT, "a provisional number has the full width");
            self.note(form);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        AsKey, Key, Value,
        schema::rooms::{MembershipRow, RoomHeadRow, ThreadRow},
    };

    proptest! {
        #[test]
        fn provisional_positions_become_real_wherever_they_stand(
            before in 0..1_u64 << 40,
            taken in 1..1_u64 << 20,
            real in 0..1_u64 << 40,
        ) {
            let (before, provisional, real) = (Position(before), Position::provisional(taken), Position(real));
            let settled = Position(before.0 + taken);
            let mut buffer = Buffer::default();
            buffer.extend(b"before");

            let head = |position, arrived| RoomHeadRow { position, arrived, depth: 7, ..Default::default() };
            head(provisional, real).encode(&mut buffer);
            let end_of_head = buffer.len();
            let thread = |latest| ThreadRow { latest, count: 3, participants: Vec::new() };
            thread(TimelineOrder::from(provisional).before()).encode(&mut buffer);
            let end_of_thread = buffer.len();
            AsKey::<(Position, TimelineOrder)>::write_key(&(provisional, TimelineOrder::from(provisional)), &mut buffer);

            buffer.settle(before);
            let bytes = buffer.bytes();
            prop_assert_eq!(&bytes[..6], b"before");
            prop_assert_eq!(RoomHeadRow::decode(&bytes[6..end_of_head]).unwrap(), head(settled, real));
            let latest = TimelineOrder::from(settled).before();
            prop_assert_eq!(ThreadRow::decode(&bytes[end_of_head..end_of_thread]).unwrap(), thread(latest));
            let key = <(Position, TimelineOrder)>::decode(&bytes[end_of_thread..]).unwrap();
            prop_assert_eq!(key, (settled, TimelineOrder::from(settled)));
        }
    }

    #[test]
    fn known_positions_are_left_alone() {
        let row = MembershipRow {
            membership: crate::schema::rooms::Membership::Join,
            event: crate::EventNid(u64::MAX),
            position: Position(5),
        };
        let mut buffer = Buffer::default();
        row.encode(&mut buffer);
        buffer.settle(Position(100));
        assert_eq!(MembershipRow::decode(buffer.bytes()).unwrap(), row);
    }
}
