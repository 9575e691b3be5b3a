//! The reader of the log that tells one service what concerns it.

use std::{future::pending, sync::Arc, time::Duration};

use hearth_storage::{
    Behind, Change, Commit, Position, Store, blocking,
    readers::{Reader, ReaderError},
    schema::{
        self,
        appservices::{AppserviceRow, PendingTransactionRow},
    },
};
use hearth_sync::Announcement;
use tokio::{
    sync::{broadcast, watch},
    task::{JoinError, JoinSet},
};

use super::{
    batch::Batch,
    body::{Body, Messages},
    delivery::deliver,
    interest::Interest,
    missed::Missed,
    waiting,
};
use crate::{AppServices, PushError, Service};

/// How long is waited at the end for a transaction that is on its way.
const LAST_WAIT: Duration = Duration::from_secs(3);
/// So many changes that the log does not tell any more are read at once: no more than a batch takes.
const CAUGHT_UP_AT_ONCE: usize = 100;

/// Tells one service what happens, a transaction at a time. While one is on its way it gathers the next, and no more:
/// what comes meanwhile waits in the log, or in the indexes where that is too long.
pub(super) struct ServiceReader {
    pub(super) services: AppServices,
    pub(super) service: Arc<Service>,
    pub(super) store: Store,
    pub(super) interest: Interest,
    pub(super) batch: Batch,
    /// All up to here is in transactions that were made; and in those that the service has.
    through: Position,
    acknowledged: Position,
    /// All up to here is in the batch, or was before.
    read_to: Position,
    /// The transaction that is on its way, and through where it tells.
    on_its_way: JoinSet<Result<(), PushError>>,
    announcements: Option<broadcast::Receiver<Announcement>>,
    stop: watch::Receiver<bool>,
}

impl ServiceReader {
    /// Goes on where the service was told last, and begins with what it did not acknowledge.
    pub fn open(
        services: AppServices,
        service: Arc<Service>,
        after: Position,
        stop: watch::Receiver<bool>,
    ) -> Result<Self, PushError> {
        let parts = services.parts();
        let store = parts.rooms.store().clone();
        // Also what its predecessor wrote last.
        let row = store.written().get(&schema::APPSERVICES, (service.id.as_str(),))?.unwrap_or_default();
        let AppserviceRow { through, pending } = row;
        let through = through.max(after);
        let mut reader = Self {
            interest: Interest::new(parts.rooms.clone(), service.clone()),
            announcements: service.ephemeral.then(|| parts.sync.ephemeral()),
            batch: Batch::default(),
            through,
            // What is not acknowledged is told in any case: by its row.
            acknowledged: after,
            read_to: through,
            on_its_way: JoinSet::new(),
            services,
            service,
            store,
            stop,
        };
        if let Some(pending) = pending {
            let (services, service) = (reader.services.clone(), reader.service.clone());
            reader.on_its_way.spawn(deliver(services, service, pending, None));
        } else {
            reader.acknowledged = through;
        }
        reader.take_in_waiting_messages()?;
        Ok(reader)
    }

    /// Notes for which devices messages wait that the service does not have.
    fn take_in_waiting_messages(&mut self) -> Result<(), PushError> {
        if self.service.ephemeral {
            self.batch.to_device =
                blocking(|| waiting::devices(&self.store.view(), &self.service, self.through))?;
        }
        Ok(())
    }

    /// The server ends.
    pub(super) fn end_announcements(&mut self) {
        self.announcements = None;
    }

    /// Up to where the service has all.
    fn settled(&self) -> Position {
        match self.on_its_way.is_empty() && self.batch.is_empty() {
            true => self.read_to,
            false => self.acknowledged,
        }
    }

    /// Takes in changes, and sends them as soon as they are enough or nothing is on its way.
    async fn take_in(&mut self, changes: &[(Position, Change)]) -> Result<(), PushError> {
        for (position, change) in changes {
            // In a transaction that was made before a restart.
            if *position <= self.through {
                continue;
            }
            if let Err(error) = self.change(*position, change) {
                if !error.is_lasting() {
                    return Err(error);
                }
                let service = &self.service.id;
                tracing::error!(service, %error, %position, "an application service is not told of a change");
            }
            self.read_to = *position;
            if self.batch.is_full() && !self.send_batch().await? {
                return Ok(());
            }
        }
        self.send_if_free()
    }

    /// Sends the batch, once what is on its way has arrived. Says whether it did: not when the server stops.
    async fn send_batch(&mut self) -> Result<bool, PushError> {
        while !self.batch.is_empty() {
            if !self.arrived().await? {
                return Ok(false);
            }
            self.send()?;
        }
        Ok(true)
    }

    fn send_if_free(&mut self) -> Result<(), PushError> {
        if self.on_its_way.is_empty() && !self.batch.is_empty() { self.send() } else { Ok(()) }
    }

