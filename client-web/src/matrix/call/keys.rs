//! Giving the key of one's own media to the devices of the others, and taking theirs: encrypted, as all between devices.

use hearth_client_state::call::{KEYS, Key, Keys, Member, received_key};
use matrix_sdk::{
    Client, Room,
    deserialized_responses::EncryptionInfo,
    event_handler::EventHandlerDropGuard,
    ruma::{
        DeviceId, OwnedUserId, UserId,
        events::{AnyToDeviceEvent, AnyToDeviceEventContent},
        serde::Raw,
    },
};
use matrix_sdk_base::crypto::CollectStrategy;
use serde_json::Value;

use crate::{
    browser,
    matrix::{Account, Problem},
};

/// Sixteen bytes that nobody can guess.
pub fn new_key() -> Result<Vec<u8>, Problem> {
    let mut bytes = vec![0_u8; 16];
    browser::fill_random(&mut bytes)?;
    Ok(bytes)
}

/// Gives the key to members; tells who did not get it.
pub async fn give(account: &Account, room: &Room, keys: &Keys, to: &[Member]) -> Vec<String> {
    let session = &account.session;
    let content =
        keys.content(room.room_id().as_str(), session.user.as_str(), session.device.as_str(), browser::now());
    let Ok(content) = Raw::new(&content) else { return Vec::new() };
    let content: Raw<AnyToDeviceEventContent> = content.cast_unchecked();
    let encryption = account.client.encryption();
    let (mut devices, mut missing) = (Vec::new(), Vec::new());
    for member in to {
        match device(&account.client, member).await {
            Some(device) => devices.push(device),
            None => missing.push(member.identity()),
        }
    }
    let sent = encryption
        .encrypt_and_send_raw_to_device(devices.iter().collect(), KEYS, content, CollectStrategy::AllDevices)
        .await;
    match sent {
        Ok(failed) => missing.extend(failed.iter().map(|(user, device)| format!("{user}:{device}"))),
        Err(_) => missing.extend(to.iter().map(Member::identity)),
    }
    missing
}

/// The device of a member; one that was not heard of yet is asked for.
async fn device(client: &Client, member: &Member) -> Option<matrix_sdk::encryption::identities::Device> {
    let (user, id): (OwnedUserId, &DeviceId) =
        (UserId::parse(&member.user).ok()?, member.device.as_str().into());
    let encryption = client.encryption();
    if let Ok(Some(device)) = encryption.get_device(&user, id).await {
        return Some(device);
    }
    let _ = encryption.request_user_identity(&user).await;
    encryption.get_device(&user, id).await.ok().flatten()
}

/// Calls back with each key that somebody gives for a room, until the guard is gone. What did not come encrypted counts for
/// nothing.
pub fn receive(
    client: &Client,
    room: &Room,
    call: impl Fn(String, Key) + Clone + 'static,
) -> EventHandlerDropGuard {
    let room = room.room_id().to_string();
    let handle =
        client.add_event_handler(move |event: Raw<AnyToDeviceEvent>, info: Option<EncryptionInfo>| {
            let received = (|| {
                let (info, event) = (info?, event.deserialize_as_unchecked::<Value>().ok()?);
                let sender = event["sender"].as_str().filter(|sender| *sender == info.sender.as_str())?;
                let device = info.sender_device.as_ref().map(|device| device.as_str());
                (event["type"] == KEYS).then(|| received_key(sender, device, &room, &event["content"]))?
            })();
            if let Some((identity, key)) = received {
                call(identity, key);
            }
            std::future::ready(())
        });
    client.event_handler_drop_guard(handle)
}
