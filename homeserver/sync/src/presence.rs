//! Who is there (client-server API, "Presence"). In memory, and gone with a restart.

use std::collections::{BTreeMap, HashMap};

use ruma::{OwnedUserId, UserId, presence::PresenceState};

/// Whoever has not synced for so long is offline.
const OFFLINE_AFTER_MS: u64 = 30_000;
/// Whoever has done nothing for so long is unavailable.
const IDLE_AFTER_MS: u64 = 5 * 60_000;
/// Whoever did something so lately is currently active.
const ACTIVE_MS: u64 = 60_000;
/// What is known of someone offline is forgotten after so long.
const FORGET_AFTER_MS: u64 = 24 * 60 * 60_000;
/// A user of another server of whom it says nothing for so long is offline.
const REMOTE_OFFLINE_AFTER_MS: u64 = 30 * 60_000;
/// Other servers hear so often of who stays there.
const SAY_AGAIN_MS: u64 = 25 * 60_000;
/// Of no more users than this is kept what other servers say.
const MAX_USERS: usize = 200_000;

/// What is known of a user's presence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PresenceNow {
    pub presence: PresenceState,
    /// Milliseconds since the user did something.
    pub last_active_ago_ms: u64,
    pub status_message: Option<String>,
    pub currently_active: bool,
}

/// The presence of everyone who was there lately.
#[derive(Debug, Default)]
pub(crate) struct Presences {
    users: HashMap<OwnedUserId, Presence>,
    /// Who changed, by the version of the latest change.
    changes: BTreeMap<u64, OwnedUserId>,
}

#[derive(Debug)]
struct Presence {
    state: PresenceState,
    status_message: Option<String>,
    /// Milliseconds.
    last_active: u64,
    currently_active: bool,
    version: u64,
    /// Requests that are being answered or wait now.
    syncing: usize,
    /// Milliseconds; of a user of another server when it last told of the user.
    last_sync: u64,
    /// Another server speaks for the user.
    remote: bool,
    /// When other servers were told last, in milliseconds.
    said_at: u64,
}

impl Presences {
    /// What a user sets by hand. Says whether others see a change.
    pub fn set(
        &mut self,
        user: &UserId,
        state: PresenceState,
        status_message: Option<String>,
        now: u64,
        version: u64,
    ) -> bool {
        let presence = self.entry(user, now);
        presence.last_active = now;
        presence.last_sync = now;
        let told = presence.status_message != status_message;
        presence.status_message = status_message;
        self.become_(user, state, now, version, told)
    }

    /// What another server says of its user. Says whether others see a change.
    pub fn set_remote(&mut self, user: &UserId, told: PresenceNow, now: u64, version: u64) -> bool {
        if self.users.len() >= MAX_USERS && !self.users.contains_key(user) {
            return false;
        }
        let presence = self.entry(user, now);
        let changed = presence.state != told.presence
            || presence.status_message != told.status_message
            || presence.currently_active != told.currently_active;
        presence.remote = true;
        presence.last_sync = now;
        presence.last_active = now.saturating_sub(told.last_active_ago_ms);
        presence.state = told.presence;
        presence.status_message = told.status_message;
        presence.currently_active = told.currently_active;
        if changed {
            self.stamp(user, version);
        }
        changed
    }

    /// A sync begins, with the presence that it asks for.
    pub fn sync_started(&mut self, user: &UserId, state: &PresenceState, now: u64, version: u64) -> bool {
        let presence = self.entry(user, now);
        presence.syncing += 1;
        presence.last_sync = now;
        match (state, &presence.state) {
            (PresenceState::Offline, _) => false,
            (asked, was) if *asked == *was => false,
            // Nothing was done since the idle timeout: to sync is not to be active.
            (PresenceState::Online, PresenceState::Unavailable)
                if presence.last_active + IDLE_AFTER_MS <= now =>
            {
                false
            }
            (asked, was) => {
                if *was == PresenceState::Offline {
                    presence.last_active = now;
                }
                self.become_(user, asked.clone(), now, version, false)
            }
        }
    }

    /// A sync was answered or given up.
    pub fn sync_ended(&mut self, user: &UserId, now: u64) {
        if let Some(presence) = self.users.get_mut(user) {
            presence.syncing = presence.syncing.saturating_sub(1);
            presence.last_sync = now;
        }
    }

