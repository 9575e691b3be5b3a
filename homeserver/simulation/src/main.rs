//! Runs seeds: `cargo xtask simulate`.

use std::{
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use clap::Parser;
use hearth_simulation::{Counts, Outcome, run};

type Failure = Box<dyn std::error::Error>;

#[derive(Parser)]
struct Cli {
    /// The seed, or the first one
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// For how long one seed after the other is run; without it one is run, and all that happens is shown
    #[arg(long)]
    minutes: Option<f64>,
    /// How many seeds are run, one after the other, however long it takes
    #[arg(long, conflicts_with = "minutes")]
    seeds: Option<u64>,
    /// Nothing is shown but what came of it, as JSON
    #[arg(long)]
    brief: bool,
}

fn main() -> Result<ExitCode, Failure> {
    let Cli { seed, minutes, seeds, brief } = Cli::parse();
    if minutes.is_some() || seeds.is_some() {
        let time = minutes.map_or(Duration::MAX, |minutes| Duration::from_secs_f64(minutes * 60.0));
        return run_many(seed, seeds.unwrap_or(u64::MAX), time);
    }
    let outcome = run(seed, !brief);
    match brief {
        true => println!("{}", serde_json::to_string(&outcome)?),
        false => println!("{outcome}"),
    }
    Ok(if outcome.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Each seed has a process of its own, as the runtime counts some things for the whole process.
#[expect(clippy::disallowed_methods, reason = "how long it runs is real time")]
fn run_many(first: u64, at_most: u64, time: Duration) -> Result<ExitCode, Failure> {
    let (begun, program) = (Instant::now(), std::env::current_exe()?);
    let (mut failed, mut total) = (Vec::new(), Counts::default());
    let mut seed = first;
    while seed - first < at_most && begun.elapsed() < time {
        let mut command = Command::new(&program);
        let output = command.args(["--brief", "--seed", &seed.to_string()]).stderr(Stdio::null()).output()?;
        match serde_json::from_slice::<Outcome>(&output.stdout) {
            Ok(outcome) => {
                total += outcome.counts;
                if !outcome.findings.is_empty() {
                    println!("{outcome}");
                    failed.push(seed);
                }
            }
            Err(error) => {
                println!("seed {seed} ended with {}: {error}", output.status);
                failed.push(seed);
            }
        }
        if failed.last() == Some(&seed) {
            println!("  again, with all that happens: cargo xtask simulate --seed {seed}");
        }
        seed += 1;
    }
    let Counts { events, crashes, partitions } = total;
    let (seeds, time) = (seed - first, begun.elapsed().as_secs());
    println!("{seeds} seeds in {time} s: {events} events, {crashes} crashes, {partitions} partitions");
    println!("failed: {failed:?}");
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
