//! What building and testing need from the system, and how it comes there on Debian and Ubuntu.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::process::{self, Outcome};

/// Something that must be on the machine.
pub struct Need {
    what: &'static str,
    packages: &'static [&'static str],
    is_there: fn() -> bool,
}

/// What RocksDB needs to be built, beyond the C compiler without which this program could not have been linked.
pub const BUILD: &[Need] = &[
    Need { what: "a C++20 compiler", packages: &["g++"], is_there: has_cpp_compiler },
    // Reads RocksDB's header for its bindings. It needs its own headers too, which `libclang1` leaves out.
    Need { what: "libclang and its headers", packages: &["libclang-dev"], is_there: has_libclang },
];

/// Where programs of others are installed.
const PYTHON_VENV: Need =
    Need { what: "Python 3 with venv", packages: &["python3", "python3-venv"], is_there: has_python_venv };

/// What fetches what the web client calls by.
pub const CALLS: &[Need] = &[PYTHON_VENV];

/// What the tests need beyond that: real clients and bridges live in Python environments of their own.
pub const TEST: &[Need] = &[
    PYTHON_VENV,
    // The encryption of a bridge is compiled when it is installed.
    Need {
        what: "what compiles Python's packages",
        packages: &["cmake", "make", "python3-dev"],
        is_there: compiles_for_python,
    },
    // What a real bridge bridges to.
    Need { what: "an IRC server", packages: &["ngircd"], is_there: has_irc_server },
    // Its clients relay through the TURN server.
    Need { what: "coturn's clients", packages: &["coturn"], is_there: has_turn_clients },
];

/// What the web client and calls are tested in.
pub const BROWSERS: &[Need] = &[
    Need {
        what: "Chromium and its driver",
        packages: &["chromium", "chromium-driver"],
        is_there: has_chromium,
    },
    Need { what: "Firefox", packages: &["firefox-esr"], is_there: has_firefox },
];

/// What Complement's containers need.
pub const DOCKER: &[Need] = &[
    // Debian has its client in a package of its own from release 13 on.
    Need { what: "a Docker engine and client", packages: &["docker.io", "docker-cli"], is_there: has_docker },
];

/// Installs what is missing; where that is not allowed, says with which command it is done.
pub fn install(needs: &[&[Need]]) -> Outcome<()> {
    let missing: Vec<&Need> = needs.iter().copied().flatten().filter(|need| !(need.is_there)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let what = missing.iter().map(|need| need.what).collect::<Vec<_>>().join(", ");
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.packages).copied().collect();
    eprintln!("missing: {what}");
    if !process::succeeds(Command::new("apt-get").arg("--version")) {
        return Err(format!("install {what} (on Debian: {}), then try again", packages.join(" ")));
    }
    let Some(become_root) = way_to_root() else {
        return Err(format!(
            "install what is missing, then try again:\n  sudo apt-get update && sudo apt-get install -y {}",
            packages.join(" ")
        ));
    };
    let apt_get = |arguments: &[&str]| {
        let environment = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
        let words: Vec<&str> = [become_root, &environment, arguments].concat();
        process::run(Command::new(words[0]).args(&words[1..]).stdin(std::process::Stdio::null()))
    };
    apt_get(&["update"])?;
    // What one release has in a package of its own, another has in a package that is asked for too.
    let is_known = |package: &&str| process::succeeds(Command::new("apt-cache").args(["show", package]));
    let packages: Vec<&str> = packages.into_iter().filter(is_known).collect();
    apt_get(&[&["install", "-y", "--no-install-recommends"], packages.as_slice()].concat())?;
    match missing.iter().find(|need| !(need.is_there)()) {
        None => Ok(()),
        Some(need) => Err(format!("{} is still missing after {}", need.what, need.packages.join(" "))),
    }
}

/// The words before a command that make it run as root without a question, if there are any.
pub fn way_to_root() -> Option<&'static [&'static str]> {
    if process::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0") {
        Some(&[])
    } else if process::succeeds(Command::new("sudo").args(["-n", "true"])) {
        Some(&["sudo", "-n"])
    } else {
        None
    }
}

