//! The queue of messages that wait for one device, and its bounds. Everything here is called under the lock of the
//! device's user.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque},
};

use hearth_storage::{
    Position, Scan, Transaction, View,
    schema::{
        self,
        users::{ToDeviceContent, ToDeviceRow},
    },
};
use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId};

use crate::UsersError;

/// What the messages that wait for a device may weigh: each its size and [`MESSAGE_WEIGHT`], in bytes. Beyond that
/// the oldest messages of whoever has sent most of it go, so that nobody can push out what others have sent.
pub(super) const MAX_WEIGHT: u64 = 16 << 20;

/// What a message weighs beside its content, so that their number is bounded, too.
pub(super) const MESSAGE_WEIGHT: u64 = 1 << 10;

/// How much of a queue that is full is kept: room is made for many messages at once, as it takes to read them all.
const KEPT_WEIGHT: u64 = MAX_WEIGHT / 4 * 3;

/// How long a message waits, in milliseconds. A device that is back after so long has to be verified anew anyway.
pub(super) const MAX_AGE_MS: u64 = 90 * 24 * 60 * 60 * 1000;

/// How many messages that are too old go when one comes.
const EXPIRED_AT_ONCE: usize = 100;

/// A message and where it stands.
pub(super) type Waiting = (OwnedDeviceId, Position, ToDeviceRow);

/// How messages of these sizes, in bytes, weigh together.
pub(super) fn weight(sizes: impl IntoIterator<Item = usize>) -> u64 {
    sizes.into_iter().map(|size| size as u64 + MESSAGE_WEIGHT).sum()
}

fn weight_of<'a>(messages: impl IntoIterator<Item = &'a Waiting>) -> u64 {
    weight(messages.into_iter().map(|(_, _, row)| row.size as usize))
}

/// The messages that wait for a device, up to a position.
pub(super) fn waiting<'a>(
    view: &'a View,
    user: &UserId,
    device: &DeviceId,
    through: Position,
) -> impl Iterator<Item = Result<Waiting, UsersError>> + use<'a> {
    let scan = Scan::prefix((user, device)).through((user, device, through));
    view.scan(&schema::TO_DEVICE, scan).map(|entry| {
        let ((_, device, position), row) = entry?;
        Ok((device, position, row))
    })
}

/// What has to go from a device's queue so that messages of this weight find room: what is too old, and what is too
/// much.
pub(super) fn outdated(
    view: &View,
    user: &UserId,
    device: &DeviceId,
    coming: u64,
    now: u64,
) -> Result<Vec<Waiting>, UsersError> {
    let Some(held) = view.get(&schema::TO_DEVICE_WEIGHTS, (user, device))? else { return Ok(Vec::new()) };
    let mut all = waiting(view, user, device, Position(u64::MAX));
    if held + coming > MAX_WEIGHT {
        return Ok(excess(all.collect::<Result<_, _>>()?));
    }
    let mut old = Vec::new();
    while old.len() < EXPIRED_AT_ONCE
        && let Some(message) = all.next().transpose()?
        && message.2.sent_at.saturating_add(MAX_AGE_MS) <= now
    {
        old.push(message);
    }
    Ok(old)
}

/// What of a queue goes to leave [`KEPT_WEIGHT`]: one by one the oldest of the sender whose messages weigh most.
fn excess(all: Vec<Waiting>) -> Vec<Waiting> {
    let mut weight = weight_of(&all);
    let mut by_sender: BTreeMap<OwnedUserId, VecDeque<Waiting>> = BTreeMap::new();
    for message in all {
        by_sender.entry(message.2.sender.clone()).or_default().push_back(message);
    }
    let mut heaviest: BinaryHeap<(u64, Reverse<OwnedUserId>)> =
        by_sender.iter().map(|(sender, messages)| (weight_of(messages), Reverse(sender.clone()))).collect();
    let mut gone = Vec::new();
    while weight > KEPT_WEIGHT
        && let Some((held, Reverse(sender))) = heaviest.pop()
        && let Some(message) = by_sender.get_mut(&sender).and_then(VecDeque::pop_front)
    {
        let light = weight_of([&message]);
        weight -= light;
        heaviest.push((held - light, Reverse(sender)));
        gone.push(message);
    }
    gone
}

