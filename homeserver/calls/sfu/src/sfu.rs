//! All rooms with their participants and connections, without a socket: datagrams, signals and time go in, datagrams
//! and signals come out.

mod allowance;
mod join;
mod media;
mod member;
mod negotiation;
mod signals;
mod time;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Instant,
};

pub use self::{
    join::{Join, JoinError},
    member::Signals,
};
use self::{media::Incoming, member::Member};
use crate::{
    connection::{Connection, ConnectionError},
    demultiplex,
    limits::Limits,
    messages::{DisconnectReason, LeaveAction, LeaveRequest, Told},
    outside::Outside,
    room::{Effect, ParticipantId, Room, TrackId},
};

/// What the SFU needs to know.
#[derive(Clone, Debug)]
pub struct SfuOptions {
    /// Where clients reach its socket: of each family one address.
    pub addresses: Vec<SocketAddr>,
    pub limits: Limits,
}

/// All calls of this process.
pub struct Sfu {
    options: SfuOptions,
    outside: Arc<dyn Outside>,
    rooms: HashMap<String, Room>,
    members: HashMap<ParticipantId, Member>,
    tracks: HashMap<TrackId, Incoming>,
    /// Whose each signalling connection is.
    by_signals: HashMap<u64, ParticipantId>,
    /// Who is asked for by a name that ICE gives a connection.
    by_ufrag: HashMap<String, ParticipantId>,
    by_address: HashMap<SocketAddr, ParticipantId>,
    /// When connections want to be asked again.
    due: BTreeSet<(Instant, ParticipantId)>,
    /// Those to which something was done since they were last asked.
    touched: HashSet<ParticipantId>,
    /// Those for whom something is to be negotiated.
    unsettled: HashSet<ParticipantId>,
    outgoing: Vec<(SocketAddr, Vec<u8>)>,
    next_id: u64,
    /// When the last input came.
    now: Instant,
    ticked: Instant,
}

impl Sfu {
    pub fn new(options: SfuOptions, outside: Arc<dyn Outside>, now: Instant) -> Self {
        Self {
            options,
            outside,
            rooms: HashMap::new(),
            members: HashMap::new(),
            tracks: HashMap::new(),
            by_signals: HashMap::new(),
            by_ufrag: HashMap::new(),
            by_address: HashMap::new(),
            due: BTreeSet::new(),
            touched: HashSet::new(),
            unsettled: HashSet::new(),
            outgoing: Vec::new(),
            next_id: 1,
            now,
            ticked: now,
        }
    }

