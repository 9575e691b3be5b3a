use ruma::{device_id, owned_device_id};
use serde_json::json;

use super::*;
use crate::testing::{World, raw};

async fn world() -> (World, OwnedUserId) {
    let world = World::new();
    let user = world.register("alice").await;
    world.login(&user, "ONE").await;
    world.login(&user, "TWO").await;
    (world, user)
}

fn to(user: &UserId, device: DeviceIdOrAllDevices, number: u32) -> Messages {
    [(user.to_owned(), [(device, raw(json!({"n": number})))].into())].into()
}

fn waiting(world: &World, user: &UserId, device: &DeviceId, after: Position) -> Vec<(Position, u64)> {
    let waiting = world.users.to_device.list(user, device, after, Position(u64::MAX)).unwrap();
    waiting
        .messages
        .iter()
        .map(|(position, message)| {
            let content = message.get_field::<serde_json::Value>("content").unwrap().unwrap();
            assert_eq!(message.get_field::<String>("sender").unwrap().unwrap(), "@bob:here");
            assert_eq!(message.get_field::<String>("type").unwrap().unwrap(), "m.test");
            (*position, content["n"].as_u64().unwrap())
        })
        .collect()
}

#[tokio::test]
async fn messages_wait_in_order_until_the_device_has_them() {
    let (world, user) = world().await;
    let (bob, one) = (ruma::user_id!("@bob:here"), device_id!("ONE"));
    assert!(waiting(&world, &user, one, Position(0)).is_empty());
    for number in 0..5 {
        let messages = to(&user, owned_device_id!("ONE").into(), number);
        world.users.to_device.send(bob, "m.test", &messages, None).await.unwrap();
    }
    let messages = waiting(&world, &user, one, Position(0));
    assert_eq!(messages.iter().map(|(_, number)| *number).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    let third = messages[2].0;
    assert_eq!(waiting(&world, &user, one, third).len(), 2);
    assert_eq!(world.users.to_device.list(&user, one, Position(0), third).unwrap().messages.len(), 3);
    world.users.to_device.delete_through(&user, one, third).await.unwrap();
    assert_eq!(waiting(&world, &user, one, Position(0)).len(), 2);
    world.users.to_device.delete_through(&user, one, Position(u64::MAX)).await.unwrap();
    assert!(waiting(&world, &user, one, Position(0)).is_empty());
    assert!(waiting(&world, &user, device_id!("TWO"), Position(0)).is_empty());
}

#[tokio::test]
async fn all_devices_get_what_is_for_all_and_strangers_nothing() {
    let (world, user) = world().await;
    let bob = ruma::user_id!("@bob:here");
    let mut messages = to(&user, DeviceIdOrAllDevices::AllDevices, 1);
    messages.extend(to(ruma::user_id!("@nobody:here"), DeviceIdOrAllDevices::AllDevices, 1));
    let unknown = DeviceIdOrAllDevices::from(owned_device_id!("GONE"));
    messages.get_mut(&user).unwrap().insert(unknown, raw(json!({"n": 2})));
    world.users.to_device.send(bob, "m.test", &messages, None).await.unwrap();
    for device in ["ONE", "TWO"] {
        assert_eq!(waiting(&world, &user, device.into(), Position(0)).len(), 1);
    }
    assert!(waiting(&world, &user, device_id!("GONE"), Position(0)).is_empty());
}

#[tokio::test]
async fn a_transaction_is_done_once() {
    let (world, user) = world().await;
    let bob = world.register("bob").await;
    let (one, messages) = (device_id!("ONE"), to(&user, owned_device_id!("ONE").into(), 1));
    for (device, id) in [("PHONE", "t1"), ("PHONE", "t1"), ("PHONE", "t2"), ("OTHER", "t1")] {
        let transaction = Some((<&DeviceId>::from(device), <&TransactionId>::from(id)));
        world.users.to_device.send(&bob, "m.test", &messages, transaction).await.unwrap();
    }
    assert_eq!(waiting(&world, &user, one, Position(0)).len(), 3);
    // Old transaction ids do not pile up.
    for number in 0..300 {
        world.clock.advance(TRANSACTION_LIFETIME_MS / 10);
        let id = format!("n{number}");
        let transaction = Some((device_id!("PHONE"), <&TransactionId>::from(&*id)));
        world.users.to_device.send(&bob, "m.test", &messages, transaction).await.unwrap();
    }
    let scan = Scan::prefix((&bob, device_id!("PHONE")));
    assert!(world.store.view().scan(&schema::TO_DEVICE_TRANSACTIONS, scan).count() < 100);
}

fn rows(world: &World) -> [usize; 4] {
    let view = world.store.view();
    [
        view.scan(&schema::TO_DEVICE, Scan::all()).count(),
        view.scan(&schema::TO_DEVICE_SHARED, Scan::all()).count(),
        view.scan(&schema::TO_DEVICE_SHARERS, Scan::all()).count(),
        view.scan(&schema::TO_DEVICE_WEIGHTS, Scan::all()).count(),
    ]
}

#[tokio::test]
async fn what_all_devices_get_is_there_once_until_all_have_it() {
    let (world, user) = world().await;
    world.login(&user, "THREE").await;
    let bob = ruma::user_id!("@bob:here");
    let messages = to(&user, DeviceIdOrAllDevices::AllDevices, 1);
    world.users.to_device.send(bob, "m.test", &messages, None).await.unwrap();
    assert_eq!(rows(&world), [3, 1, 3, 3]);
    let all = Position(u64::MAX);
    world.users.to_device.delete_through(&user, device_id!("ONE"), all).await.unwrap();
    assert_eq!(rows(&world), [2, 1, 2, 2]);
    assert_eq!(waiting(&world, &user, device_id!("TWO"), Position(0)).len(), 1);
    world.users.devices.delete(&user, &["TWO".into(), "THREE".into()]).await.unwrap();
    assert_eq!(rows(&world), [0; 4]);
}

#[tokio::test]
async fn contents_are_well_formed_and_bounded() {
    let (world, user) = world().await;
    let bob = ruma::user_id!("@bob:here");
    let send = async |json: String| {
        let content = Raw::from_json_string(json).unwrap();
        let messages = [(user.clone(), [(DeviceIdOrAllDevices::AllDevices, content)].into())].into();
        world.users.to_device.send(bob, "m.test", &messages, None).await
    };
    let text = |length: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(length));
    send(text(MAX_CONTENT - 8)).await.unwrap();
    assert!(matches!(send(text(MAX_CONTENT - 7)).await, Err(UsersError::TooLarge(_))));
    for bad in [r#"{"a":1,"a":2}"#, r#"{"a":"\ud800"}"#] {
        assert!(matches!(send(bad.to_owned()).await, Err(UsersError::BadJson(_))), "{bad}");
    }
    let long = "x".repeat(MAX_NAME + 1);
    let messages = to(&user, DeviceIdOrAllDevices::AllDevices, 1);
    let by_type = world.users.to_device.send(bob, &long, &messages, None).await;
    assert!(matches!(by_type, Err(UsersError::InvalidParam(_))));
    let id = Some((device_id!("X"), <&TransactionId>::from(&*long)));
    let by_id = world.users.to_device.send(bob, "m.test", &messages, id).await;
    assert!(matches!(by_id, Err(UsersError::InvalidParam(_))));
}

