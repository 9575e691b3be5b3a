//! Making a transaction of what is to be told.

use std::{collections::BTreeMap, sync::Arc};

use hearth_rooms::{Event, Rooms};
use hearth_storage::{Position, RoomNid, Scan, schema};
use hearth_users::Users;
use ruma::{OwnedUserId, ServerName};
use serde_json::value::RawValue;

use super::{
    catch_up::catch_up,
    edus::Edus,
    queues::{MAX_PDUS, Order},
};
use crate::FederationError;

/// The most EDUs of a transaction, as the specification says.
const MAX_EDUS: usize = 100;
/// So many device lists that the store has are told at once.
const STORED_LISTS: usize = 10;
/// EDUs of the store beyond so many bytes wait for the next transaction.
const STORED_BYTES: usize = 1 << 20;

/// What is sent to a destination at once.
#[derive(Clone, Debug, Default)]
pub(super) struct Transaction {
    /// Unique among all that this server ever sent.
    pub id: String,
    /// When it was made, in milliseconds.
    pub made_at: u64,
    pub pdus: Vec<Box<RawValue>>,
    pub edus: Vec<Box<RawValue>>,
}

/// A transaction, and what the store no longer needs once the destination has it.
#[derive(Debug, Default)]
pub(super) struct Filled {
    pub transaction: Transaction,
    pub edus: Vec<Position>,
    pub lists: Vec<OwnedUserId>,
    /// The rooms in which more is to be caught up, and from where.
    pub rooms: Vec<(RoomNid, Position)>,
    /// All rooms of which it tells, and up to where.
    pub told: BTreeMap<RoomNid, Position>,
    /// The store has more.
    pub more_edus: bool,
    pub more_lists: bool,
}

/// Reads what transactions are made of.
pub(super) struct Filler {
    pub rooms: Rooms,
    pub users: Users,
}

impl Filler {
    /// Fills a transaction. What cannot be read is left out, so that it holds nothing else up.
    pub fn fill(
        &self,
        server: &ServerName,
        order: &Order,
        new: Transaction,
    ) -> Result<Filled, FederationError> {
        let mut filled = Filled { transaction: new, ..Filled::default() };
        self.add_pdus(server, order, &mut filled);
        let mut edus = Edus::default();
        for (user, changes) in &order.lists {
            match changes.as_slice() {
                [] => edus.shared_change(user, self.users.device_keys.newest_shared_change(user)?),
                changes => {
                    for change in changes {
                        let change = self.users.device_keys.shared_change_at(user, *change)?;
                        edus.shared_change(user, change);
                    }
                }
            }
        }
        if order.stored_lists {
            self.add_stored_lists(server, &mut edus, &mut filled)?;
        }
        edus.ephemeral(&order.ephemeral, &self.rooms);
        if order.stored_edus {
            self.add_stored_edus(server, &mut edus, &mut filled)?;
        }
        filled.transaction.edus = edus.0;
        Ok(filled)
    }

    fn add_pdus(&self, server: &ServerName, order: &Order, filled: &mut Filled) {
        let nids: Vec<_> = order.events.iter().map(|event| event.event).collect();
        let mut events = self.rooms.events(&nids).unwrap_or_else(|error| {
            tracing::error!(%error, "events to be sent cannot be read");
            let one = |nid| self.rooms.event(nid).ok().flatten();
            nids.iter().filter_map(|nid| one(*nid)).collect()
        });
        filled.told = order.events.iter().map(|event| (event.room, event.position.next())).collect();
        for (place, (room, first)) in order.rooms.iter().enumerate() {
            // Each of the rooms gets its share of what is left.
            let share = (MAX_PDUS.saturating_sub(events.len()) / (order.rooms.len() - place)).max(1);
            let found = self.rooms.room_by_nid(*room);
            match found.and_then(|room| catch_up(&self.rooms, &room, server, *first, share)) {
                Ok(stretch) => {
                    events.extend(stretch.events);
                    filled.told.insert(*room, stretch.up_to);
                    if stretch.has_more {
                        filled.rooms.push((*room, stretch.up_to));
                    }
                }
                Err(error) => tracing::error!(%error, %server, "a room to catch up in cannot be read"),
            }
        }
        filled.transaction.pdus = events.iter().filter_map(pdu).collect();
    }

    fn add_stored_lists(
        &self,
        server: &ServerName,
        edus: &mut Edus,
        filled: &mut Filled,
    ) -> Result<(), FederationError> {
        let view = self.rooms.store().view();
        for row in view.scan(&schema::DESTINATION_DEVICE_LISTS, Scan::prefix((server,))) {
            let ((_, user), ()) = row?;
            if filled.lists.len() == STORED_LISTS {
                filled.more_lists = true;
                break;
            }
            edus.shared_change(&user, self.users.device_keys.newest_shared_change(&user)?);
            filled.lists.push(user);
        }
        Ok(())
    }

    fn add_stored_edus(
        &self,
        server: &ServerName,
        edus: &mut Edus,
        filled: &mut Filled,
    ) -> Result<(), FederationError> {
        let view = self.rooms.store().view();
        let mut bytes = 0;
        for row in view.scan(&schema::DESTINATION_EDUS, Scan::prefix((server,))) {
            let ((_, position), edu) = row?;
            bytes += edu.len();
            if edus.0.len() == MAX_EDUS || (bytes > STORED_BYTES && !filled.edus.is_empty()) {
                filled.more_edus = true;
                break;
            }
            filled.edus.push(position);
            match RawValue::from_string(edu) {
                Ok(edu) => edus.0.push(edu),
                Err(error) => tracing::error!(%error, "an EDU to be sent is not JSON"),
            }
        }
        Ok(())
    }
}

/// An event's text as it stands: it is canonical JSON already.
fn pdu(event: &Arc<Event>) -> Option<Box<RawValue>> {
    match RawValue::from_string(event.pdu.text().to_owned()) {
        Ok(pdu) => Some(pdu),
        Err(error) => {
            tracing::error!(%error, event = %event.id(), "an event to be sent is not JSON");
            None
        }
    }
}

impl Transaction {
    pub fn is_empty(&self) -> bool {
        self.pdus.is_empty() && self.edus.is_empty()
    }

    /// What it takes in memory, in bytes.
    pub fn size(&self) -> usize {
        self.pdus.iter().chain(&self.edus).map(|text| text.get().len()).sum()
    }
}
