//! The list of rooms: what its rows say, and in which sections they stand.

use std::collections::{HashMap, HashSet};

use crate::rich::one_line;

/// A room, a person or an invitation in the list.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Row {
    pub id: String,
    pub name: String,
    /// The `mxc:` of its picture.
    pub picture: Option<String>,
    pub kind: Kind,
    pub is_favourite: bool,
    pub is_low_priority: bool,
    pub is_muted: bool,
    pub unread: Unread,
    pub last: Option<Last>,
    /// How many people are in its call.
    pub in_call: usize,
    /// What waits in its composer.
    pub draft: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Default)]
pub enum Kind {
    #[default]
    Room,
    Person,
    Invitation {
        /// Who invites, by name.
        by: String,
    },
}

/// What one has not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Unread {
    /// Messages that ask for attention.
    pub notifications: u64,
    /// Those that name the user.
    pub mentions: u64,
    /// All of them, also those that ask for nothing.
    pub messages: u64,
    /// The user marked the room as unread.
    pub is_marked: bool,
}

impl Unread {
    pub fn is_any(&self) -> bool {
        self.messages + self.notifications + self.mentions > 0 || self.is_marked
    }
}

/// The newest message of a room.
#[derive(Clone, Debug, PartialEq)]
pub struct Last {
    pub by: By,
    pub what: What,
    /// Milliseconds since 1970.
    pub at: i64,
    pub is_failed: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum By {
    Me,
    /// A person by name.
    Other(String),
}

/// What a message is, in the few words of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    Text(String),
    Picture,
    Video,
    Sound,
    File(String),
    Sticker,
    Poll(String),
    Locked,
    Deleted,
    Joined,
    Other,
}

impl What {
    /// Text as it stands in a row: one line, not longer than anybody sees.
    pub fn text(text: &str) -> Self {
        Self::Text(one_line(text, 160))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Invitations,
    Favourites,
    People,
    Rooms,
    LowPriority,
}

impl Section {
    /// The name of its text.
    pub fn text(self) -> &'static str {
        match self {
            Self::Invitations => "section-invitations",
            Self::Favourites => "section-favourites",
            Self::People => "section-people",
            Self::Rooms => "section-rooms",
            Self::LowPriority => "section-low-priority",
        }
    }

    fn of(row: &Row) -> Self {
        match row.kind {
            Kind::Invitation { .. } => Self::Invitations,
            _ if row.is_favourite => Self::Favourites,
            _ if row.is_low_priority => Self::LowPriority,
            Kind::Person => Self::People,
            Kind::Room => Self::Rooms,
        }
    }
}

/// Which rows of the list are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Show {
    #[default]
    All,
    /// Those in which something was not read, whether it asks for attention or not.
    Unread,
    /// Those in which the user is named, or written to alone.
    Mentions,
}

impl Show {
    pub const ALL: [Self; 3] = [Self::All, Self::Unread, Self::Mentions];

    /// The name of its text.
    pub fn text(self) -> &'static str {
        match self {
            Self::All => "show-all",
            Self::Unread => "show-unread",
            Self::Mentions => "show-mentions",
        }
    }

    fn takes(self, row: &Row) -> bool {
        let unread = &row.unread;
        let is_invitation = matches!(row.kind, Kind::Invitation { .. });
        match self {
            Self::All => true,
            Self::Unread => is_invitation || unread.is_any(),
            Self::Mentions => {
                is_invitation || unread.mentions > 0 || row.kind == Kind::Person && unread.notifications > 0
            }
        }
    }
}

/// The rows in their sections, each in the order in which they came; what does not fit the filter, what is not in the
/// space (where one is chosen) and what is empty is left out.
pub fn sections(
    rows: &[Row],
    filter: &str,
    show: Show,
    within: Option<&HashSet<String>>,
) -> Vec<(Section, Vec<Row>)> {
    let all =
        [Section::Invitations, Section::Favourites, Section::People, Section::Rooms, Section::LowPriority];
    let is_within = |row: &Row| within.is_none_or(|within| within.contains(&row.id));
    let fits = |row: &&Row| is_found(&row.name, filter) && show.takes(row) && is_within(row);
    let rows_of =
        |section| rows.iter().filter(fits).filter(|row| Section::of(row) == section).cloned().collect();
    let sections = all.into_iter().map(|section| (section, rows_of(section)));
    sections.filter(|(_, rows): &(_, Vec<Row>)| !rows.is_empty()).collect()
}

/// Whether each word of a filter begins a word of the name, capitals or not.
pub fn is_found(name: &str, filter: &str) -> bool {
    let name = name.to_lowercase();
    filter.to_lowercase().split_whitespace().all(|word| {
        name.split(|c: char| !c.is_alphanumeric()).any(|part| part.starts_with(word))
            || name.starts_with(word)
    })
}

