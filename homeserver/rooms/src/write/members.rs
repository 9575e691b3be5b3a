//! Indexing who is what in a room's current state.

use hearth_storage::{
    Transaction,
    schema::{
        self,
        rooms::{Membership, MembershipRow},
    },
};
use ruma::UserId;

use crate::read::room::RoomInner;

impl RoomInner {
    /// Writes what a user is now, and takes away what the user was.
    pub fn write_membership(
        &self,
        tx: &mut Transaction,
        user: &UserId,
        was: Option<Membership>,
        is: Option<&MembershipRow>,
    ) {
        let server = user.server_name();
        let now = is.map(|row| row.membership);
        if let Some(was) = was.filter(|was| now != Some(*was)) {
            tx.delete(&schema::MEMBERS, (self.nid, was, server, user));
        }
        if let Some(now) = now.filter(|now| was != Some(*now)) {
            tx.put(&schema::MEMBERS, (self.nid, now, server, user), &());
        }
        match is {
            Some(row) => tx.put(&schema::MEMBERSHIPS, (self.nid, user), row),
            None => tx.delete(&schema::MEMBERSHIPS, (self.nid, user)),
        }
    }
}