/// A client that an engine answers, or both of them on this machine.
fn has_docker() -> bool {
    let can = |program: &str, argument| process::succeeds(Command::new(program).arg(argument));
    can("docker", "version") || can("docker", "--version") && can("dockerd", "--version")
}

fn has_cpp_compiler() -> bool {
    let compiler = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
    process::succeeds(Command::new(compiler).arg("--version"))
}

fn has_chromium() -> bool {
    ["chromium", "chromedriver"]
        .iter()
        .all(|program| process::succeeds(Command::new(program).arg("--version")))
}

fn has_firefox() -> bool {
    process::succeeds(Command::new("firefox-esr").arg("--version"))
}

fn has_python_venv() -> bool {
    process::succeeds(Command::new("python3").args(["-c", "import ensurepip, venv"]))
}

fn compiles_for_python() -> bool {
    const HAS_HEADERS: &str = "import os, sysconfig; os.stat(sysconfig.get_path('include') + '/Python.h')";
    ["cmake", "make"].iter().all(|tool| process::succeeds(Command::new(tool).arg("--version")))
        && process::succeeds(Command::new("python3").args(["-c", HAS_HEADERS]))
}

fn has_irc_server() -> bool {
    // Debian has it where only administrators look.
    Path::new("/usr/sbin/ngircd").exists() || process::succeeds(Command::new("ngircd").arg("--version"))
}

fn has_turn_clients() -> bool {
    Path::new("/usr/bin/turnutils_uclient").exists()
}

fn has_libclang() -> bool {
    std::env::var_os("LIBCLANG_PATH").is_some() || has_libclang_below(Path::new("/usr"))
}

/// Whether libclang is where its packages put it below `/usr`, and clang's own `stddef.h` with it.
fn has_libclang_below(usr: &Path) -> bool {
    let versions = below(&usr.join("lib"), "llvm-");
    let mut libraries = vec![usr.join("lib"), usr.join("lib64"), usr.join("local/lib")];
    let is_of_machine = |folder: &PathBuf| folder.to_string_lossy().ends_with("-linux-gnu");
    libraries.extend(below(&usr.join("lib"), "").into_iter().filter(is_of_machine));
    libraries.extend(versions.iter().map(|version| version.join("lib")));
    let mut headers = libraries.iter().flat_map(|folder| below(&folder.join("clang"), ""));
    libraries.iter().flat_map(|folder| below(folder, "libclang")).any(|file| is_shared_libclang(&file))
        && headers.any(|version| version.join("include/stddef.h").exists())
}

/// `libclang.so`, `libclang-14.so.1` and the like; not `libclang-cpp.so`, which is another library.
fn is_shared_libclang(file: &Path) -> bool {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let version =
        name.strip_prefix("libclang").and_then(|rest| rest.split_once(".so")).map(|(version, _)| version);
    version.is_some_and(|version| version.chars().all(|c| c == '-' || c == '.' || c.is_ascii_digit()))
}

/// What a folder holds whose name starts with `prefix`; nothing if it cannot be read.
fn below(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libclang_counts_only_with_its_headers() {
        let usr = std::env::temp_dir().join(format!("hearth-xtask-libclang-{}", std::process::id()));
        let touch = |path: &str| {
            let path = usr.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        };
        assert!(!has_libclang_below(&usr));
        touch("lib/x86_64-linux-gnu/libclang-cpp.so.14");
        touch("lib/llvm-14/lib/clang/14.0.6/include/stddef.h");
        assert!(!has_libclang_below(&usr), "libclang-cpp is another library");
        touch("lib/x86_64-linux-gnu/libclang-14.so.14.0.6");
        assert!(has_libclang_below(&usr));
        fs::remove_file(usr.join("lib/llvm-14/lib/clang/14.0.6/include/stddef.h")).unwrap();
        assert!(!has_libclang_below(&usr), "without headers the bindings cannot be made");
        fs::remove_dir_all(&usr).unwrap();
    }
}