/// What the title and the rail count: rooms with something new, and whether any of it names the user.
pub fn total(rows: &[Row]) -> Unread {
    let invitations = rows.iter().filter(|row| matches!(row.kind, Kind::Invitation { .. })).count() as u64;
    let loud = rows.iter().filter(|row| !row.is_muted);
    let none = Unread { notifications: invitations, mentions: invitations, ..Unread::default() };
    loud.fold(none, |sum, row| Unread {
        notifications: sum.notifications + row.unread.notifications,
        mentions: sum.mentions + row.unread.mentions,
        messages: sum.messages + row.unread.messages,
        is_marked: sum.is_marked || row.unread.is_marked,
    })
}

/// The rows that fit what is typed to jump to one: whose name begins so first, then whose words do; in each the order
/// in which they came, which is that of activity.
pub fn jump_targets(rows: &[Row], typed: &str, most: usize) -> Vec<Row> {
    let (people, typed) = match typed.trim().split_at_checked(1) {
        Some(("@", rest)) => (Some(true), rest),
        Some(("#", rest)) => (Some(false), rest),
        _ => (None, typed.trim()),
    };
    let is_kind = |row: &&Row| people.is_none_or(|people| (row.kind == Kind::Person) == people);
    let begins = |row: &Row| row.name.to_lowercase().starts_with(&typed.to_lowercase());
    let found: Vec<&Row> = rows.iter().filter(is_kind).filter(|row| is_found(&row.name, typed)).collect();
    let first = found.iter().filter(|row| begins(row));
    let second = found.iter().filter(|row| !begins(row));
    first.chain(second).take(most).map(|row| (*row).clone()).collect()
}

/// For rooms that are called like another one: the name of the first space that has them, by room. A space is given with
/// its name and the rooms in it.
pub fn told_apart(rows: &[Row], spaces: &[(&str, &HashSet<String>)]) -> HashMap<String, String> {
    let mut count: HashMap<&str, usize> = HashMap::new();
    for row in rows {
        *count.entry(&row.name).or_default() += 1;
    }
    let space = |row: &Row| {
        spaces.iter().find(|(_, rooms)| rooms.contains(&row.id)).map(|(name, _)| (*name).to_owned())
    };
    let alike = rows.iter().filter(|row| count.get(row.name.as_str()).is_some_and(|count| *count > 1));
    alike.filter_map(|row| Some((row.id.clone(), space(row)?))).collect()
}

/// The room before or after another in the list as it is shown, or the next one with something unread.
pub fn neighbour(
    sections: &[(Section, Vec<Row>)],
    current: Option<&str>,
    is_down: bool,
    is_unread: bool,
) -> Option<String> {
    let rows: Vec<&Row> = sections.iter().flat_map(|(_, rows)| rows).collect();
    let wanted = |row: &&Row| {
        !is_unread || row.unread.notifications > 0 || row.unread.is_marked || row.unread.mentions > 0
    };
    let at = rows.iter().position(|row| Some(row.id.as_str()) == current);
    let found = match (at, is_down) {
        (Some(at), true) => rows[at + 1..].iter().copied().find(wanted),
        (Some(at), false) => rows[..at].iter().rev().copied().find(wanted),
        (None, true) => rows.iter().copied().find(wanted),
        (None, false) => rows.iter().rev().copied().find(wanted),
    };
    found.map(|row| row.id.clone())
}

