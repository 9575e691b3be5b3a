//! `PUT /_matrix/federation/v1/send/{txnId}`: what is common to all that comes in one transaction.

use std::collections::{BTreeMap, HashMap};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use hearth_http::MatrixError;
use parking_lot::Mutex;
use quick_cache::sync::Cache;
use ruma::{
    OwnedEventId, OwnedRoomId, OwnedServerName, OwnedTransactionId, ServerName,
    api::federation::transactions::{
        edu::Edu,
        send_transaction_message::v1::{Request, Response},
    },
    serde::Raw,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::watch;

use crate::{Federation, intake::edus::edu_type};

/// How many PDUs and EDUs a transaction may have ("Transactions").
const MAX_PDUS: usize = 50;
const MAX_EDUS: usize = 100;
/// How many transactions of a server are worked on at once. It should send one at a time, but gives up waiting
/// sooner than we do.
const OF_ONE_SERVER: usize = 4;
/// How many answers are remembered, for servers that ask again.
const REMEMBERED: usize = 4096;
/// In how many rooms a transaction is taken in at once.
const ROOMS_AT_ONCE: usize = 8;

/// What became of a PDU, as its server is told.
pub(crate) type Outcome = Result<(), String>;

type Name = (OwnedServerName, OwnedTransactionId);
type Answer = Result<Response, MatrixError>;

/// The transactions that are worked on, and the answers to those of late.
pub(crate) struct Transactions {
    answers: Cache<Name, watch::Receiver<Option<Answer>>>,
    working: Mutex<HashMap<OwnedServerName, usize>>,
}

impl Default for Transactions {
    fn default() -> Self {
        Self { answers: Cache::new(REMEMBERED), working: Mutex::default() }
    }
}

/// A transaction that is worked on.
struct Working {
    federation: Federation,
    origin: OwnedServerName,
}

impl Working {
    fn begin(federation: &Federation, origin: &ServerName) -> Option<Self> {
        let mut working = federation.under_way().transactions.working.lock();
        let count = working.entry(origin.to_owned()).or_default();
        if *count >= OF_ONE_SERVER {
            return None;
        }
        *count += 1;
        Some(Self { federation: federation.clone(), origin: origin.to_owned() })
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        let mut working = self.federation.under_way().transactions.working.lock();
        if let Some(count) = working.get_mut(&self.origin) {
            *count -= 1;
            if *count == 0 {
                working.remove(&self.origin);
            }
        }
    }
}

impl Federation {
    /// Takes in a transaction whose origin was authenticated. Answers when what was accepted is durable; the
    /// work goes on when the caller goes away, and who sends the same again waits for the same answer.
    ///
    /// # Errors
    /// Nothing of it is acknowledged then, and it is to be sent again: the server is too busy, or its storage
    /// failed.
    pub async fn transaction(&self, origin: &ServerName, transaction: Request) -> Answer {
        if transaction.pdus.len() > MAX_PDUS || transaction.edus.len() > MAX_EDUS {
            return Err(MatrixError::too_large("A transaction has at most 50 PDUs and 100 EDUs."));
        }
        let transactions = &self.under_way().transactions;
        let name = (origin.to_owned(), transaction.transaction_id.clone());
        let begun = transactions.answers.get_or_insert_with(&name, || {
            let working = Working::begin(self, origin).ok_or(())?;
            let (sender, receiver) = watch::channel(None);
            tokio::spawn(work(working, name.1.clone(), transaction, sender));
            Ok::<_, ()>(receiver)
        });
        let Ok(mut answer) = begun else {
            return Err(MatrixError::limit_exceeded(std::time::Duration::from_secs(5)));
        };
        match answer.wait_for(Option::is_some).await.map(|answer| answer.clone()) {
            Ok(Some(answer)) => answer,
            Ok(None) | Err(_) => {
                transactions.answers.remove(&name);
                Err(MatrixError::internal("The transaction could not be worked on."))
            }
        }
    }

    async fn take_in(&self, origin: &ServerName, transaction: Request) -> Answer {
        let Request { pdus, edus, .. } = transaction;
        let rooms = stream::iter(by_room(pdus))
            .map(|(room, texts)| self.take_in_pdus(origin, room, texts))
            .buffer_unordered(ROOMS_AT_ONCE)
            .try_collect::<Vec<_>>();
        // What was read may come in the same transaction.
        let (receipts, edus) = edus.into_iter().partition::<Vec<_>, _>(is_receipt);
        let (rooms, edus) = futures::join!(rooms, self.take_in_edus(origin, edus));
        edus?;
        self.take_in_edus(origin, receipts).await?;
        let outcomes: BTreeMap<OwnedEventId, Outcome> = rooms?.into_iter().flatten().collect();
        Ok(Response::new(outcomes))
    }
}

fn is_receipt(edu: &Raw<Edu>) -> bool {
    edu_type(edu).as_deref() == Some("m.receipt")
}

async fn work(
    working: Working,
    id: OwnedTransactionId,
    transaction: Request,
    answer: watch::Sender<Option<Answer>>,
) {
    let Working { federation, origin } = &working;
    let taken_in = federation.take_in(origin, transaction).await;
    if let Err(error) = &taken_in {
        tracing::warn!(%origin, %error, "a transaction could not be taken in");
        // When it comes again it is tried again.
        federation.under_way().transactions.answers.remove(&(origin.clone(), id));
    }
    answer.send_replace(Some(taken_in));
}

/// The PDUs of each room in their order, and the rooms in theirs. What names no room is left out: without it
/// nobody knows even its id.
fn by_room(pdus: Vec<Box<RawValue>>) -> Vec<(OwnedRoomId, Vec<Box<RawValue>>)> {
    #[derive(Deserialize)]
    struct InRoom {
        room_id: OwnedRoomId,
    }
    let mut rooms: Vec<(OwnedRoomId, Vec<Box<RawValue>>)> = Vec::new();
    for pdu in pdus {
        let Ok(InRoom { room_id }) = serde_json::from_str(pdu.get()) else {
            tracing::debug!("a PDU names no room");
            continue;
        };
        match rooms.iter_mut().find(|(room, _)| *room == room_id) {
            Some((_, pdus)) => pdus.push(pdu),
            None => rooms.push((room_id, vec![pdu])),
        }
    }
    rooms
}

#[cfg(test)]
mod tests {
    use serde_json::{json, value::to_raw_value};

    use super::*;

    #[test]
    fn pdus_go_to_their_rooms_in_their_order() {
        let pdus = [("!a:x", 1), ("!b:x", 2), ("!a:x", 3), ("no room", 4)];
        let pdus =
            pdus.map(|(room, depth)| to_raw_value(&json!({ "room_id": room, "depth": depth })).unwrap());
        let rooms = by_room(pdus.to_vec());
        let depths = |pdus: &[Box<RawValue>]| -> Vec<u64> {
            let depth = |pdu: &RawValue| serde_json::from_str::<serde_json::Value>(pdu.get()).unwrap();
            pdus.iter().map(|pdu| depth(pdu)["depth"].as_u64().unwrap()).collect()
        };
        let rooms: Vec<(&str, Vec<u64>)> =
            rooms.iter().map(|(room, pdus)| (room.as_str(), depths(pdus))).collect();
        assert_eq!(rooms, [("!a:x", vec![1, 3]), ("!b:x", vec![2])]);
    }
}
