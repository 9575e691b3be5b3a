use std::collections::HashMap;

use super::*;
use crate::{
    messages::{
        AddTrackRequest, ClientInfo, ConnectionSettings, MuteTrackRequest, TrackSource, TrackType,
        UpdateParticipantMetadata, UpdateSubscription, UpdateTrackSettings, VideoLayer,
    },
    token::{Grants, Token},
};

const ALICE: ParticipantId = ParticipantId(1);
const BOB: ParticipantId = ParticipantId(2);
const CAROL: ParticipantId = ParticipantId(3);

fn room() -> Room {
    Room::new("RM_1".to_owned(), "a call".to_owned(), Limits { participants: 3, ..Limits::default() }, 5000)
}

fn newcomer(id: ParticipantId, identity: &str, grants: Grants) -> Newcomer {
    Newcomer {
        id,
        sid: format!("PA_{}", id.0),
        token: Token {
            identity: identity.to_owned(),
            room: "a call".to_owned(),
            holder: String::new(),
            name: String::new(),
            metadata: String::new(),
            grants,
            not_before: 0,
            expires: 100,
        },
        client: ClientInfo::default(),
        settings: ConnectionSettings { auto_subscribe: true, adaptive_stream: true },
        metadata: String::new(),
        attributes: HashMap::new(),
    }
}

fn join(room: &mut Room, id: ParticipantId, identity: &str) -> Vec<Effect> {
    room.join(newcomer(id, identity, Grants::ALL), 6000).unwrap()
}

fn camera() -> AddTrackRequest {
    let layer =
        |quality: VideoQuality, width, height| VideoLayer { quality, width, height, ..VideoLayer::default() };
    AddTrackRequest {
        cid: "camera".to_owned(),
        r#type: TrackType::Video,
        source: TrackSource::Camera,
        layers: vec![
            layer(VideoQuality::Low, 320, 180),
            layer(VideoQuality::Medium, 640, 360),
            layer(VideoQuality::High, 1280, 720),
        ],
        ..AddTrackRequest::default()
    }
}

/// Announces and publishes a camera, and gives what follows from the latter.
fn publish(room: &mut Room, who: ParticipantId) -> (TrackId, Vec<Effect>) {
    room.add_track(who, &camera(), format!("TR_{}", who.0));
    let track = room.participant(who).unwrap().tracks().last().unwrap().id;
    (track, room.publish(track, "3", "video/VP8".to_owned()))
}

/// The last thing of its kind that somebody is told.
fn told<T>(effects: &[Effect], who: ParticipantId, pick: impl Fn(&Told) -> Option<T>) -> Option<T> {
    let told = effects.iter().filter_map(|effect| match effect {
        Effect::Tell(to, told) if *to == who => pick(told),
        _ => None,
    });
    told.last()
}

fn update(told: &Told) -> Option<ParticipantInfo> {
    match told {
        Told::Update(update) => update.participants.last().cloned(),
        _ => None,
    }
}

/// The qualities that a publisher is to send.
fn wanted(effects: &[Effect], who: ParticipantId) -> Option<Vec<i32>> {
    told(effects, who, |told| match told {
        Told::SubscribedQualityUpdate(update) => {
            let enabled = update.subscribed_codecs[0].qualities.iter().filter(|quality| quality.enabled);
            Some(enabled.map(|quality| quality.quality as i32).collect())
        }
        _ => None,
    })
}

#[test]
fn who_comes_is_told_of_the_others_and_they_of_them() {
    let mut room = room();
    join(&mut room, ALICE, "alice");
    let effects = join(&mut room, BOB, "bob");
    let info = told(&effects, ALICE, update).unwrap();
    assert_eq!((info.sid.as_str(), info.identity.as_str()), ("PA_2", "bob"));
    assert_eq!(info.state, ParticipantState::Joined);
    assert!(info.permission.unwrap().can_publish);
    let answer = told(&effects, BOB, |told| match told {
        Told::Join(answer) => Some(answer.clone()),
        _ => None,
    });
    let answer = answer.unwrap();
    assert_eq!(answer.other_participants.len(), 1);
    assert_eq!(answer.other_participants[0].identity, "alice");
    assert_eq!(answer.participant.unwrap().sid, "PA_2");
    assert_eq!(answer.room.unwrap().sid, "RM_1");

    let active = room.connected(BOB);
    let info = told(&active, ALICE, update).unwrap();
    assert_eq!((info.state, info.version), (ParticipantState::Active, 2));
    assert_eq!(room.connected(BOB), []);
}

