//! How much there may be of everything.

/// What rooms and participants may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Rooms at once.
    pub rooms: usize,
    /// Participants of a room.
    pub participants: usize,
    /// Participants by tokens of one holder, such as devices of a user.
    pub participants_of_holder: usize,
    /// What a participant may send in a second, in bytes: three cameras and screens in all layers are less.
    pub bytes_per_second: u64,
    /// Tracks that one publishes.
    pub tracks: usize,
    /// Media sections of one connection.
    pub sections: usize,
    /// What is told of a participant: name, metadata and attributes together, in bytes.
    pub told_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rooms: 1000,
            participants: 200,
            participants_of_holder: 10,
            bytes_per_second: 40_000_000 / 8,
            tracks: 16,
            sections: 512,
            told_bytes: 64 << 10,
        }
    }
}
