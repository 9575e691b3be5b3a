//! Complement, the black-box suite by which homeservers are judged: its own test packages, unmodified, against an image
//! of this server. What it finds is in `complement-tests/results.md`.

mod engine;
mod image;
mod module;
mod report;
mod results;

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use self::{module::Module, results::Results};
use crate::{
    cargo, packages,
    process::{self, Outcome},
};

/// The folder of the Go module, of what is known of single tests, and of the results.
const FOLDER: &str = "complement-tests";
/// What is on standard output when the suite runs, in the target folder.
const LOG_FILE: &str = "go-test.json";

/// Builds the image, runs the suite on it, and writes what came of it; with `build_only` the image alone.
///
/// `binary` is a server that is built already. A run with arguments is of a part of the suite: `results.md` stays.
pub fn run(build_only: bool, binary: Option<PathBuf>, arguments: &[String]) -> Outcome<()> {
    // First, as it takes a moment and the build takes minutes.
    let module = if build_only { None } else { Some(Module::find()?) };
    module::check_go()?;
    packages::install(&[packages::BUILD, packages::DOCKER])?;
    let folder = cargo::target_folder()?.join("complement");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    engine::start_if_none_answers(&folder)?;
    let binary = match binary {
        Some(file) => std::path::absolute(&file).map_err(|error| format!("{}: {error}", file.display()))?,
        None => cargo::build_server(&["build", "--release", "--package", "hearth"])?,
    };
    image::build(&binary, &folder)?;
    let Some(module) = module else { return Ok(()) };

    let results = test(&module, arguments, &folder.join(LOG_FILE))?;
    let notes = report::Notes::read(&process::root().join(FOLDER).join("notes.json"))?;
    let text = report::markdown(&results, &notes, &module.version);
    let totals = results.totals();
    if arguments.is_empty() {
        let file = process::root().join(FOLDER).join("results.md");
        fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))?;
    } else {
        println!("{text}");
    }
    println!("{} passed, {} failed, {} skipped", totals.passed, totals.failed, totals.skipped);
    if totals.failed == 0 { Ok(()) } else { Err(format!("{} tests fail", totals.failed)) }
}

/// Runs `go test`, shows each test that ended, and keeps all that was said in `log`.
fn test(module: &Module, arguments: &[String], log: &Path) -> Outcome<Results> {
    let told = |error: std::io::Error| format!("{}: {error}", log.display());
    let mut log = fs::File::create(log).map_err(told)?;
    let mut command = module.command();
    // One package at a time: they would share the processors, and what a test waits for would come too late.
    // Complement's own code is not ours to vet.
    command.args(["test", "-json", "-count=1", "-p=1", "-vet=off", "-timeout=2h"]);
    let (packages, flags) = module.packages_and_flags(arguments);
    command.args(packages).args(flags).env("COMPLEMENT_BASE_IMAGE", image::TAG);
    let mut child = spawn(&mut command)?;
    let mut results = Results::default();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).split(b'\n') {
            let mut line = line.map_err(told)?;
            line.push(b'\n');
            log.write_all(&line).map_err(told)?;
            if let Some(ended) = results.take_in(&line) {
                println!("{ended}");
            }
        }
    }
    let status = child.wait().map_err(|error| format!("`go test` cannot be waited for: {error}"))?;
    results.end(status.success());
    Ok(results)
}

fn spawn(command: &mut Command) -> Outcome<std::process::Child> {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    child.map_err(|error| format!("`go test` cannot be started: {error}"))
}