#[test]
fn what_is_published_comes_to_all_others_and_to_who_comes_later() {
    let mut room = room();
    join(&mut room, ALICE, "alice");
    join(&mut room, BOB, "bob");
    let announced = room.add_track(ALICE, &camera(), "TR_1".to_owned());
    assert!(told(&announced, ALICE, |told| matches!(told, Told::TrackPublished(_)).then_some(())).is_some());
    assert_eq!(told(&announced, BOB, update), None);

    let track = room.participant(ALICE).unwrap().tracks().next().unwrap().id;
    let effects = room.publish(track, "3", "video/VP8".to_owned());
    let info = told(&effects, BOB, update).unwrap();
    assert_eq!((info.tracks[0].sid.as_str(), info.tracks[0].mime_type.as_str()), ("TR_1", "video/VP8"));
    assert!(info.tracks[0].simulcast && info.is_publisher);
    assert!(effects.contains(&Effect::Subscribe { who: BOB, track, kind: SectionKind::Video }));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Subscribe { who: ALICE, .. })));

    let effects = join(&mut room, CAROL, "carol");
    assert!(effects.contains(&Effect::Subscribe { who: CAROL, track, kind: SectionKind::Video }));

    let effects = room.unpublish(track);
    for who in [BOB, CAROL] {
        assert!(effects.contains(&Effect::Unsubscribe { who, track }));
        assert_eq!(told(&effects, who, update).unwrap().tracks.len(), 0);
    }
}

#[test]
fn grants_are_kept() {
    let mut room = room();
    room.join(newcomer(ALICE, "alice", Grants { publish: false, ..Grants::ALL }), 0).unwrap();
    room.join(newcomer(BOB, "bob", Grants { subscribe: false, publish_data: false, ..Grants::ALL }), 0)
        .unwrap();
    room.join(newcomer(CAROL, "carol", Grants { update_own_metadata: false, ..Grants::ALL }), 0).unwrap();
    assert_eq!(room.add_track(ALICE, &camera(), "TR_1".to_owned()), []);
    let (track, effects) = publish(&mut room, CAROL);
    let receivers = effects.iter().filter_map(|effect| match effect {
        Effect::Subscribe { who, .. } => Some(*who),
        _ => None,
    });
    assert_eq!(receivers.collect::<Vec<_>>(), [ALICE]);
    let asks = UpdateSubscription {
        track_sids: vec!["TR_3".to_owned()],
        subscribe: true,
        ..UpdateSubscription::default()
    };
    assert!(!room.update_subscription(BOB, &asks).contains(&Effect::Subscribe {
        who: BOB,
        track,
        kind: SectionKind::Video
    }));
    assert_eq!(room.destinations(BOB, &[]), []);
    let request = UpdateParticipantMetadata { request_id: 7, ..UpdateParticipantMetadata::default() };
    let effects = room.update_metadata(CAROL, request.clone());
    assert!(
        matches!(&effects[..], [Effect::Tell(CAROL, Told::RequestResponse(answer))] if answer.reason == 2)
    );
    let effects = room.update_metadata(BOB, UpdateParticipantMetadata { name: "Bob".to_owned(), ..request });
    assert_eq!(told(&effects, ALICE, update).unwrap().name, "Bob");
}

#[test]
fn the_same_identity_takes_the_place_of_the_former() {
    let mut room = room();
    join(&mut room, ALICE, "alice");
    join(&mut room, BOB, "bob");
    let effects = join(&mut room, CAROL, "alice");
    let leave = told(&effects, ALICE, |told| match told {
        Told::Leave(leave) => Some(leave.clone()),
        _ => None,
    });
    assert_eq!(leave.unwrap().reason, DisconnectReason::DuplicateIdentity);
    assert!(effects.contains(&Effect::End(ALICE)));
    let infos: Vec<_> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Tell(BOB, told) => update(told),
            _ => None,
        })
        .map(|info| (info.sid.clone(), info.state))
        .collect();
    let expected =
        [("PA_1".to_owned(), ParticipantState::Disconnected), ("PA_3".to_owned(), ParticipantState::Joined)];
    assert_eq!(infos, expected);
    assert_eq!(room.by_identity("alice"), Some(CAROL));
    assert_eq!(room.remove(ALICE, DisconnectReason::ClientInitiated, false), []);
}

#[test]
fn the_publisher_sends_no_better_layers_than_anybody_shows() {
    let mut room = room();
    join(&mut room, ALICE, "alice");
    let (track, effects) = publish(&mut room, ALICE);
    assert_eq!(wanted(&effects, ALICE), Some(vec![]));
    let effects = join(&mut room, BOB, "bob");
    assert_eq!(wanted(&effects, ALICE), Some(vec![0, 1, 2]));
    let shows = |width, height, disabled| UpdateTrackSettings {
        track_sids: vec!["TR_1".to_owned()],
        disabled,
        width,
        height,
        ..UpdateTrackSettings::default()
    };
    let effects = room.update_settings(BOB, &shows(300, 170, false));
    assert!(effects.contains(&Effect::Show { who: BOB, track, quality: VideoQuality::Low }));
    assert_eq!(wanted(&effects, ALICE), Some(vec![0]));
    join(&mut room, CAROL, "carol");
    let effects = room.update_settings(CAROL, &shows(640, 360, false));
    assert_eq!(wanted(&effects, ALICE), Some(vec![0, 1]));
    // Nothing changes for who sends.
    assert_eq!(wanted(&room.update_settings(BOB, &shows(0, 0, true)), ALICE), None);
    let effects = room.remove(CAROL, DisconnectReason::ClientInitiated, false);
    assert_eq!(wanted(&effects, ALICE), Some(vec![]));
}

