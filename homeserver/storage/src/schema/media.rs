//! Rows of media.

use ruma::OwnedUserId;
use serde::{Deserialize, Serialize};

use crate::keyspace::row;

/// A piece of media. Its bytes lie in a file named by their hash.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct MediaRow {
    /// Who uploaded it; `None` for remote media.
    pub uploader: Option<OwnedUserId>,
    /// Milliseconds.
    pub created_at: u64,
    /// `None` while the upload is awaited.
    pub file: Option<MediaFileRow>,
    /// Until when an awaited upload may come, in milliseconds.
    pub upload_until: Option<u64>,
}

/// The bytes of a piece of media.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct MediaFileRow {
    /// SHA-256 of the bytes.
    pub sha256: [u8; 32],
    pub size: u64,
    pub content_type: Option<String>,
    pub file_name: Option<String>,
}

/// Bytes that nobody gets.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct QuarantineRow {
    /// The administrator who put them there.
    pub by: OwnedUserId,
    /// Milliseconds.
    pub at: u64,
}

/// A piece of media that came into quarantine, or out of it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct QuarantineChangeRow {
    pub server: String,
    pub media_id: String,
    pub quarantined: bool,
}

row!(MediaRow, QuarantineRow, QuarantineChangeRow);
