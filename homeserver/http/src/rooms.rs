//! What rooms say of themselves to who is not in them: the same to clients and to servers.

pub mod children;
pub mod discover;
pub mod public_rooms;
pub mod servers;
pub mod summary;
