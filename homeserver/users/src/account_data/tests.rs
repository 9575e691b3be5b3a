use ruma::{events::tag::TagInfo, room_id, user_id};
use serde_json::json;

use super::*;
use crate::testing::{World, boxed};

fn names(items: &[AccountDataItem]) -> Vec<(Option<&str>, &str)> {
    items.iter().map(|item| (item.room.as_ref().map(|room| room.as_str()), &*item.data_type)).collect()
}

#[tokio::test]
async fn each_piece_is_told_once_as_it_is_now() {
    let world = World::new();
    let user = user_id!("@alice:here");
    let (room, data) = (room_id!("!room:here"), &world.users.account_data);
    let start = world.store.published();
    let first = data.set(user, None, "a", &boxed(json!({"n": 1}))).await.unwrap();
    data.set(user, Some(room), "a", &boxed(json!({"n": 2}))).await.unwrap();
    data.set(user, None, "b", &boxed(json!({"n": 3}))).await.unwrap();
    let last = data.set(user, None, "a", &boxed(json!({"n": 4}))).await.unwrap();
    let changes = data.changes(user, start, last).unwrap();
    assert_eq!(names(&changes), [(Some("!room:here"), "a"), (None, "b"), (None, "a")]);
    assert_eq!(changes[2].content.get(), r#"{"n":4}"#);
    assert!(data.changes(user, start, first).unwrap().is_empty());
    assert!(data.changes(user, last, Position(u64::MAX)).unwrap().is_empty());
    assert!(data.changes(user_id!("@bob:here"), start, last).unwrap().is_empty());
    assert_eq!(names(&data.everything(user).unwrap()).len(), 3);
    assert_eq!(data.all(user, Some(room)).unwrap()[0].0, "a");
    assert_eq!(data.all(user, None).unwrap().len(), 2);
}

#[tokio::test]
async fn what_is_deleted_is_told_as_empty() {
    let world = World::new();
    let user = user_id!("@alice:here");
    let data = &world.users.account_data;
    let set = data.set(user, None, "a", &boxed(json!({"n": 1}))).await.unwrap();
    data.delete(user, None, "a").await.unwrap();
    data.delete(user, None, "never").await.unwrap();
    assert!(data.get(user, None, "a").unwrap().is_none());
    let changes = data.changes(user, set, world.store.published()).unwrap();
    assert_eq!(changes[0].content.get(), "{}");
    assert_eq!(changes.len(), 1);
    data.set(user, None, "a", &boxed(json!({"n": 2}))).await.unwrap();
    let changes = data.changes(user, set, world.store.published()).unwrap();
    assert_eq!(changes.iter().map(|item| item.content.get()).collect::<Vec<_>>(), [r#"{"n":2}"#]);
}

#[tokio::test]
async fn tags_are_account_data() {
    let world = World::new();
    let user = user_id!("@alice:here");
    let (room, data) = (room_id!("!room:here"), &world.users.account_data);
    let mut info = TagInfo::new();
    info.order = Some(0.5);
    let (work, favourite) = ("u.work".into(), "m.favourite".into());
    tokio::join!(async { data.set_tag(user, room, "u.work".into(), info).await.unwrap() }, async {
        data.set_tag(user, room, "m.favourite".into(), TagInfo::new()).await.unwrap()
    },);
    let tags = data.tags(user, room).unwrap();
    assert_eq!(tags[&work].order, Some(0.5));
    assert!(tags.contains_key(&favourite));
    let (next, other) = (room_id!("!next:here"), room_id!("!other:here"));
    data.set_tag(user, other, "u.own".into(), TagInfo::new()).await.unwrap();
    for successor in [next, other] {
        data.carry_over_tags(user, room, successor).await.unwrap();
    }
    assert_eq!(data.tags(user, next).unwrap().len(), 2);
    assert_eq!(data.tags(user, other).unwrap().len(), 1, "it had its own");
    data.delete_tag(user, room, &work).await.unwrap();
    data.delete_tag(user, room, &work).await.unwrap();
    let content = data.get(user, Some(room), "m.tag").unwrap().unwrap();
    assert_eq!(content.get(), r#"{"tags":{"m.favourite":{}}}"#);
}

#[tokio::test]
async fn ignored_users_follow_their_list() {
    let world = World::new();
    let user = user_id!("@alice:here");
    let data = &world.users.account_data;
    assert!(data.ignored_users(user).unwrap().is_empty());
    let list = boxed(json!({"ignored_users": {"@bob:here": {}}}));
    data.set(user, None, IGNORED_USERS, &list).await.unwrap();
    assert!(data.ignored_users(user).unwrap().contains(user_id!("@bob:here")));
    data.set(user, None, IGNORED_USERS, &boxed(json!({"ignored_users": 7}))).await.unwrap();
    assert!(data.ignored_users(user).unwrap().is_empty());
}

#[tokio::test]
async fn there_is_so_much_of_it() {
    let world = World::new();
    let user = user_id!("@alice:here");
    let data = &world.users.account_data;
    let set = async |data_type: &str, length: usize| {
        data.set(user, None, data_type, &boxed(json!("x".repeat(length)))).await
    };
    assert!(matches!(set("a", MAX_CONTENT).await, Err(UsersError::TooLarge(_))));
    assert!(matches!(set(&"a".repeat(MAX_TYPE + 1), 1).await, Err(UsersError::InvalidParam(_))));
    for number in 0..16 {
        set(&format!("{number}"), MAX_CONTENT - 10).await.unwrap();
    }
    assert!(matches!(set("more", 200).await, Err(UsersError::LimitExceeded(_))));
    // What is there can become smaller, and what is deleted makes room.
    set("1", MAX_CONTENT - 1000).await.unwrap();
    set("more", 200).await.unwrap();
    data.delete(user, None, "1").await.unwrap();
    set("more", MAX_CONTENT / 2).await.unwrap();
}

#[tokio::test]
async fn there_are_so_many_pieces() {
    let world = World::new();
    let (user, room) = (user_id!("@alice:here"), room_id!("!room:here"));
    let row = schema::users::UsageRow { count: 20_000, bytes: 0 };
    let mut transaction = world.store.begin().unwrap();
    transaction.put(&schema::USAGE, (user, "account_data"), &row);
    transaction.submit().await.unwrap();
    let set = world.users.account_data.set(user, Some(room), "a", &boxed(json!({}))).await;
    assert!(matches!(set, Err(UsersError::LimitExceeded(_))));
}
