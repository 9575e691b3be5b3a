//! Coming in, anew or again.

use std::time::Instant;

use super::{Member, Sfu, Signals};
use crate::{
    connection::Connection,
    ids::new_id,
    messages::{
        DisconnectReason, JoinRequest, LeaveAction, LeaveRequest, ParticipantUpdate, ReconnectResponse,
        RoomUpdate, Said, Told,
    },
    room::{Newcomer, ParticipantId, Refusal, Room, server_info},
    token::Token,
};

/// Who comes in, and how.
pub struct Join {
    pub token: Token,
    pub request: JoinRequest,
    /// The number of the signalling connection.
    pub number: u64,
    pub signals: Signals,
}

/// Why somebody cannot come in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    #[error("whoever holds this token may be in its room no more")]
    NotAllowed,
    #[error("whoever holds this token is in the call as often as they may")]
    TooManyOfHolder,
    #[error("this server has no room for more calls")]
    TooManyRooms,
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the call cannot be set up: {0}")]
    Failed(String),
}

impl Sfu {
    /// Lets somebody in. One who wants to go on and cannot is told so by a signal.
    pub fn join(&mut self, join: Join, now: Instant) -> Result<(), JoinError> {
        self.now = now;
        // Here, and not where the token is read: what is told to look again comes before this or after it.
        if !self.outside.lets_in(&join.token.holder) {
            return Err(JoinError::NotAllowed);
        }
        let joined = if join.request.reconnect {
            self.resume(join);
            Ok(())
        } else {
            self.enter(join)
        };
        self.settle();
        joined
    }

    fn enter(&mut self, join: Join) -> Result<(), JoinError> {
        let Join { token, request, number, signals } = join;
        let (name, holder) = (token.room.clone(), token.holder.clone());
        if !self.rooms.contains_key(&name) && self.rooms.len() >= self.options.limits.rooms {
            return Err(JoinError::TooManyRooms);
        }
        if self.others_of_holder(&token) >= self.options.limits.participants_of_holder {
            return Err(JoinError::TooManyOfHolder);
        }
        let connection = Connection::new(&self.options.addresses, self.now)
            .map_err(|error| JoinError::Failed(error.to_string()))?;
        let who = ParticipantId(self.next_id);
        self.next_id += 1;
        let now_ms = self.outside.now_ms();
        let (limits, outside) = (self.options.limits, &*self.outside);
        let room = self
            .rooms
            .entry(name.clone())
            .or_insert_with(|| Room::new(new_id("RM_", outside), name.clone(), limits, now_ms));
        let newcomer = Newcomer {
            id: who,
            sid: new_id("PA_", outside),
            token,
            client: request.client_info.unwrap_or_default(),
            settings: request.connection_settings.unwrap_or_default(),
            metadata: request.metadata,
            attributes: request.participant_attributes,
        };
        let effects = room.join(newcomer, now_ms)?;
        self.by_signals.insert(number, who);
        self.by_ufrag.insert(connection.ufrag().to_owned(), who);
        let may_send = (limits.bytes_per_second, self.now);
        let member = Member::new((name, holder), connection, (number, signals), may_send);
        self.members.insert(who, member);
        self.apply(effects);
        let tracks = request.add_track_requests.into_iter().map(Said::AddTrack);
        for said in tracks.chain(request.publisher_offer.map(Said::Offer)) {
            self.hear(who, said);
        }
        Ok(())
    }

    /// How many others came by tokens of the same holder, if that one has a name.
    fn others_of_holder(&self, token: &Token) -> usize {
        let Some(room) = self.rooms.get(&token.room).filter(|_| !token.holder.is_empty()) else { return 0 };
        let own = self.members.iter().filter(|(_, member)| member.holder == token.holder);
        let identities = own.filter_map(|(who, _)| Some(room.participant(*who)?.identity()));
        identities.filter(|identity| *identity != token.identity).count()
    }

    /// Lets somebody go on who is still here, though the signalling connection broke.
    fn resume(&mut self, join: Join) {
        let Join { token, request, number, signals } = join;
        let room = self.rooms.get(&token.room);
        let known = room.and_then(|room| {
            let who = room.by_identity(&token.identity)?;
            let same = room.participant(who)?.sid() == request.participant_sid;
            same.then(|| (who, room.told(), room.others(who)))
        });
        let Some((who, room, others)) = known.filter(|(who, ..)| self.members.contains_key(who)) else {
            // The client comes anew then.
            let (reason, action) = (DisconnectReason::StateMismatch, LeaveAction::Reconnect);
            _ = signals.try_send(Told::Leave(LeaveRequest { reason, action }).into());
            return;
        };
        self.by_signals.insert(number, who);
        if let Some(member) = self.members.get_mut(&who) {
            if let Some((former, _)) = member.signals.replace((number, signals)) {
                self.by_signals.remove(&former);
            }
            (member.silent_since, member.heard_at, member.asked) = (None, self.now, false);
            let last_message_seq = member.last_sequence;
            let answer = ReconnectResponse {
                ice_servers: Vec::new(),
                server_info: Some(server_info()),
                last_message_seq,
            };
            member.tell(Told::Reconnect(answer));
            member.tell(Told::Update(ParticipantUpdate { participants: others }));
            member.tell(Told::RoomUpdate(RoomUpdate { room: Some(room) }));
        }
        self.unsettled.insert(who);
        for said in request
            .sync_state
            .map(Said::SyncState)
            .into_iter()
            .chain(request.publisher_offer.map(Said::Offer))
        {
            self.hear(who, said);
        }
    }
}