#[test]
fn the_layer_that_fits_is_the_least_that_is_large_enough() {
    let mut room = room();
    join(&mut room, ALICE, "alice");
    let (track, _) = publish(&mut room, ALICE);
    let info = &room.participant(ALICE).unwrap().track(track).unwrap().info;
    let shown = |width, height| {
        fitting(info, Wish::from(&UpdateTrackSettings { width, height, ..UpdateTrackSettings::default() }))
    };
    assert_eq!(shown(100, 100), VideoQuality::Low);
    assert_eq!(shown(340, 195), VideoQuality::Low);
    assert_eq!(shown(360, 640), VideoQuality::Medium);
    assert_eq!(shown(3000, 2000), VideoQuality::High);
}

#[test]
fn a_track_is_found_by_the_clients_id_or_as_the_only_one_of_its_kind() {
    let mut room = room();
    join(&mut room, ALICE, "alice");
    room.add_track(ALICE, &camera(), "TR_1".to_owned());
    let found = |room: &Room, id, kind| room.participant(ALICE).unwrap().track_of_section(id, kind);
    assert!(found(&room, Some("camera"), SectionKind::Video).is_some());
    assert!(found(&room, Some("another"), SectionKind::Video).is_some());
    assert_eq!(found(&room, Some("another"), SectionKind::Audio), None);
    room.add_track(ALICE, &AddTrackRequest { cid: "screen".to_owned(), ..camera() }, "TR_2".to_owned());
    assert_eq!(found(&room, Some("another"), SectionKind::Video), None);
    assert!(found(&room, Some("screen"), SectionKind::Video).is_some());
}

#[test]
fn muting_is_told_to_all() {
    let mut room = room();
    join(&mut room, ALICE, "alice");
    join(&mut room, BOB, "bob");
    publish(&mut room, ALICE);
    let muted = MuteTrackRequest { sid: "TR_1".to_owned(), muted: true };
    assert!(told(&room.mute(ALICE, &muted), BOB, update).unwrap().tracks[0].muted);
    assert_eq!(room.mute(ALICE, &muted), []);
    // It is no track of his.
    assert_eq!(room.mute(BOB, &MuteTrackRequest { muted: false, ..muted }), []);
}

#[test]
fn who_speaks_is_told_when_it_begins_and_ends() {
    for packet_ms in [20, 60, 120] {
        let mut room = room();
        join(&mut room, ALICE, "alice");
        join(&mut room, BOB, "bob");
        let (track, _) = publish(&mut room, ALICE);
        let mut changes = Vec::new();
        for now in (1000u64..4000).step_by(20) {
            if now % packet_ms == 0 {
                room.heard(track, if (1400..2400).contains(&now) { 20 } else { 100 }, now, now);
            }
            if now % 200 == 0 {
                changes.extend(told(&room.listen(now), BOB, |told| match told {
                    Told::SpeakersChanged(changed) => Some((now, changed.speakers[0].active)),
                    _ => None,
                }));
            }
        }
        let [(began, true), (ended, false)] = changes[..] else { panic!("{packet_ms}: {changes:?}") };
        assert!((1400..2000).contains(&began) && (2400..3400).contains(&ended), "{began} {ended}");
    }
}

#[test]
fn a_room_and_what_is_in_it_have_bounds() {
    let mut room = room();
    for (id, identity) in [(ALICE, "alice"), (BOB, "bob"), (CAROL, "carol")] {
        join(&mut room, id, identity);
    }
    let late = newcomer(ParticipantId(4), "dave", Grants::ALL);
    assert_eq!(room.join(late, 0), Err(Refusal::Full));
    // Who is there may come again.
    assert!(room.join(newcomer(ParticipantId(5), "alice", Grants::ALL), 0).is_ok());
    let mut wordy = newcomer(ParticipantId(6), "bob", Grants::ALL);
    wordy.metadata = "x".repeat(64 << 10);
    assert_eq!(room.join(wordy, 0), Err(Refusal::TooLong));
    for number in 0..40 {
        room.add_track(BOB, &camera(), format!("TR_{number}"));
    }
    assert_eq!(room.participant(BOB).unwrap().tracks().count(), Limits::default().tracks);
    let long = AddTrackRequest { name: "x".repeat(2000), ..camera() };
    assert_eq!(room.add_track(CAROL, &long, "TR_x".to_owned()), []);
}
