//! What users of this server ask of others: each a method of [`Federation`](crate::Federation), for the client API.

mod directory;
mod keys;
mod media;
mod profile;
mod rooms;

use std::time::Duration;

pub use self::keys::{RemoteClaims, RemoteKeys};
use crate::Limits;

/// Somebody waits for it, and nobody for long: who failed lately is tried again.
const SOON: Limits = Limits { timeout: Duration::from_secs(15), ignore_back_off: true, ..Limits::USUAL };

#[cfg(test)]
mod tests;
