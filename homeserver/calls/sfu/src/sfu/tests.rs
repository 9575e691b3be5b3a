//! Clients that signal as LiveKit's do and send media by `str0m`, on a network and a clock of the test's own.

mod client;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use parking_lot::Mutex;
use str0m::media::MediaKind;

use self::client::{Client, SERVER};
use super::*;
use crate::{
    messages::{
        self, AddTrackRequest, ConnectionSettings, JoinRequest, Message, MuteTrackRequest, ParticipantState,
        Said, TrackType, UpdateTrackSettings, VideoLayer, VideoQuality,
    },
    token::{Grants, Token},
};

/// A clock that is moved, a chance that counts, and who is turned out.
#[derive(Default)]
struct Counting {
    now_ms: AtomicU64,
    drawn: AtomicU64,
    turned_out: Mutex<Vec<String>>,
}

impl Outside for Counting {
    fn now_ms(&self) -> u64 {
        self.now_ms.load(Relaxed)
    }

    fn fill(&self, bytes: &mut [u8]) {
        let number = self.drawn.fetch_add(1, Relaxed).to_le_bytes();
        bytes.iter_mut().zip(number.iter().cycle()).for_each(|(byte, drawn)| *byte = *drawn);
    }

    fn lets_in(&self, holder: &str) -> bool {
        !self.turned_out.lock().iter().any(|out| out == holder)
    }
}

/// An SFU, its clients and the network between them.
struct World {
    sfu: Sfu,
    outside: Arc<Counting>,
    now: Instant,
    clients: Vec<Client>,
    /// One in so many datagrams is lost, if any.
    loses: Option<u32>,
    carried: u32,
}

impl World {
    fn new() -> Self {
        let outside = Arc::new(Counting { now_ms: AtomicU64::new(1_700_000_000_000), ..Counting::default() });
        let now = tokio::time::Instant::now().into_std();
        let options = SfuOptions { addresses: vec![SERVER], limits: Limits::default() };
        let sfu = Sfu::new(options, outside.clone(), now);
        Self { sfu, outside, now, clients: Vec::new(), loses: None, carried: 0 }
    }

    fn token(identity: &str, holder: &str) -> Token {
        Token {
            identity: identity.to_owned(),
            room: "a call".to_owned(),
            holder: holder.to_owned(),
            name: String::new(),
            metadata: String::new(),
            grants: Grants::ALL,
            not_before: 0,
            expires: u64::MAX,
        }
    }

    /// Somebody comes in, with sections to receive one track of each kind.
    fn join(&mut self, identity: &str) -> usize {
        self.try_join(identity).unwrap()
    }

    fn try_join(&mut self, identity: &str) -> Result<usize, JoinError> {
        self.join_as(identity, &format!("{identity} of a call"))
    }

    fn join_as(&mut self, identity: &str, holder: &str) -> Result<usize, JoinError> {
        let number = self.clients.len();
        let (mut client, signals) = Client::new(number, self.now);
        client.receive_more(1, 1);
        let offer = client.offer().unwrap();
        let request = JoinRequest {
            connection_settings: Some(ConnectionSettings { auto_subscribe: true, adaptive_stream: false }),
            publisher_offer: Some(offer),
            ..JoinRequest::default()
        };
        let join = Join { token: Self::token(identity, holder), request, number: number as u64, signals };
        self.sfu.join(join, self.now)?;
        self.clients.push(client);
        Ok(number)
    }

    /// Announces a track and sends it: of a simulcast in three layers if it is `layered`.
    fn publish(&mut self, who: usize, kind: MediaKind, layered: bool) {
        let cid = format!("{kind:?}");
        let track_type = if kind == MediaKind::Audio { TrackType::Audio } else { TrackType::Video };
        let layers =
            [VideoQuality::Low, VideoQuality::Medium, VideoQuality::High].map(|quality| VideoLayer {
                quality,
                width: 320 << quality as u32,
                height: 180 << quality as u32,
                ..VideoLayer::default()
            });
        let request = AddTrackRequest {
            cid: cid.clone(),
            r#type: track_type,
            layers: if layered { layers.to_vec() } else { Vec::new() },
            ..AddTrackRequest::default()
        };
        self.say(who, Said::AddTrack(request));
        self.clients[who].send_track(kind, &cid, layered);
        // If another one is not answered yet, it follows that.
        if let Some(offer) = self.clients[who].offer() {
            self.say(who, Said::Offer(offer));
        }
    }

