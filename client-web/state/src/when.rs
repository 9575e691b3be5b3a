//! In how much detail a moment is told, by how long ago it was.

/// Milliseconds of a day.
pub const DAY: i64 = 86_400_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Today: the time of day.
    Time,
    /// One of the last six days: the day of the week.
    Weekday,
    /// This year: day and month.
    DayAndMonth,
    /// Earlier, or later than today: the whole date.
    Date,
}

/// How the row of a room tells `at`; both are milliseconds since 1970, `offset` is what local time is ahead by.
pub fn when(at: i64, now: i64, offset: i64) -> When {
    let day = |moment: i64| (moment + offset).div_euclid(DAY);
    match day(now) - day(at) {
        0 => When::Time,
        1..=6 => When::Weekday,
        // A year has 365 or 366 days: half of one is certainly told well without its number.
        7..=182 => When::DayAndMonth,
        _ => When::Date,
    }
}

/// Whether two moments are on the same day.
pub fn same_day(a: i64, b: i64, offset: i64) -> bool {
    (a + offset).div_euclid(DAY) == (b + offset).div_euclid(DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_is_the_local_one() {
        let midnight = 20_000 * DAY;
        assert_eq!(when(midnight + 1, midnight + DAY - 1, 0), When::Time);
        assert_eq!(when(midnight - 1, midnight, 0), When::Weekday);
        assert_eq!(when(midnight - 1, midnight, 3_600_000), When::Time);
        assert_eq!(when(midnight - 6 * DAY, midnight, 0), When::Weekday);
        assert_eq!(when(midnight - 7 * DAY, midnight, 0), When::DayAndMonth);
        assert_eq!(when(midnight - 400 * DAY, midnight, 0), When::Date);
        assert_eq!(when(midnight + 2 * DAY, midnight, 0), When::Date);
    }
}
