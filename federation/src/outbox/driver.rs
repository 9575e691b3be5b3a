//! The reader of the log that drives the queues: it reads, writes and sends what they decide.

mod behind;
mod changes;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use hearth_rooms::Rooms;
use hearth_storage::{
    Behind, Change, Clock, Position, RoomNid, Scan, StorageError, Store, blocking,
    readers::{Reader, ReaderError},
    schema,
};
use hearth_sync::{Announcement, SyncService};
use hearth_users::Users;
use ruma::{OwnedServerName, ServerName};
use tokio::{
    sync::broadcast,
    task::{Id, JoinError, JoinSet},
    time::Instant,
};

use self::changes::PresenceServers;
use super::{
    exceptions::Exceptions,
    post::Post,
    queues::{MAX_MISSED, Order, Queues, Rows, ServerNid, Step},
    transaction::{Filled, Filler, Transaction},
    unacknowledged::Unacknowledged,
};
use crate::FederationError;

/// How long a destination that failed is left alone at least.
const REST: Duration = Duration::from_secs(1);
/// The same for one that answers, but refuses: it doubles each time, so often.
const REFUSED_REST: Duration = Duration::from_secs(30);
const REFUSED_DOUBLES: u32 = 7;
/// How long to wait when the store is busy.
const BUSY: Duration = Duration::from_millis(200);
/// How long is waited for transactions on their way before the end.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// What a driver works with.
#[derive(Clone)]
pub(super) struct Parts {
    pub rooms: Rooms,
    pub users: Users,
    pub post: Arc<dyn Post>,
    pub exceptions: Arc<Exceptions>,
    pub clock: Arc<dyn Clock>,
    /// Tells of typing and presence.
    pub sync: SyncService,
    /// Transaction ids begin with it.
    pub id_prefix: String,
    /// How many transactions were made: the next one's id ends with it, also of a driver that begins anew.
    pub sent: Arc<AtomicU64>,
}

pub(super) struct Driver {
    store: Store,
    rooms: Rooms,
    post: Arc<dyn Post>,
    filler: Arc<Filler>,
    clock: Arc<dyn Clock>,
    exceptions: Arc<Exceptions>,
    announcements: Option<broadcast::Receiver<Announcement>>,
    queues: Queues,
    presence_servers: PresenceServers,
    /// Rows that the store was too busy to take.
    unwritten: Option<Rows>,
    tasks: JoinSet<Report>,
    /// Writes on their way.
    writing: usize,
    sending: HashMap<Id, ServerNid>,
    unacknowledged: Unacknowledged,
    /// How often in a row a destination refused.
    refused: HashMap<ServerNid, u32>,
    id_prefix: String,
    sent: Arc<AtomicU64>,
}

/// What came of something that the driver began.
enum Report {
    Delivered {
        server: ServerNid,
        filled: Arc<Filled>,
    },
    /// It has what it did not acknowledge before, or can at least be connected to.
    Reached {
        server: ServerNid,
        acknowledged: Option<Arc<Filled>>,
    },
    Failed {
        server: ServerNid,
        refused: bool,
        /// What was sent and not acknowledged.
        unacknowledged: Option<Arc<Filled>>,
    },
    Rested(ServerNid),
    Written(Result<Rows, StorageError>),
}

impl Driver {
    /// Takes up what waits in the store, and what the log tells after a position.
    pub fn open(parts: Parts, after: Position) -> Result<Self, StorageError> {
        let Parts { rooms, users, post, exceptions, clock, sync, id_prefix, sent } = parts;
        let mut driver = Self {
            store: rooms.store().clone(),
            queues: Queues::new(after),
            filler: Arc::new(Filler { rooms: rooms.clone(), users }),
            clock,
            announcements: Some(sync.ephemeral()),
            presence_servers: PresenceServers::default(),
            unwritten: None,
            tasks: JoinSet::new(),
            writing: 0,
            sending: HashMap::new(),
            unacknowledged: Unacknowledged::default(),
            refused: HashMap::new(),
            rooms,
            post,
            exceptions,
            id_prefix,
            sent,
        };
        driver.restore()?;
        Ok(driver)
    }

