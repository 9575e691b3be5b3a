//! `hearth check`: verifying a data folder without changing it.

use std::path::Path;

use hearth_storage::{RocksEngine, RocksOptions, Store};

/// Memory for reading, in bytes.
const MEMORY_BYTES: u64 = 64 << 20;

/// Verifies the data folder and prints what is wrong with it. Returns whether nothing is.
pub fn run(data: &Path) -> Result<bool, hearth_rooms::RoomError> {
    let options = RocksOptions { memory_bytes: MEMORY_BYTES, ..RocksOptions::default() };
    let engine = RocksEngine::open_read_only(&data.join("database"), &options)?;
    let store = Store::open_read_only(engine)?;
    let mut rooms = 0_u64;
    let report = hearth_rooms::check(&store, |_| {
        rooms += 1;
        if rooms.is_multiple_of(1000) {
            eprintln!("{rooms} rooms …");
        }
    })?;
    for finding in &report.findings {
        println!("{}: {}", finding.subject, finding.what);
    }
    println!("{} rooms, {} events, {} findings", report.rooms, report.events, report.findings.len());
    Ok(report.findings.is_empty())
}
