//! Complement as a Go module: the version that `complement-tests/go.mod` requires, from the module proxy or a checkout.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use super::FOLDER;
use crate::process::{self, Outcome};

const PATH: &str = "github.com/matrix-org/complement";
/// The variable that names a checkout of Complement, for where the module proxy has none.
const CHECKOUT: &str = "COMPLEMENT_DIR";

/// Complement, found.
pub struct Module {
    /// The version that is required.
    pub version: String,
    /// The workspace that puts a checkout in its place, or `off`.
    workspace: PathBuf,
}

/// Whether Go can be started at all; which version is enough is in `go.mod`, and Go tells it itself.
pub fn check_go() -> Outcome<()> {
    if process::succeeds(Command::new("go").arg("version")) {
        Ok(())
    } else {
        Err("Complement is written in Go: install Go 1.25 or newer".to_owned())
    }
}

impl Module {
    /// Finds Complement in the folder of `COMPLEMENT_DIR`, or else where Go looks for modules.
    pub fn find() -> Outcome<Self> {
        check_go()?;
        let version = required_version()?;
        let checkout = std::env::var_os(CHECKOUT).filter(|folder| !folder.is_empty()).map(PathBuf::from);
        let workspace = match &checkout {
            Some(folder) => write_workspace(folder, &version)?,
            None => PathBuf::from("off"),
        };
        let module = Self { version, workspace };
        if module.has_tests() {
            return Ok(module);
        }
        Err(match checkout {
            Some(folder) => format!("{CHECKOUT}: {} is no checkout of {PATH}", folder.display()),
            None => format!(
                "{PATH}@{} is not to be had from Go's module proxy: name a checkout of it by {CHECKOUT}",
                module.version
            ),
        })
    }

    /// Whether Go finds its test packages. Go would say in several lines that it does not, and succeed for a pattern
    /// that matches nothing.
    fn has_tests(&self) -> bool {
        let list = self.command().args(["list", &format!("{PATH}/tests/...")]).stderr(Stdio::null()).output();
        list.is_ok_and(|list| list.status.success() && !list.stdout.is_empty())
    }

    /// `go`, where it sees Complement.
    pub fn command(&self) -> Command {
        let mut command = go();
        command.env("GOWORK", &self.workspace);
        command
    }

    /// What is tested, and the other arguments of `go test`. Packages are given as Complement names them, such as
    /// `./tests/csapi`; without one it is all.
    pub fn packages_and_flags<'a>(&self, arguments: &'a [String]) -> (Vec<String>, Vec<&'a str>) {
        let (packages, flags): (Vec<&str>, Vec<&str>) =
            arguments.iter().map(String::as_str).partition(|argument| argument.starts_with("./"));
        let packages = if packages.is_empty() { vec!["./tests/..."] } else { packages };
        (packages.into_iter().map(|package| format!("{PATH}{}", &package[1..])).collect(), flags)
    }
}

fn go() -> Command {
    let mut command = Command::new("go");
    command.current_dir(process::root().join(FOLDER));
    command
}

fn required_version() -> Outcome<String> {
    let text = process::output(go().env("GOWORK", "off").args(["mod", "edit", "-json"]))?;
    let module: Value = serde_json::from_str(&text).map_err(|error| format!("go.mod: {error}"))?;
    let required =
        module["Require"].as_array().into_iter().flatten().find(|required| required["Path"] == PATH);
    let version = required.and_then(|required| required["Version"].as_str());
    version.map(str::to_owned).ok_or_else(|| format!("go.mod does not require {PATH}"))
}

/// Writes the workspace in which the checkout stands for the required version; nobody commits it.
fn write_workspace(checkout: &Path, version: &str) -> Outcome<PathBuf> {
    let told = |error| format!("{CHECKOUT}: {}: {error}", checkout.display());
    let checkout = fs::canonicalize(checkout).map_err(told)?;
    let file = process::root().join(FOLDER).join("go.work");
    let folder = checkout.display();
    let text =
        format!("go 1.25.0\n\nuse (\n\t.\n\t{folder:?}\n)\n\nreplace {PATH} {version} => {folder:?}\n");
    fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))?;
    fs::canonicalize(file).map_err(told)
}
