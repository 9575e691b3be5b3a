//! What this repository can do, as `cargo xtask …`: run the server, test it, measure it.

#![allow(clippy::disallowed_methods, reason = "what it starts and waits for is in real time")]

mod arrows;
mod cargo;
mod complement;
mod fuzz;
mod packages;
mod process;
mod real_browsers;
mod real_calls;
mod real_clients;
mod real_peers;
mod real_services;
mod server;
mod simulation;
mod toolchain;
mod web;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::{process::Outcome, real_browsers::Browsers};

#[derive(Parser)]
#[command(name = "cargo xtask", about)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the web client and the release server, and serve; or give it other arguments after `--`
    Run {
        /// Leave the web client as the last `cargo xtask web` made it
        #[arg(long)]
        without_web: bool,
        /// What `hearth` gets instead of `serve`, such as `user add alice --admin`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Build the web client, for the next build of the server to embed
    Web {
        /// Sooner, but larger
        #[arg(long)]
        quick: bool,
    },
    /// All tests, two minutes of simulation, real clients, real servers that federate, bridges, calls, and the web client
    Test {
        /// What `cargo test` gets, such as the name of a test; then real clients and peers are left out
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Real clients against a real server alone
    RealClients,
    /// The web client in real browsers against real servers, alone
    RealBrowsers {
        /// Build the client sooner, but larger
        #[arg(long)]
        quick: bool,
        /// In which browsers
        #[arg(long, default_value = "chromium")]
        browsers: Browsers,
        /// What the script gets, such as `--shots FOLDER`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Servers of this build and a Synapse that federate, alone
    RealPeers {
        /// What the script gets, such as `--away-rooms 50 --away-events 5000`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Real bridges with a Synapse and with a server of this build, alone
    RealServices {
        /// What the script gets, such as `--servers hearth`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Real programs that call through a server of this build, alone
    RealCalls {
        /// What the script gets, such as `--speed`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// How fast messages get from Hearth to Hearth, to Synapse and back: a table
    PeerSpeed {
        /// A server that is built already, instead of a release build
        #[arg(long, value_name = "FILE")]
        binary: Option<PathBuf>,
        /// What the script gets, such as `--pairs hearth-synapse --seconds 5`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// What syncs cost accounts in few and in many rooms, and clients that wait, beside Synapse: a table
    AccountSpeed {
        /// A server that is built already, instead of a release build
        #[arg(long, value_name = "FILE")]
        binary: Option<PathBuf>,
        /// What the script gets, such as `--servers hearth --rooms 20,2000`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// All benchmarks; and what syncs cost beside Synapse
    Bench {
        /// What the benchmarks get
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Complement, the black-box tests of homeservers, against an image of this server
    Complement {
        /// Stop when the image complement-hearth:latest is made
        #[arg(long)]
        build_only: bool,
        /// A server that is built already, instead of a release build
        #[arg(long, value_name = "FILE")]
        binary: Option<PathBuf>,
        /// What `go test` gets, such as `-run TestLogin ./tests/csapi`; then results.md is not written
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Whole servers, their clients and their network in a simulation, from a seed
    Simulate {
        /// The seed, or the first one
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// For how long one seed after the other is run; without it one is run, and all that happens is shown
        #[arg(long)]
        minutes: Option<f64>,
    },
    /// Whatever somebody may send, by libFuzzer: canonical_json, pdu, x_matrix, multipart, sync_token,
    /// filter or stun
    Fuzz {
        target: String,
        /// What libFuzzer gets, such as `-max_total_time=60`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Check which crate depends on which
    Arrows,
    /// Install what building and testing need from the system
    Install,
    /// Stop the server of a real-clients run, and wait until it serves again
    #[command(hide = true)]
    RestartServer {
        /// The folder of the run
        folder: PathBuf,
    },
}

fn main() -> ExitCode {
    match perform(Cli::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("xtask: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn perform(task: Task) -> Outcome<()> {
    match task {
        Task::Run { without_web, arguments } => {
            packages::install(&[packages::BUILD])?;
            // Other commands than serving show no client.
            if arguments.is_empty() && !without_web {
                web::build(false)?;
            }
            let binary = cargo::build_server(&["build", "--release", "--package", "hearth"])?;
            let arguments = if arguments.is_empty() { vec!["serve".to_owned()] } else { arguments };
            process::replace_by(process::in_root(binary).args(arguments))
        }
        Task::Web { quick } => web::build(quick),
        Task::Test { arguments } => {
            if !arguments.is_empty() {
                packages::install(&[packages::BUILD])?;
                return process::run(cargo::command().args(["test", "--workspace"]).args(arguments));
            }
            packages::install(&[packages::BUILD, packages::TEST, packages::BROWSERS])?;
            web::test()?;
            // Before the server, which embeds the client: so it is built once.
            web::build(true)?;
            process::run(cargo::command().args(["test", "--workspace"]))?;
            simulation::run(0, simulation::IN_TESTS)?;
            real_clients::run()?;
            real_peers::run(&[])?;
            real_services::run(&[])?;
            real_calls::run(real_calls::IN_TESTS)?;
            real_browsers::tour(Browsers::Both, real_browsers::IN_TESTS)
        }
        Task::RealClients => {
            packages::install(&[packages::BUILD, packages::TEST])?;
            real_clients::run()
        }
        Task::RealBrowsers { quick, browsers, arguments } => real_browsers::run(quick, browsers, &arguments),
        Task::RealPeers { arguments } => {
            packages::install(&[packages::BUILD, packages::TEST])?;
            real_peers::run(&arguments)
        }
        Task::RealServices { arguments } => {
            packages::install(&[packages::BUILD, packages::TEST])?;
            real_services::run(&arguments)
        }
        Task::RealCalls { arguments } => {
            packages::install(&[packages::BUILD, packages::TEST, packages::BROWSERS])?;
            // It calls as well.
            web::build(true)?;
            real_calls::run(&arguments)
        }
        Task::PeerSpeed { binary, arguments } => {
            packages::install(&[packages::BUILD, packages::TEST])?;
            real_peers::measure(binary, &arguments)
        }
        Task::AccountSpeed { binary, arguments } => {
            packages::install(&[packages::BUILD, packages::TEST])?;
            real_peers::measure_accounts(binary, &arguments)
        }
        Task::Bench { arguments } => {
            packages::install(&[packages::BUILD])?;
            // All crates, as for everything else: with some of them alone, features and thus RocksDB would differ.
            let benches = ["bench", "--workspace", "--bench", "*", "--"];
            process::run(cargo::command().args(benches).args(arguments))?;
            packages::install(&[packages::TEST])?;
            real_peers::measure_accounts(None, &[])
        }
        Task::Complement { build_only, binary, arguments } => complement::run(build_only, binary, &arguments),
        Task::Simulate { seed, minutes: None } => simulation::run(seed, &[]),
        Task::Simulate { seed, minutes: Some(minutes) } => {
            simulation::run(seed, &["--minutes", &minutes.to_string()])
        }
        Task::Fuzz { target, arguments } => fuzz::run(&target, &arguments),
        Task::Arrows => arrows::check(),
        Task::Install => packages::install(&[packages::BUILD, packages::TEST, packages::BROWSERS]),
        Task::RestartServer { folder } => server::restart(&folder),
    }
}
