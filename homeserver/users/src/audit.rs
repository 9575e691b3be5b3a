//! What administrators did. Nobody can delete it: there is no way to, and what is old goes by itself.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use hearth_storage::{
    Scan, Transaction,
    schema::{
        self,
        timers::{Timer, TimerKind},
        users::AuditRow,
    },
    timers::{Fired, TimerError, Timers},
};

use crate::{UsersError, shared::Shared};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// For how many days it is known what an administrator did.
const KEPT_DAYS: u64 = 400;
/// How many entries are forgotten at once.
const AT_ONCE: usize = 500;
/// What is kept of what a request said, in bytes.
const MAX_BODY: usize = 4096;

/// The key of an entry: the time in milliseconds, and a number.
pub type AuditKey = (u64, u64);

/// What administrators did.
#[derive(Clone)]
pub struct Audit {
    shared: Arc<Shared>,
    next: Arc<AtomicU64>,
}

impl Audit {
    pub(crate) fn new(shared: Arc<Shared>) -> Result<Self, UsersError> {
        let last = shared.store.view().scan(&schema::AUDIT, Scan::all().reversed()).next().transpose()?;
        let next = last.map_or(0, |((_, number), _)| number + 1);
        Ok(Self { shared, next: Arc::new(AtomicU64::new(next)) })
    }

    /// Writes down what an administrator is about to do; returns when it is durable, and only then it is done.
    pub async fn begin(&self, who: &str, request: &str, mut body: String) -> Result<AuditKey, UsersError> {
        let key = (self.shared.clock.now_ms(), self.next.fetch_add(1, Ordering::Relaxed));
        if body.len() > MAX_BODY {
            let end = (0..=MAX_BODY).rev().find(|at| body.is_char_boundary(*at)).unwrap_or(0);
            body.truncate(end);
            body.push('…');
        }
        let row = AuditRow { who: who.to_owned(), request: request.to_owned(), body, status: None };
        let mut transaction = self.shared.store.begin()?;
        transaction.put(&schema::AUDIT, key, &row);
        forget_later(&mut transaction, key.0 / DAY_MS)?;
        transaction.submit().await?;
        Ok(key)
    }

    /// Writes down what came of it.
    pub async fn end(&self, key: AuditKey, status: u16) -> Result<(), UsersError> {
        let mut transaction = self.shared.store.begin()?;
        let Some(row) = transaction.get(&schema::AUDIT, key)? else { return Ok(()) };
        transaction.put(&schema::AUDIT, key, &AuditRow { status: Some(status), ..row });
        transaction.submit().await?;
        Ok(())
    }

    /// Up to `limit` entries, the newest first, from before `before`.
    pub fn list(
        &self,
        before: Option<AuditKey>,
        limit: usize,
    ) -> Result<Vec<(AuditKey, AuditRow)>, UsersError> {
        let scan = match before {
            Some(key) => Scan::all().until(key),
            None => Scan::all(),
        };
        let view = self.shared.store.view();
        Ok(view.scan(&schema::AUDIT, scan.reversed()).take(limit).collect::<Result<_, _>>()?)
    }

    /// Handles the timers of what is forgotten.
    pub fn handle_timers(&self, timers: &mut Timers) {
        let audit = self.clone();
        timers.handle(TimerKind::ForgetAudit, move |timer| {
            let audit = audit.clone();
            async move {
                let Timer::ForgetAudit { day } = timer else { return Ok(Fired::Done) };
                audit.forget(day).await.map_err(TimerError::from)
            }
        });
    }

    async fn forget(&self, day: u64) -> Result<Fired, UsersError> {
        let end = (day + 1) * DAY_MS;
        let view = self.shared.store.view();
        let old = view.scan(&schema::AUDIT, Scan::all().until((end, 0))).take(AT_ONCE);
        let old: Vec<AuditKey> = old.map(|row| row.map(|(key, _)| key)).collect::<Result<_, _>>()?;
        let mut transaction = self.shared.store.begin()?;
        for key in &old {
            transaction.delete(&schema::AUDIT, *key);
        }
        transaction.submit().await?;
        Ok(if old.len() < AT_ONCE { Fired::Done } else { Fired::More })
    }
}

/// What was done on a day is forgotten together.
fn forget_later(transaction: &mut Transaction, day: u64) -> Result<(), UsersError> {
    Ok(transaction.set_timer_once((day + KEPT_DAYS) * DAY_MS, &Timer::ForgetAudit { day })?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::World;

    #[tokio::test]
    async fn it_is_read_from_the_newest_back_and_old_entries_go() {
        let world = World::new();
        let audit = &world.users.audit;
        for number in 0..3 {
            let key = audit.begin("@root:here", &format!("PUT /{number}"), "x".repeat(9000)).await.unwrap();
            audit.end(key, 200).await.unwrap();
        }
        let newest = audit.list(None, 2).unwrap();
        assert_eq!((newest[0].1.request.as_str(), newest[1].1.request.as_str()), ("PUT /2", "PUT /1"));
        assert!(newest[0].1.body.len() < 5000 && newest[0].1.status == Some(200));
        let rest = audit.list(Some(newest[1].0), 9).unwrap();
        assert_eq!((rest.len(), rest[0].1.request.as_str()), (1, "PUT /0"));
        let today = newest[0].0.0 / DAY_MS;
        audit.forget(today - 1).await.unwrap();
        assert_eq!(audit.list(None, 9).unwrap().len(), 3);
        audit.forget(today).await.unwrap();
        assert!(audit.list(None, 9).unwrap().is_empty());
    }
}
