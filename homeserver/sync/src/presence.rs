//! Who is there (client-server API, "Presence"). In memory, and gone with a restart.
//!
//! A user of this server is there by any of their devices: what others are told is the best of what the devices say.
//! For the users of another server that server speaks.

use std::collections::{BTreeMap, HashMap};

use hearth_storage::weight::of_text;
use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId, presence::PresenceState};

/// The presence of who is there and does not wish to be disturbed
/// ([MSC3026](https://github.com/matrix-org/matrix-spec-proposals/pull/3026)), by its unstable name.
pub const BUSY: &str = "org.matrix.msc3026.busy";

/// A device that has not synced for so long is offline.
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
/// So long a status message may be, in bytes; of one from another server no more is kept.
pub const MAX_STATUS_BYTES: usize = 1024;
/// About what the places in both maps take besides keys and values.
const MAP_SLOTS: usize = 64;
/// How many of those who changed longest ago are looked at for one who can be forgotten.
const LOOKED_AT: usize = 64;

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
#[derive(Debug)]
pub(crate) struct Presences {
    users: HashMap<OwnedUserId, Presence>,
    /// Who changed, by the version of the latest change.
    changes: BTreeMap<u64, OwnedUserId>,
    /// About how many bytes it all takes, and how many it may take.
    bytes: usize,
    limit: usize,
}

#[derive(Debug)]
struct Presence {
    /// As others were told last.
    told: Shown,
    status_message: Option<String>,
    /// Milliseconds.
    last_active: u64,
    /// That of the last change others were told of; 0 before the first.
    version: u64,
    /// When other servers were told last, in milliseconds.
    said_at: u64,
    /// The devices of a user of this server that synced lately, or set a presence.
    devices: Vec<Device>,
    /// What the server of another server's user says; nobody else speaks for the user then.
    server: Option<ServerSays>,
}

/// What others see of a presence, besides its status message.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Shown {
    state: PresenceState,
    currently_active: bool,
}

#[derive(Debug)]
struct ServerSays {
    shown: Shown,
    /// Milliseconds.
    heard_at: u64,
}

#[derive(Debug)]
struct Device {
    id: OwnedDeviceId,
    state: PresenceState,
    /// Requests that are being answered or wait now.
    syncing: usize,
    /// Milliseconds.
    last_sync: u64,
}

impl Device {
    fn is_there(&self, now: u64) -> bool {
        self.syncing > 0 || self.last_sync + OFFLINE_AFTER_MS > now
    }
}

impl Presence {
    /// How it is now: what the user's server says, or the best of what the devices say, less for who does nothing.
    fn shown(&self, now: u64) -> Shown {
        let offline = Shown { state: PresenceState::Offline, currently_active: false };
        if let Some(says) = &self.server {
            return if says.heard_at + REMOTE_OFFLINE_AFTER_MS > now { says.shown.clone() } else { offline };
        }
        let says = |state| self.devices.iter().any(|device| device.is_there(now) && device.state == state);
        let idle = self.last_active + IDLE_AFTER_MS <= now;
        let currently_active = self.last_active + ACTIVE_MS > now;
        if says(PresenceState::from(BUSY)) {
            Shown { state: PresenceState::from(BUSY), currently_active }
        } else if says(PresenceState::Online) && !idle {
            Shown { state: PresenceState::Online, currently_active }
        } else if says(PresenceState::Online) || says(PresenceState::Unavailable) {
            Shown { state: PresenceState::Unavailable, currently_active: false }
        } else {
            offline
        }
    }

    /// The device, one that is offline if it is new.
    fn device(&mut self, id: &DeviceId, now: u64) -> &mut Device {
        // The devices of a user of this server speak, whatever another server said.
        self.server = None;
        self.devices.retain(|device| device.is_there(now) || device.id == id);
        let place = self.devices.iter().position(|device| device.id == id).unwrap_or_else(|| {
            let state = PresenceState::Offline;
            self.devices.push(Device { id: id.to_owned(), state, syncing: 0, last_sync: now });
            self.devices.len() - 1
        });
        &mut self.devices[place]
    }

