//! The web client in real browsers against servers of this build that federate: `client-web/tests/browser/run.py`.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::{
    cargo, packages,
    process::{self, Outcome},
    web,
};

/// Debian has Firefox, but not what drives it.
const GECKODRIVER: &str = "0.37.1";

/// What a run of all tests runs: what everybody does first, in both browsers, and the admin page beside it.
pub const IN_TESTS: &[&str] = &["--basic", "--admin"];

/// In which browsers.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Browsers {
    Chromium,
    Firefox,
    /// One person in each.
    Both,
}

/// Builds the client, and runs the script with it.
pub fn run(quick: bool, browsers: Browsers, arguments: &[String]) -> Outcome<()> {
    packages::install(&[packages::BUILD, packages::TEST, packages::BROWSERS])?;
    web::build(quick)?;
    tour(browsers, arguments)
}

/// Builds the server, which embeds the client that was built last, and runs the script with both.
pub fn tour<A: AsRef<str>>(browsers: Browsers, arguments: &[A]) -> Outcome<()> {
    let binary = cargo::build_server(&["test", "--workspace", "--no-run"])?;
    let mut words: Vec<String> = arguments.iter().map(|argument| argument.as_ref().to_owned()).collect();
    if browsers != Browsers::Chromium {
        words.extend(["--geckodriver".to_owned(), geckodriver()?.to_string_lossy().into_owned()]);
    }
    let name = browsers.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    words.extend(["--browsers".to_owned(), name]);
    process::script("client-web/tests/browser/run.py", &binary, &words)
}

/// What drives Firefox: compiled once, and kept with everything else that is.
fn geckodriver() -> Outcome<PathBuf> {
    let folder = cargo::target_folder()?.join("geckodriver").join(GECKODRIVER);
    let driver = folder.join("bin/geckodriver");
    if !driver.exists() {
        let install = ["install", "geckodriver", "--version", GECKODRIVER, "--locked", "--root"];
        process::run(cargo::command().args(install).arg(&folder))?;
    }
    Ok(driver)
}
