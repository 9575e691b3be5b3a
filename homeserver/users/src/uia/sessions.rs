//! All authentications in progress, within bounds.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, VecDeque},
    net::IpAddr,
};

use ruma::OwnedUserId;

use super::{Operation, session::UiaSession};

/// How many sessions there are at once. Beyond that, whoever has most of them loses the oldest.
const MAX_SESSIONS: usize = 4096;

/// How many sessions a user has at once. Beyond that they lose their own oldest.
const MAX_OF_USER: usize = 16;

/// The same of people without an account: several may share an address.
pub(super) const MAX_OF_ADDRESS: usize = 64;

/// Who began a session.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Asker {
    User(OwnedUserId),
    /// Someone who has no account yet, by their address.
    Address(IpAddr),
}

/// All sessions by their ids.
#[derive(Default)]
pub(super) struct Sessions {
    by_id: HashMap<String, UiaSession>,
    /// The ids of each asker's sessions, the one that was used last at the end.
    by_asker: BTreeMap<Asker, VecDeque<String>>,
}

impl Asker {
    pub(super) fn of(operation: &Operation<'_>) -> Self {
        match operation.user {
            Some(user) => Self::User(user.to_owned()),
            None => Self::Address(network(operation.address)),
        }
    }

    /// Whether this asker may make a request: someone without an account may come from another address than before.
    pub(super) fn may_be(&self, operation: &Operation<'_>) -> bool {
        match self {
            Self::User(user) => operation.user == Some(user),
            Self::Address(_) => operation.user.is_none(),
        }
    }

    fn limit(&self) -> usize {
        match self {
            Self::User(_) => MAX_OF_USER,
            Self::Address(_) => MAX_OF_ADDRESS,
        }
    }
}

/// An address without the part of it that its owner chooses: with IPv6, the last 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
    }
}

impl Sessions {
    /// A session that has not ended.
    pub(super) fn get(&self, id: &str, now: u64) -> Option<&UiaSession> {
        self.by_id.get(id).filter(|session| session.expires_at > now)
    }

    /// Takes out a session that has not ended.
    pub(super) fn take(&mut self, id: &str, now: u64) -> Option<UiaSession> {
        self.remove(id).filter(|session| session.expires_at > now)
    }

    /// Puts in a session. Where there are too many, others go.
    pub(super) fn put(&mut self, id: String, session: UiaSession, now: u64) {
        let own = self.by_asker.get(&session.asker);
        let oldest = own.filter(|own| own.len() >= session.asker.limit()).and_then(|own| own.front());
        if let Some(oldest) = oldest.cloned() {
            self.remove(&oldest);
        }
        if self.by_id.len() >= MAX_SESSIONS {
            self.make_room(now);
        }
        self.by_asker.entry(session.asker.clone()).or_default().push_back(id.clone());
        self.by_id.insert(id, session);
    }

    fn make_room(&mut self, now: u64) {
        let ended = self.by_id.iter().filter(|(_, session)| session.expires_at <= now);
        let mut going: Vec<String> = ended.map(|(id, _)| id.clone()).collect();
        if going.is_empty() {
            let oldest = |ids: &VecDeque<String>| Some(self.by_id.get(ids.front()?)?.expires_at);
            let most = self.by_asker.values().max_by_key(|ids| (ids.len(), Reverse(oldest(ids))));
            going.extend(most.and_then(|ids| ids.front()).cloned());
        }
        for id in going {
            self.remove(&id);
        }
    }

    fn remove(&mut self, id: &str) -> Option<UiaSession> {
        let session = self.by_id.remove(id)?;
        if let Some(ids) = self.by_asker.get_mut(&session.asker) {
            ids.retain(|other| other != id);
            if ids.is_empty() {
                self.by_asker.remove(&session.asker);
            }
        }
        Some(session)
    }
}

#[cfg(test)]
mod tests {
    use ruma::{UserId, user_id};

    use super::*;

    fn session(user: Option<&UserId>, address: &str, now: u64) -> UiaSession {
        let address = address.parse().unwrap();
        UiaSession::new(&Operation { name: "POST x", user, address, body: "{}" }, now)
    }

    #[test]
    fn an_asker_has_so_many() {
        let mut sessions = Sessions::default();
        for number in 0..100 {
            // All these addresses belong to one asker.
            let stranger = session(None, &format!("2001:db8::{number}"), 0);
            sessions.put(format!("address {number}"), stranger, 0);
            sessions.put(format!("user {number}"), session(Some(user_id!("@a:b")), "::1", 0), 0);
        }
        assert_eq!(sessions.by_id.len(), MAX_OF_ADDRESS + MAX_OF_USER);
        assert!(sessions.take("user 83", 0).is_none() && sessions.take("user 84", 0).is_some());
        assert!(sessions.take("address 35", 0).is_none() && sessions.take("address 36", 0).is_some());
    }

    #[test]
    fn all_together_have_so_many_and_who_has_most_loses_one() {
        let mut sessions = Sessions::default();
        for number in 0..MAX_SESSIONS - 2 {
            let address = format!("10.0.{}.{}", number / 256, number % 256);
            sessions.put(format!("{number}"), session(None, &address, 5), 5);
        }
        for number in 0..4 {
            sessions.put(format!("user {number}"), session(Some(user_id!("@a:b")), "::1", 9), 9);
        }
        assert_eq!(sessions.by_id.len(), MAX_SESSIONS);
        assert!(sessions.take("user 0", 9).is_none() && sessions.take("user 1", 9).is_none());
        assert!(sessions.take("user 2", 9).is_some() && sessions.take("0", 9).is_some());
        // What has ended makes room for all.
        let late = super::super::session::LIFETIME_MS + 6;
        sessions.put("late".to_owned(), session(None, "::1", late), late);
        sessions.put("later".to_owned(), session(None, "::2", late), late);
        sessions.put("latest".to_owned(), session(None, "::3", late), late);
        assert_eq!(sessions.by_asker.values().map(VecDeque::len).sum::<usize>(), sessions.by_id.len());
        assert!(sessions.by_id.len() < 10, "{}", sessions.by_id.len());
    }
}