    /// Whether nothing is lost with it: nobody is there, and nobody was told anything for long.
    fn is_over(&self, now: u64) -> bool {
        self.told.state == PresenceState::Offline
            && self.devices.iter().all(|device| !device.is_there(now))
            && (self.version == 0 || self.said_at + FORGET_AFTER_MS <= now)
    }

    /// Whether it can be made room of: what is lost is known elsewhere, or was of someone offline.
    fn may_go(&self) -> bool {
        let syncing = self.devices.iter().any(|device| device.syncing > 0);
        self.server.is_some() || (self.told.state == PresenceState::Offline && !syncing)
    }

    /// About how many bytes it takes, with its user's name in both maps.
    fn bytes(&self, user: &UserId) -> usize {
        let devices = self.devices.iter().map(|device| size_of::<Device>() + of_text(device.id.as_str()));
        let status = self.status_message.as_ref().map_or(0, |message| of_text(message));
        let names = 2 * (size_of::<OwnedUserId>() + of_text(user.as_str()));
        size_of::<Self>() + MAP_SLOTS + names + devices.sum::<usize>() + status
    }
}

impl Presences {
    /// Keeps what fits into so many bytes.
    pub fn new(limit: usize) -> Self {
        Self { users: HashMap::new(), changes: BTreeMap::new(), bytes: 0, limit }
    }

    /// What a user sets by hand on a device. Says whether others see a change.
    pub fn set(
        &mut self,
        user: &UserId,
        device: &DeviceId,
        state: PresenceState,
        status_message: Option<String>,
        now: u64,
        version: u64,
    ) -> bool {
        self.change(user, now, version, |presence| {
            presence.last_active = now;
            let device = presence.device(device, now);
            device.state = state;
            device.last_sync = now;
            std::mem::replace(&mut presence.status_message, status_message) != presence.status_message
        })
    }

    /// What another server says of its user. Says whether others see a change.
    pub fn set_remote(&mut self, user: &UserId, told: PresenceNow, now: u64, version: u64) -> bool {
        if !self.users.contains_key(user) && !self.has_room() {
            return false;
        }
        self.change(user, now, version, |presence| {
            presence.last_active = now.saturating_sub(told.last_active_ago_ms);
            let shown = Shown { state: told.presence, currently_active: told.currently_active };
            presence.server = Some(ServerSays { shown, heard_at: now });
            let status_message = told.status_message.map(|mut message| {
                message.truncate(message.floor_char_boundary(MAX_STATUS_BYTES));
                message
            });
            std::mem::replace(&mut presence.status_message, status_message) != presence.status_message
        })
    }

    /// A sync of a device begins, with the presence that it asks for; one that asks for `offline` shows nobody.
    pub fn sync_started(
        &mut self,
        user: &UserId,
        device: &DeviceId,
        state: &PresenceState,
        now: u64,
        version: u64,
    ) -> bool {
        self.has_room();
        self.change(user, now, version, |presence| {
            let was_offline = presence.told.state == PresenceState::Offline;
            let device = presence.device(device, now);
            device.syncing += 1;
            device.last_sync = now;
            if *state != PresenceState::Offline {
                // Who is busy is so until they say otherwise by hand: to be online is what a sync asks for that asks for nothing.
                if device.state.as_str() != BUSY || *state != PresenceState::Online {
                    device.state = state.clone();
                }
                // To sync is not to be active, but to come is.
                if was_offline {
                    presence.last_active = now;
                }
            }
            false
        })
    }

    /// A sync of a device was answered or given up.
    pub fn sync_ended(&mut self, user: &UserId, device: &DeviceId, now: u64) {
        let presence = self.users.get_mut(user);
        let known =
            presence.and_then(|presence| presence.devices.iter_mut().find(|known| known.id == device));
        if let Some(device) = known {
            device.syncing = device.syncing.saturating_sub(1);
            device.last_sync = now;
        }
    }

