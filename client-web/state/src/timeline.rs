//! What a timeline shows: messages in groups, days, changes, and where the unread ones begin.

use std::{collections::HashSet, rc::Rc};

use crate::{names::called, rich::Node, when::same_day};

/// A person as a message shows them.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Person {
    pub id: String,
    pub name: String,
    /// The `mxc:` of their picture.
    pub picture: Option<String>,
}

impl Person {
    /// Somebody by their address, with the name and the picture that they chose.
    pub fn new(id: &str, name: Option<&str>, picture: Option<String>) -> Self {
        Self { id: id.to_owned(), name: called(id, name), picture }
    }
}

/// A row, which keeps its key while it is sent, edited and decrypted.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub key: String,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A day begins; milliseconds since 1970.
    Day(i64),
    /// The messages from here on were not read.
    Unread,
    /// Nothing was before.
    Start,
    Message(Box<Message>),
    Change(Change),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The event, once the server has it.
    pub event: Option<String>,
    pub sender: Person,
    /// Milliseconds since 1970.
    pub at: i64,
    pub is_mine: bool,
    /// It names the user.
    pub is_mention: bool,
    pub is_edited: bool,
    pub can_be_edited: bool,
    pub can_be_answered: bool,
    pub content: Content,
    pub reply: Option<Quote>,
    pub reactions: Vec<Reaction>,
    pub sending: Sending,
    /// Who has read up to here, without oneself.
    pub read_by: Vec<Person>,
    pub thread: Option<Thread>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    Text {
        text: Vec<Node>,
        /// What was written, for whoever edits or copies it.
        source: String,
        is_emote: bool,
        is_notice: bool,
        is_jumbo: bool,
    },
    Picture(Media),
    Video(Media),
    Sound(Media),
    File(Media),
    Sticker(Media),
    Poll(Poll),
    Deleted,
    Locked(Locked),
    /// A kind that this client does not know.
    Unknown(String),
}

/// A question with answers that everybody in the room may choose from.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Poll {
    pub question: String,
    pub answers: Vec<Answer>,
    /// So many of them one may choose.
    pub most: u64,
    /// How many people have voted.
    pub voters: usize,
    /// What was chosen is told only when the poll has ended.
    pub is_secret: bool,
    pub is_over: bool,
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct Answer {
    pub id: String,
    pub text: String,
    pub votes: usize,
    pub is_mine: bool,
}

impl Poll {
    /// What one has chosen after one more answer was clicked.
    pub fn choice(&self, clicked: &str) -> Vec<String> {
        let mine = self.answers.iter().filter(|answer| answer.is_mine).map(|answer| answer.id.clone());
        let mut chosen: Vec<String> = mine.collect();
        if let Some(at) = chosen.iter().position(|id| id == clicked) {
            chosen.remove(at);
            return chosen;
        }
        chosen.push(clicked.to_owned());
        // Whoever may choose one changes it by choosing another.
        let surplus = chosen.len().saturating_sub(self.most.max(1) as usize);
        chosen.split_off(surplus)
    }

    /// How much of all votes an answer has, in percent.
    pub fn share(&self, answer: &Answer) -> usize {
        (answer.votes * 100).checked_div(self.voters).unwrap_or(0)
    }
}

/// A file of a message.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Media {
    /// What the matrix layer needs to fetch it, as it made it itself.
    pub source: String,
    pub name: String,
    pub caption: Vec<Node>,
    pub mime_type: Option<String>,
    pub bytes: Option<u64>,
    /// Width and height in pixels.
    pub size: Option<(u64, u64)>,
    pub milliseconds: Option<u64>,
    /// How loud a voice message is from beginning to end, 0 to 255; empty for any other sound.
    pub loudness: Vec<u8>,
}

