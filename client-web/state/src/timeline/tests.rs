use super::*;

fn message(sender: &str, at: i64) -> Message {
    Message {
        event: None,
        sender: Person { id: sender.to_owned(), ..Person::default() },
        at,
        is_mine: false,
        is_mention: false,
        is_edited: false,
        can_be_edited: false,
        can_be_answered: true,
        content: Content::Deleted,
        reply: None,
        reactions: Vec::new(),
        sending: Sending::Done,
        read_by: Vec::new(),
        thread: None,
    }
}

fn item(key: &str, what: What) -> Item {
    Item { key: key.to_owned(), what }
}

fn change(text: &'static str) -> What {
    What::Change(Change { who: Person::default(), text, detail: String::new(), at: 0 })
}

#[test]
fn messages_of_one_person_within_five_minutes_are_a_group() {
    let first = item("1", What::Message(Box::new(message("a", 0))));
    let begins = |message: &Message| begins_group(Some(&first), message, 0);
    assert!(!begins(&message("a", 300_000)));
    assert!(begins(&message("a", 300_001)));
    assert!(begins(&message("b", 1)));
    let reply = Some(Quote { event: "$1".to_owned(), of: None });
    assert!(begins(&Message { reply, ..message("a", 1) }));
    assert!(begins_group(None, &message("a", 1), 0));
    assert!(begins_group(Some(&item("d", What::Day(0))), &message("a", 1), 0));
    let late = item("1", What::Message(Box::new(message("a", 86_399_999))));
    assert!(begins_group(Some(&late), &message("a", 86_400_000), 0), "a day begins");
    assert!(!begins_group(Some(&late), &message("a", 86_400_000), 3_600_000), "elsewhere it does not");
}

#[test]
fn a_day_has_its_messages_and_changes_that_follow_each_other_are_folded() {
    let items = [
        item("0", What::Start),
        item("1", What::Day(0)),
        item("2", change("change-joined")),
        item("3", change("change-left")),
        item("4", What::Message(Box::new(message("a", 0)))),
        item("5", change("change-joined")),
        item("6", What::Day(1)),
        item("7", What::Message(Box::new(message("a", 1)))),
    ]
    .map(Rc::new);
    let days = days(&items, None, 0);
    let keys = |day: &Day| day.blocks.iter().map(|block| block.key().to_owned()).collect::<Vec<_>>();
    assert_eq!(days.iter().map(|day| day.key.as_str()).collect::<Vec<_>>(), ["start", "1", "6"]);
    assert_eq!(keys(&days[0]), ["0"]);
    assert_eq!(keys(&days[1]), ["2", "4", "5"]);
    assert!(matches!(&days[1].blocks[0], Block::Changes { changes, .. } if changes.len() == 2));
    assert!(matches!(&days[2].blocks[0], Block::Item { begins_group: true, .. }), "a day begins a group");
}

#[test]
fn a_picture_keeps_its_ratio_and_its_box() {
    assert_eq!(fitted((4000, 3000), (400, 400)), (400, 300));
    assert_eq!(fitted((100, 80), (400, 400)), (100, 80));
    assert_eq!(fitted((1, 100_000), (400, 400)), (48, 400));
    assert_eq!(fitted((0, 0), (400, 400)), (400, 266));
}

#[test]
fn the_line_of_what_is_new_stands_where_it_was_and_begins_a_group() {
    let mine = Message { is_mine: true, ..message("me", 2) };
    let items = [
        item("1", What::Message(Box::new(message("a", 0)))),
        item("mark", What::Unread),
        item("2", What::Message(Box::new(mine))),
        item("3", What::Message(Box::new(message("a", 3)))),
    ]
    .map(Rc::new);
    assert_eq!(first_unread(&items).as_deref(), Some("3"), "what one wrote oneself is not new");
    assert_eq!(first_unread(&items[2..]), None);
    // The mark has moved on meanwhile.
    let days = days(&items, Some("3"), 0);
    let keys: Vec<&str> = days[0].blocks.iter().map(|block| block.key()).collect();
    assert_eq!(keys, ["1", "2", "unread", "3"]);
    assert!(matches!(&days[0].blocks[3], Block::Item { begins_group: true, .. }));
}

#[test]
fn a_vote_is_changed_by_another_and_taken_back_by_the_same() {
    let answer = |id: &str, is_mine| Answer {
        id: id.to_owned(),
        is_mine,
        votes: usize::from(is_mine),
        ..Answer::default()
    };
    let poll = |most, mine: &[&str]| Poll {
        answers: ["a", "b", "c"].map(|id| answer(id, mine.contains(&id))).to_vec(),
        most,
        voters: 3,
        ..Poll::default()
    };
    assert_eq!(poll(1, &["a"]).choice("b"), ["b"]);
    assert_eq!(poll(1, &["a"]).choice("a"), [""; 0]);
    assert_eq!(poll(2, &["a"]).choice("b"), ["a", "b"]);
    assert_eq!(poll(2, &["a", "b"]).choice("c"), ["b", "c"]);
    assert_eq!(poll(0, &[]).choice("c"), ["c"]);
    let poll = poll(1, &["a"]);
    assert_eq!(poll.share(&poll.answers[0]), 33);
    assert_eq!(Poll::default().share(&Answer::default()), 0);
}

#[test]
fn a_message_that_came_twice_is_shown_once() {
    let sent = |at| Message { event: Some("$1".to_owned()), ..message("a", at) };
    let items = [
        item("1", What::Message(Box::new(sent(0)))),
        item("2", What::Message(Box::new(sent(0)))),
        item("3", What::Message(Box::new(message("a", 1)))),
    ]
    .map(Rc::new);
    let days = days(&items, None, 0);
    assert_eq!(days[0].blocks.iter().map(|block| block.key()).collect::<Vec<_>>(), ["1", "3"]);
}
