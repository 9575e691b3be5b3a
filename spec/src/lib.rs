//! The Matrix rules as pure functions: no I/O, no clock, no storage.
//!
//! Every function is given what it needs and gives back what follows from it, so that the rules
//! are tested without a server. The names and the order of the rules are the specification's.

pub mod auth;
pub mod ban_list;
pub mod canonical_json;
pub mod client_event;
pub mod content;
mod glob;
pub mod invite_filter;
pub mod keys;
pub mod pdu;
pub mod policy;
pub mod power_levels;
pub mod push;
pub mod redaction;
pub mod reference_hash;
pub mod room_version;
pub mod server_acl;
pub mod state_resolution;
pub mod verify;
pub mod visibility;

pub use auth::{AuthError, auth_event_keys, check_auth_events, check_state};
pub use ban_list::{BanKind, BanList};
pub use client_event::{ClientForm, stripped_state_event, write_client_event};
pub use content::Membership;
pub use invite_filter::{InviteFilter, InviteRule};
pub use keys::{PublicKey, PublicKeys, SigningKey};
pub use pdu::{EventTemplate, MAX_STICKY_MS, Pdu, PduError};
pub use policy::RoomPolicy;
pub use power_levels::{PowerLevel, PowerLevels};
pub use redaction::{may_redact, redact};
pub use room_version::{RoomVersion, StateResolution};
pub use server_acl::ServerAcl;
pub use verify::{Verified, VerifyError, required_signers, sign_pdu, verify_many, verify_pdu};
