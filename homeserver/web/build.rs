//! Lists what `cargo xtask web` made, for `src/files.rs` to embed; an empty list where it made nothing yet.

use std::{
    env,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    let made = PathBuf::from(env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../client-web/dist");
    // What is not there counts as changed each time.
    let watched = if made.exists() { &made } else { made.parent().unwrap() };
    println!("cargo::rerun-if-changed={}", watched.display());
    let mut list = String::from("&[\n");
    for file in files(&made)? {
        let name = file.strip_prefix(&made).unwrap().to_string_lossy().replace('\\', "/");
        if name.starts_with('.') || name.ends_with(".br") {
            continue;
        }
        let brotli = PathBuf::from(format!("{}.br", file.display()));
        let brotli = if brotli.exists() { format!("Some({})", included(&brotli)) } else { "None".to_owned() };
        writeln!(
            list,
            "File {{ path: {:?}, plain: {}, brotli: {brotli} }},",
            format!("/{name}"),
            included(&file)
        )
        .unwrap();
    }
    list.push(']');
    fs::write(PathBuf::from(env::var("OUT_DIR").unwrap()).join("files.rs"), list)
}

fn included(file: &Path) -> String {
    format!("include_bytes!({:?})", file.display().to_string())
}

/// All files below a folder, sorted.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
