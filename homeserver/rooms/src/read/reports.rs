//! Reports of content, for administrators.

use hearth_storage::{
    Scan,
    schema::{self, rooms::ReportRow},
};
use ruma::OwnedUserId;

use crate::{RoomError, read::rooms::Rooms};

/// A report of content. It is called by the time at which it came, in milliseconds.
#[derive(Clone, Debug)]
pub struct Report {
    pub at: u64,
    pub reporter: OwnedUserId,
    pub row: ReportRow,
}

impl Rooms {
    /// All reports, in the order in which they came.
    pub fn reports(&self) -> Result<Vec<Report>, RoomError> {
        let rows = self.shared.view.scan(&schema::REPORTS, Scan::all());
        Ok(rows
            .map(|row| row.map(|((at, reporter), row)| Report { at, reporter, row }))
            .collect::<Result<_, _>>()?)
    }

    /// One of them.
    pub fn report(&self, at: u64) -> Result<Option<Report>, RoomError> {
        let row = self.shared.view.scan(&schema::REPORTS, Scan::prefix((at,))).next().transpose()?;
        Ok(row.map(|((at, reporter), row)| Report { at, reporter, row }))
    }

    /// The event that was reported as it was then, as canonical JSON, also if it was redacted or purged since.
    pub fn reported(&self, report: &Report) -> Result<Option<String>, RoomError> {
        if let Some(kept) = self.shared.view.get(&schema::REPORTED, (report.at, &report.reporter))? {
            return Ok(Some(kept));
        }
        // Earlier versions kept none.
        let event = report.row.event_id.as_ref().map(|id| self.event_by_id(id)).transpose()?.flatten();
        Ok(event.map(|event| event.pdu.text().to_owned()))
    }
}
