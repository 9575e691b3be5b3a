//! Starting other programs.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// What a task comes to: its problem is told to the developer as it is.
pub type Outcome<T> = Result<T, String>;

/// The folder of the workspace.
pub fn root() -> PathBuf {
    // Asked at run time: a binary from a target folder that several clones share may be of another clone.
    let manifest =
        std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    PathBuf::from(manifest).join("..")
}

/// A command that starts in the folder of the workspace.
pub fn in_root(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// Runs a command to its end and shows it; that it fails is an error.
pub fn run(command: &mut Command) -> Outcome<()> {
    eprintln!("$ {}", shown(command));
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{}` failed: {status}", shown(command))),
        Err(error) => Err(format!("`{}` cannot be started: {error}", shown(command))),
    }
}

/// Runs a Python script of the repository with a server that it tries, and what else it gets.
pub fn script(path: &str, hearth: &Path, arguments: &[impl AsRef<OsStr>]) -> Outcome<()> {
    run(in_root("python3").arg(path).arg("--hearth").arg(hearth).args(arguments).stdin(Stdio::null()))
}

/// Whether a command can be started and succeeds; it shows nothing.
pub fn succeeds(command: &mut Command) -> bool {
    let silent = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    silent.status().is_ok_and(|status| status.success())
}

/// What a command writes to its standard output.
pub fn output(command: &mut Command) -> Outcome<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("`{}` cannot be started: {error}", shown(command)))?;
    if !output.status.success() {
        return Err(format!("`{}` failed: {}", shown(command), output.status));
    }
    String::from_utf8(output.stdout)
        .map_err(|_| format!("`{}` wrote something else than text", shown(command)))
}

/// Lets a command take the place of this process, so that signals reach it directly.
pub fn replace_by(command: &mut Command) -> Outcome<()> {
    #[cfg(unix)]
    {
        let error = std::os::unix::process::CommandExt::exec(command);
        Err(format!("`{}` cannot be started: {error}", shown(command)))
    }
    #[cfg(not(unix))]
    run(command)
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let quoted = |word: &OsStr| match word.to_string_lossy() {
        word if word.contains(' ') => format!("{word:?}"),
        word => word.into_owned(),
    };
    words.map(quoted).collect::<Vec<_>>().join(" ")
}