/// The rows in which something came that asks for attention, of `after`; nothing of rooms that were not known before:
/// at the start all are new.
pub fn news<'a>(before: &[Row], after: &'a [Row]) -> Vec<&'a Row> {
    let is_news = |row: &&Row| {
        let known = before.iter().find(|known| known.id == row.id);
        let is_more = known.is_some_and(|known| row.unread.notifications > known.unread.notifications);
        let is_invitation =
            matches!(row.kind, Kind::Invitation { .. }) && known.is_none() && !before.is_empty();
        !row.is_muted && (is_more || is_invitation)
    };
    after.iter().filter(is_news).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, change: impl FnOnce(&mut Row)) -> Row {
        let mut row = Row { id: format!("!{name}"), name: name.to_owned(), ..Row::default() };
        change(&mut row);
        row
    }

    #[test]
    fn rows_stand_in_the_section_that_says_most_of_them() {
        let rows = [
            row("Kiln", |row| row.is_favourite = true),
            row("Weather", |_| ()),
            row("Astrid", |row| row.kind = Kind::Person),
            row("Riders", |row| row.kind = Kind::Invitation { by: "Lamar".to_owned() }),
            row("Old", |row| row.is_low_priority = true),
        ];
        let names = |filter: &str| -> Vec<(Section, Vec<String>)> {
            let sections = sections(&rows, filter, Show::All, None).into_iter();
            sections
                .map(|(section, rows)| (section, rows.into_iter().map(|row| row.name).collect()))
                .collect()
        };
        let one = |section, name: &str| (section, vec![name.to_owned()]);
        assert_eq!(
            names(""),
            [
                one(Section::Invitations, "Riders"),
                one(Section::Favourites, "Kiln"),
                one(Section::People, "Astrid"),
                one(Section::Rooms, "Weather"),
                one(Section::LowPriority, "Old"),
            ]
        );
        assert_eq!(names("as"), [one(Section::People, "Astrid")]);
        assert_eq!(names("nothing"), []);
    }

    #[test]
    fn news_are_what_was_not_there_before() {
        let unread = |count| Unread { notifications: count, ..Unread::default() };
        let before =
            [row("a", |_| ()), row("b", |row| row.unread = unread(1)), row("c", |row| row.is_muted = true)];
        let after = [
            row("a", |row| row.unread = unread(1)),
            row("b", |row| row.unread = unread(1)),
            row("c", |row| (row.is_muted, row.unread) = (true, unread(1))),
            row("d", |row| row.unread = unread(9)),
            row("e", |row| row.kind = Kind::Invitation { by: String::new() }),
        ];
        let names =
            |before: &[Row]| news(before, &after).iter().map(|row| row.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&before), ["a", "e"]);
        assert!(names(&[]).is_empty(), "at the start nothing is news");
    }

    #[test]
    fn a_filter_looks_at_the_beginnings_of_words() {
        assert!(is_found("Field reports (west)", "rep field") && is_found("Field reports", "FIE"));
        assert!(is_found("#kiln", "#ki") && is_found("Kiln", ""));
        assert!(!is_found("Field reports", "ports"));
    }

    #[test]
    fn muted_rooms_are_not_counted_and_invitations_are() {
        let unread = Unread { notifications: 2, mentions: 1, ..Unread::default() };
        let rows = [
            row("a", |row| row.unread = unread),
            row("b", |row| (row.unread, row.is_muted) = (unread, true)),
            row("c", |row| row.kind = Kind::Invitation { by: String::new() }),
        ];
        assert_eq!(total(&rows), Unread { notifications: 3, mentions: 2, ..Unread::default() });
    }

    fn names(sections: &[(Section, Vec<Row>)]) -> Vec<&str> {
        sections.iter().flat_map(|(_, rows)| rows).map(|row| row.name.as_str()).collect()
    }

    #[test]
    fn the_list_is_narrowed_to_what_is_unread_or_for_the_user_or_in_a_space() {
        let rows = [
            row("quiet", |_| ()),
            row("chatty", |row| row.unread.messages = 4),
            row("asks", |row| row.unread.notifications = 1),
            row("names", |row| row.unread.mentions = 1),
            row("Astrid", |row| {
                row.kind = Kind::Person;
                row.unread.notifications = 1;
            }),
        ];
        let of = |show| sections(&rows, "", show, None);
        assert_eq!(names(&of(Show::All)).len(), 5);
        assert_eq!(names(&of(Show::Unread)), ["Astrid", "chatty", "asks", "names"]);
        assert_eq!(names(&of(Show::Mentions)), ["Astrid", "names"]);
        let space = HashSet::from(["!quiet".to_owned()]);
        assert_eq!(names(&sections(&rows, "", Show::All, Some(&space))), ["quiet"]);
    }

    #[test]
    fn one_jumps_by_what_a_name_begins_with() {
        let rows = [
            row("Field fire", |_| ()),
            row("Firmware", |_| ()),
            row("Fiona", |row| row.kind = Kind::Person),
            row("Kiln", |_| ()),
        ];
        let found = |typed| jump_targets(&rows, typed, 9).into_iter().map(|row| row.name).collect::<Vec<_>>();
        assert_eq!(found("fir"), ["Firmware", "Field fire"]);
        assert_eq!(found("@fi"), ["Fiona"]);
        assert_eq!(found("#fi"), ["Field fire", "Firmware"]);
        assert_eq!(found("").len(), 4);
    }

    #[test]
    fn rooms_of_one_name_are_told_apart_by_their_spaces() {
        let named = |id: &str, name: &str| Row { id: id.to_owned(), name: name.to_owned(), ..Row::default() };
        let rows =
            [named("!1", "General"), named("!2", "General"), named("!3", "General"), named("!4", "Kiln")];
        let (makers, riders) =
            (HashSet::from(["!1".to_owned(), "!4".to_owned()]), HashSet::from(["!2".to_owned()]));
        let apart = told_apart(&rows, &[("Makers", &makers), ("Riders", &riders)]);
        let space = |id: &str| apart.get(id).map(String::as_str);
        assert_eq!(
            [space("!1"), space("!2"), space("!3"), space("!4")],
            [Some("Makers"), Some("Riders"), None, None]
        );
    }

    #[test]
    fn the_keys_go_from_room_to_room_as_they_stand() {
        let rows = [row("a", |_| ()), row("b", |_| ()), row("c", |row| row.unread.notifications = 1)];
        let shown = sections(&rows, "", Show::All, None);
        let next = |current, is_down, is_unread| neighbour(&shown, current, is_down, is_unread);
        assert_eq!(next(Some("!a"), true, false).as_deref(), Some("!b"));
        assert_eq!(next(Some("!a"), true, true).as_deref(), Some("!c"));
        assert_eq!(next(Some("!a"), false, false), None);
        assert_eq!(next(None, true, false).as_deref(), Some("!a"));
        assert_eq!(next(Some("!c"), true, false), None);
    }
}
