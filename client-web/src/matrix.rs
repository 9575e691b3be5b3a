//! The protocol: the only place that names matrix-sdk. Outwards it has plain values of `hearth-client-state`, streams
//! of them, and actions.

mod account;
mod door;
mod encryption;
mod items;
mod media;
mod members;
mod problem;
mod room;
mod rows;
mod session;
mod verification;

pub use self::{
    account::{Account, Connection, Device},
    door::{Door, Registration, Steps},
    encryption::Safety,
    media::Upload,
    members::{Member, Role},
    problem::Problem,
    room::{OpenRoom, RoomAbout},
    session::Session,
    verification::{Stage, Verifying},
};
