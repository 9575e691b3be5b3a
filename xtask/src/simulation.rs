//! Whole servers in a simulation: `homeserver/simulation`.

use std::process::Command;

use crate::{
    cargo,
    process::{self, Outcome},
};

/// The seeds that a run of all tests simulates: always the same, some two minutes on two cores.
pub const IN_TESTS: &[&str] = &["--seeds", "250"];

/// Runs the simulation from a seed: that one, with all that happens, or as many as the arguments say.
pub fn run(seed: u64, arguments: &[&str]) -> Outcome<()> {
    // With the features that the tests ask for, so that nothing is compiled a second time.
    let binary = cargo::build("hearth-simulation", &["test", "--workspace", "--no-run"])?;
    let mut command = Command::new(binary);
    command.arg("--seed").arg(seed.to_string()).args(arguments);
    process::run(&mut command)
}
