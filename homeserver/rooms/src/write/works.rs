//! Doing what administrators asked for and takes a while: bit by bit, by a durable timer, so that it goes on after a
//! restart and holds nothing else up.

use hearth_storage::{
    Scan,
    schema::{
        self,
        rooms::{Work, WorkRow, WorkStatus},
        timers::Timer,
    },
    timers::Fired,
};

use crate::{
    RoomError,
    read::rooms::Rooms,
    write::{delete::Deletion, redact_user::Redacting},
};

/// How many are known at once, those that are done with them.
const MAX_WORKS: usize = 1000;
/// How long it is known what came of one, in milliseconds.
const KEPT_MS: u64 = 7 * 24 * 60 * 60 * 1000;

/// What is left of a work after a bit of it.
pub(crate) enum Left {
    More(Work),
    Nothing(Work),
}

impl Rooms {
    /// Begins a work, and gives its id.
    ///
    /// # Errors
    /// [`RoomError::Busy`] if there are 1,000 already.
    pub async fn begin_work(&self, work: Work) -> Result<String, RoomError> {
        let id = self.shared.opaque_id(16);
        let now = self.now_ms();
        let commit = {
            let _one_at_a_time = self.shared.administering.lock();
            let mut tx = self.shared.store.begin()?;
            if tx.scan(&schema::WORKS, Scan::all()).take(MAX_WORKS).count() == MAX_WORKS {
                return Err(RoomError::Busy);
            }
            let row = WorkRow { work, status: WorkStatus::Active, asked_at: now, changed_at: now };
            tx.put(&schema::WORKS, (&id,), &row);
            tx.set_timer(now, &Timer::Work { id: id.clone() });
            tx.submit()
        };
        commit.await?;
        Ok(id)
    }

    /// Does a work from beginning to end, and gives what came of it. It is not gone on with after a restart.
    pub async fn do_at_once(&self, mut work: Work) -> Result<Work, RoomError> {
        loop {
            match self.some_of(work).await? {
                Left::More(more) => work = more,
                Left::Nothing(done) => {
                    self.sweep_in_background();
                    return Ok(done);
                }
            }
        }
    }

    /// Does some of a work; forgets one that was done long ago.
    pub(crate) async fn go_on_with(&self, id: &str) -> Result<Fired, RoomError> {
        let Some(mut row) = self.work(id)? else { return Ok(Fired::Done) };
        let now = self.now_ms();
        if row.status != WorkStatus::Active {
            if row.changed_at + KEPT_MS <= now {
                let mut tx = self.shared.store.begin()?;
                tx.delete(&schema::WORKS, (id,));
                tx.submit().await?;
            }
            return Ok(Fired::Done);
        }
        let fired = match self.some_of(row.work.clone()).await {
            Ok(Left::More(work)) => {
                row.work = work;
                Fired::More
            }
            Ok(Left::Nothing(work)) => {
                (row.work, row.status) = (work, WorkStatus::Complete);
                Fired::Done
            }
            // Those are not its own: it is tried again.
            Err(error @ (RoomError::Storage(_) | RoomError::Busy)) => return Err(error),
            Err(error) => {
                row.status = WorkStatus::Failed(error.to_string());
                Fired::Done
            }
        };
        let mut tx = self.shared.store.begin()?;
        if fired == Fired::Done {
            row.changed_at = now;
            tx.set_timer(now + KEPT_MS, &Timer::Work { id: id.to_owned() });
            self.sweep_in_background();
        }
        tx.put(&schema::WORKS, (id,), &row);
        tx.submit().await?;
        Ok(fired)
    }

    async fn some_of(&self, work: Work) -> Result<Left, RoomError> {
        match work {
            Work::PurgeHistory { room, before, keep_own, done } => {
                let purged = self.room_by_nid(room)?.purge_some(done, before, keep_own).await?;
                let work = |done| Work::PurgeHistory { room, before, keep_own, done };
                Ok(match purged.rest {
                    Some(rest) => Left::More(work(rest)),
                    None => Left::Nothing(work(before)),
                })
            }
            Work::DeleteRoom { room, purge, successor, kicked, failed, aliases } => {
                Deletion { room, purge, successor, kicked, failed, aliases }.go_on(self).await
            }
            Work::RedactUser { user, by, reason, rooms, before, limit, left, failed } => {
                Redacting { user, by, reason, rooms, before, limit, left, failed }.go_on(self).await
            }
        }
    }
}
