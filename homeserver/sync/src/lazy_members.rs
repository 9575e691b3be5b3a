//! Which members a lazily loading device was told of (client-server API, "Lazy-loading room members").

use std::collections::HashMap;

use hearth_storage::{
    Position, RoomNid,
    weight::{of_map, of_text},
};
use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId};

/// So many bytes are taken for all devices of a user. Whoever is forgotten is told again: redundant, not wrong.
pub(crate) const MAX_BYTES: usize = 512 << 10;

/// The members that a user's devices were told of.
#[derive(Debug, Default)]
pub(crate) struct ToldMembers {
    /// With the position of the token that went with each: told for good only when that token came back.
    told: HashMap<(OwnedDeviceId, RoomNid), HashMap<OwnedUserId, Position>>,
    bytes: usize,
}

impl ToldMembers {
    /// Whether a device that comes with `since` knows of a member.
    pub fn knows(&self, device: &DeviceId, room: RoomNid, member: &UserId, since: Option<Position>) -> bool {
        let members = self.told.get(&(device.to_owned(), room));
        let told = members.and_then(|members| members.get(member));
        since.zip(told).is_some_and(|(since, told)| *told <= since)
    }

    /// Notes that a device is told of a member in the response whose token reaches up to `next`.
    pub fn tell(&mut self, device: &DeviceId, room: RoomNid, member: &UserId, next: Position) {
        if self.bytes >= MAX_BYTES {
            *self = Self::default();
        }
        let members = self.told.entry((device.to_owned(), room)).or_insert_with(|| {
            self.bytes += of_map::<(OwnedDeviceId, RoomNid), HashMap<OwnedUserId, Position>>(1);
            self.bytes += of_text(device.as_str());
            HashMap::new()
        });
        if members.insert(member.to_owned(), next).is_none() {
            self.bytes += of_map::<OwnedUserId, Position>(1) + of_text(member.as_str());
        }
    }

    /// About how many bytes it takes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use ruma::{device_id, user_id};

    use super::*;

    #[test]
    fn a_member_is_known_when_the_token_of_that_response_came_back() {
        let (room, device, bob) = (RoomNid(1), device_id!("D"), user_id!("@bob:h.org"));
        let mut told = ToldMembers::default();
        assert!(!told.knows(device, room, bob, Some(Position(9))));
        told.tell(device, room, bob, Position(10));
        assert!(!told.knows(device, room, bob, Some(Position(9))), "the response was lost");
        assert!(told.knows(device, room, bob, Some(Position(10))));
        assert!(!told.knows(device, room, bob, None), "a first sync knows nobody");
        assert!(!told.knows(device_id!("E"), room, bob, Some(Position(10))));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut told = ToldMembers::default();
        let mut most = 0;
        for n in 0..20_000 {
            told.tell(device_id!("D"), RoomNid(n), user_id!("@bob:h.org"), Position(1));
            most = most.max(told.bytes());
        }
        assert!((MAX_BYTES..MAX_BYTES + 300).contains(&most), "{most}");
        assert!(told.bytes() < MAX_BYTES);
    }
}
