//! Which members a lazily loading device was told of (client-server API, "Lazy-loading room members").

use std::{collections::HashMap, hash::Hash};

use hearth_storage::{
    Position, RoomNid,
    weight::{of_map, of_text},
};
use ruma::{OwnedDeviceId, OwnedUserId, UserId};

/// So many bytes are taken for all devices of a user. Whoever is forgotten is told again: redundant, not wrong.
pub(crate) const MAX_BYTES: usize = 512 << 10;
/// About what the name of a device takes.
const PLACE_BYTES: usize = 32;

/// The members that clients were told of: of each client and room, by whatever names both.
#[derive(Debug)]
pub(crate) struct ToldMembers<K, T> {
    /// With the token that went with each: told for good only when that token came back.
    told: HashMap<K, HashMap<OwnedUserId, T>>,
    bytes: usize,
}

/// Those that the devices of a user were told of by `/sync`.
pub(crate) type ToldByDevice = ToldMembers<(OwnedDeviceId, RoomNid), Position>;

impl<K, T> Default for ToldMembers<K, T> {
    fn default() -> Self {
        Self { told: HashMap::new(), bytes: 0 }
    }
}

impl<K: Eq + Hash, T: Copy + PartialOrd> ToldMembers<K, T> {
    /// Whether a client that comes with `since` knows of a member.
    pub fn knows(&self, place: &K, member: &UserId, since: Option<T>) -> bool {
        let told = self.told.get(place).and_then(|members| members.get(member));
        since.zip(told).is_some_and(|(since, told)| *told <= since)
    }

    /// Notes that a client is told of a member in the response whose token is `next`.
    pub fn tell(&mut self, place: K, member: &UserId, next: T) {
        if self.bytes >= MAX_BYTES {
            *self = Self::default();
        }
        let members = self.told.entry(place).or_insert_with(|| {
            self.bytes += of_map::<K, HashMap<OwnedUserId, T>>(1) + PLACE_BYTES;
            HashMap::new()
        });
        if members.insert(member.to_owned(), next).is_none() {
            self.bytes += of_map::<OwnedUserId, T>(1) + of_text(member.as_str());
        }
    }

    /// About how many bytes it takes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::*;

    #[test]
    fn a_member_is_known_when_the_token_of_that_response_came_back() {
        let (room, device, bob) = (RoomNid(1), OwnedDeviceId::from("D"), user_id!("@bob:h.org"));
        let place = (device, room);
        let mut told = ToldByDevice::default();
        assert!(!told.knows(&place, bob, Some(Position(9))));
        told.tell(place.clone(), bob, Position(10));
        assert!(!told.knows(&place, bob, Some(Position(9))), "the response was lost");
        assert!(told.knows(&place, bob, Some(Position(10))));
        assert!(!told.knows(&place, bob, None), "a first sync knows nobody");
        assert!(!told.knows(&("E".into(), room), bob, Some(Position(10))));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut told = ToldByDevice::default();
        let mut most = 0;
        for n in 0..20_000 {
            told.tell(("D".into(), RoomNid(n)), user_id!("@bob:h.org"), Position(1));
            most = most.max(told.bytes());
        }
        assert!((MAX_BYTES..MAX_BYTES + 300).contains(&most), "{most}");
        assert!(told.bytes() < MAX_BYTES);
    }
}
