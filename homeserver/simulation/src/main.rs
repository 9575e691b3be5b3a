//! Runs seeds: `cargo xtask simulate`.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Parser;
use hearth_simulation::run;

#[derive(Parser)]
struct Cli {
    /// The first seed
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// For how long one seed after the other is run; without it one is run, and all that happens is shown
    #[arg(long)]
    minutes: Option<f64>,
}

fn main() -> ExitCode {
    let Cli { seed, minutes } = Cli::parse();
    let Some(minutes) = minutes else {
        let outcome = run(seed, true);
        println!("{outcome}");
        return if outcome.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    };
    run_many(seed, Duration::from_secs_f64(minutes * 60.0))
}

#[expect(clippy::disallowed_methods, reason = "how long it runs is real time")]
fn run_many(first: u64, time: Duration) -> ExitCode {
    let begun = Instant::now();
    let mut failed = Vec::new();
    let mut total = hearth_simulation::Counts::default();
    let mut seed = first;
    while begun.elapsed() < time {
        let outcome = run(seed, false);
        total += outcome.counts;
        if !outcome.findings.is_empty() {
            println!("{outcome}\n  again, with all that happens: cargo xtask simulate --seed {seed}");
            failed.push(seed);
        }
        seed += 1;
    }
    println!("{} seeds in {:?}: {total:?}; failed: {failed:?}", seed - first, begun.elapsed());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
