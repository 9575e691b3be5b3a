//! What stands for a person or a room without a picture: initials, and one of eight colours.

/// The first letters of the first and the last word of a name, at most two, in capitals.
pub fn initials(name: &str) -> String {
    let letter = |word: &str| word.chars().find(|c| c.is_alphanumeric());
    let mut letters = name.split_whitespace().filter_map(letter);
    let (first, last) = (letters.next(), letters.next_back());
    first.into_iter().chain(last).flat_map(char::to_uppercase).collect()
}

/// The colour of an identifier, 1 to 8 (`data-c` and `.n1` to `.n8` of the design): the same at every start.
pub fn colour(id: &str) -> u8 {
    // FNV-1a: identifiers that differ in one letter are apart.
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    (hash >> 32) as u8 % 8 + 1
}

/// A name as it may stand among other words: without what turns round the words beside it or shows nothing, so that
/// `photo\u{202e}gnp.exe` does not read as a picture, and not longer than anybody reads.
pub fn plain(name: &str) -> String {
    const MOST: usize = 250;
    let is_unseen = |c: &char| matches!(c, '\u{200b}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    let seen = name.chars().filter(|c| !is_unseen(c)).map(|c| if c.is_control() { ' ' } else { c });
    seen.take(MOST).collect()
}

/// What somebody is called: by the name that they chose, if one sees anything of it, else by their address.
pub fn called(user: &str, name: Option<&str>) -> String {
    let name = name.map(plain).filter(|name| !name.trim().is_empty());
    name.unwrap_or_else(|| plain(localpart(user)))
}

/// The part of `@name:server` that a person chose.
pub fn localpart(user: &str) -> &str {
    user.strip_prefix('@').unwrap_or(user).split(':').next().unwrap_or(user)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_of_the_first_and_the_last_word() {
        assert_eq!(initials("Mira Halvorsen"), "MH");
        assert_eq!(initials("tern & gale"), "TG");
        assert_eq!(initials("Anna Maria von der Au"), "AA");
        assert_eq!(initials("#kiln"), "K");
        assert_eq!(initials("  "), "");
    }

    #[test]
    fn a_name_turns_nothing_round_and_has_an_end() {
        assert_eq!(plain("photo\u{202e}gnp.exe"), "photognp.exe");
        assert_eq!(plain("a\nb\u{2066}c\u{200b}"), "a bc");
        assert_eq!(plain("نور 👩\u{200d}🚒"), "نور 👩\u{200d}🚒");
        assert_eq!(plain(&"x".repeat(1_000)).len(), 250);
    }

    #[test]
    fn who_chose_no_name_that_one_sees_is_called_by_their_address() {
        assert_eq!(called("@mira:example.org", Some("Mira \u{202e}H.")), "Mira H.");
        for unseen in [None, Some(""), Some(" \u{200b}\n")] {
            assert_eq!(called("@mira:example.org", unseen), "mira");
        }
    }

    #[test]
    fn a_colour_is_one_of_eight_and_all_eight_come() {
        let mut seen: Vec<u8> = (0..200).map(|n| colour(&format!("@user{n}:example.org"))).collect();
        seen.sort();
        seen.dedup();
        assert_eq!(seen, [1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn a_localpart_is_between_the_at_and_the_colon() {
        assert_eq!(localpart("@mira:example.org:8448"), "mira");
        assert_eq!(localpart("mira"), "mira");
    }
}