/// Why a message cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locked {
    /// Its key has not come yet.
    Waiting,
    /// It was sent before one was there.
    BeforeJoining,
    /// It was sent before this session, and the recovery key would open it.
    NeedsRecovery,
    /// Its sender did not want this session to have it.
    Withheld,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Quote {
    pub event: String,
    /// The message, once it is known.
    pub of: Option<(Person, String)>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Reaction {
    pub key: String,
    pub count: usize,
    pub is_mine: bool,
    /// Who reacted, by name.
    pub by: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// It is on the server, or came from there.
    Done,
    /// On its way.
    Waiting,
    /// It will not go without somebody's decision.
    Failed,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Thread {
    pub replies: u32,
    pub latest: Option<Person>,
}

/// A change of the room, as a text and who it is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub who: Person,
    /// The name of the text, such as `change-joined`.
    pub text: &'static str,
    /// What else stands in it: another person's name, a new name or topic.
    pub detail: String,
    pub at: i64,
}

/// How long messages of one person stay one group.
const GROUP: i64 = 5 * 60_000;

/// Whether a message shows who wrote it: unless it follows another of theirs, soon, on the same day.
pub fn begins_group(before: Option<&Item>, message: &Message, offset: i64) -> bool {
    let Some(Item { what: What::Message(before), .. }) = before else { return true };
    let is_emote = |message: &Message| matches!(message.content, Content::Text { is_emote: true, .. });
    before.sender.id != message.sender.id
        || message.at - before.at > GROUP
        || !same_day(before.at, message.at, offset)
        || message.reply.is_some()
        || is_emote(before)
        || is_emote(message)
}

/// What a timeline draws as one: changes that follow each other are folded.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    Item {
        item: Rc<Item>,
        begins_group: bool,
    },
    /// What was not read begins.
    Unread,
    Changes {
        key: String,
        changes: Vec<Change>,
    },
}

impl Block {
    /// Stays the same while the block is drawn anew.
    pub fn key(&self) -> &str {
        match self {
            Self::Item { item, .. } => &item.key,
            Self::Unread => "unread",
            Self::Changes { key, .. } => key,
        }
    }
}

/// The blocks of a day, or of what is before the first one.
#[derive(Clone, Debug, PartialEq)]
pub struct Day {
    pub key: String,
    /// Milliseconds since 1970.
    pub at: Option<i64>,
    pub blocks: Vec<Block>,
}

/// The first message that was not read, by its key: that of another after the mark.
pub fn first_unread<'a>(items: impl IntoIterator<Item = &'a Rc<Item>>) -> Option<String> {
    let mut after = items.into_iter().skip_while(|item| item.what != What::Unread);
    let is_theirs = |item: &&Rc<Item>| matches!(&item.what, What::Message(message) if !message.is_mine);
    after.find(is_theirs).map(|item| item.key.clone())
}

/// The rows as they are drawn, day by day; the line of what is new stands before the item of that key, where it was
/// when the room was opened, and does not move while one reads.
pub fn days<'a>(
    items: impl IntoIterator<Item = &'a Rc<Item>>,
    unread: Option<&str>,
    offset: i64,
) -> Vec<Day> {
    let mut days: Vec<Day> = Vec::new();
    let mut before: Option<&Item> = None;
    let mut seen: HashSet<&str> = HashSet::new();
    for item in items {
        // The SDK has a message twice when it comes back before the server has answered its sending.
        if let What::Message(message) = &item.what
            && let Some(event) = &message.event
            && !seen.insert(event)
        {
            continue;
        }
        if item.what == What::Unread {
            continue;
        }
        if let What::Day(at) = item.what {
            days.push(Day { key: item.key.clone(), at: Some(at), blocks: Vec::new() });
            before = Some(item);
            continue;
        }
        if days.is_empty() {
            days.push(Day { key: "start".to_owned(), at: None, blocks: Vec::new() });
        }
        let Some(Day { blocks, .. }) = days.last_mut() else { continue };
        if unread == Some(item.key.as_str()) {
            blocks.push(Block::Unread);
            before = None;
        }
        match (&item.what, blocks.last_mut()) {
            (What::Change(change), Some(Block::Changes { changes, .. })) => changes.push(change.clone()),
            (What::Change(change), _) => {
                blocks.push(Block::Changes { key: item.key.clone(), changes: vec![change.clone()] });
            }
            (What::Message(message), _) => {
                let begins_group = begins_group(before, message, offset);
                blocks.push(Block::Item { item: item.clone(), begins_group });
            }
            _ => blocks.push(Block::Item { item: item.clone(), begins_group: false }),
        }
        before = Some(item);
    }
    days
}

/// The newest message of one's own that may be edited: what the up key of an empty composer opens.
pub fn last_editable<'a>(items: impl DoubleEndedIterator<Item = &'a Rc<Item>>) -> Option<&'a Rc<Item>> {
    items.rev().find(|item| matches!(&item.what, What::Message(message) if message.can_be_edited))
}

/// The size of a picture on the page, as large as it is and never more than the given box.
pub fn fitted((width, height): (u64, u64), (most_wide, most_high): (u64, u64)) -> (u64, u64) {
    if width == 0 || height == 0 {
        return (most_wide, most_wide * 2 / 3);
    }
    let (width, height, wide, high) = (width as f64, height as f64, most_wide as f64, most_high as f64);
    let scale = (wide / width).min(high / height).min(1.0);
    // A line of pixels is nothing that one could touch.
    (((width * scale) as u64).max(48), ((height * scale) as u64).max(48))
}

#[cfg(test)]
mod tests;