    /// The user did something that others may see.
    pub fn active(&mut self, user: &UserId, now: u64, version: u64) -> bool {
        let Some(presence) = self.users.get_mut(user) else { return false };
        presence.last_active = now;
        let unchanged = presence.state == PresenceState::Offline
            || (presence.state == PresenceState::Online && presence.currently_active);
        !unchanged && self.become_(user, PresenceState::Online, now, version, false)
    }

    /// Lets time pass; says who changed by it. Every change gets a version from `next`.
    pub fn expire(&mut self, now: u64, mut next: impl FnMut() -> u64) -> Vec<OwnedUserId> {
        let mut due = Vec::new();
        let mut gone = Vec::new();
        for (user, presence) in &self.users {
            let away = presence.syncing == 0 && presence.last_sync + OFFLINE_AFTER_MS <= now;
            let idle = presence.last_active + IDLE_AFTER_MS <= now;
            let lost = presence.last_sync + REMOTE_OFFLINE_AFTER_MS <= now;
            match presence.state {
                PresenceState::Offline if presence.last_sync + FORGET_AFTER_MS <= now => {
                    gone.push(user.clone())
                }
                PresenceState::Offline => {}
                _ if presence.remote && !lost => {}
                _ if away => due.push((user.clone(), PresenceState::Offline)),
                PresenceState::Online if idle => due.push((user.clone(), PresenceState::Unavailable)),
                PresenceState::Online
                    if presence.currently_active && presence.last_active + ACTIVE_MS <= now =>
                {
                    due.push((user.clone(), PresenceState::Online));
                }
                _ => {}
            }
        }
        for user in gone {
            if let Some(presence) = self.users.remove(&user) {
                self.changes.remove(&presence.version);
            }
        }
        due.retain(|(user, state)| self.become_(user, state.clone(), now, next(), false));
        due.into_iter().map(|(user, _)| user).collect()
    }

    /// Of whom other servers are to hear again, as they are still there; they are then taken to have heard.
    pub fn say_again(&mut self, now: u64) -> Vec<OwnedUserId> {
        let mut again = Vec::new();
        for (user, presence) in &mut self.users {
            let there = !presence.remote && presence.state != PresenceState::Offline;
            if there && presence.said_at + SAY_AGAIN_MS <= now {
                presence.said_at = now;
                again.push(user.clone());
            }
        }
        again
    }

    /// What is known of a user.
    pub fn of(&self, user: &UserId, now: u64) -> Option<PresenceNow> {
        self.users.get(user).map(|presence| PresenceNow {
            presence: presence.state.clone(),
            last_active_ago_ms: now.saturating_sub(presence.last_active),
            status_message: presence.status_message.clone(),
            currently_active: presence.currently_active,
        })
    }

    /// Who changed after a version.
    pub fn changed_after(&self, version: u64) -> impl Iterator<Item = &UserId> {
        self.changes.range(version.saturating_add(1)..).map(|(_, user)| &**user)
    }

    /// Everyone who is not offline.
    pub fn present(&self) -> impl Iterator<Item = &UserId> {
        let there = self.users.iter().filter(|(_, presence)| presence.state != PresenceState::Offline);
        there.map(|(user, _)| &**user)
    }

    fn entry(&mut self, user: &UserId, now: u64) -> &mut Presence {
        self.users.entry(user.to_owned()).or_insert_with(|| Presence {
            state: PresenceState::Offline,
            status_message: None,
            last_active: now,
            currently_active: false,
            version: 0,
            syncing: 0,
            last_sync: now,
            remote: false,
            said_at: now,
        })
    }

    fn become_(&mut self, user: &UserId, state: PresenceState, now: u64, version: u64, told: bool) -> bool {
        let Some(presence) = self.users.get_mut(user) else { return false };
        let active = state == PresenceState::Online && presence.last_active + ACTIVE_MS > now;
        if presence.state == state && presence.currently_active == active && !told {
            return false;
        }
        presence.state = state;
        presence.currently_active = active;
        presence.said_at = now;
        self.stamp(user, version);
        true
    }