    fn restore(&mut self) -> Result<(), StorageError> {
        let view = self.store.view();
        // From server to server: a dead one may have many rows.
        let mut next = view.scan(&schema::DESTINATION_ROOMS, Scan::all()).next().transpose()?;
        while let Some(((server, _), _)) = next {
            let after = Scan::all().after((&server, RoomNid(u64::MAX)));
            next = view.scan(&schema::DESTINATION_ROOMS, after).next().transpose()?;
            let server = self.queues.nid(&server);
            self.queues.rooms_wait(server);
        }
        for row in view.scan(&schema::DESTINATION_DEVICE_LISTS, Scan::all()) {
            let ((server, _), ()) = row?;
            let server = self.queues.nid(&server);
            self.queues.lists_wait(server);
        }
        let mut next = view.scan(&schema::DESTINATION_EDUS, Scan::all()).next().transpose()?;
        while let Some(((server, _), _)) = next {
            let after = Scan::all().after((&server, Position(u64::MAX)));
            next = view.scan(&schema::DESTINATION_EDUS, after).next().transpose()?;
            let server = self.queues.nid(&server);
            self.queues.edus_wait(server);
        }
        let all: Vec<_> = self.queues.destinations().collect();
        for server in all {
            if !self.post.may_try(self.queues.name(server)) {
                self.queues.failed(server);
                self.rest(server, REST);
            }
        }
        Ok(())
    }

    /// Waits a little for what is on its way.
    async fn end(&mut self) {
        let until = Instant::now() + LAST_WAIT;
        while !self.sending.is_empty() {
            match tokio::time::timeout_at(until, self.tasks.join_next_with_id()).await {
                Ok(Some(report)) => self.report(report),
                _ => break,
            }
        }
        // Nothing new is begun: what is left is read from the log again.
        if let Err(error) = self.write_rows() {
            tracing::debug!(%error, "which servers are behind was not written at the end");
        }
        while self.writing > 0
            && let Ok(Some(report)) = tokio::time::timeout_at(until, self.tasks.join_next_with_id()).await
        {
            self.report(report);
        }
        self.tasks.shutdown().await;
    }

    /// Does what the queues ask for. Gives up to where everything is delivered or written down.
    fn act(&mut self) -> Result<Position, StorageError> {
        self.write_rows()?;
        while let Some((server, step)) = self.queues.next() {
            match step {
                Step::Reach => self.reach(server),
                Step::ReadRooms(from) => self.read_rooms(server, from)?,
                Step::Send(order) => self.send(server, order),
            }
        }
        metrics::gauge!("hearth_federation_destinations").set(self.queues.destinations().len() as f64);
        metrics::gauge!("hearth_federation_sending").set(self.sending.len() as f64);
        Ok(self.queues.settled())
    }

    fn write_rows(&mut self) -> Result<(), StorageError> {
        // In order: the later row is the right one.
        while let Some(rows) = self.unwritten.take().or_else(|| self.queues.rows()) {
            let mut transaction = match self.store.begin() {
                Ok(transaction) => transaction,
                Err(StorageError::Busy | StorageError::Failing(_)) => {
                    self.unwritten = Some(rows);
                    return Ok(());
                }
                Err(error) => return Err(error),
            };
            rows.write(&mut transaction);
            let commit = transaction.submit();
            self.writing += 1;
            self.tasks.spawn(async move { Report::Written(commit.await.map(|_| rows)) });
        }
        Ok(())
    }

