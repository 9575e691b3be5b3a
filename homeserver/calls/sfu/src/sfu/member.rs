//! What the SFU holds of a participant besides what the room knows.

use std::{collections::HashMap, net::SocketAddr, time::Instant};

use tokio::sync::mpsc;

use super::{allowance::Allowance, media::Showing};
use crate::{
    connection::{Connection, Mid},
    forward::Forward,
    messages::{SignalResponse, Told},
    room::TrackId,
    sdp::SectionKind,
    sections::Sections,
};

/// From how many addresses a participant may be known to send.
const MAX_ADDRESSES: usize = 8;

/// Where signals to a client go: the connection is over when it is dropped.
pub type Signals = mpsc::Sender<SignalResponse>;

/// A participant's connection, and what goes over it.
pub(super) struct Member {
    pub room: String,
    /// Whose token it came by.
    pub holder: String,
    pub connection: Connection,
    /// Its signalling connection, and the number of that.
    pub signals: Option<(u64, Signals)>,
    /// Since when it has none.
    pub silent_since: Option<Instant>,
    /// What it may send.
    pub allowance: Allowance,
    /// When the last datagram or signal came.
    pub heard_at: Instant,
    pub due: Option<Instant>,
    /// The number of the last reliable data packet of the client.
    pub last_sequence: u32,
    addresses: Vec<SocketAddr>,
    pub sections: Sections,
    /// Whether it was asked to offer anew, and has not.
    pub asked: bool,
    /// The sections in which it sends, and the track of each.
    pub published: HashMap<Mid, TrackId>,
    /// Those for which no track is announced yet.
    pub unannounced: Vec<Unannounced>,
    /// In which section each track comes to it.
    pub carried: HashMap<TrackId, Mid>,
    /// What goes out in each section.
    pub streams: HashMap<Mid, Forward>,
    /// How it shows tracks, where it said so.
    pub shows: HashMap<TrackId, Showing>,
}

/// A section in which a client sends what it has not announced.
pub(super) struct Unannounced {
    pub mid: String,
    pub kind: SectionKind,
    pub client_id: Option<String>,
    pub mime: String,
}

impl Member {
    pub fn new(
        (room, holder): (String, String),
        connection: Connection,
        signals: (u64, Signals),
        (bytes_per_second, now): (u64, Instant),
    ) -> Self {
        Self {
            room,
            holder,
            connection,
            signals: Some(signals),
            silent_since: None,
            allowance: Allowance::new(bytes_per_second, now),
            heard_at: now,
            due: None,
            last_sequence: 0,
            addresses: Vec::new(),
            sections: Sections::default(),
            asked: false,
            published: HashMap::new(),
            unannounced: Vec::new(),
            carried: HashMap::new(),
            streams: HashMap::new(),
            shows: HashMap::new(),
        }
    }

    /// Tells the client something. One that takes nothing is told no more, and has to come anew.
    pub fn tell(&mut self, told: Told) {
        let full = self.signals.as_ref().is_some_and(|(_, signals)| signals.try_send(told.into()).is_err());
        if full {
            self.signals = None;
        }
    }

    /// Notes from where it sends as well. The oldest address gives way.
    pub fn new_address(&mut self, address: SocketAddr) -> Option<SocketAddr> {
        self.addresses.push(address);
        (self.addresses.len() > MAX_ADDRESSES).then(|| self.addresses.remove(0))
    }

    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The track that comes to it in a section.
    pub fn carried_in(&self, mid: Mid) -> Option<TrackId> {
        self.carried.iter().find(|(_, carried)| **carried == mid).map(|(track, _)| *track)
    }
}