    /// Gives a change its version.
    fn stamp(&mut self, user: &UserId, version: u64) {
        if let Some(presence) = self.users.get_mut(user) {
            self.changes.remove(&std::mem::replace(&mut presence.version, version));
            self.changes.insert(version, user.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::*;

    fn alice() -> &'static UserId {
        user_id!("@alice:h.org")
    }

    fn expire(presences: &mut Presences, now: u64, version: u64) -> usize {
        presences.expire(now, || version).len()
    }

    #[test]
    fn who_syncs_is_online_and_who_stops_goes_offline() {
        let mut presences = Presences::default();
        assert!(presences.sync_started(alice(), &PresenceState::Online, 1_000, 1));
        assert!(!presences.sync_started(alice(), &PresenceState::Online, 1_000, 2));
        presences.sync_ended(alice(), 2_000);
        assert_eq!(expire(&mut presences, 40_000, 3), 0, "another sync still waits");
        presences.sync_ended(alice(), 41_000);
        assert_eq!(expire(&mut presences, 41_000 + OFFLINE_AFTER_MS, 4), 1);
        assert_eq!(presences.of(alice(), 0).map(|now| now.presence), Some(PresenceState::Offline));
        assert_eq!(presences.changed_after(3).count(), 1);
        assert_eq!(presences.changed_after(4).count(), 0);
        assert_eq!(presences.present().count(), 0);
    }

    #[test]
    fn a_sync_that_asks_for_offline_shows_nobody() {
        let mut presences = Presences::default();
        assert!(!presences.sync_started(alice(), &PresenceState::Offline, 0, 1));
        assert_eq!(presences.of(alice(), 0).map(|now| now.presence), Some(PresenceState::Offline));
        assert_eq!(presences.present().count(), 0);
    }

    #[test]
    fn who_does_nothing_becomes_idle_until_active_again() {
        let mut presences = Presences::default();
        presences.sync_started(alice(), &PresenceState::Online, 0, 1);
        assert_eq!(expire(&mut presences, ACTIVE_MS, 2), 1, "no longer currently active");
        assert_eq!(expire(&mut presences, IDLE_AFTER_MS, 3), 1);
        assert!(!presences.sync_started(alice(), &PresenceState::Online, IDLE_AFTER_MS, 4));
        assert_eq!(presences.of(alice(), 0).map(|now| now.presence), Some(PresenceState::Unavailable));
        assert!(presences.active(alice(), IDLE_AFTER_MS + 5, 5));
        let now = presences.of(alice(), IDLE_AFTER_MS + 8).unwrap();
        assert_eq!(
            (now.presence, now.last_active_ago_ms, now.currently_active),
            (PresenceState::Online, 3, true)
        );
        assert!(!presences.active(alice(), IDLE_AFTER_MS + 9, 6), "told once is enough");
    }

    #[test]
    fn a_status_message_is_a_change() {
        let mut presences = Presences::default();
        assert!(presences.set(alice(), PresenceState::Online, None, 0, 1));
        assert!(!presences.set(alice(), PresenceState::Online, None, 1, 2));
        assert!(presences.set(alice(), PresenceState::Online, Some("here".to_owned()), 1, 3));
        assert_eq!(presences.changed_after(1).collect::<Vec<_>>(), [alice()]);
    }

    #[test]
    fn another_server_speaks_for_its_users_until_it_falls_silent() {
        let zoe = user_id!("@zoe:there");
        let told = |active| PresenceNow {
            presence: PresenceState::Online,
            last_active_ago_ms: 5,
            status_message: None,
            currently_active: active,
        };
        let mut presences = Presences::default();
        assert!(presences.set_remote(zoe, told(true), 100, 1));
        assert!(!presences.set_remote(zoe, told(true), 200, 2), "nothing new");
        assert!(presences.set_remote(zoe, told(false), 200, 2));
        assert_eq!(expire(&mut presences, 200 + OFFLINE_AFTER_MS, 3), 0);
        assert_eq!(presences.of(zoe, 205).map(|now| now.last_active_ago_ms), Some(10));
        assert!(presences.say_again(200 + SAY_AGAIN_MS).is_empty());
        assert_eq!(expire(&mut presences, 200 + REMOTE_OFFLINE_AFTER_MS, 3), 1);
    }

    #[test]
    fn who_stays_there_is_told_of_again() {
        let mut presences = Presences::default();
        presences.sync_started(alice(), &PresenceState::Online, 0, 1);
        assert!(presences.say_again(SAY_AGAIN_MS - 1).is_empty());
        assert_eq!(presences.say_again(SAY_AGAIN_MS), [alice()]);
        assert!(presences.say_again(SAY_AGAIN_MS + 1).is_empty());
    }
}
