//! The same seed gives the same run.

use hearth_simulation::run;

#[test]
fn the_same_seed_gives_the_same_run_byte_for_byte() {
    let first = run(1, false);
    assert_eq!(first.findings, [] as [String; 0], "{first}");
    assert_ne!(first.trace, run(2, false).trace);
    // Also after another, in the same process.
    assert_eq!(first, run(1, false));
}
