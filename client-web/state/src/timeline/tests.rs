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
    let days = days(&items, 0);
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
