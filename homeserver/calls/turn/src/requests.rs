//! What clients ask: where they are, a relay, its refreshing, permissions and channels (RFC 8656, section 7 to 12).

use std::net::{IpAddr, SocketAddr};

use crate::{
    allocation::{Allocation, Exchanges, FiveTuple},
    allocations::{Machine, Opened, Wanted},
    credentials::{long_term_key, whose},
    turn::{Moment, Turn},
    wire::{
        Class, Message, Method, Writer,
        attribute::{
            CHANNEL_NUMBER, EVEN_PORT, FIRST_OPTIONAL, LIFETIME, MESSAGE_INTEGRITY, NONCE, REALM,
            REQUESTED_ADDRESS_FAMILY, REQUESTED_TRANSPORT, RESERVATION_TOKEN, Refusal, UNKNOWN_ATTRIBUTES,
            USERNAME, XOR_MAPPED_ADDRESS, XOR_PEER_ADDRESS, XOR_RELAYED_ADDRESS,
        },
        xor_address,
    },
};

/// How long a relay lives unless it is refreshed, when the client asks for less or says nothing, and at most.
const LIFETIME_S: u32 = 10 * 60;
const MAX_LIFETIME_S: u32 = 60 * 60;
/// How long it lives however often it is refreshed, in milliseconds. Its credentials may end meanwhile: a call goes on.
const MAX_AGE_MS: u64 = 24 * 60 * 60 * 1000;
/// The protocol between relay and peer: UDP.
const UDP: u8 = 17;

/// Whoever signed a request.
struct Signer<'a> {
    username: &'a str,
    user: &'a str,
    key: [u8; 16],
}

/// Why a request was refused before it was known who asks.
enum Unsigned {
    /// The answer is this.
    Refused(Refusal),
    /// The answer says with which nonce to ask again.
    AskAgain(Refusal),
}

type Answered = Result<Writer, Refusal>;

impl<C: Clone, R: Clone> Turn<C, R> {
    /// The answer to a request, if it gets one.
    pub(crate) fn request(
        &mut self,
        from: FiveTuple,
        client: &C,
        message: &Message<'_>,
        at: Moment,
        machine: &dyn Machine<R>,
    ) -> Option<Vec<u8>> {
        let method = message.method();
        if matches!(method, Method::Send | Method::Data | Method::Other(_)) {
            return None;
        }
        let success = || Writer::new(Class::Success, method, message.transaction());
        let failure = |refusal| Writer::new(Class::Error, method, message.transaction()).refusal(refusal);
        let signer = match method {
            Method::Binding => None,
            _ => Some(self.signer(from, message, at)),
        };
        let (answer, key) = match signer {
            None => (success().address(XOR_MAPPED_ADDRESS, from.client), None),
            Some(Err(Unsigned::Refused(refusal))) => (failure(refusal), None),
            Some(Err(Unsigned::AskAgain(refusal))) => {
                let nonce = self.nonces.make(from.client.ip(), at.unix_s);
                let answer = failure(refusal).attribute(REALM, self.realm.as_bytes());
                (answer.attribute(NONCE, nonce.as_bytes()), None)
            }
            Some(Ok(signer)) => {
                let answer = match method {
                    Method::Allocate => self.allocate(from, client, message, &signer, at, machine),
                    Method::Refresh => self.refresh(from, message, at.ms),
                    Method::CreatePermission => self.create_permission(from, message, at.ms, machine),
                    _ => self.bind_channel(from, message, at.ms, machine),
                };
                let answer = answer.unwrap_or_else(|refusal| {
                    count_refusal(refusal);
                    match refusal {
                        Refusal::UnknownAttribute => {
                            failure(refusal).attribute(UNKNOWN_ATTRIBUTES, &unknown(message))
                        }
                        _ => failure(refusal),
                    }
                });
                (answer, Some(signer.key))
            }
        };
        match key {
            Some(key) => Some(finish(answer.signed(&key), message)),
            None => {
                let may_be = self.strangers.may_be_answered(from.client.ip(), at.ms);
                if !may_be {
                    metrics::counter!("hearth_turn_dropped_total", "why" => "stranger").increment(1);
                }
                may_be.then(|| finish(answer, message))
            }
        }
    }