    /// Returns when nothing is on its way any more, or with `false` when the server stops.
    async fn arrived(&mut self) -> Result<bool, PushError> {
        while !self.on_its_way.is_empty() {
            let done = tokio::select! {
                biased;
                _ = self.stop.wait_for(|stop| *stop) => return Ok(false),
                done = self.on_its_way.join_next() => done,
            };
            self.arrive(done)?;
        }
        Ok(true)
    }

    /// The service has what was on its way.
    fn arrive(&mut self, done: Option<Result<Result<(), PushError>, JoinError>>) -> Result<(), PushError> {
        match done {
            Some(Ok(done)) => done?,
            Some(Err(error)) => return Err(error.into()),
            None => {}
        }
        self.acknowledged = self.through;
        if self.batch.is_empty() {
            // The next transaction says as much, if it is made at once.
            drop(self.write(None)?);
        }
        Ok(())
    }

    /// Makes a transaction and sends it. It holds all of the batch, unless there are too many messages to devices:
    /// these come first, as they open what comes with the events.
    fn send(&mut self) -> Result<(), PushError> {
        let parts = self.services.parts();
        let devices = &mut self.batch.to_device;
        let messages = Messages::take(&parts.users, &self.service, devices, self.through, self.read_to)?;
        let batch = match self.batch.to_device.is_empty() {
            true => {
                self.through = self.read_to;
                std::mem::take(&mut self.batch)
            }
            false => Batch::default(),
        };
        if batch.is_empty() && messages.is_empty() {
            // What waited for a device was told meanwhile, or the device is gone.
            self.acknowledged = self.through;
            return Ok(());
        }
        let to_device = messages.delivered.clone();
        let body = Body::new(&self.services, &self.service, &self.interest, batch, messages)?;
        let body = serde_json::to_string(&body)?;
        let mut number = [0; 16];
        parts.random.fill(&mut number);
        let id = number.iter().map(|byte| format!("{byte:02x}")).collect();
        let transaction = PendingTransactionRow { id, body, to_device };
        let written = self.write(Some(transaction.clone()))?;
        let (services, service) = (self.services.clone(), self.service.clone());
        self.on_its_way.spawn(deliver(services, service, transaction, Some(written)));
        Ok(())
    }

    fn write(&self, pending: Option<PendingTransactionRow>) -> Result<Commit, PushError> {
        let row = AppserviceRow { through: self.through, pending };
        let mut transaction = self.store.begin()?;
        transaction.put(&schema::APPSERVICES, (self.service.id.as_str(),), &row);
        Ok(transaction.submit())
    }

    /// Tells what the log does not have any more.
    async fn read_missed(&mut self, gap: Behind) -> Result<(), PushError> {
        let from = gap.from.max(self.through);
        self.interest.forget_all();
        let mut missed = blocking(|| Missed::new(&self.services, &self.service, from, gap.to))?;
        loop {
            let next = blocking(|| missed.next_changes(CAUGHT_UP_AT_ONCE))?;
            if next.is_empty() {
                break;
            }
            // The log told of messages to devices as well: before each batch it is looked for what came for it.
            self.take_in_waiting_messages()?;
            self.take_in(&next).await?;
            if *self.stop.borrow() {
                return Ok(());
            }
        }
        self.read_to = gap.to;
        self.take_in_waiting_messages()?;
        self.send_if_free()
    }
}

impl Reader for ServiceReader {
    async fn take(&mut self, changes: &[(Position, Change)]) -> Result<Position, ReaderError> {
        self.take_in(changes).await?;
        Ok(self.settled())
    }

    async fn catch_up(&mut self, gap: Behind) -> Result<Position, ReaderError> {
        self.read_missed(gap).await?;
        Ok(self.settled())
    }

    async fn meanwhile(&mut self) -> Result<Position, ReaderError> {
        self.send_if_free()?;
        tokio::select! {
            biased;
            Some(done) = self.on_its_way.join_next() => self.arrive(Some(done))?,
            said = announced(&mut self.announcements) => self.announced(said)?,
        };
        self.send_if_free()?;
        Ok(self.settled())
    }

    async fn finish(&mut self) -> Option<Position> {
        // What is not there by then is sent again, as it is.
        if let Ok(done) = tokio::time::timeout(LAST_WAIT, self.on_its_way.join_next()).await
            && let Err(error) = self.arrive(done)
        {
            tracing::debug!(service = self.service.id, %error, "a transaction did not arrive at the end");
        }
        Some(self.settled())
    }
}

/// What is announced next; never, when there is no more.
async fn announced(
    announcements: &mut Option<broadcast::Receiver<Announcement>>,
) -> Result<Announcement, broadcast::error::RecvError> {
    match announcements {
        Some(announcements) => announcements.recv().await,
        None => pending().await,
    }
}