    /// What is to be sent, and where.
    pub fn outgoing(&mut self) -> impl Iterator<Item = (SocketAddr, Vec<u8>)> + '_ {
        self.outgoing.drain(..)
    }

    /// Who is in a room.
    pub fn identities(&self, room: &str) -> Vec<String> {
        let Some(room) = self.rooms.get(room) else { return Vec::new() };
        let members = self.members.iter().filter(|(_, member)| member.room == room.name());
        members.filter_map(|(who, _)| Some(room.participant(*who)?.identity().to_owned())).collect()
    }

    /// Sends those away who may be in their room no more: of one holder of tokens, or of all.
    pub fn look_again(&mut self, holder: Option<&str>, now: Instant) {
        self.now = now;
        let asked = self.members.iter().filter(|(_, member)| holder.is_none_or(|of| member.holder == of));
        let refused = asked.filter(|(_, member)| !self.outside.lets_in(&member.holder));
        for who in refused.map(|(who, _)| *who).collect::<Vec<_>>() {
            self.in_room(who, |room| room.remove(who, DisconnectReason::ParticipantRemoved, true));
        }
        self.settle();
    }

    /// Takes a datagram.
    pub fn receive(&mut self, from: SocketAddr, datagram: &[u8], now: Instant) {
        self.now = now;
        let Some(who) = self.whose(from, datagram) else { return };
        if let Some(member) = self.members.get_mut(&who) {
            member.heard_at = now;
            if !member.allowance.take(datagram.len(), now) {
                metrics::counter!("hearth_calls_datagrams_dropped_total").increment(1);
                return;
            }
        }
        self.on_connection(who, |connection| connection.receive(from, datagram, now));
        self.poll(who);
    }

    /// Ends what began with datagrams: what is passed on leaves.
    pub fn flush(&mut self) {
        self.settle();
    }

    /// Whose a datagram is: known by where it comes from, or by the name that the first ones tell.
    fn whose(&mut self, from: SocketAddr, datagram: &[u8]) -> Option<ParticipantId> {
        let Some(ufrag) = demultiplex::asked_for(datagram) else {
            return self.by_address.get(&from).copied();
        };
        let who = *self.by_ufrag.get(ufrag)?;
        let member = self.members.get_mut(&who)?;
        if self.by_address.get(&from) == Some(&who) {
            return Some(who);
        }
        if !member.connection.accepts(from, datagram, self.now) {
            return None;
        }
        if let Some(former) = member.new_address(from) {
            self.by_address.remove(&former);
        }
        self.by_address.insert(from, who);
        Some(who)
    }

    /// Does something with a connection. If it fails, or panics, its participant is out of the call; others are not.
    fn on_connection<T>(
        &mut self,
        who: ParticipantId,
        act: impl FnOnce(&mut Connection) -> Result<T, ConnectionError>,
    ) -> Option<T> {
        let member = self.members.get_mut(&who)?;
        let done = catch_unwind(AssertUnwindSafe(|| act(&mut member.connection)));
        let problem = match done {
            Ok(Ok(done)) => {
                self.touched.insert(who);
                return Some(done);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it panicked".to_owned(),
        };
        tracing::warn!(participant = who.0, problem, "a connection of a call is given up");
        self.fail(who);
        None
    }

    /// Gives a participant up, who may come anew.
    fn fail(&mut self, who: ParticipantId) {
        let Some(member) = self.members.get_mut(&who) else { return };
        let (reason, action) = (DisconnectReason::MediaFailure, LeaveAction::Reconnect);
        member.tell(Told::Leave(LeaveRequest { reason, action }));
        let room = member.room.clone();
        // Its connection is not asked to say goodbye.
        self.forget(who);
        if let Some(room) = self.rooms.get_mut(&room) {
            let effects = room.remove(who, DisconnectReason::MediaFailure, false);
            self.apply(effects);
        }
    }

    /// Does what follows from what happened in a room.
    fn apply(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Tell(who, told) => {
                    if let Some(member) = self.members.get_mut(&who) {
                        member.tell(told);
                    }
                }
                Effect::Subscribe { who, track, kind } => {
                    if let Some(member) = self.members.get_mut(&who) {
                        member.sections.add(kind, track);
                        self.unsettled.insert(who);
                    }
                }
                Effect::Unsubscribe { who, track } => self.stop(who, track),
                Effect::Show { who, track, quality } => self.show(who, track, quality),
                Effect::End(who) => self.end(who),
            }
        }
    }

    /// The connection of a participant says goodbye, and is no more.
    fn end(&mut self, who: ParticipantId) {
        let Some(member) = self.members.get_mut(&who) else { return };
        let connection = &mut member.connection;
        let outgoing = &mut self.outgoing;
        _ = catch_unwind(AssertUnwindSafe(|| {
            connection.close();
            connection.poll(|to, datagram| outgoing.push((to, datagram)), &mut Vec::new())
        }));
        self.forget(who);
    }

    fn forget(&mut self, who: ParticipantId) {
        let Some(member) = self.members.remove(&who) else { return };
        self.by_ufrag.retain(|_, known| *known != who);
        self.by_signals.retain(|_, known| *known != who);
        for address in member.addresses() {
            self.by_address.remove(address);
        }
        if let Some(at) = member.due {
            self.due.remove(&(at, who));
        }
        self.touched.remove(&who);
        self.unsettled.remove(&who);
        for track in member.carried.keys() {
            if let Some(incoming) = self.tracks.get_mut(track) {
                incoming.receivers.retain(|receiver| *receiver != who);
            }
        }
        self.tracks.retain(|track, _| track.publisher != who);
    }

    /// Ends what began with an input: what is touched is asked, what is to be negotiated is, what is empty goes.
    fn settle(&mut self) {
        let now = self.now;
        loop {
            for who in std::mem::take(&mut self.unsettled) {
                self.ask_for_sections(who);
            }
            let Some(who) = self.touched.iter().next().copied() else { break };
            self.touched.remove(&who);
            self.on_connection(who, |connection| connection.advance(now));
            self.poll(who);
            self.touched.remove(&who);
        }
        self.rooms.retain(|_, room| !room.is_empty());
    }

    /// Takes all that a connection has.
    fn poll(&mut self, who: ParticipantId) {
        let mut events = Vec::new();
        let mut outgoing = std::mem::take(&mut self.outgoing);
        let next = self.on_connection(who, |connection| {
            connection.poll(|to, datagram| outgoing.push((to, datagram)), &mut events)
        });
        self.outgoing.append(&mut outgoing);
        self.touched.remove(&who);
        if let (Some(next), Some(member)) = (next, self.members.get_mut(&who)) {
            if let Some(former) = member.due.replace(next) {
                self.due.remove(&(former, who));
            }
            self.due.insert((next, who));
        }
        for event in events {
            self.event(who, event);
        }
    }

    /// How many participants there are, in all rooms.
    pub fn participants(&self) -> usize {
        self.members.len()
    }
}