    /// Whoever signed a request, by the long-term credential mechanism (RFC 8489, section 9.2.4).
    fn signer<'a>(&self, from: FiveTuple, message: &Message<'a>, at: Moment) -> Result<Signer<'a>, Unsigned> {
        use Unsigned::{AskAgain, Refused};

        if !message.is_signed() {
            return Err(AskAgain(Refusal::Unauthorized));
        }
        let (Some(username), Some(_), Some(nonce)) =
            (message.get(USERNAME), message.get(REALM), message.get(NONCE))
        else {
            return Err(Refused(Refusal::BadRequest));
        };
        if !self.nonces.is_valid(nonce, from.client.ip(), at.unix_s) {
            return Err(AskAgain(Refusal::StaleNonce));
        }
        let (Some((ends_at_s, user)), Ok(username)) = (whose(username), str::from_utf8(username)) else {
            return Err(AskAgain(Refusal::Unauthorized));
        };
        let key = long_term_key(&self.secret, username, &self.realm);
        if !message.is_signed_with(&key) {
            return Err(AskAgain(Refusal::Unauthorized));
        }
        match self.allocations.get(&from, at.ms) {
            Some(allocation) if *allocation.username == *username => {}
            Some(_) => return Err(Refused(Refusal::WrongCredentials)),
            None if ends_at_s <= at.unix_s => return Err(AskAgain(Refusal::Unauthorized)),
            None => {}
        }
        Ok(Signer { username, user, key })
    }

    fn allocate(
        &mut self,
        from: FiveTuple,
        client: &C,
        message: &Message<'_>,
        signer: &Signer<'_>,
        at: Moment,
        machine: &dyn Machine<R>,
    ) -> Answered {
        let transaction = message.transaction();
        if let Some(allocation) = self.allocations.get(&from, at.ms) {
            // The answer was lost on the way.
            return match allocation.transaction == transaction {
                true => Ok(allocated(from, allocation, at.ms)),
                false => Err(Refusal::AllocationMismatch),
            };
        }
        let wanted = self.wanted(message)?;
        let lifetime = lifetime_s(message).max(LIFETIME_S);
        let mut random = [0; 16];
        self.random.fill(&mut random);
        let Opened { relay, relayed, reservation } =
            self.allocations.open(signer.user, wanted, random, at.ms, machine)?;
        // One that has ended may still be there.
        self.allocations.remove(&from);
        let allocation = Allocation {
            user: signer.user.into(),
            username: signer.username.into(),
            transaction,
            reservation,
            client: client.clone(),
            relay,
            relayed,
            begun_ms: at.ms,
            ends_ms: at.ms + u64::from(lifetime) * 1000,
            peers: Exchanges::default(),
        };
        let answer = allocated(from, &allocation, at.ms);
        self.allocations.insert(from, allocation);
        Ok(answer)
    }

    /// What relay is asked for (RFC 8656, section 7.2).
    fn wanted(&self, message: &Message<'_>) -> Result<Wanted, Refusal> {
        match message.get(REQUESTED_TRANSPORT) {
            Some([UDP, _, _, _]) => {}
            Some([_, _, _, _]) => return Err(Refusal::UnsupportedTransport),
            _ => return Err(Refusal::BadRequest),
        }
        if !unknown(message).is_empty() {
            return Err(Refusal::UnknownAttribute);
        }
        let family = message.get(REQUESTED_ADDRESS_FAMILY);
        let even = message.get(EVEN_PORT);
        if let Some(token) = message.get(RESERVATION_TOKEN) {
            return match (token.try_into(), family, even) {
                (Ok(token), None, None) => Ok(Wanted::Reserved(token)),
                _ => Err(Refusal::BadRequest),
            };
        }
        let is_ipv6 = match family {
            None | Some([1, _, _, _]) => false,
            Some([2, _, _, _]) => true,
            Some(_) => return Err(Refusal::AddressFamilyNotSupported),
        };
        let address = self.peers.relayed.iter().find(|address| address.is_ipv6() == is_ipv6);
        let address = *address.ok_or(Refusal::AddressFamilyNotSupported)?;
        match even {
            None => Ok(Wanted::Any(address)),
            Some([bits]) if bits & 0x80 != 0 => Ok(Wanted::Pair(address)),
            Some([_]) => Ok(Wanted::Even(address)),
            Some(_) => Err(Refusal::BadRequest),
        }
    }

    fn refresh(&mut self, from: FiveTuple, message: &Message<'_>, now_ms: u64) -> Answered {
        let success = Writer::new(Class::Success, Method::Refresh, message.transaction());
        let allocation = self.allocations.get_mut(&from, now_ms).ok_or(Refusal::AllocationMismatch)?;
        if message
            .get(REQUESTED_ADDRESS_FAMILY)
            .is_some_and(|family| family.first() != Some(&family_of(allocation.relayed)))
        {
            return Err(Refusal::PeerAddressFamilyMismatch);
        }
        if message.number(LIFETIME) == Some(0) {
            self.allocations.remove(&from);
            return Ok(success.number(LIFETIME, 0));
        }
        let lifetime_ms = u64::from(lifetime_s(message).max(LIFETIME_S)) * 1000;
        allocation.ends_ms = (now_ms + lifetime_ms).min(allocation.begun_ms + MAX_AGE_MS);
        Ok(success.number(LIFETIME, left_s(allocation.ends_ms, now_ms)))
    }

    fn create_permission(
        &mut self,
        from: FiveTuple,
        message: &Message<'_>,
        now_ms: u64,
        machine: &dyn Machine<R>,
    ) -> Answered {
        let peers = message.attributes().filter(|(kind, _)| *kind == XOR_PEER_ADDRESS);
        let peers: Option<Vec<_>> =
            peers.map(|(_, value)| xor_address(value, &message.transaction())).collect();
        let peers = peers.filter(|peers| !peers.is_empty()).ok_or(Refusal::BadRequest)?;
        // All of them, or none.
        for peer in &peers {
            self.check_peer(from, peer.ip(), now_ms, machine)?;
        }
        let allocation = self.allocations.get_mut(&from, now_ms).ok_or(Refusal::AllocationMismatch)?;
        for peer in peers {
            allocation.peers.permit(peer.ip(), now_ms)?;
        }
        Ok(Writer::new(Class::Success, Method::CreatePermission, message.transaction()))
    }

    fn bind_channel(
        &mut self,
        from: FiveTuple,
        message: &Message<'_>,
        now_ms: u64,
        machine: &dyn Machine<R>,
    ) -> Answered {
        let peer = message.get(XOR_PEER_ADDRESS);
        let peer = peer.and_then(|peer| xor_address(peer, &message.transaction()));
        let (Some(peer), Some(number)) = (peer, message.number(CHANNEL_NUMBER)) else {
            return Err(Refusal::BadRequest);
        };
        self.check_peer(from, peer.ip(), now_ms, machine)?;
        let allocation = self.allocations.get_mut(&from, now_ms).ok_or(Refusal::AllocationMismatch)?;
        // The number is the first half of the attribute; the second is for later.
        allocation.peers.bind((number >> 16) as u16, peer, now_ms)?;
        Ok(Writer::new(Class::Success, Method::ChannelBind, message.transaction()))
    }

    /// Whether a client's relay may exchange data with that address.
    fn check_peer(
        &self,
        from: FiveTuple,
        peer: IpAddr,
        now_ms: u64,
        machine: &dyn Machine<R>,
    ) -> Result<(), Refusal> {
        let allocation = self.allocations.get(&from, now_ms).ok_or(Refusal::AllocationMismatch)?;
        if allocation.relayed.is_ipv6() != peer.is_ipv6() {
            return Err(Refusal::PeerAddressFamilyMismatch);
        }
        match self.peers.allow(peer, |peer| machine.is_own(peer)) {
            true => Ok(()),
            false => Err(Refusal::Forbidden),
        }
    }
}

