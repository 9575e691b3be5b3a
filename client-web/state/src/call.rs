//! Calls of a room (MatrixRTC, MSC4143): who is in one, what is said to others, what is shown. Media go through an SFU of
//! each member's server (MSC4195), as Element Call does it.

mod keys;
mod member;
mod ring;
mod signs;
mod stage;

pub use self::{
    keys::{KEYS, Key, Keys, received_key},
    member::{Intent, MEMBER, Member, livekit, members, membership, state_key},
    ring::{DECLINE, NOTIFICATION, Ring, declined, notification, ring},
    signs::{HAND, REACTION, REACTIONS, Sign, Signs, hand, reaction, sign},
    stage::{Connection, Heard, Media, Stage, Tile, View, columns, speaker, stage, tiles},
};
