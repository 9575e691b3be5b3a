//! How long a failing server is left alone.

const FIRST_MS: u64 = 1000;
const LONGEST_MS: u64 = 60 * 60 * 1000;

/// After so many failures in a row: 1 s, 2 s, 4 s and so on up to an hour, less up to a fifth by chance, so that
/// servers that failed together are not all tried at the same moment.
pub(super) fn delay_ms(failures: u32, random: u32) -> u64 {
    let delay = longest_ms(failures);
    delay - delay / 5 * u64::from(random) / u64::from(u32::MAX)
}

/// The most that it can be after so many failures.
pub(super) fn longest_ms(failures: u32) -> u64 {
    let doublings = failures.saturating_sub(1).min(32);
    (FIRST_MS << doublings).min(LONGEST_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_doubles_up_to_an_hour() {
        let delays: Vec<_> = [1, 2, 3, 4].map(|failures| delay_ms(failures, 0)).into();
        assert_eq!(delays, [1000, 2000, 4000, 8000]);
        assert_eq!(delay_ms(u32::MAX, 0), LONGEST_MS);
        assert_eq!(delay_ms(1, u32::MAX), 800);
    }
}