/// The answer to who got a relay.
fn allocated<C, R>(from: FiveTuple, allocation: &Allocation<C, R>, now_ms: u64) -> Writer {
    let answer = Writer::new(Class::Success, Method::Allocate, allocation.transaction)
        .address(XOR_RELAYED_ADDRESS, allocation.relayed)
        .number(LIFETIME, left_s(allocation.ends_ms, now_ms))
        .address(XOR_MAPPED_ADDRESS, from.client);
    match allocation.reservation {
        Some(token) => answer.attribute(RESERVATION_TOKEN, &token),
        None => answer,
    }
}

fn finish(answer: Writer, message: &Message<'_>) -> Vec<u8> {
    match message.has_fingerprint() {
        true => answer.with_fingerprint().finish(),
        false => answer.finish(),
    }
}

/// The types of attributes that must be understood and are not, as `UNKNOWN-ATTRIBUTES` has them.
fn unknown(message: &Message<'_>) -> Vec<u8> {
    let known = [
        USERNAME,
        MESSAGE_INTEGRITY,
        CHANNEL_NUMBER,
        LIFETIME,
        XOR_PEER_ADDRESS,
        REALM,
        NONCE,
        REQUESTED_ADDRESS_FAMILY,
        EVEN_PORT,
        REQUESTED_TRANSPORT,
        RESERVATION_TOKEN,
    ];
    let kinds = message.attributes().map(|(kind, _)| kind);
    kinds.filter(|kind| *kind < FIRST_OPTIONAL && !known.contains(kind)).flat_map(u16::to_be_bytes).collect()
}

fn lifetime_s(message: &Message<'_>) -> u32 {
    message.number(LIFETIME).unwrap_or(LIFETIME_S).min(MAX_LIFETIME_S)
}

fn left_s(ends_ms: u64, now_ms: u64) -> u32 {
    u32::try_from(ends_ms.saturating_sub(now_ms) / 1000).unwrap_or(u32::MAX)
}

/// The number of an address's family.
fn family_of(address: SocketAddr) -> u8 {
    if address.is_ipv6() { 2 } else { 1 }
}

fn count_refusal(refusal: Refusal) {
    let (code, _) = refusal.code();
    metrics::counter!("hearth_turn_refused_total", "code" => code.to_string()).increment(1);
}
