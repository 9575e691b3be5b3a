//! Tokens for the SFU, and the names that participants and calls have there
//! ([MSC4195](https://github.com/matrix-org/matrix-spec-proposals/pull/4195)).

use hearth_rooms::{Room, RoomError};
use hearth_sfu::{Grants, Token};
use ruma::{
    DeviceId, OwnedRoomId, OwnedUserId, RoomId, UserId,
    serde::{Base64, base64::Standard},
};
use serde_json::json;
use sha2::{Digest as _, Sha256};

/// How long a token lets one in, in seconds: also who lost the connection meanwhile.
const LIFETIME_S: u64 = 60 * 60;

/// The call of who names none: that of the whole room.
const WHOLE_ROOM: &str = "m.call#ROOM";

/// The events by which members say that they are in a call, and whether they are state: who may send none of them may listen,
/// and no more.
const MEMBERSHIPS: [(&str, bool); 4] = [
    ("org.matrix.msc3401.call.member", true),
    ("org.matrix.msc4143.rtc.member", true),
    ("org.matrix.msc4143.rtc.member", false),
    ("m.rtc.member", false),
];

/// Whoever wants to take part in a call, as clients know them there.
#[derive(Clone, Debug)]
pub struct Participant {
    pub user: OwnedUserId,
    pub room_id: OwnedRoomId,
    /// The name of the call in the SFU.
    pub(crate) call: String,
    /// Their name there.
    pub(crate) identity: String,
}

impl Participant {
    /// Known to the others by user and device, as older clients are.
    pub fn by_device(user: OwnedUserId, room_id: OwnedRoomId, device: &DeviceId) -> Self {
        let (call, identity) = (call(&room_id, WHOLE_ROOM), format!("{user}:{device}"));
        Self { user, room_id, call, identity }
    }

    /// Known to the others by the hash of a membership in a slot, which says nothing to the SFU.
    pub fn by_membership(
        user: OwnedUserId,
        room_id: OwnedRoomId,
        slot_id: &str,
        (device, member_id): (&DeviceId, &str),
    ) -> Self {
        let identity = hashed(&[user.as_str(), device.as_str(), member_id]);
        Self { call: call(&room_id, slot_id), identity, user, room_id }
    }

    /// A token that lets them in from now on. They may send what the room lets them.
    pub(crate) fn token(&self, room: &Room, now_s: u64) -> Result<Token, RoomError> {
        let levels = room.power_levels()?;
        let publish = MEMBERSHIPS.iter().any(|(kind, is_state)| levels.may_send(&self.user, kind, *is_state));
        Ok(Token {
            identity: self.identity.clone(),
            room: self.call.clone(),
            holder: holder(&self.room_id, &self.user),
            name: String::new(),
            metadata: String::new(),
            grants: Grants { publish, subscribe: true, publish_data: publish, update_own_metadata: false },
            not_before: now_s,
            expires: now_s + LIFETIME_S,
        })
    }
}

fn call(room_id: &RoomId, slot_id: &str) -> String {
    hashed(&[room_id.as_str(), slot_id])
}

/// The name that stands for several: the hash of them as a JSON array, in base64 without padding.
fn hashed(parts: &[&str]) -> String {
    let hash: [u8; 32] = Sha256::digest(json!(parts).to_string()).into();
    Base64::<Standard, _>::new(hash).encode()
}

/// What tokens call a member of a room.
pub(crate) fn holder(room_id: &RoomId, user: &UserId) -> String {
    json!([room_id, user]).to_string()
}

/// Which member of which room that is.
pub(crate) fn member_of(holder: &str) -> Option<(OwnedRoomId, OwnedUserId)> {
    serde_json::from_str(holder).ok()
}

#[cfg(test)]
mod tests {
    use ruma::{room_id, user_id};

    use super::*;

    /// The vectors that MSC4195 gives.
    #[test]
    fn names_are_hashed_as_all_others_hash_them() {
        assert_eq!(
            hashed(&["!roomid:example.com", "slot1234"]),
            "O8437W3+jmzMVjoIP3tNwbm+XxHQk2iKpOA7aqw3qSc"
        );
        assert_eq!(
            hashed(&["@alice:example.com", "DEVICE123", "memberABC"]),
            "J+T45tGruxc+HrUOqJJlyQSV33m728Cme4+vt8/SWrU"
        );
    }

    #[test]
    fn a_holder_is_a_member_of_a_room() {
        let (room, user) = (room_id!("!a:hearth.example"), user_id!("@\"]:hearth.example"));
        assert_eq!(member_of(&holder(room, user)), Some((room.to_owned(), user.to_owned())));
        assert_eq!(member_of("alice"), None);
    }
}