    /// Reads in which rooms a destination is behind.
    fn read_rooms(&mut self, server: ServerNid, from: RoomNid) -> Result<(), StorageError> {
        let name = self.queues.name(server).clone();
        let view = self.store.view();
        let rows = view.scan(&schema::DESTINATION_ROOMS, Scan::prefix((&name,)).from((&name, from)));
        let rooms: Vec<(RoomNid, Position)> = rows
            .take(MAX_MISSED)
            .map(|row| row.map(|((_, room), first)| (room, first)))
            .collect::<Result<_, _>>()?;
        let more = rooms.last().filter(|_| rooms.len() == MAX_MISSED).map(|(last, _)| RoomNid(last.0 + 1));
        self.queues.rooms_read(server, rooms, more);
        Ok(())
    }

    /// Sends again what a destination did not acknowledge, or else sees whether it can be connected to.
    fn reach(&mut self, server: ServerNid) {
        let delivery = self.delivery(server);
        let again = self.unacknowledged.get(server).cloned();
        let task = self.tasks.spawn(async move {
            let reached = match &again {
                Some(filled) => delivery.deliver(filled).await,
                None => delivery.post.reach(&delivery.name).await,
            };
            match reached {
                Ok(()) => Report::Reached { server, acknowledged: again },
                Err(error) => Report::Failed {
                    server,
                    refused: again.is_some() && is_refusal(&error),
                    unacknowledged: again,
                },
            }
        });
        self.sending.insert(task.id(), server);
    }

    fn send(&mut self, server: ServerNid, order: Order) {
        let number = self.sent.fetch_add(1, Ordering::Relaxed) + 1;
        let new = Transaction {
            id: format!("{}-{number}", self.id_prefix),
            made_at: self.clock.now_ms(),
            ..Transaction::default()
        };
        let (delivery, filler) = (self.delivery(server), self.filler.clone());
        let task = self.tasks.spawn(async move {
            let filled = match fill(&filler, &delivery.name, &order, new) {
                Ok(filled) => Arc::new(filled),
                Err(error) => {
                    tracing::error!(server = %delivery.name, %error, "a transaction could not be made");
                    return Report::Failed { server, refused: true, unacknowledged: None };
                }
            };
            match delivery.deliver(&filled).await {
                Ok(()) => Report::Delivered { server, filled },
                Err(error) => {
                    Report::Failed { server, refused: is_refusal(&error), unacknowledged: Some(filled) }
                }
            }
        });
        self.sending.insert(task.id(), server);
    }

    fn delivery(&self, server: ServerNid) -> Delivery {
        Delivery {
            name: self.queues.name(server).clone(),
            post: self.post.clone(),
            store: self.store.clone(),
        }
    }

    /// Leaves a destination alone, at least so long.
    fn rest(&mut self, server: ServerNid, at_least: Duration) {
        let (post, name) = (self.post.clone(), self.queues.name(server).clone());
        self.tasks.spawn(async move {
            tokio::time::sleep(at_least).await;
            post.ready(&name).await;
            Report::Rested(server)
        });
    }

    fn report(&mut self, report: Result<(Id, Report), JoinError>) {
        let report = match report {
            Ok((task, report)) => {
                self.sending.remove(&task);
                report
            }
            Err(error) => match self.sending.remove(&error.id()) {
                Some(server) => {
                    tracing::error!(%error, "a transaction could not be made");
                    Report::Failed { server, refused: true, unacknowledged: None }
                }
                None => return,
            },
        };
        match report {
            Report::Delivered { server, filled } => {
                self.refused.remove(&server);
                if filled.more_edus {
                    self.queues.edus_wait(server);
                }
                if filled.more_lists {
                    self.queues.lists_wait(server);
                }
                self.queues.delivered(server, &filled.lists, &filled.rooms);
            }
            Report::Reached { server, acknowledged } => {
                if let Some(filled) = acknowledged {
                    self.refused.remove(&server);
                    self.unacknowledged.remove(server);
                    self.queues.told(server, &filled.told);
                }
                self.queues.reached(server);
            }
            Report::Failed { server, refused, unacknowledged } => {
                if let Some(filled) = unacknowledged {
                    self.unacknowledged.insert(server, filled);
                }
                self.queues.failed(server);
                let mut rest = REST;
                if refused {
                    let times = self.refused.entry(server).or_default();
                    rest = REFUSED_REST * 2_u32.pow(*times);
                    *times = (*times + 1).min(REFUSED_DOUBLES);
                }
                self.rest(server, rest);
            }
            Report::Rested(server) => self.queues.wake(server),
            Report::Written(written) => {
                self.writing -= 1;
                match written {
                    Ok(rows) => self.queues.written(rows),
                    // The store is stopped, which the next write finds out.
                    Err(error) => tracing::error!(%error, "which servers are behind was not written"),
                }
            }
        }
    }
}

