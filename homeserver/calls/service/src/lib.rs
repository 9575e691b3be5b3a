//! Calls, as Matrix knows them: who may take part in which, and who takes part no more.
//!
//! Media is the SFU's (`hearth-sfu`), which knows nothing of Matrix. What it knows is tokens: [`tokens`] makes them for members
//! of a room, and in each stands its holder, which is a member of a room. [`gate`] says whether a holder may still be there,
//! [`departures`] asks it again whenever somebody is a member no more, and [`leaves`] tells a room who has left the call.

mod departures;
mod gate;
mod leaves;
mod service;
mod tokens;

pub use self::{
    gate::Gate,
    service::{CallError, CallService, Parts},
    tokens::Participant,
};
