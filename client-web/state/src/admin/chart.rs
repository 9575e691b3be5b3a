//! Numbers over time as a line: where its points are, and which numbers stand beside it.

use std::fmt::Write as _;

/// The numbers at the side, from 0 on; the last one is where the picture ends. There are 3 to 6 of them.
pub fn ticks(highest: f64) -> Vec<f64> {
    const STEPS: [f64; 4] = [1.0, 2.0, 2.5, 5.0];
    let highest = if highest.is_finite() && highest > 0.0 { highest } else { 1.0 };
    let power = 10_f64.powf((highest / 4.0).log10().floor());
    let steps = STEPS.iter().chain([&10.0]).map(|step| step * power);
    let step = steps.into_iter().find(|step| step * 4.0 >= highest).unwrap_or(power * 10.0);
    let count = (highest / step).ceil().max(2.0) as u32;
    (0..=count).map(|at| f64::from(at) * step).collect()
}

/// Where a point of a time and a value is in a picture of this width and height: times from `begin` to `end` take the
/// width, values up to `top` take the height.
pub fn spot(
    (at, value): (f64, f64),
    (begin, end, _): (f64, f64, f64),
    top: f64,
    (width, height): (f64, f64),
) -> (f64, f64) {
    ((at - begin) / (end - begin).max(1.0) * width, height - value / top * height)
}

/// The line through points, as `d` of a `path`. `time` is beginning, end, and the gap: where more than that lies between
/// two points nothing was measured, and the line ends and begins anew.
pub fn line(points: &[(f64, f64)], time: (f64, f64, f64), top: f64, size: (f64, f64)) -> String {
    let mut path = String::new();
    let mut before = None;
    for point in points {
        let (x, y) = spot(*point, time, top, size);
        let is_joined = before.is_some_and(|before| point.0 - before <= time.2);
        let _ = write!(path, "{}{x:.1} {y:.1}", if is_joined { 'L' } else { 'M' });
        before = Some(point.0);
    }
    path
}

/// The same, closed along the bottom for each part of the line.
pub fn area(points: &[(f64, f64)], time: (f64, f64, f64), top: f64, size: (f64, f64)) -> String {
    let x = |point: Option<&(f64, f64)>| point.map_or(0.0, |point| spot(*point, time, top, size).0);
    let parts = points.chunk_by(|(one, _), (other, _)| other - one <= time.2);
    let closed = parts.map(|part| {
        let (first, last) = (x(part.first()), x(part.last()));
        format!("{}L{last:.1} {}L{first:.1} {}z", line(part, time, top, size), size.1, size.1)
    });
    closed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_at_the_side_are_round_and_reach_the_highest() {
        assert_eq!(ticks(338.0), [0.0, 100.0, 200.0, 300.0, 400.0]);
        assert_eq!(ticks(34.0), [0.0, 10.0, 20.0, 30.0, 40.0]);
        assert_eq!(ticks(1.0), [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(ticks(0.0), ticks(1.0));
        assert_eq!(ticks(f64::NAN), ticks(1.0));
        for highest in [0.003, 0.7, 3.0, 7.1, 99.9, 100.0, 12_345.0, 9.9e9] {
            let ticks = ticks(highest);
            assert!(
                (3..=6).contains(&ticks.len()) && ticks[ticks.len() - 1] >= highest,
                "{highest}: {ticks:?}"
            );
        }
    }

    #[test]
    fn a_line_has_a_gap_where_nothing_was_measured() {
        let points = [(0.0, 0.0), (10.0, 5.0), (40.0, 10.0)];
        let time = (0.0, 40.0, 15.0);
        assert_eq!(line(&points, time, 10.0, (400.0, 100.0)), "M0.0 100.0L100.0 50.0M400.0 0.0");
        assert_eq!(
            area(&points, time, 10.0, (400.0, 100.0)),
            "M0.0 100.0L100.0 50.0L100.0 100L0.0 100zM400.0 0.0L400.0 100L400.0 100z"
        );
        assert_eq!(line(&[], time, 10.0, (400.0, 100.0)), "");
    }
}
