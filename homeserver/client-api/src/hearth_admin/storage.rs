//! `GET /_hearth/admin/v1/storage`

use std::{fs, io, path::Path};

use axum::{extract::State, response::Response};
use hearth_media::{Found, Wanted};
use hearth_storage::blocking;
use serde_json::{Value, json};

use crate::{
    ClientApi, Result,
    synapse_admin::{AdminRequest, EVENT_BYTES, largest, told},
};

/// What takes how much of the disk, in bytes, and which rooms have most events. It reads a row for each event and for
/// each piece of media.
pub async fn storage(State(api): State<ClientApi>, _: AdminRequest) -> Result<Response> {
    blocking(|| all(&api)).map(told)
}

fn all(api: &ClientApi) -> Result<Value> {
    let bytes = |found: &[Found]| -> u64 {
        found.iter().filter_map(|found| found.row.file.as_ref()).map(|file| file.size).sum()
    };
    let uploads = api.media.uploads(&Wanted::default())?;
    let copies = api.media.copies(&Wanted::default())?;
    let folder = api.options.folder.as_deref();
    let part = |name: &str| folder.and_then(|folder| taken(&folder.join(name)).ok());
    let disk = folder.and_then(|folder| disk(folder).ok());
    let mut rooms = Vec::new();
    for (id, events) in largest(api)? {
        let summary = api.rooms.find_room(&id)?.map(|room| room.summary()).transpose()?;
        let name = summary.and_then(|summary| summary.name.clone());
        rooms.push(json!({
            "room_id": id, "name": name, "events": events, "estimated_bytes": events * EVENT_BYTES,
        }));
    }
    Ok(json!({
        "database": part("database"),
        "search": part("search"),
        "uploads": bytes(&uploads),
        "uploads_count": uploads.len(),
        "copies": bytes(&copies),
        "copies_count": copies.len(),
        "disk_free": disk.map(|(free, _)| free),
        "disk_total": disk.map(|(_, total)| total),
        "rooms": rooms,
    }))
}

/// What the files of a folder take. One that goes meanwhile takes nothing.
fn taken(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(about) = entry.metadata() else { continue };
        bytes += if about.is_dir() { taken(&entry.path()).unwrap_or(0) } else { about.len() };
    }
    Ok(bytes)
}

/// What is free on the disk of a folder for this process, and how much it has.
fn disk(folder: &Path) -> io::Result<(u64, u64)> {
    let about = rustix::fs::statvfs(folder)?;
    Ok((about.f_bavail * about.f_frsize, about.f_blocks * about.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_takes_what_its_files_take() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("inner")).unwrap();
        fs::write(folder.path().join("one"), [0; 10]).unwrap();
        fs::write(folder.path().join("inner/two"), [0; 5]).unwrap();
        assert_eq!(taken(folder.path()).unwrap(), 15);
        let (free, total) = disk(folder.path()).unwrap();
        assert!(free <= total && total > 0);
        assert!(taken(&folder.path().join("none")).is_err());
    }
}
