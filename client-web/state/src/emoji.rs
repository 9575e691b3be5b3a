//! The pictures of the keyboard: their names, the words by which they are found, and the tones of skin.
//!
//! A line of the list is group, picture, `s` if it comes in tones of skin, name and words, with tabs between them. It is
//! made of what Unicode says of them in each language (by `emojibase-data`, MIT).

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emoji {
    pub group: u8,
    pub picture: String,
    pub has_tones: bool,
    pub name: String,
    words: String,
}

/// The groups in their order: number, icon, and the name of their text.
pub const GROUPS: [(u8, &str, &str); 9] = [
    (0, "smile", "emoji-faces"),
    (1, "hand", "emoji-people"),
    (3, "paw-print", "emoji-nature"),
    (4, "apple", "emoji-food"),
    (5, "bike", "emoji-travel"),
    (6, "party-popper", "emoji-doing"),
    (7, "lamp", "emoji-things"),
    (8, "heart", "emoji-signs"),
    (9, "flag", "emoji-flags"),
];

/// The tones of skin, the first of which is none.
pub const TONES: [&str; 6] = ["", "🏻", "🏼", "🏽", "🏾", "🏿"];

/// Reads the list; a line that is none is left out.
pub fn read(list: &str) -> Vec<Emoji> {
    let emoji = |line: &str| {
        let mut parts = line.split('\t');
        Some(Emoji {
            group: parts.next()?.parse().ok()?,
            picture: parts.next()?.to_owned(),
            has_tones: parts.next()? == "s",
            name: parts.next()?.to_owned(),
            words: parts.next()?.to_lowercase(),
        })
    };
    list.lines().filter_map(emoji).collect()
}

/// Those whose name or words begin so: what is called so before what is only thought of.
pub fn find<'a>(all: &'a [Emoji], typed: &str, most: usize) -> Vec<&'a Emoji> {
    let typed = typed.replace(['_', '-'], " ").to_lowercase();
    let rank = |emoji: &Emoji| {
        let name = emoji.name.to_lowercase();
        let is_called = |name: &str| name.split_whitespace().any(|word| word.starts_with(&typed));
        match () {
            () if name == typed => Some(0),
            () if name.starts_with(&typed) => Some(1),
            () if emoji.words.split(' ').any(|word| word == typed) => Some(2),
            () if name.contains(&typed) => Some(3),
            () if is_called(&emoji.words) => Some(4),
            () => None,
        }
    };
    let mut found: Vec<(u8, &Emoji)> =
        all.iter().filter_map(|emoji| rank(emoji).map(|rank| (rank, emoji))).collect();
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, emoji)| emoji).take(most).collect()
}

/// A picture in a tone of skin, if it comes in tones.
pub fn toned(emoji: &Emoji, tone: usize) -> String {
    let Some(tone) = TONES.get(tone).filter(|tone| !tone.is_empty() && emoji.has_tones) else {
        return emoji.picture.clone();
    };
    let mut parts = emoji.picture.chars();
    let first: String = parts.by_ref().take(1).collect();
    // The tone takes the place of what asks for a coloured picture.
    format!("{first}{tone}{}", parts.as_str().trim_start_matches('\u{FE0F}'))
}

/// The ones used last, after one more was.
pub fn used(recent: &str, picture: &str) -> String {
    const MOST: usize = 27;
    let others = recent.split(' ').filter(|other| !other.is_empty() && *other != picture);
    std::iter::once(picture).chain(others).take(MOST).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENGLISH: &str = include_str!("../../assets/emoji.en.txt");
    const GERMAN: &str = include_str!("../../assets/emoji.de.txt");

    #[test]
    fn each_language_has_the_same_pictures_in_groups_that_are_shown() {
        let (english, german) = (read(ENGLISH), read(GERMAN));
        assert!(english.len() > 1800 && english.len() == ENGLISH.lines().count());
        assert!(english.iter().all(|emoji| GROUPS.iter().any(|(group, ..)| *group == emoji.group)));
        let pictures = |all: &[Emoji]| all.iter().map(|emoji| emoji.picture.clone()).collect::<Vec<_>>();
        assert_eq!(pictures(&english), pictures(&german));
    }

    #[test]
    fn they_are_found_by_name_and_by_word() {
        let all = read(ENGLISH);
        let first = |typed| find(&all, typed, 3).first().map(|emoji| emoji.picture.as_str());
        assert_eq!(first("fire"), Some("🔥"));
        assert_eq!(first("thumbs_up"), Some("👍️"));
        assert_eq!(first("fuming nothing"), None);
        assert!(find(&all, "hello", 50).iter().any(|emoji| emoji.picture == "👋"));
    }

    #[test]
    fn a_hand_has_a_tone_and_a_fire_has_none() {
        let all = read(ENGLISH);
        let of = |picture: &str| all.iter().find(|emoji| emoji.picture.starts_with(picture)).unwrap();
        assert_eq!(toned(of("👋"), 1), "👋🏻");
        assert_eq!(toned(of("👍"), 5), "👍🏿");
        assert_eq!(toned(of("👋"), 0), "👋");
        assert_eq!(toned(of("🔥"), 3), "🔥");
        assert_eq!(toned(of("👋"), 99), "👋");
    }

    #[test]
    fn what_was_used_last_stands_first_and_once() {
        assert_eq!(used("🔥 👍", "👍"), "👍 🔥");
        assert_eq!(used("", "👍"), "👍");
        let many = (0..40).fold(String::new(), |recent, number| used(&recent, &number.to_string()));
        assert_eq!(many.split(' ').count(), 27);
    }
}
