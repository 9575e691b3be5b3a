//! Whose invites a user takes: the account data `m.invite_permission_config` (client-server API, "Invite permission"),
//! and the lists of [MSC4155](https://github.com/matrix-org/matrix-spec-proposals/pull/4155).

use ruma::UserId;

use crate::{
    canonical_json::{self, Numbers, Value},
    glob::{Glob, lower_case},
};

/// What becomes of an invite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InviteRule {
    /// The user is told of it.
    Allow,
    /// The user is not told of it, and the sender does not learn that.
    Ignore,
    /// It is refused.
    Block,
}

/// The invites that a user takes, ready to judge. By default they take all.
#[derive(Clone, Debug, Default)]
pub struct InviteFilter {
    block_all: bool,
    users: Vec<(Glob, InviteRule)>,
    servers: Vec<(Glob, InviteRule)>,
}

/// A longer pattern fits no user id and no server name.
const MAX_PATTERN: usize = 255;

/// The lists, in the order in which they count.
const LISTS: [(&str, &str, InviteRule); 3] = [
    ("allowed_users", "allowed_servers", InviteRule::Allow),
    ("ignored_users", "ignored_servers", InviteRule::Ignore),
    ("blocked_users", "blocked_servers", InviteRule::Block),
];

impl InviteFilter {
    /// Reads the contents of both pieces of account data, as far as they are there: the user's permission, and their
    /// lists. What is missing or of the wrong type says nothing.
    pub fn new(permission: Option<&str>, lists: Option<&str>) -> Self {
        let object = |content| canonical_json::parse_object(content, Numbers::Any).unwrap_or_default();
        let permission = permission.map(object).unwrap_or_default();
        let lists = lists.map(object).unwrap_or_default();
        let globs = |key: &str, rule: InviteRule| {
            let patterns = lists.get(key).and_then(Value::as_array).unwrap_or_default();
            let patterns = patterns.iter().filter_map(Value::as_str).filter(|text| text.len() <= MAX_PATTERN);
            patterns.map(|text| (Glob::new(text), rule)).collect::<Vec<_>>()
        };
        Self {
            block_all: permission.get("default_action").and_then(Value::as_str) == Some("block"),
            users: LISTS.iter().flat_map(|(users, _, rule)| globs(users, *rule)).collect(),
            servers: LISTS.iter().flat_map(|(_, servers, rule)| globs(servers, *rule)).collect(),
        }
    }

    /// What becomes of an invite by that user. What says something of them counts before what says something of their
    /// server.
    pub fn judge(&self, sender: &UserId) -> InviteRule {
        if self.block_all {
            return InviteRule::Block;
        }
        let first = |list: &[(Glob, InviteRule)], text: &str| {
            let text = lower_case(text);
            list.iter().find(|(glob, _)| glob.matches(&text)).map(|(_, rule)| *rule)
        };
        let of_user = first(&self.users, sender.as_str());
        of_user.or_else(|| first(&self.servers, sender.server_name().as_str())).unwrap_or(InviteRule::Allow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(lists: &str, sender: &str) -> InviteRule {
        InviteFilter::new(None, Some(lists)).judge(<&UserId>::try_from(sender).expect("a user id"))
    }

    #[test]
    fn users_count_before_servers_and_allowing_before_the_rest() {
        let lists = r#"{
            "allowed_users": ["@friend:*"], "ignored_users": ["@friend:evil.example", "@bore?:*"],
            "blocked_users": ["@boss:*"], "allowed_servers": ["work.example"], "ignored_servers": null,
            "blocked_servers": ["*.example", 7, ""]
        }"#;
        for (sender, rule) in [
            ("@friend:evil.example", InviteRule::Allow),
            ("@bore1:far.org", InviteRule::Ignore),
            ("@bore:far.org", InviteRule::Allow),
            ("@boss:work.example", InviteRule::Block),
            ("@other:work.example", InviteRule::Allow),
            ("@other:evil.example", InviteRule::Block),
            ("@other:far.org", InviteRule::Allow),
        ] {
            assert_eq!(judge(lists, sender), rule, "{sender}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_nothing() {
        let long = format!(r#"{{"blocked_users": ["{}*"]}}"#, "*".repeat(255));
        for lists in ["", "[]", "{}", r#"{"blocked_users": "*"}"#, r#"{"blocked_users": [{}]}"#, &long] {
            assert_eq!(judge(lists, "@a:b.c"), InviteRule::Allow, "{lists}");
        }
    }

    #[test]
    fn who_takes_none_blocks_all() {
        let sender = ruma::user_id!("@a:b.c");
        let filter = |permission| InviteFilter::new(Some(permission), Some(r#"{"allowed_users": ["*"]}"#));
        assert_eq!(filter(r#"{"default_action": "block"}"#).judge(sender), InviteRule::Block);
        for other in ["{}", r#"{"default_action": "allow"}"#, r#"{"default_action": true}"#, "nonsense"] {
            assert_eq!(filter(other).judge(sender), InviteRule::Allow);
        }
    }
}
