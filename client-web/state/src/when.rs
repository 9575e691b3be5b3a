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

/// The hours of a day in which nothing is heard: from one time of day to another, also over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietHours {
    /// Minutes after midnight.
    pub from: u16,
    pub to: u16,
}

impl QuietHours {
    /// From ten in the evening to seven in the morning.
    pub const USUAL: Self = Self { from: 22 * 60, to: 7 * 60 };

    /// Reads `22:00-07:00`.
    pub fn parse(text: &str) -> Option<Self> {
        let (from, to) = text.split_once('-')?;
        Some(Self { from: minutes(from)?, to: minutes(to)? })
    }

    /// As [`QuietHours::parse`] reads it.
    pub fn text(self) -> String {
        format!("{}-{}", time_of_day(self.from), time_of_day(self.to))
    }

    /// Whether a moment is in them; `offset` is what local time is ahead by.
    pub fn contain(self, at: i64, offset: i64) -> bool {
        let now = ((at + offset).rem_euclid(DAY) / 60_000) as u16;
        match self.from <= self.to {
            true => (self.from..self.to).contains(&now),
            false => now >= self.from || now < self.to,
        }
    }
}

/// Minutes after midnight of `07:30`.
pub fn minutes(time: &str) -> Option<u16> {
    let (hours, minutes) = time.split_once(':')?;
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

/// `07:30`, of minutes after midnight.
pub fn time_of_day(minutes: u16) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_hours_go_over_midnight() {
        let at = |hours: i64| 20_000 * DAY + hours * 3_600_000;
        let night = QuietHours::USUAL;
        let quiet: Vec<i64> = (0..24).filter(|hours| night.contain(at(*hours), 0)).collect();
        assert_eq!(quiet, [0, 1, 2, 3, 4, 5, 6, 22, 23]);
        assert!(night.contain(at(21), 3_600_000), "by local time");
        let noon = QuietHours { from: 12 * 60, to: 13 * 60 };
        assert!(noon.contain(at(12), 0) && !noon.contain(at(13), 0) && !noon.contain(at(11), 0));
        let never = QuietHours { from: 60, to: 60 };
        assert!(!(0..24).any(|hours| never.contain(at(hours), 0)));
    }

    #[test]
    fn quiet_hours_are_read_as_they_are_written() {
        assert_eq!(QuietHours::parse(&QuietHours::USUAL.text()), Some(QuietHours::USUAL));
        for wrong in ["", "22:00", "24:00-07:00", "22:00-07:60", "a-b"] {
            assert_eq!(QuietHours::parse(wrong), None, "{wrong}");
        }
    }

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
