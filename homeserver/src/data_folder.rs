//! The data folder, which its owner alone can read: it holds the signing key and what users keep here.

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::Path,
};

use rustix::{fs::Mode, process::umask};

const FOLDER: u32 = 0o700;
const FILE: u32 = 0o600;

/// From now on, whatever the process makes is its owner's alone.
pub fn keep_to_owner() {
    umask(Mode::RWXG | Mode::RWXO);
}

/// Makes the folder, or takes from others what an earlier version let them read.
pub fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER).create(folder)?;
    // It is closed to others last: as long as it is not, what is in it is looked at again.
    match fs::metadata(folder)?.permissions().mode() & 0o777 {
        FOLDER => Ok(()),
        _ => close_to_others(folder),
    }
}

fn close_to_others(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            close_to_others(&entry.path())?;
        } else if kind.is_file() {
            fs::set_permissions(entry.path(), Permissions::from_mode(FILE))?;
        }
    }
    fs::set_permissions(folder, Permissions::from_mode(FOLDER))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_folder_is_its_owners_alone_and_one_of_before_becomes_so() {
        let outer = tempfile::tempdir().unwrap();
        let new = outer.path().join("a/new");
        make(&new).unwrap();
        assert_eq!(mode(&new), FOLDER);

        let old = outer.path().join("old");
        let (inner, file) = (old.join("inner"), old.join("inner/file"));
        fs::create_dir_all(&inner).unwrap();
        fs::write(&file, "secret").unwrap();
        for (path, before) in [(&old, 0o755), (&inner, 0o755), (&file, 0o644)] {
            fs::set_permissions(path, Permissions::from_mode(before)).unwrap();
        }
        make(&old).unwrap();
        assert_eq!([mode(&old), mode(&inner), mode(&file)], [FOLDER, FOLDER, FILE]);
    }
}
