//! Reporting content to the administrators.

use hearth_storage::{
    Change, Scan,
    schema::{self, rooms::ReportRow},
};
use ruma::UserId;

use crate::{
    RoomError,
    read::{event::Event, reports::Report, rooms::Rooms},
};

/// The longest reason, in bytes.
const MAX_REASON: usize = 16 * 1024;

impl Rooms {
    /// Keeps a report for the administrators, with the event that it is about as it is now.
    ///
    /// # Errors
    /// [`RoomError::TooLarge`] for a reason of more than 16 KiB.
    pub async fn add_report(
        &self,
        reporter: &UserId,
        row: ReportRow,
        event: Option<&Event>,
    ) -> Result<(), RoomError> {
        if row.reason.len() > MAX_REASON {
            return Err(RoomError::TooLarge("the reason is too long".to_owned()));
        }
        let commit = {
            let _one_at_a_time = self.shared.administering.lock();
            let mut tx = self.shared.store.begin()?;
            let mut at = self.now_ms();
            // Two in one millisecond stay two.
            while tx.scan(&schema::REPORTS, Scan::prefix((at,))).next().transpose()?.is_some() {
                at += 1;
            }
            tx.put(&schema::REPORTS, (at, reporter), &row);
            if let Some(event) = event {
                tx.put(&schema::REPORTED, (at, reporter), &event.pdu.text().to_owned());
            }
            tx.append(&Change::Report { at, reporter: reporter.to_owned() });
            tx.submit()
        };
        commit.await?;
        tracing::info!(%reporter, room = ?row.room_id, event = ?row.event_id, user = ?row.user_id, "content was reported");
        Ok(())
    }

    /// Puts a report away.
    pub async fn delete_report(&self, report: &Report) -> Result<(), RoomError> {
        let Report { at, reporter, .. } = report;
        let commit = {
            let mut tx = self.shared.store.begin()?;
            tx.delete(&schema::REPORTS, (*at, reporter));
            tx.delete(&schema::REPORTED, (*at, reporter));
            tx.append(&Change::Report { at: *at, reporter: reporter.clone() });
            tx.submit()
        };
        commit.await?;
        Ok(())
    }
}
