//! The image that Complement starts: the server, what it needs to run, and nothing else. No registry is asked.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::FOLDER;
use crate::process::{self, Outcome};

/// The image's name.
pub const TAG: &str = "complement-hearth:latest";

/// What Complement assumes of a server, and no more. The rest is known when a container starts: the entry point.
const SETTINGS: &[(&str, &str)] = &[
    ("HEARTH_DATA", "/data"),
    ("HEARTH_LISTEN", "0.0.0.0:8008"),
    ("HEARTH_LISTEN_FEDERATION", "0.0.0.0:8448"),
    ("HEARTH_REGISTRATION", "open"),
    ("HEARTH_REGISTRATION_SHARED_SECRET", "complement"),
    ("HEARTH_RATE_LIMITS", "off"),
    // All servers of a test, and the tests themselves, are on private addresses.
    ("HEARTH_ALLOW_PRIVATE_NETWORKS", "on"),
    // Many tests read power levels as they were before version 12.
    ("HEARTH_DEFAULT_ROOM_VERSION", "10"),
    ("HEARTH_LEGACY_MEDIA", "on"),
    // Without it there are no notices of the server; the suite looks for this name.
    ("HEARTH_SERVER_NOTICES", "_server"),
];

/// The authorities that the machine trusts: Complement's own is added to them.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Makes the image of the server `binary`; what goes into it is laid out in `folder`.
pub fn build(binary: &Path, folder: &Path) -> Outcome<()> {
    let root = folder.join("image");
    let told = |error| format!("{}: {error}", root.display());
    if root.exists() {
        fs::remove_dir_all(&root).map_err(told)?;
    }
    for empty in ["data", "tmp", "complement"] {
        fs::create_dir_all(root.join(empty)).map_err(told)?;
    }
    copy(binary, &root.join("hearth"))?;
    for library in libraries(binary)? {
        copy(&library, &inside(&root, &library))?;
    }
    if Path::new(AUTHORITIES).exists() {
        copy(Path::new(AUTHORITIES), &inside(&root, Path::new(AUTHORITIES)))?;
    }
    build_entry_point(&root.join("entrypoint"))?;

    let archive = folder.join("image.tar");
    process::run(
        Command::new("tar")
            .args(["--create", "--owner=0", "--group=0", "--numeric-owner", "--file"])
            .arg(&archive)
            .arg("--directory")
            .arg(&root)
            .arg("."),
    )?;
    // Without its name the old image would stay as one that nobody asks for.
    process::succeeds(Command::new("docker").args(["image", "rm", "--force", TAG]));
    let mut import = Command::new("docker");
    import.args(["import", "--change", "ENTRYPOINT [\"/entrypoint\"]", "--change", "EXPOSE 8008 8448"]);
    for (name, value) in SETTINGS {
        import.args(["--change", &format!("ENV {name}={value}")]);
    }
    process::run(import.arg(&archive).arg(TAG))?;
    fs::remove_file(&archive).map_err(|error| format!("{}: {error}", archive.display()))
}

/// A static program, as nothing else is in the image that could run a script.
fn build_entry_point(file: &Path) -> Outcome<()> {
    process::run(
        Command::new("go")
            .current_dir(process::root().join(FOLDER))
            // It needs Go's own packages alone, so that the image can be made where Complement is not to be had.
            .env("GOWORK", "off")
            .env("CGO_ENABLED", "0")
            .args(["build", "-trimpath", "-buildvcs=false", "-ldflags=-s", "-o"])
            .arg(file)
            .arg("./entrypoint"),
    )
}

/// The shared libraries that a program needs, and what loads them; none if it is a static one.
fn libraries(binary: &Path) -> Outcome<Vec<PathBuf>> {
    let told = Command::new("ldd").arg(binary).output();
    let told = told.map_err(|error| format!("`ldd` cannot be started: {error}"))?;
    if told.status.success() {
        return libraries_in(&String::from_utf8_lossy(&told.stdout));
    }
    match String::from_utf8_lossy(&told.stderr).trim() {
        "not a dynamic executable" => Ok(Vec::new()),
        problem => Err(format!("`ldd {}` failed: {problem}", binary.display())),
    }
}

/// The files that `ldd` names.
fn libraries_in(told: &str) -> Outcome<Vec<PathBuf>> {
    let mut files = Vec::new();
    for line in told.lines() {
        let file = line.split_once(" => ").map_or(line, |(_, file)| file).trim();
        if file.starts_with("not found") {
            return Err(format!("a library of the server is missing: {}", line.trim()));
        }
        // What the kernel brings along has no path.
        if file.starts_with('/') {
            files.extend(file.split(" (").next().map(PathBuf::from));
        }
    }
    Ok(files)
}

/// Where a file of this machine is in the image.
fn inside(root: &Path, file: &Path) -> PathBuf {
    root.join(file.strip_prefix("/").unwrap_or(file))
}

/// Copies a file, through its symbolic links, and makes the folder that it goes to.
fn copy(from: &Path, to: &Path) -> Outcome<()> {
    let told = |error| format!("{} to {}: {error}", from.display(), to.display());
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(told)?;
    }
    fs::copy(from, to).map(|_| ()).map_err(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_found_by_their_paths() {
        let told = "\tlinux-vdso.so.1 (0x00007ffc)\n\
            \tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007f1c)\n\
            \t/lib64/ld-linux-x86-64.so.2 (0x00007f1d)\n";
        let files = ["/lib/x86_64-linux-gnu/libm.so.6", "/lib64/ld-linux-x86-64.so.2"].map(PathBuf::from);
        assert_eq!(libraries_in(told), Ok(files.to_vec()));
        assert_eq!(libraries_in("\tstatically linked\n"), Ok(vec![]));
        assert!(libraries_in("\tlibm.so.6 => not found\n").is_err());
    }
}
