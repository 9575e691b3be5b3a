//! The protocol: the only place that names matrix-sdk. Outwards it has plain values of `hearth-client-state`, streams
//! of them, and actions.

mod account;
mod call;
mod directory;
mod door;
mod encryption;
mod items;
mod marks;
mod media;
mod members;
mod message;
mod online;
mod people;
mod polls;
mod previews;
mod problem;
mod push;
mod room;
mod room_settings;
mod rows;
mod search;
mod session;
mod shared_files;
mod spaces;
mod threads;
mod verification;

pub use self::{
    account::{Account, Connection, Device, Opened},
    call::{Call, CallNews, CallNow, Incoming, Phase},
    directory::{Found, Kinds, Standing, WayIn},
    door::{Door, Registration, Steps},
    encryption::Safety,
    marks::Loudness,
    media::{Upload, Voice},
    members::{Member, Role},
    message::Pin,
    people::Card,
    previews::Preview,
    problem::Problem,
    push::Subscription,
    room::{OpenRoom, RoomAbout},
    room_settings::{Access, History, RoomSettings},
    search::Hit,
    session::Session,
    shared_files::{Kept, SharedFile, SharedFiles},
    spaces::Space,
    threads::ThreadEntry,
    verification::{Stage, Verifying},
};
