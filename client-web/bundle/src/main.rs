//! Makes of the compiled client and the admin page what a server serves: JavaScript glue, assets, and one hash over all
//! of it.
//!
//! `hearth-client-bundle COMPILED ASSETS… OUT [--quick]`; `cargo xtask web` calls it.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

/// What a release is called is this long; nobody else chooses names in that folder.
const RELEASE_CHARACTERS: usize = 16;

/// What is compiled, and the name under which each is served.
const PROGRAMS: &[(&str, &str)] = &[("hearth-client-web.wasm", "app"), ("hearth-client-admin.wasm", "admin")];

/// Pages that stay at their address from release to release, and may name it.
const AT_ROOT: &[&str] = &["index.html", "admin.html", "service-worker.js", "manifest.webmanifest"];

/// Only what gets smaller by a tenth is worth a second copy.
const WORTH_COMPRESSING: f64 = 0.9;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (options, folders): (Vec<&String>, Vec<&String>) =
        arguments.iter().partition(|argument| argument.starts_with("--"));
    let [compiled, folders @ .., out] = folders.as_slice() else {
        return Err("usage: hearth-client-bundle COMPILED ASSETS… OUT [--quick]".into());
    };
    let Some(assets) = folders.first() else { return Err("no assets".into()) };
    let quick = options.iter().any(|option| *option == "--quick");
    let out = Path::new(out);
    let unfinished = out.join("unfinished");
    remove_made(out)?;
    for (wasm, program) in PROGRAMS {
        glue(&Path::new(compiled).join(wasm), program, quick, &unfinished)?;
    }
    for folder in folders {
        for asset in files(Path::new(folder))? {
            let name = asset.strip_prefix(folder)?;
            if !AT_ROOT.iter().any(|at_root| name == Path::new(at_root)) {
                fs::copy(&asset, unfinished.join(name))?;
            }
        }
    }
    let release = release(&unfinished)?;
    let size = compress(&unfinished, quick)?;
    fs::rename(&unfinished, out.join(&release))?;
    let mut list: Vec<String> = Vec::new();
    for file in files(&out.join(&release))? {
        let name = file.strip_prefix(out.join(&release))?.to_string_lossy().into_owned();
        // Who chats needs nothing of the admin page.
        if !name.ends_with(".br") && !name.starts_with("admin") {
            list.push(name);
        }
    }
    let icons = fs::read_to_string(Path::new(assets).join("icons.svg"))?;
    for name in AT_ROOT {
        let text = fs::read_to_string(Path::new(assets).join(name))?;
        let text = text
            .replace("{{base}}", &format!("/_hearth/web/{release}"))
            .replace("{{release}}", &release)
            .replace("{{icons}}", icons.trim())
            .replace("{{files}}", &format!("{list:?}"));
        fs::write(out.join(name), text)?;
    }
    println!("release {release}: {:.2} MB, {:.2} MB with brotli", mb(size.plain), mb(size.compressed));
    for (_, program) in PROGRAMS {
        let wasm = out.join(&release).join(format!("{program}_bg.wasm.br"));
        println!("  of which {program}: {:.2} MB", mb(fs::metadata(wasm)?.len() as usize));
    }
    Ok(())
}

/// Removes what an earlier run made; the folder itself is the repository's.
fn remove_made(out: &Path) -> Outcome<()> {
    for entry in fs::read_dir(out)? {
        let entry = entry?;
        if entry.file_name() == ".gitignore" {
            continue;
        }
        if entry.path().is_dir() { fs::remove_dir_all(entry.path())? } else { fs::remove_file(entry.path())? }
    }
    Ok(())
}

/// The WebAssembly module of `app` as `app_bg.wasm`, and the JavaScript around it as `app.js`. The names of its functions,
/// by which one reads what a browser tells of a fault, are a quarter of it: whoever tries it keeps them.
fn glue(wasm: &Path, program: &str, keeps_names: bool, out: &Path) -> Outcome<()> {
    let mut bindgen = wasm_bindgen_cli_support::Bindgen::new();
    bindgen.input_path(wasm).web(true)?.typescript(false).out_name(program);
    bindgen.remove_producers_section(true).remove_name_section(!keeps_names);
    Ok(bindgen.generate(out)?)
}

/// A name that changes whenever anything of the release does.
fn release(folder: &Path) -> Outcome<String> {
    let mut hash = Sha256::new();
    for file in files(folder)? {
        let content = fs::read(&file)?;
        hash.update(file.strip_prefix(folder)?.to_string_lossy().as_bytes());
        hash.update((content.len() as u64).to_le_bytes());
        hash.update(content);
    }
    let name: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(name[..RELEASE_CHARACTERS].to_owned())
}

struct Size {
    plain: usize,
    compressed: usize,
}

/// Puts a compressed copy beside each file that gets smaller by it.
fn compress(folder: &Path, quick: bool) -> Outcome<Size> {
    let mut size = Size { plain: 0, compressed: 0 };
    let quality = if quick { 4 } else { 11 };
    for file in files(folder)? {
        let content = fs::read(&file)?;
        let params = brotli::enc::BrotliEncoderParams {
            quality,
            lgwin: 24,
            size_hint: content.len(),
            ..Default::default()
        };
        let mut compressed = Vec::new();
        brotli::BrotliCompress(&mut content.as_slice(), &mut compressed, &params)?;
        size.plain += content.len();
        if (compressed.len() as f64) < content.len() as f64 * WORTH_COMPRESSING {
            size.compressed += compressed.len();
            fs::write(format!("{}.br", file.display()), compressed)?;
        } else {
            size.compressed += content.len();
        }
    }
    Ok(size)
}

/// All files below a folder, sorted.
fn files(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    found.sort();
    Ok(found)
}

fn mb(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}
