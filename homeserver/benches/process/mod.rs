//! What a server's process and its folder take.

use std::{path::Path, time::Duration};

use super::common::Process;

/// What is resident of it, in MiB.
pub fn memory_mib(server: &Process) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS")).unwrap();
    line.trim_matches(|c: char| !c.is_ascii_digit()).parse::<u64>().unwrap() >> 10
}

/// The processor time that it has used so far, in all its threads.
pub fn processor_time(server: &Process) -> Duration {
    // Linux counts it in hundredths of a second.
    const TICK: Duration = Duration::from_millis(10);
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.id())).unwrap();
    // The fields begin after the program's name, which stands in brackets: the twelfth and the one after it.
    let fields = stat.rsplit_once(')').unwrap().1.split_ascii_whitespace();
    let ticks: u32 = fields.skip(11).take(2).map(|field| field.parse::<u32>().unwrap()).sum();
    TICK * ticks
}

/// What lies in a folder and in those within, in MiB.
pub fn disk_mib(folder: &Path) -> u64 {
    bytes_in(folder) >> 20
}

fn bytes_in(folder: &Path) -> u64 {
    // Files come and go while they are looked at.
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(about) if about.is_dir() => bytes_in(&entry.path()),
        Ok(about) => about.len(),
        Err(_) => 0,
    });
    sizes.sum()
}
