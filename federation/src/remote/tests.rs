use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use futures::stream;
use hearth_media::UploadInfo;
use hearth_spec::RoomVersion;
use ruma::{
    RoomAliasId, UserId, api::federation::directory::get_public_rooms_filtered::v1::Request as GetRooms,
};
use serde_json::{json, value::to_raw_value};

use crate::neighbours::Neighbours;

#[tokio::test]
async fn a_profile_is_asked_for() {
    let Neighbours { here, there, .. } = &Neighbours::meet().await;
    let name = to_raw_value("Bob").unwrap();
    there.federation.users().profiles.set(&there.user, "displayname", &name).await.unwrap();
    let profile = here.federation.profile(&there.user, None).await.unwrap();
    assert_eq!(profile.get("displayname"), Some(&json!("Bob")));
    let nobody = UserId::parse(format!("@nobody:{}", there.name())).unwrap();
    assert!(here.federation.profile(&nobody, None).await.unwrap_err().is_errcode("M_NOT_FOUND"));
}

#[tokio::test]
async fn an_alias_and_the_published_rooms_are_asked_for() {
    let Neighbours { here, there, .. } = &Neighbours::meet().await;
    let room = there.public_room(RoomVersion::V12).await;
    let alias = RoomAliasId::parse(format!("#room:{}", there.name())).unwrap();
    let rooms = there.federation.rooms();
    rooms.set_alias(&alias, &room, &there.user).await.unwrap();
    rooms.set_published(&room, true).await.unwrap();
    let (id, servers) = here.federation.resolve_alias(&alias).await.unwrap();
    assert_eq!((&*id, &*servers), (room.id(), &[there.name().to_owned()][..]));
    let unknown = RoomAliasId::parse(format!("#odd:{}", there.name())).unwrap();
    assert!(here.federation.resolve_alias(&unknown).await.unwrap_err().is_errcode("M_NOT_FOUND"));
    let page = here.federation.public_rooms(there.name(), GetRooms::new()).await.unwrap();
    assert_eq!(page.chunk.len(), 1);
    let via = [there.name().to_owned()];
    let summary = here.federation.room_summary(&here.user, room.id(), &via).await.unwrap();
    assert_eq!(summary.name.as_deref(), Some("A room"));
}

#[tokio::test]
async fn keys_come_from_each_server_and_what_fails_is_told() {
    let Neighbours { here, there, .. } = &Neighbours::meet().await;
    let away = UserId::parse("@zoe:localhost:1").unwrap();
    let wanted: BTreeMap<_, _> =
        [&there.user, &away, &here.user].map(|user| (user.clone(), Vec::new())).into();
    let found = here.federation.query_keys(wanted, Some(Duration::from_secs(5))).await;
    assert_eq!(found.keys.device_keys.keys().collect::<Vec<_>>(), [&there.user]);
    assert_eq!(found.failures.keys().map(|server| server.as_str()).collect::<Vec<_>>(), ["localhost:1"]);
}

#[tokio::test]
async fn media_are_brought_here_once() {
    let Neighbours { here, there, .. } = &Neighbours::meet().await;
    let body = || stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"some text"))]);
    let about =
        UploadInfo { content_type: Some("text/plain".to_owned()), file_name: Some("a name.txt".to_owned()) };
    let uri = there.federation.media().upload(&there.user, about, body()).await.unwrap();
    let id = uri.media_id().unwrap();
    for _ in 0..2 {
        here.federation.fetch_media(there.name(), id, Duration::ZERO).await.unwrap();
    }
    let copy = here.federation.media().download(there.name(), id, Duration::ZERO).await.unwrap();
    assert_eq!((copy.size, &*copy.content_type), (9, "text/plain"));
    assert_eq!(copy.file_name.as_deref(), Some("a name.txt"));
    let missing = here.federation.fetch_media(there.name(), "missing", Duration::ZERO).await;
    assert!(missing.unwrap_err().is_errcode("M_NOT_FOUND"));
}
