//! What the admin page knows and decides: where one is in it, and how numbers become pictures.

pub mod chart;
mod grouped;
mod place;

pub use self::{
    grouped::grouped,
    place::{Kind, Place},
};

/// Whether what was typed to confirm something names it.
pub fn is_confirmed(typed: &str, name: &str) -> bool {
    typed.trim() == name
}

/// A number of bytes as a value and the name of its unit: 1,000 of one make the next.
pub fn size(bytes: u64) -> (f64, &'static str) {
    const UNITS: &[&str] = &["size-b", "size-kb", "size-mb", "size-gb", "size-tb"];
    let (mut value, mut unit) = (bytes as f64, 0);
    // What would be shown as 1000 is one of the next unit.
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let rounded = if value < 99.95 { (value * 10.0).round() / 10.0 } else { value.round() };
    (rounded, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_unit_that_makes_them_short() {
        assert_eq!(size(0), (0.0, "size-b"));
        assert_eq!(size(999), (999.0, "size-b"));
        assert_eq!(size(1_250), (1.3, "size-kb"));
        assert_eq!(size(999_700), (1.0, "size-mb"));
        assert_eq!(size(61_800_000_000), (61.8, "size-gb"));
        assert_eq!(size(240_000_000_000), (240.0, "size-gb"));
        assert_eq!(size(9_000_000_000_000_000), (9000.0, "size-tb"));
    }

    #[test]
    fn only_the_whole_name_confirms() {
        assert!(is_confirmed(" @a:b \n", "@a:b"));
        assert!(!is_confirmed("@a", "@a:b") && !is_confirmed("", "@a:b"));
    }
}