impl Reader for Driver {
    async fn take(&mut self, changes: &[(Position, Change)]) -> Result<Position, ReaderError> {
        self.take_in(changes);
        Ok(self.act()?)
    }

    async fn catch_up(&mut self, gap: Behind) -> Result<Position, ReaderError> {
        self.skip(gap).await?;
        Ok(self.act()?)
    }

    async fn meanwhile(&mut self) -> Result<Position, ReaderError> {
        self.act()?;
        let busy = self.unwritten.is_some();
        tokio::select! {
            biased;
            Some(report) = self.tasks.join_next_with_id() => {
                self.report(report);
                // Where many fail at once, what is to be written of them is one batch.
                while let Some(report) = self.tasks.try_join_next_with_id() {
                    self.report(report);
                }
            }
            said = announced(&mut self.announcements) => self.announced(said),
            () = tokio::time::sleep(BUSY), if busy => {}
        }
        Ok(self.act()?)
    }

    async fn finish(&mut self) -> Option<Position> {
        self.end().await;
        Some(self.queues.settled())
    }
}

/// What is announced next; never, when there is no more.
async fn announced(
    announcements: &mut Option<broadcast::Receiver<Announcement>>,
) -> Result<Announcement, broadcast::error::RecvError> {
    match announcements {
        Some(announcements) => announcements.recv().await,
        None => std::future::pending().await,
    }
}

/// Whether a server answers, but does not take what it is sent.
fn is_refusal(error: &FederationError) -> bool {
    !error.is_outage() && !matches!(error, FederationError::BackingOff)
}

/// Makes a transaction.
fn fill(
    filler: &Filler,
    name: &ServerName,
    order: &Order,
    new: Transaction,
) -> Result<Filled, FederationError> {
    if order.rooms.is_empty() {
        return filler.fill(name, order, new);
    }
    // It reads much, and not between the others.
    blocking(|| filler.fill(name, order, new))
}

/// Brings transactions to a destination.
struct Delivery {
    name: OwnedServerName,
    post: Arc<dyn Post>,
    store: Store,
}

impl Delivery {
    /// Returns when the destination has the transaction, and the store knows.
    async fn deliver(&self, filled: &Filled) -> Result<(), FederationError> {
        let transaction = &filled.transaction;
        if !transaction.is_empty() {
            if let Err(error) = self.post.send(&self.name, transaction).await {
                tracing::debug!(server = %self.name, %error, "a transaction was not delivered");
                metrics::counter!("hearth_federation_transactions_total", "result" => "failed").increment(1);
                return Err(error);
            }
            let (pdus, edus) = (transaction.pdus.len(), transaction.edus.len());
            metrics::counter!("hearth_federation_transactions_total", "result" => "delivered").increment(1);
            metrics::counter!("hearth_federation_sent_pdus_total").increment(pdus as u64);
            metrics::counter!("hearth_federation_sent_edus_total").increment(edus as u64);
        }
        if !filled.edus.is_empty() {
            let commit = {
                let mut transaction = self.store.begin()?;
                for position in &filled.edus {
                    transaction.delete(&schema::DESTINATION_EDUS, (&self.name, *position));
                }
                transaction.submit()
            };
            // Durable before the next is made, so that it does not read them again.
            commit.await?;
        }
        Ok(())
    }
}
