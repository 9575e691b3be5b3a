//! Users, servers and aliases with which a server has nothing to do, whatever the rules of its rooms are. Each is named by
//! a glob (appendices, "Glob-style matching").

use std::collections::{BTreeMap, HashSet};

use ruma::{RoomAliasId, ServerName, UserId};

pub use crate::glob::is_exact;
use crate::glob::{Glob, lower_case};

/// What a ban is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BanKind {
    /// Whole user ids.
    User,
    /// Server names without their port, as in server access control lists.
    Server,
    /// Whole aliases.
    Alias,
}

impl BanKind {
    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::User, Self::Server, Self::Alias].into_iter().find(|kind| kind.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Server => "server",
            Self::Alias => "alias",
        }
    }
}

/// All bans of a server, ready to match.
#[derive(Debug, Default)]
pub struct BanList {
    users: Globs,
    servers: Globs,
    aliases: Globs,
}

impl BanList {
    /// Adds a glob; one that is there already stays.
    pub fn insert(&mut self, kind: BanKind, glob: &str) {
        self.of(kind).insert(glob);
    }

    pub fn remove(&mut self, kind: BanKind, glob: &str) {
        self.of(kind).remove(glob);
    }

    /// How many globs there are, and how many of them have wildcards.
    pub fn counts(&self) -> (usize, usize) {
        let all = [&self.users, &self.servers, &self.aliases];
        let patterns = all.iter().map(|globs| globs.patterns.len()).sum();
        (all.iter().map(|globs| globs.exact.len()).sum::<usize>() + patterns, patterns)
    }

    /// Whether the user is banned, or their server is.
    pub fn bans_user(&self, user: &UserId) -> bool {
        self.users.matches(user.as_str()) || self.bans_server(user.server_name())
    }

    pub fn bans_server(&self, server: &ServerName) -> bool {
        self.servers.matches(server.host())
    }

    /// Whether the alias is banned, or its server is.
    pub fn bans_alias(&self, alias: &RoomAliasId) -> bool {
        self.aliases.matches(alias.as_str()) || self.bans_server(alias.server_name())
    }

    fn of(&mut self, kind: BanKind) -> &mut Globs {
        match kind {
            BanKind::User => &mut self.users,
            BanKind::Server => &mut self.servers,
            BanKind::Alias => &mut self.aliases,
        }
    }
}

/// Globs of one kind. Those without a wildcard are looked up, so that a long list of them costs no more than a short one.
#[derive(Debug, Default)]
struct Globs {
    exact: HashSet<String>,
    patterns: BTreeMap<String, Glob>,
}

impl Globs {
    fn insert(&mut self, glob: &str) {
        match is_exact(glob) {
            true => drop(self.exact.insert(folded(glob))),
            false => drop(self.patterns.insert(glob.to_owned(), Glob::new(glob))),
        }
    }

    fn remove(&mut self, glob: &str) {
        match is_exact(glob) {
            true => drop(self.exact.remove(&folded(glob))),
            false => drop(self.patterns.remove(glob)),
        }
    }

    fn matches(&self, text: &str) -> bool {
        if self.exact.is_empty() && self.patterns.is_empty() {
            return false;
        }
        let letters = lower_case(text);
        self.exact.contains(&letters.iter().collect::<String>())
            || self.patterns.values().any(|glob| glob.matches(&letters))
    }
}

/// A glob as it is compared and kept: case does not matter.
pub fn folded(text: &str) -> String {
    lower_case(text).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use ruma::{room_alias_id, server_name, user_id};

    use super::*;

    fn list(bans: &[(BanKind, &str)]) -> BanList {
        let mut list = BanList::default();
        for (kind, glob) in bans {
            list.insert(*kind, glob);
        }
        list
    }

    #[test]
    fn users_by_their_id_and_by_their_server() {
        let list = list(&[
            (BanKind::User, "@spam*:*"),
            (BanKind::User, "@Mallory:example.org"),
            (BanKind::Server, "*.evil.com"),
        ]);
        assert!(list.bans_user(user_id!("@spammer1:example.org")));
        assert!(list.bans_user(user_id!("@mallory:example.org")));
        assert!(list.bans_user(user_id!("@alice:very.evil.com:8448")));
        assert!(!list.bans_user(user_id!("@alice:example.org")));
        assert!(!list.bans_user(user_id!("@not-spam:example.org")));
    }

    #[test]
    fn servers_without_their_port_and_aliases() {
        let list = list(&[(BanKind::Server, "evil.com"), (BanKind::Alias, "#free-*:*")]);
        assert!(list.bans_server(server_name!("EVIL.com:8448")));
        assert!(!list.bans_server(server_name!("very.evil.com")));
        assert!(list.bans_alias(room_alias_id!("#free-money:example.org")));
        assert!(list.bans_alias(room_alias_id!("#cats:evil.com")));
        assert!(!list.bans_alias(room_alias_id!("#cats:example.org")));
    }

    #[test]
    fn what_is_taken_out_is_banned_no_more() {
        let mut list = list(&[(BanKind::User, "@a*:x"), (BanKind::User, "@B:x")]);
        list.remove(BanKind::User, "@a*:x");
        list.remove(BanKind::User, "@b:x");
        assert!(!list.bans_user(user_id!("@abc:x")) && !list.bans_user(user_id!("@b:x")));
        list.insert(BanKind::Server, "*.x");
        list.insert(BanKind::Alias, "#a:x");
        assert_eq!(list.counts(), (2, 1));
    }
}