    /// The user did something that others may see.
    pub fn active(&mut self, user: &UserId, now: u64, version: u64) -> bool {
        // Of whom nothing is known nothing is told.
        self.users.contains_key(user)
            && self.change(user, now, version, |presence| {
                presence.last_active = now;
                false
            })
    }

    /// Lets time pass; says who changed by it. Every change gets a version from `next`.
    pub fn expire(&mut self, now: u64, mut next: impl FnMut() -> u64) -> Vec<OwnedUserId> {
        let over = |(_, presence): &(&OwnedUserId, &Presence)| presence.is_over(now);
        let over: Vec<OwnedUserId> = self.users.iter().filter(over).map(|(user, _)| user.clone()).collect();
        over.iter().for_each(|user| self.forget(user));
        let due = self.users.iter().filter(|(_, presence)| presence.shown(now) != presence.told);
        let mut due: Vec<OwnedUserId> = due.map(|(user, _)| user.clone()).collect();
        // In an order that does not come from the map.
        due.sort_unstable();
        for user in &due {
            self.change(user, now, next(), |_| false);
        }
        due
    }

    /// Of whom other servers are to hear again, as they are still there; they are then taken to have heard.
    pub fn say_again(&mut self, now: u64) -> Vec<OwnedUserId> {
        let mut again = Vec::new();
        for (user, presence) in &mut self.users {
            let there = presence.server.is_none() && presence.told.state != PresenceState::Offline;
            if there && presence.said_at + SAY_AGAIN_MS <= now {
                presence.said_at = now;
                again.push(user.clone());
            }
        }
        again.sort_unstable();
        again
    }

    /// What is known of a user.
    pub fn of(&self, user: &UserId, now: u64) -> Option<PresenceNow> {
        self.users.get(user).map(|presence| PresenceNow {
            presence: presence.told.state.clone(),
            last_active_ago_ms: now.saturating_sub(presence.last_active),
            status_message: presence.status_message.clone(),
            currently_active: presence.told.currently_active,
        })
    }

    /// Who changed after a version.
    pub fn changed_after(&self, version: u64) -> impl Iterator<Item = &UserId> {
        self.changes.range(version.saturating_add(1)..).map(|(_, user)| &**user)
    }

    /// Everyone who is not offline.
    pub fn present(&self) -> impl Iterator<Item = &UserId> {
        let there = self.users.iter().filter(|(_, presence)| presence.told.state != PresenceState::Offline);
        there.map(|(user, _)| &**user)
    }

    /// About how many bytes it all takes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Changes what is known of a user by `change`, which says whether others see that; stamps it with the version
    /// if they see it, or see what follows from it. Says whether they do.
    fn change(
        &mut self,
        user: &UserId,
        now: u64,
        version: u64,
        change: impl FnOnce(&mut Presence) -> bool,
    ) -> bool {
        let presence = match self.users.get_mut(user) {
            Some(presence) => {
                self.bytes -= presence.bytes(user);
                presence
            }
            None => self.users.entry(user.to_owned()).or_insert(Presence {
                told: Shown { state: PresenceState::Offline, currently_active: false },
                status_message: None,
                last_active: now,
                version: 0,
                said_at: now,
                devices: Vec::new(),
                server: None,
            }),
        };
        let seen = change(presence);
        self.bytes += presence.bytes(user);
        let shown = presence.shown(now);
        if !seen && shown == presence.told {
            return false;
        }
        presence.told = shown;
        presence.said_at = now;
        self.changes.remove(&std::mem::replace(&mut presence.version, version));
        self.changes.insert(version, user.to_owned());
        true
    }

    fn forget(&mut self, user: &UserId) {
        if let Some(presence) = self.users.remove(user) {
            self.bytes -= presence.bytes(user);
            self.changes.remove(&presence.version);
        }
    }