    fn say(&mut self, who: usize, said: Said) {
        self.sfu.say(who as u64, said, self.now);
    }

    /// Everything that is under way arrives; then time passes, and media is sent.
    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += Duration::from_millis(10);
            self.outside.now_ms.fetch_add(10, Relaxed);
            let now = self.now;
            self.clients.iter_mut().for_each(|client| client.advance(now));
            self.sfu.advance(now);
            while self.carry() {}
        }
    }

    fn carry(&mut self) -> bool {
        let mut moved = false;
        for client in 0..self.clients.len() {
            for datagram in self.clients[client].outgoing() {
                moved = true;
                if !self.is_lost() {
                    self.sfu.receive(self.clients[client].address, &datagram, self.now);
                }
            }
            for offer in self.clients[client].hear() {
                moved = true;
                self.sfu.say(client as u64, Said::Offer(offer), self.now);
            }
        }
        self.sfu.flush();
        for (to, datagram) in self.sfu.outgoing().collect::<Vec<_>>() {
            moved = true;
            if self.is_lost() {
                continue;
            }
            if let Some(client) = self.clients.iter_mut().find(|client| client.address == to) {
                client.receive(&datagram, self.now);
            }
        }
        moved
    }

    fn is_lost(&mut self) -> bool {
        self.carried += 1;
        // Not in step with what is sent in turns.
        self.loses.is_some_and(|one_in| self.carried.wrapping_mul(2_654_435_761) >> 16 < 65_536 / one_in)
    }

    /// The state of a participant, as another was told last.
    fn state(&self, seen_by: usize, identity: &str) -> Option<ParticipantState> {
        self.clients[seen_by].participant(identity).map(|info| info.state)
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn sound_and_pictures_come_to_all_others() {
    let mut world = World::new();
    let (alice, bob) = (world.join("alice"), world.join("bob"));
    world.publish(alice, MediaKind::Audio, false);
    world.publish(alice, MediaKind::Video, false);
    world.run(2 * SECOND);
    assert_eq!(world.state(bob, "alice"), Some(ParticipantState::Active));
    let late = world.join("carol");
    world.run(2 * SECOND);
    for who in [bob, late] {
        let client = &world.clients[who];
        let tracks = client.participant("alice").unwrap().tracks.clone();
        assert_eq!(tracks.len(), 2);
        for track in &tracks {
            let packets = client.packets_of(&track.sid);
            assert!(packets.len() > 40, "{who}: {} of {}", packets.len(), track.sid);
            assert!(packets.windows(2).all(|pair| *pair[1].seq_no == *pair[0].seq_no + 1));
        }
        let mimes: Vec<_> = tracks.iter().map(|track| track.mime_type.as_str()).collect();
        assert_eq!(mimes, ["audio/opus", "video/VP8"]);
    }
    assert!(world.clients[alice].told.iter().any(|told| matches!(told, Told::TrackSubscribed(_))));
    assert!(world.clients[alice].received.is_empty());
}

#[test]
fn lost_packets_are_sent_again_both_ways() {
    let mut world = World::new();
    let (alice, bob) = (world.join("alice"), world.join("bob"));
    world.publish(alice, MediaKind::Video, false);
    world.run(SECOND);
    world.loses = Some(20);
    world.run(4 * SECOND);
    world.loses = None;
    world.run(SECOND);
    let track = world.clients[bob].participant("alice").unwrap().tracks[0].sid.clone();
    let mut sequence: Vec<u64> =
        world.clients[bob].packets_of(&track).iter().map(|packet| *packet.seq_no).collect();
    sequence.sort_unstable();
    sequence.dedup();
    let lost = sequence.last().unwrap() - sequence[0] + 1 - sequence.len() as u64;
    assert!(sequence.len() > 200 && lost <= 1, "{lost} of {} lost", sequence.len());
}

#[test]
fn a_receiver_gets_the_layer_that_it_shows_without_a_seam() {
    let mut world = World::new();
    let (alice, bob) = (world.join("alice"), world.join("bob"));
    world.publish(alice, MediaKind::Video, true);
    world.run(2 * SECOND);
    let track = world.clients[bob].participant("alice").unwrap().tracks[0].sid.clone();
    assert_eq!(world.clients[bob].last_layer(&track), Some(2));
    for (width, layer) in [(300, 0), (640, 1), (1280, 2)] {
        let settings = UpdateTrackSettings {
            track_sids: vec![track.clone()],
            width,
            height: width * 9 / 16,
            ..UpdateTrackSettings::default()
        };
        world.say(bob, Said::TrackSetting(settings));
        world.run(SECOND);
        assert_eq!(world.clients[bob].last_layer(&track), Some(layer));
    }
    let packets = world.clients[bob].packets_of(&track);
    assert!(packets.windows(2).all(|pair| *pair[1].seq_no == *pair[0].seq_no + 1));
    assert!(packets.windows(2).all(|pair| pair[1].header.timestamp > pair[0].header.timestamp));
    let hidden = UpdateTrackSettings {
        track_sids: vec![track.clone()],
        disabled: true,
        ..UpdateTrackSettings::default()
    };
    world.say(bob, Said::TrackSetting(hidden));
    world.run(SECOND);
    let before = world.clients[bob].packets_of(&track).len();
    world.run(SECOND);
    assert_eq!(world.clients[bob].packets_of(&track).len(), before);
}

#[test]
fn data_comes_to_all_or_to_those_it_names_with_the_name_of_who_sent_it() {
    let mut world = World::new();
    let (alice, bob, carol) = (world.join("alice"), world.join("bob"), world.join("carol"));
    world.run(SECOND);
    let mut packet = messages::DataPacket { sequence: 1, ..messages::DataPacket::default() };
    world.clients[alice].send_data("_reliable", &packet.encode());
    let carol_alone = vec!["carol".to_owned()];
    packet.user = Some(messages::UserPacket { destination_identities: carol_alone.clone() });
    world.clients[alice].send_data("_reliable", &packet.encode());
    world.run(SECOND);
    (packet.user, packet.sequence) = (None, 0);
    packet.destination_identities = carol_alone;
    // Nobody says that it comes of another.
    packet.participant_identity = "bob".to_owned();
    world.clients[alice].send_data("_lossy", &packet.encode());
    world.run(SECOND);
    let came = |who: usize| {
        let data = world.clients[who].data.iter().map(|(label, bytes)| {
            let packet = messages::DataPacket::decode(bytes).unwrap();
            (label.clone(), packet.participant_identity, packet.sequence)
        });
        data.collect::<Vec<_>>()
    };
    let reliable = ("_reliable".to_owned(), "alice".to_owned(), 1);
    assert_eq!(came(bob), std::slice::from_ref(&reliable));
    assert_eq!(came(carol), [reliable.clone(), reliable, ("_lossy".to_owned(), "alice".to_owned(), 0)]);
    assert_eq!(came(alice), []);
}

#[test]
fn a_holder_of_tokens_and_what_a_participant_sends_have_bounds() {
    let mut world = World::new();
    let limits = Limits { participants_of_holder: 2, bytes_per_second: 50_000, ..Limits::default() };
    world.sfu.options.limits = limits;
    let (alice, phone) = (world.join("alice"), world.join_as("phone", "bob of a call").unwrap());
    world.join_as("laptop", "bob of a call").unwrap();
    assert_eq!(world.join_as("tablet", "bob of a call"), Err(JoinError::TooManyOfHolder));
    // In the place of one who is there already.
    world.join_as("laptop", "bob of a call").unwrap();
    world.publish(phone, MediaKind::Audio, false);
    world.run(SECOND);
    let heard = |world: &World| world.clients[alice].received.len();
    let before = heard(&world);
    assert!(before > 10);
    // It floods the server, of which nobody else takes harm; then it behaves.
    let address = world.clients[phone].address;
    for _ in 0..100 {
        world.sfu.receive(address, &[0x80; 1200], world.now);
    }
    world.run(5 * SECOND);
    assert!(heard(&world) > before + 100, "{} after {before}", heard(&world));
    assert_eq!(world.state(alice, "phone"), Some(ParticipantState::Active));
}

#[test]
fn who_leaves_or_is_turned_out_is_gone_at_once() {
    let mut world = World::new();
    let (alice, bob, carol) = (world.join("alice"), world.join("bob"), world.join("carol"));
    world.publish(alice, MediaKind::Video, false);
    world.run(SECOND);
    world.say(carol, Said::Leave(messages::LeaveRequest::default()));
    world.outside.turned_out.lock().push("bob of a call".to_owned());
    world.sfu.look_again(Some("bob of a call"), world.now);
    assert_eq!(world.try_join("bob"), Err(JoinError::NotAllowed));
    world.run(SECOND);
    assert_eq!(world.state(alice, "carol"), Some(ParticipantState::Disconnected));
    assert_eq!(world.state(alice, "bob"), Some(ParticipantState::Disconnected));
    assert_eq!(world.sfu.identities("a call"), ["alice"]);
    let leave = world.clients[bob].told.iter().find_map(|told| match told {
        Told::Leave(leave) => Some(leave.reason),
        _ => None,
    });
    assert_eq!(leave, Some(DisconnectReason::ParticipantRemoved));
    let before = world.clients[bob].received.len();
    world.run(SECOND);
    assert_eq!(world.clients[bob].received.len(), before);
    world.say(alice, Said::Leave(messages::LeaveRequest::default()));
    assert_eq!((world.sfu.participants(), world.sfu.rooms.len()), (0, 0));
    assert!(world.sfu.by_address.is_empty() && world.sfu.by_ufrag.is_empty() && world.sfu.tracks.is_empty());
}

#[test]
fn who_is_heard_of_no_more_is_gone_after_a_while() {
    let mut world = World::new();
    let (alice, bob) = (world.join("alice"), world.join("bob"));
    world.run(SECOND);
    world.sfu.silent(bob as u64, world.now);
    // A machine that lost its power says nothing.
    world.clients[bob].is_dead = true;
    world.run(10 * SECOND);
    assert_eq!(world.state(alice, "bob"), Some(ParticipantState::Active));
    world.run(6 * SECOND);
    assert_eq!(world.state(alice, "bob"), Some(ParticipantState::Disconnected));
}

#[test]
fn a_client_goes_on_by_another_signalling_connection() {
    let mut world = World::new();
    let (alice, bob) = (world.join("alice"), world.join("bob"));
    world.publish(alice, MediaKind::Audio, false);
    world.run(SECOND);
    world.sfu.silent(bob as u64, world.now);
    let sid = world.clients[bob].sid();
    let resume = |world: &mut World, number: u64, participant_sid: String| {
        let signals = world.clients[bob].new_signals();
        let request = JoinRequest { reconnect: true, participant_sid, ..JoinRequest::default() };
        let join = Join { token: World::token("bob", "bob of a call"), request, number, signals };
        world.sfu.join(join, world.now).unwrap();
        world.run(SECOND);
    };
    let before = world.clients[bob].received.len();
    resume(&mut world, 100, sid);
    let told = &world.clients[bob].told_since;
    assert!(matches!(told[0], Told::Reconnect(_)), "{told:?}");
    assert!(told.iter().any(|told| matches!(told, Told::Update(update) if update.participants.len() == 1)));
    assert!(world.clients[bob].received.len() > before + 20);
    assert_eq!(world.sfu.identities("a call").len(), 2);

    resume(&mut world, 101, "PA_unknown".to_owned());
    let told = &world.clients[bob].told_since;
    assert!(matches!(&told[..], [Told::Leave(leave)] if leave.action == LeaveAction::Reconnect), "{told:?}");
}

#[test]
fn more_tracks_than_sections_ask_for_more() {
    let mut world = World::new();
    let watcher = world.join("watcher");
    for number in 0..6 {
        let who = world.join(&format!("speaker {number}"));
        world.publish(who, MediaKind::Video, false);
    }
    world.run(3 * SECOND);
    let client = &world.clients[watcher];
    for number in 0..6 {
        let track = client.participant(&format!("speaker {number}")).unwrap().tracks[0].sid.clone();
        assert!(client.packets_of(&track).len() > 20, "{number}");
    }
    // The sections of those who leave are used again.
    let sections = client.sections();
    for number in 1..4 {
        world.say(number, Said::Leave(messages::LeaveRequest::default()));
    }
    world.run(SECOND);
    for number in 6..9 {
        let who = world.join(&format!("speaker {number}"));
        world.publish(who, MediaKind::Video, false);
    }
    world.run(3 * SECOND);
    let client = &world.clients[watcher];
    for number in 6..9 {
        let track = client.participant(&format!("speaker {number}")).unwrap().tracks[0].sid.clone();
        assert!(client.packets_of(&track).len() > 20, "{number}");
    }
    assert_eq!(client.sections(), sections);
}

#[test]
fn what_a_client_says_wrongly_ends_it_and_nobody_else() {
    let mut world = World::new();
    let (alice, bob) = (world.join("alice"), world.join("bob"));
    world.run(SECOND);
    for sdp in ["", "nonsense", "v=0\r\nm=video 9 x 96\r\na=mid:a name that is far too long\r\n"] {
        let mallory = world.join("mallory");
        let offer =
            messages::SessionDescription { sdp: sdp.to_owned(), ..messages::SessionDescription::default() };
        world.say(mallory, Said::Offer(offer));
        world.run(SECOND);
        assert_eq!(world.state(alice, "mallory"), Some(ParticipantState::Disconnected), "{sdp}");
    }
    let mute = MuteTrackRequest { sid: "TR_unknown".to_owned(), muted: true };
    world.say(bob, Said::Mute(mute));
    world.sfu.receive(world.clients[bob].address, &[0x80; 40], world.now);
    world.sfu.receive("192.0.2.9:9".parse().unwrap(), &[0; 3], world.now);
    world.run(SECOND);
    assert_eq!(world.state(alice, "bob"), Some(ParticipantState::Active));
}

#[test]
fn a_connection_that_panics_ends_its_participant_alone() {
    let mut world = World::new();
    let (alice, bob) = (world.join("alice"), world.join("bob"));
    world.run(SECOND);
    let who = world.sfu.rooms["a call"].by_identity("bob").unwrap();
    world.sfu.on_connection::<()>(who, |_| panic!("a fault in the library"));
    world.run(SECOND);
    assert_eq!(world.state(alice, "bob"), Some(ParticipantState::Disconnected));
    let told = &world.clients[bob].told;
    assert!(matches!(told.last(), Some(Told::Leave(leave)) if leave.action == LeaveAction::Reconnect));
    assert_eq!(world.sfu.identities("a call"), ["alice"]);
}

#[test]
fn a_client_that_takes_no_signals_is_told_no_more() {
    let mut world = World::new();
    let (alice, bob) = (world.join("alice"), world.join("bob"));
    world.run(SECOND);
    world.clients[bob].is_dead = true;
    for _ in 0..1000 {
        world.change_something(alice);
    }
    let who = world.sfu.rooms["a call"].by_identity("bob").unwrap();
    assert!(world.sfu.members[&who].signals.is_none());
}

impl World {
    /// Something of which all others are told.
    fn change_something(&mut self, who: usize) {
        let mut request = messages::UpdateParticipantMetadata {
            name: "Alice".to_owned(),
            ..messages::UpdateParticipantMetadata::default()
        };
        request.attributes = HashMap::from([("hand".to_owned(), self.carried.to_string())]);
        self.carried += 1;
        self.say(who, Said::UpdateMetadata(request));
        self.clients[who].hear();
    }
}
