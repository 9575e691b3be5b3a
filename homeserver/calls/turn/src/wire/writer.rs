//! Writing STUN messages.

use std::net::SocketAddr;

use hmac::Mac as _;

use super::{
    Class, HEADER, MAGIC_COOKIE, Method, TransactionId,
    attribute::{ERROR_CODE, FINGERPRINT, MESSAGE_INTEGRITY, Refusal},
    message::{FINGERPRINT_MASK, message_type, signed},
    xored_address,
};

/// A message that is being written. Attributes are short: all together they have fewer than 64 KiB.
#[derive(Debug)]
pub struct Writer {
    bytes: Vec<u8>,
    transaction: TransactionId,
}

impl Writer {
    pub fn new(class: Class, method: Method, transaction: TransactionId) -> Self {
        let mut bytes = Vec::with_capacity(128);
        bytes.extend(message_type(class, method).to_be_bytes());
        bytes.extend([0; 2]);
        bytes.extend(MAGIC_COOKIE.to_be_bytes());
        bytes.extend(transaction);
        Self { bytes, transaction }
    }

    /// Adds an attribute.
    #[must_use]
    pub fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        self.bytes.extend(kind.to_be_bytes());
        self.bytes.extend((value.len() as u16).to_be_bytes());
        self.bytes.extend(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self.set_length();
        self
    }

    /// Adds an attribute that is a number of four bytes.
    #[must_use]
    pub fn number(self, kind: u16, number: u32) -> Self {
        self.attribute(kind, &number.to_be_bytes())
    }

    /// Adds an `XOR-*-ADDRESS`.
    #[must_use]
    pub fn address(self, kind: u16, address: SocketAddr) -> Self {
        let (value, length) = xored_address(address, &self.transaction);
        self.attribute(kind, &value[..length])
    }

    /// Adds why a request was refused.
    #[must_use]
    pub fn refusal(self, refusal: Refusal) -> Self {
        let (code, reason) = refusal.code();
        let value = [&[0, 0, (code / 100) as u8, (code % 100) as u8], reason.as_bytes()].concat();
        self.attribute(ERROR_CODE, &value)
    }

    /// Signs all that was added.
    #[must_use]
    pub fn signed(self, key: &[u8]) -> Self {
        match signed(key, &self.bytes) {
            Some(mac) => self.attribute(MESSAGE_INTEGRITY, &mac.finalize().into_bytes()),
            None => self,
        }
    }

    /// Adds the checksum, after which nothing is added.
    #[must_use]
    pub fn with_fingerprint(mut self) -> Self {
        // It is made over a header that counts it.
        let length = self.bytes.len() - HEADER + 8;
        self.bytes[2..4].copy_from_slice(&(length as u16).to_be_bytes());
        let sum = crc32fast::hash(&self.bytes) ^ FINGERPRINT_MASK;
        self.number(FINGERPRINT, sum)
    }

    /// The message.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    fn set_length(&mut self) {
        let length = (self.bytes.len() - HEADER) as u16;
        self.bytes[2..4].copy_from_slice(&length.to_be_bytes());
    }
}