/// Puts new weight onto a device's queue, from which some messages go.
pub(super) fn reweigh(
    transaction: &mut Transaction,
    view: &View,
    user: &UserId,
    device: &DeviceId,
    coming: u64,
    gone: &[Waiting],
) -> Result<(), UsersError> {
    let held = view.get(&schema::TO_DEVICE_WEIGHTS, (user, device))?.unwrap_or_default();
    match (held + coming).saturating_sub(weight_of(gone)) {
        0 => transaction.delete(&schema::TO_DEVICE_WEIGHTS, (user, device)),
        weight => transaction.put(&schema::TO_DEVICE_WEIGHTS, (user, device), &weight),
    }
    Ok(())
}

/// Takes messages of a user out, and the contents for which no other device waits. Their weight is the caller's.
pub(super) fn remove(
    transaction: &mut Transaction,
    view: &View,
    user: &UserId,
    gone: &[Waiting],
) -> Result<(), UsersError> {
    let mut shared: BTreeMap<Position, BTreeSet<&DeviceId>> = BTreeMap::new();
    for (device, position, row) in gone {
        transaction.delete(&schema::TO_DEVICE, (user, device, *position));
        if let ToDeviceContent::Shared(content) = row.content {
            transaction.delete(&schema::TO_DEVICE_SHARERS, (user, content, device));
            shared.entry(content).or_default().insert(device);
        }
    }
    for (content, have_it) in shared {
        let mut others = false;
        for entry in view.scan(&schema::TO_DEVICE_SHARERS, Scan::prefix((user, content))) {
            let ((_, _, device), ()) = entry?;
            others |= !have_it.contains(&*device);
        }
        if !others {
            transaction.delete(&schema::TO_DEVICE_SHARED, (user, content));
        }
    }
    Ok(())
}

/// Empties the queues of devices that go.
pub(crate) fn clear(
    transaction: &mut Transaction,
    view: &View,
    user: &UserId,
    devices: &BTreeSet<&DeviceId>,
) -> Result<(), UsersError> {
    let mut gone = Vec::new();
    for &device in devices {
        for message in waiting(view, user, device, Position(u64::MAX)) {
            gone.push(message?);
        }
        transaction.delete(&schema::TO_DEVICE_WEIGHTS, (user, device));
    }
    remove(transaction, view, user, &gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(sender: &str, position: u64, size: u32) -> Waiting {
        let row = ToDeviceRow {
            sender: sender.try_into().unwrap(),
            event_type: "m.test".to_owned(),
            sent_at: 0,
            size,
            content: ToDeviceContent::Own("{}".to_owned()),
        };
        ("DEVICE".into(), Position(position), row)
    }

    #[test]
    fn the_oldest_of_who_sent_most_goes() {
        let large = u32::try_from(MAX_WEIGHT / 16 - MESSAGE_WEIGHT).unwrap();
        let mut all = vec![message("@alice:here", 1, large), message("@bob:here", 2, large)];
        all.extend((3..17).map(|position| message("@mallory:here", position, large)));
        let gone: Vec<u64> = excess(all).iter().map(|(_, position, _)| position.0).collect();
        assert_eq!(gone, [3, 4, 5, 6]);
    }

    #[test]
    fn small_messages_weigh_something() {
        let all: Vec<Waiting> =
            (0..MAX_WEIGHT / MESSAGE_WEIGHT).map(|position| message("@mallory:here", position, 0)).collect();
        assert_eq!(weight_of(&all), MAX_WEIGHT);
        assert_eq!(excess(all).len() as u64, (MAX_WEIGHT - KEPT_WEIGHT) / MESSAGE_WEIGHT);
        assert!(excess(vec![message("@alice:here", 1, 0)]).is_empty());
    }
}
