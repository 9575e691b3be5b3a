//! The list of rooms: what its rows say, and in which sections they stand.

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
    /// The user marked the room as unread.
    pub is_marked: bool,
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

/// The rows in their sections, each in the order in which they came; what does not fit the filter and what is empty
/// is left out.
pub fn sections(rows: &[Row], filter: &str) -> Vec<(Section, Vec<Row>)> {
    let all =
        [Section::Invitations, Section::Favourites, Section::People, Section::Rooms, Section::LowPriority];
    let fits = |row: &&Row| is_found(&row.name, filter);
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
    loud.fold(Unread { notifications: invitations, mentions: invitations, is_marked: false }, |sum, row| {
        Unread {
            notifications: sum.notifications + row.unread.notifications,
            mentions: sum.mentions + row.unread.mentions,
            is_marked: sum.is_marked || row.unread.is_marked,
        }
    })
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
            let sections = sections(&rows, filter).into_iter();
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
        let unread = Unread { notifications: 2, mentions: 1, is_marked: false };
        let rows = [
            row("a", |row| row.unread = unread),
            row("b", |row| (row.unread, row.is_muted) = (unread, true)),
            row("c", |row| row.kind = Kind::Invitation { by: String::new() }),
        ];
        assert_eq!(total(&rows), Unread { notifications: 3, mentions: 2, is_marked: false });
    }
}
