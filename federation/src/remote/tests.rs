use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use bytes::Bytes;
use futures::stream;
use hearth_media::UploadInfo;
use hearth_rooms::RoomError;
use hearth_spec::RoomVersion;
use ruma::{
    RoomAliasId, UserId,
    api::federation::{
        directory::get_public_rooms_filtered::v1::Request as GetRooms,
        discovery::get_server_version::v1::Request as GetVersion,
    },
};
use serde_json::{json, value::to_raw_value};
use tokio::task::JoinSet;

use crate::{
    AskedBy, FederationError, Purpose,
    testing::silent_servers,
    two_servers::{ServerWithUser, TwoServers},
};

fn alice(here: &ServerWithUser) -> AskedBy {
    AskedBy::User(here.user.clone())
}

#[tokio::test]
async fn a_profile_is_asked_for() {
    let TwoServers { here, there, .. } = &TwoServers::meet().await;
    let name = to_raw_value("Bob").unwrap();
    there.federation.users().profiles.set(&there.user, "displayname", &name).await.unwrap();
    let profile = here.federation.profile(alice(here), &there.user, None).await.unwrap();
    assert_eq!(profile.get("displayname"), Some(&json!("Bob")));
    let nobody = UserId::parse(format!("@nobody:{}", there.name())).unwrap();
    assert!(here.federation.profile(alice(here), &nobody, None).await.unwrap_err().is_errcode("M_NOT_FOUND"));
}

#[tokio::test]
async fn an_alias_and_the_published_rooms_are_asked_for() {
    let TwoServers { here, there, .. } = &TwoServers::meet().await;
    let room = there.public_room(RoomVersion::V12).await;
    let alias = RoomAliasId::parse(format!("#room:{}", there.name())).unwrap();
    let rooms = there.federation.rooms();
    rooms.set_alias(&alias, &room, &there.user).await.unwrap();
    rooms.set_published(&room, true).await.unwrap();
    let (id, servers) = here.federation.resolve_alias(alice(here), &alias).await.unwrap();
    assert_eq!((&*id, &*servers), (room.id(), &[there.name().to_owned()][..]));
    let unknown = RoomAliasId::parse(format!("#odd:{}", there.name())).unwrap();
    assert!(
        here.federation.resolve_alias(alice(here), &unknown).await.unwrap_err().is_errcode("M_NOT_FOUND")
    );
    let page = here.federation.public_rooms(alice(here), there.name(), GetRooms::new()).await.unwrap();
    assert_eq!(page.chunk.len(), 1);
    let via = [there.name().to_owned()];
    let summary = here.federation.room_summary(&here.user, room.id(), &via).await.unwrap();
    assert_eq!(summary.name.as_deref(), Some("A room"));
}

#[tokio::test]
async fn keys_come_from_each_server_and_what_fails_is_told() {
    let TwoServers { here, there, .. } = &TwoServers::meet().await;
    let away = UserId::parse("@zoe:localhost:1").unwrap();
    let wanted: BTreeMap<_, _> =
        [&there.user, &away, &here.user].map(|user| (user.clone(), Vec::new())).into();
    let found = here.federation.query_keys(wanted, Some(Duration::from_secs(5))).await;
    assert_eq!(found.keys.device_keys.keys().collect::<Vec<_>>(), [&there.user]);
    assert_eq!(found.failures.keys().map(|server| server.as_str()).collect::<Vec<_>>(), ["localhost:1"]);
}

#[tokio::test]
async fn media_are_brought_here_once() {
    let TwoServers { here, there, .. } = &TwoServers::meet().await;
    let body = || stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"some text"))]);
    let about =
        UploadInfo { content_type: Some("text/plain".to_owned()), file_name: Some("a name.txt".to_owned()) };
    let uri = there.federation.media().upload(&there.user, about, body()).await.unwrap();
    let id = uri.media_id().unwrap();
    for _ in 0..2 {
        here.federation.fetch_media(alice(here), there.name(), id, Duration::ZERO).await.unwrap();
    }
    let copy = here.federation.media().download(there.name(), id, Duration::ZERO).await.unwrap();
    assert_eq!((copy.size, &*copy.content_type), (9, "text/plain"));
    assert_eq!(copy.file_name.as_deref(), Some("a name.txt"));
    let missing = here.federation.fetch_media(alice(here), there.name(), "missing", Duration::ZERO).await;
    assert!(missing.unwrap_err().is_errcode("M_NOT_FOUND"));
}

/// So many profiles of servers that never answer are asked for.
fn ask_silence(
    here: &ServerWithUser,
    port: u16,
    times: u32,
    asked_by: impl Fn(u8, u8) -> IpAddr,
) -> JoinSet<FederationError> {
    let mut asking = JoinSet::new();
    for number in 0..times {
        let (high, low) = ((number >> 8) as u8, number as u8);
        let user = UserId::parse(format!("@a:127.{}.{low}.1:{port}", high + 1)).unwrap();
        let (federation, asked_by) = (here.federation.clone(), AskedBy::address(asked_by(high, low)));
        asking.spawn(async move { federation.profile(asked_by, &user, None).await.unwrap_err() });
    }
    asking
}

/// As many as find no place are told at once that this server is busy.
async fn expect_busy(asking: &mut JoinSet<FederationError>, times: usize) {
    for _ in 0..times {
        let error = asking.join_next().await.unwrap().unwrap();
        assert!(matches!(error, FederationError::Room(RoomError::Busy)), "{error}");
    }
}

#[tokio::test]
async fn what_anyone_makes_this_server_ask_takes_no_place_of_messages() {
    let TwoServers { here, there, .. } = &TwoServers::meet().await;
    let client = here.federation.client();
    let free = || [Purpose::Transactions, Purpose::Rooms].map(|purpose| client.free_places(purpose));
    let before = (free(), client.free_places(Purpose::Lookups));
    let port = silent_servers().await;
    let mut asking = ask_silence(here, port, 700, |high, low| [10, 0, high, low].into());
    // 64 are under way, and 256 wait.
    expect_busy(&mut asking, 700 - 64 - 256).await;
    assert_eq!((free(), client.free_places(Purpose::Lookups)), (before.0, 0));
    client.send(there.name(), GetVersion::new()).await.unwrap();
}

#[tokio::test]
async fn one_address_has_a_share_of_what_is_asked() {
    let TwoServers { here, there, .. } = &TwoServers::meet().await;
    let port = silent_servers().await;
    let mut asking = ask_silence(here, port, 100, |_, _| [10, 0, 0, 1].into());
    // 8 are under way, and as many more are there as make 64.
    expect_busy(&mut asking, 100 - 64).await;
    assert!(here.federation.client().free_places(Purpose::Lookups) >= 64 - 8);
    // Somebody else is served.
    here.federation.profile(alice(here), &there.user, None).await.unwrap();
}
