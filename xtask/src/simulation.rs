//! Whole servers in a simulation: `homeserver/simulation`.

use std::process::Command;

use crate::{
    cargo,
    process::{self, Outcome},
};

/// How long a run of all tests simulates, in minutes.
pub const IN_TESTS: f64 = 2.0;

/// Runs one seed and shows what happens; or one after the other for so many minutes.
pub fn run(seed: u64, minutes: Option<f64>) -> Outcome<()> {
    // With the features that the tests ask for, so that nothing is compiled a second time.
    let binary = cargo::build("hearth-simulation", &["test", "--workspace", "--no-run"])?;
    let mut command = Command::new(binary);
    command.arg("--seed").arg(seed.to_string());
    if let Some(minutes) = minutes {
        command.arg("--minutes").arg(minutes.to_string());
    }
    process::run(&mut command)
}
