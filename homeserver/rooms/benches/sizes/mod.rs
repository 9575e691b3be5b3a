//! Measuring the same in rooms of several sizes, in one run.

use std::time::Duration;

/// How many members the rooms have.
pub const MEMBERS: [u64; 4] = [100, 1_000, 10_000, 100_000];

/// Measures every room several times in turn, and prints the least figure of each, as whatever else runs only
/// adds; with its ratio to that of the smallest room.
pub fn compare<R, const N: usize>(
    passes: usize,
    rooms: &mut [R],
    names: [&str; N],
    measure: impl Fn(&mut R) -> [Duration; N],
) {
    let mut least = vec![[Duration::MAX; N]; rooms.len()];
    for _ in 0..passes {
        for (room, least) in rooms.iter_mut().zip(&mut least) {
            for (least, time) in least.iter_mut().zip(measure(room)) {
                *least = time.min(*least);
            }
        }
    }
    print!("{:40}", "members");
    MEMBERS.iter().for_each(|members| print!("{members:>20}"));
    println!();
    for (place, name) in names.iter().enumerate() {
        print!("{name:40}");
        let smallest = least[0][place].as_secs_f64();
        for least in &least {
            let time = least[place].as_secs_f64();
            print!("{:>11.2} µs ×{:>5.2}", time * 1e6, time / smallest);
        }
        println!();
    }
}

/// What three rounds of four take at least.
pub fn lower_quartile(rounds: usize, round: impl FnMut(usize) -> Duration) -> Duration {
    let mut times: Vec<Duration> = (0..rounds).map(round).collect();
    times.sort_unstable();
    times[rounds / 4]
}