    /// Whether there is room for one more; who changed longest ago makes it, if offline or another server's. Users of
    /// this server who are there are as few as those who sync.
    fn has_room(&mut self) -> bool {
        while self.bytes >= self.limit {
            let may_go = |user: &&OwnedUserId| self.users.get(*user).is_some_and(Presence::may_go);
            let Some(user) = self.changes.values().take(LOOKED_AT).find(may_go).cloned() else {
                return false;
            };
            self.forget(&user);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use ruma::{device_id, user_id};

    use super::*;

    fn alice() -> &'static UserId {
        user_id!("@alice:h.org")
    }

    fn phone() -> &'static DeviceId {
        device_id!("PHONE")
    }

    fn desk() -> &'static DeviceId {
        device_id!("DESK")
    }

    fn presences() -> Presences {
        Presences::new(1 << 20)
    }

    fn state(presences: &Presences) -> Option<PresenceState> {
        presences.of(alice(), 0).map(|now| now.presence)
    }

    fn expire(presences: &mut Presences, now: u64, version: u64) -> usize {
        presences.expire(now, || version).len()
    }

    #[test]
    fn who_syncs_is_online_and_who_stops_goes_offline() {
        let mut presences = presences();
        assert!(presences.sync_started(alice(), phone(), &PresenceState::Online, 1_000, 1));
        assert!(!presences.sync_started(alice(), phone(), &PresenceState::Online, 1_000, 2));
        presences.sync_ended(alice(), phone(), 2_000);
        assert_eq!(expire(&mut presences, 40_000, 3), 0, "another sync still waits");
        presences.sync_ended(alice(), phone(), 41_000);
        assert_eq!(expire(&mut presences, 41_000 + OFFLINE_AFTER_MS, 4), 1);
        assert_eq!(state(&presences), Some(PresenceState::Offline));
        assert_eq!(presences.changed_after(3).count(), 1);
        assert_eq!(presences.changed_after(4).count(), 0);
        assert_eq!(presences.present().count(), 0);
    }

    #[test]
    fn a_presence_is_the_best_of_the_devices() {
        let mut presences = presences();
        assert!(presences.sync_started(alice(), phone(), &PresenceState::Unavailable, 0, 1));
        assert!(presences.sync_started(alice(), desk(), &PresenceState::Online, 1, 2));
        for version in 3..9 {
            presences.sync_ended(alice(), phone(), 2);
            assert!(!presences.sync_started(alice(), phone(), &PresenceState::Unavailable, 2, version));
            presences.sync_ended(alice(), desk(), 2);
            assert!(!presences.sync_started(alice(), desk(), &PresenceState::Online, 2, version));
        }
        assert_eq!(state(&presences), Some(PresenceState::Online));
        presences.sync_ended(alice(), desk(), 3);
        assert_eq!(expire(&mut presences, 3 + OFFLINE_AFTER_MS, 9), 1);
        assert_eq!(state(&presences), Some(PresenceState::Unavailable), "the phone is still there");
    }

    #[test]
    fn who_is_busy_stays_so_until_they_say_otherwise() {
        let (mut presences, busy) = (presences(), PresenceState::from(BUSY));
        presences.sync_started(alice(), desk(), &PresenceState::Online, 0, 1);
        assert!(presences.set(alice(), phone(), busy.clone(), None, 0, 2));
        assert!(!presences.sync_started(alice(), phone(), &PresenceState::Online, 1, 3));
        assert_eq!(state(&presences), Some(busy.clone()), "whatever other devices say");
        expire(&mut presences, IDLE_AFTER_MS, 4);
        assert_eq!(state(&presences), Some(busy), "who is busy is not idle");
        assert!(presences.set(alice(), phone(), PresenceState::Online, None, IDLE_AFTER_MS, 5));
        assert_eq!(state(&presences), Some(PresenceState::Online));
    }

    #[test]
    fn a_sync_that_asks_for_offline_shows_nobody() {
        let mut presences = presences();
        assert!(!presences.sync_started(alice(), phone(), &PresenceState::Offline, 0, 1));
        assert_eq!(state(&presences), Some(PresenceState::Offline));
        assert_eq!(presences.present().count(), 0);
        presences.sync_ended(alice(), phone(), 0);
        expire(&mut presences, OFFLINE_AFTER_MS, 2);
        assert_eq!((state(&presences), presences.bytes()), (None, 0), "there was nothing to remember");
    }

    #[test]
    fn who_does_nothing_becomes_idle_until_active_again() {
        let mut presences = presences();
        presences.sync_started(alice(), phone(), &PresenceState::Online, 0, 1);
        assert_eq!(expire(&mut presences, ACTIVE_MS, 2), 1, "no longer currently active");
        assert_eq!(expire(&mut presences, IDLE_AFTER_MS, 3), 1);
        assert!(!presences.sync_started(alice(), phone(), &PresenceState::Online, IDLE_AFTER_MS, 4));
        assert_eq!(state(&presences), Some(PresenceState::Unavailable));
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
        let mut presences = presences();
        let set = |presences: &mut Presences, message: Option<&str>, version| {
            presences.set(
                alice(),
                phone(),
                PresenceState::Online,
                message.map(str::to_owned),
                version,
                version,
            )
        };
        assert!(set(&mut presences, None, 1));
        assert!(!set(&mut presences, None, 2));
        assert!(set(&mut presences, Some("here"), 3));
        assert_eq!(presences.changed_after(1).collect::<Vec<_>>(), [alice()]);
    }

    fn online(active: bool) -> PresenceNow {
        PresenceNow {
            presence: PresenceState::Online,
            last_active_ago_ms: 5,
            status_message: None,
            currently_active: active,
        }
    }

    #[test]
    fn another_server_speaks_for_its_users_until_it_falls_silent() {
        let zoe = user_id!("@zoe:there");
        let mut presences = presences();
        assert!(presences.set_remote(zoe, online(true), 100, 1));
        assert!(!presences.set_remote(zoe, online(true), 200, 2), "nothing new");
        assert!(presences.set_remote(zoe, online(false), 200, 2));
        assert_eq!(expire(&mut presences, 200 + OFFLINE_AFTER_MS, 3), 0);
        assert_eq!(presences.of(zoe, 205).map(|now| now.last_active_ago_ms), Some(10));
        assert!(presences.say_again(200 + SAY_AGAIN_MS).is_empty());
        assert_eq!(expire(&mut presences, 200 + REMOTE_OFFLINE_AFTER_MS, 3), 1);
    }

    #[test]
    fn who_stays_there_is_told_of_again() {
        let mut presences = presences();
        presences.sync_started(alice(), phone(), &PresenceState::Online, 0, 1);
        assert!(presences.say_again(SAY_AGAIN_MS - 1).is_empty());
        assert_eq!(presences.say_again(SAY_AGAIN_MS), [alice()]);
        assert!(presences.say_again(SAY_AGAIN_MS + 1).is_empty());
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let limit = 100_000;
        let mut presences = Presences::new(limit);
        presences.sync_started(alice(), phone(), &PresenceState::Online, 0, 1);
        for n in 0..10_000 {
            let user = UserId::parse(format!("@u{n}:there")).unwrap();
            let status_message = Some("x".repeat(if n % 10 == 0 { 100_000 } else { 0 }));
            presences.set_remote(&user, PresenceNow { status_message, ..online(true) }, 0, 2 + n);
        }
        let one = size_of::<Presence>() + MAX_STATUS_BYTES + 300;
        assert!((limit / 2..limit + one).contains(&presences.bytes()), "{}", presences.bytes());
        assert_eq!(state(&presences), Some(PresenceState::Online), "who syncs here is kept");
        assert!(presences.of(user_id!("@u9999:there"), 0).is_some(), "the latest takes the place of another");
        for n in 0..10_000 {
            presences.forget(&UserId::parse(format!("@u{n}:there")).unwrap());
        }
        presences.forget(alice());
        assert_eq!((presences.bytes(), presences.changes.len()), (0, 0));
    }
}
