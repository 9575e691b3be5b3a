//! Telling services what happens.

mod batch;
mod body;
mod changes;
mod delivery;
mod event;
mod interest;
mod missed;
mod reader;
mod waiting;

use std::{collections::BTreeMap, sync::Arc};

use hearth_storage::{
    Scan, StorageError,
    readers::{Progress, ReadFrom, ReaderTask},
    schema::{self, appservices::AppserviceRow},
};
use hearth_users::UsersError;
use parking_lot::Mutex;
use tokio::sync::watch;

use self::reader::ServiceReader;
use crate::{AppServices, Service};

/// Tells each service what concerns it, until it is stopped or dropped. Cheap to clone.
#[derive(Clone)]
pub struct Pushing(Arc<Inner>);

struct Inner {
    services: AppServices,
    stop: watch::Sender<bool>,
    /// By the service's id.
    readers: Mutex<BTreeMap<String, (Arc<Service>, ReaderTask)>>,
}

impl Pushing {
    /// Begins to tell: first what was left when it ended last. To be called within a tokio runtime.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn start(services: AppServices) -> Result<Self, StorageError> {
        let pushing =
            Self(Arc::new(Inner { services, stop: watch::Sender::new(false), readers: Mutex::default() }));
        pushing.forget_others()?;
        for service in pushing.0.services.all() {
            pushing.begin(service)?;
        }
        Ok(pushing)
    }

    /// Waits some seconds for what is on its way, and notes how far each service was told.
    pub async fn stop(&self) {
        self.0.stop.send_replace(true);
        let readers = std::mem::take(&mut *self.0.readers.lock());
        futures::future::join_all(readers.into_values().map(|(_, reader)| reader.stop())).await;
    }

    /// Others take the place of the services there were. Who is among them as before is told on without a break.
    ///
    /// # Errors
    /// If the store cannot be read or written.
    pub async fn reload(&self, services: Vec<Arc<Service>>) -> Result<(), UsersError> {
        let before = self.0.services.all();
        let as_before = |service: Arc<Service>| {
            let same = before.iter().find(|other| other.id == service.id && other.text == service.text);
            same.cloned().unwrap_or(service)
        };
        let services: Vec<_> = services.into_iter().map(as_before).collect();
        let is_in = |services: &[Arc<Service>], service: &Arc<Service>| {
            services.iter().any(|other| Arc::ptr_eq(service, other))
        };
        // Readers may wait for services that never answer: they end where they are.
        self.0.readers.lock().retain(|_, (service, _)| is_in(&services, service));
        self.0.services.replace(services.clone());
        self.0.services.make_senders().await?;
        self.forget_others()?;
        for service in services.into_iter().filter(|service| !is_in(&before, service)) {
            self.begin(service)?;
        }
        Ok(())
    }

    fn begin(&self, service: Arc<Service>) -> Result<(), StorageError> {
        if service.url.is_none() {
            return Ok(());
        }
        let store = self.0.services.parts().rooms.store();
        // By this row it is found out that the service is gone.
        if !store.written().contains(&schema::APPSERVICES, (service.id.as_str(),))? {
            let mut transaction = store.begin()?;
            transaction.put(&schema::APPSERVICES, (service.id.as_str(),), &AppserviceRow::default());
            drop(transaction.submit());
        }
        let (services, told, stop) = (self.0.services.clone(), service.clone(), self.0.stop.subscribe());
        let open = move |after| Ok(ServiceReader::open(services.clone(), told.clone(), after, stop.clone())?);
        let reader = store.start_reader(&cursor(&service.id), ReadFrom::Cursor, Progress::default(), open);
        self.0.readers.lock().insert(service.id.clone(), (service, reader));
        Ok(())
    }

    /// What is known of services that are there no more goes, as the log waits for them.
    fn forget_others(&self) -> Result<(), StorageError> {
        let services = self.0.services.all();
        let store = self.0.services.parts().rooms.store();
        for row in store.view().scan(&schema::APPSERVICES, Scan::all()) {
            let ((id,), _) = row?;
            if !services.iter().any(|service| service.id == id && service.url.is_some()) {
                store.forget_reader(&cursor(&id));
                let mut transaction = store.begin()?;
                transaction.delete(&schema::APPSERVICES, (id.as_str(),));
                drop(transaction.submit());
            }
        }
        Ok(())
    }
}

/// The name of a service's cursor in the log.
pub fn cursor(service: &str) -> String {
    format!("appservice {service}")
}
