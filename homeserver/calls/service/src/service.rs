//! The service that lets people into calls.

use std::sync::Arc;

use hearth_rooms::{RoomError, Rooms};
use hearth_sfu::{Calls, TokenError, TokenKey};
use hearth_storage::readers::ReaderTask;
use tokio::task::JoinHandle;

use crate::{Participant, departures, leaves::Leaves};

/// Why somebody is not let in, or a leave is not taken over.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("You are not in this room.")]
    NotInRoom,
    #[error("No delayed event of yours with this id waits in this room.")]
    UnknownLeave,
    #[error("You have handed over too many delayed events.")]
    TooManyLeaves,
    #[error("No token can be made.")]
    Token(#[from] TokenError),
    #[error(transparent)]
    Rooms(#[from] RoomError),
}

/// What a [`CallService`] is made of.
pub struct Parts {
    pub calls: Calls,
    /// What the SFU takes tokens by.
    pub key: TokenKey,
    /// Where clients reach this server: `https://matrix.example.org`.
    pub base_url: String,
    pub rooms: Rooms,
}

/// Lets members of rooms into calls, and takes care that who is gone is so for all. Cheap to clone.
#[derive(Clone)]
pub struct CallService(Arc<Inner>);

struct Inner {
    key: TokenKey,
    base_url: String,
    rooms: Rooms,
    leaves: Arc<Leaves>,
    looking: JoinHandle<()>,
    _departures: ReaderTask,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

impl CallService {
    /// Begins. To be called within a tokio runtime.
    pub fn start(parts: Parts) -> Self {
        let Parts { calls, key, base_url, rooms } = parts;
        let leaves = Arc::<Leaves>::default();
        let looking = tokio::spawn(leaves.clone().look_after(calls.clone(), rooms.clone()));
        let departures = departures::follow(calls, rooms.clone());
        Self(Arc::new(Inner { key, base_url, rooms, leaves, looking, _departures: departures }))
    }

    /// Where clients reach this server, without a slash at its end.
    pub fn base_url(&self) -> &str {
        &self.0.base_url
    }

    /// Where they reach the SFU, by WebSockets: at the same address.
    pub fn sfu_url(&self) -> String {
        // `https` becomes `wss`, `http` becomes `ws`.
        self.0.base_url.replacen("http", "ws", 1)
    }

    /// A token for a member of the room.
    ///
    /// # Errors
    /// [`CallError::NotInRoom`] for who is none: also where there is no such room.
    pub fn token(&self, participant: &Participant) -> Result<String, CallError> {
        let rooms = &self.0.rooms;
        let room = rooms.find_room(&participant.room_id)?.ok_or(CallError::NotInRoom)?;
        if !room.is_joined(&participant.user)? {
            return Err(CallError::NotInRoom);
        }
        Ok(participant.token(&room, rooms.now_ms() / 1000)?.sign(&self.0.key)?)
    }

    /// Takes over the delayed event by which a user of this server leaves a call: it is put off as long as the
    /// participant is there, and sent when it is gone.
    ///
    /// # Errors
    /// [`CallError::UnknownLeave`] if no such event of the user's waits, [`CallError::TooManyLeaves`].
    pub fn take_over_leave(&self, participant: &Participant, delay_id: String) -> Result<(), CallError> {
        self.0.leaves.take_over(&self.0.rooms, participant, delay_id)
    }
}