#[tokio::test]
async fn a_device_is_told_of_so_much_at_once() {
    let (world, user) = world().await;
    let (bob, one) = (ruma::user_id!("@bob:here"), device_id!("ONE"));
    let long = raw(json!({"n": 1, "long": "x".repeat(60_000)}));
    let messages = [(user.clone(), [(owned_device_id!("ONE").into(), long)].into())].into();
    for _ in 0..20 {
        world.users.to_device.send(bob, "m.test", &messages, None).await.unwrap();
    }
    let (mut after, mut told) = (Position(0), Vec::new());
    let until = world.store.published();
    while after < until {
        let part = world.users.to_device.list(&user, one, after, until).unwrap();
        told.push(part.messages.len());
        after = part.through;
    }
    assert_eq!(told, [17, 3]);
}

#[tokio::test]
async fn a_full_queue_loses_the_oldest_of_who_filled_it() {
    let (world, user) = world().await;
    let one = device_id!("ONE");
    let long = "x".repeat(60_000);
    let message = |number: u32| {
        let content = raw(json!({"n": number, "long": long}));
        [(user.clone(), [(owned_device_id!("ONE").into(), content)].into())].into()
    };
    let [bob, mallory] = ["@bob:here", "@mallory:here"].map(|user| <&UserId>::try_from(user).unwrap());
    world.users.to_device.send(bob, "m.test", &message(0), None).await.unwrap();
    for number in 1..300 {
        world.users.to_device.send(mallory, "m.test", &message(number), None).await.unwrap();
    }
    let view = world.store.view();
    let left: Vec<_> =
        queue::waiting(&view, &user, one, Position(u64::MAX)).collect::<Result<_, _>>().unwrap();
    assert_eq!(left[0].2.sender, bob);
    let weight = queue::weight(left.iter().map(|(_, _, row)| row.size as usize));
    assert!(weight <= queue::MAX_WEIGHT && left.len() > 150, "{weight}, {}", left.len());
    assert_eq!(view.get(&schema::TO_DEVICE_WEIGHTS, (&user, one)).unwrap(), Some(weight));
}

#[tokio::test]
async fn messages_do_not_wait_for_ever() {
    let (world, user) = world().await;
    let (bob, one) = (ruma::user_id!("@bob:here"), owned_device_id!("ONE"));
    for number in 0..3 {
        let messages = to(&user, one.clone().into(), number);
        world.users.to_device.send(bob, "m.test", &messages, None).await.unwrap();
        world.clock.advance(queue::MAX_AGE_MS / 2);
    }
    let left: Vec<u64> = waiting(&world, &user, &one, Position(0)).into_iter().map(|(_, n)| n).collect();
    assert_eq!(left, [1, 2]);
}
