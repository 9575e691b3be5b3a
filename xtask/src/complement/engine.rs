//! The Docker engine: the one that answers, or Debian's, started by hand.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    packages,
    process::{self, Outcome},
};

const PATIENCE: Duration = Duration::from_secs(60);
const GLANCE: Duration = Duration::from_millis(200);

/// Starts `dockerd` unless an engine answers. It stays when this program ends, as the image is in it; its log is in
/// `folder`.
pub fn start_if_none_answers(folder: &Path) -> Outcome<()> {
    if answers() {
        return Ok(());
    }
    let Some(become_root) = packages::way_to_root() else {
        return Err("no Docker engine answers, and only root can start one (sudo dockerd)".to_owned());
    };
    let log = folder.join("dockerd.log");
    let file = fs::File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
    let errors = file.try_clone().map_err(|error| format!("{}: {error}", log.display()))?;
    // In a session of its own, where no Ctrl-C reaches it.
    let words = [become_root, &["setsid", "dockerd"]].concat();
    eprintln!("$ {} > {} &", words.join(" "), log.display());
    let mut engine = Command::new(words[0])
        .args(&words[1..])
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(errors)
        .spawn()
        .map_err(|error| format!("`dockerd` cannot be started: {error}"))?;
    let start = Instant::now();
    while !answers() {
        if let Ok(Some(status)) = engine.try_wait() {
            return Err(format!("`dockerd` ended with {status}: {} says why", log.display()));
        }
        if start.elapsed() > PATIENCE {
            return Err(format!("`dockerd` does not answer: {} says why", log.display()));
        }
        thread::sleep(GLANCE);
    }
    eprintln!("a Docker engine serves now (process {}) until it is stopped", engine.id());
    Ok(())
}

fn answers() -> bool {
    process::succeeds(Command::new("docker").arg("version"))
}
