//! The same seed gives the same run.

use std::process::Command;

use hearth_simulation::Outcome;

fn run(seed: u64) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hearth-simulation"));
    let output = command.args(["--brief", "--seed", &seed.to_string()]).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_same_seed_gives_the_same_run_byte_for_byte() {
    for seed in [1, 2, 3] {
        let first = run(seed);
        assert_eq!(first.findings, [] as [String; 0], "{first}");
        assert_eq!(first, run(seed));
    }
    assert_ne!(run(1).trace, run(2).trace);
}
