//! Which servers may take part in a room (client-server API, "Server Access Control Lists").

use ruma::ServerName;

use crate::{
    canonical_json::{self, Numbers, Object, Value},
    glob::{Glob, lower_case},
    pdu::Pdu,
};

/// The content of an `m.room.server_acl` event, ready to match. A room without one lets every
/// server in.
#[derive(Clone, Debug)]
pub struct ServerAcl {
    allow_ip_literals: bool,
    allow: Vec<Glob>,
    deny: Vec<Glob>,
}

impl ServerAcl {
    /// Reads the event. What is missing or of the wrong type has its default; that of `allow` lets
    /// nobody in.
    pub fn of(pdu: &Pdu) -> Self {
        Self::of_content(pdu.content_str())
    }

    /// Reads the text of the content.
    pub fn of_content(content: &str) -> Self {
        let content = canonical_json::parse_object(content, Numbers::Any).unwrap_or_default();
        Self {
            allow_ip_literals: !matches!(content.get("allow_ip_literals"), Some(Value::Bool(false))),
            allow: globs(&content, "allow"),
            deny: globs(&content, "deny"),
        }
    }

    /// Whether the server may take part; its port does not count.
    pub fn allows(&self, server: &ServerName) -> bool {
        if !self.allow_ip_literals && server.is_ip_literal() {
            return false;
        }
        let host = lower_case(server.host());
        let listed = |list: &[Glob]| list.iter().any(|glob| glob.matches(&host));
        !listed(&self.deny) && listed(&self.allow)
    }
}

fn globs(content: &Object<'_>, key: &str) -> Vec<Glob> {
    let entries = content.get(key).and_then(Value::as_array).unwrap_or_default();
    entries.iter().filter_map(Value::as_str).map(Glob::new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(content: &str, server: &str) -> bool {
        let server = <&ServerName>::try_from(server).expect("a server name");
        ServerAcl::of_content(content).allows(server)
    }

    #[test]
    fn deny_comes_before_allow() {
        let acl = r#"{"allow":["*"],"deny":["*.evil.com","evil.com"]}"#;
        assert!(allows(acl, "good.org"));
        assert!(!allows(acl, "evil.com"));
        assert!(!allows(acl, "evil.com:8448"));
        assert!(!allows(acl, "EVIL.com"));
        assert!(!allows(acl, "very.evil.com"));
        assert!(allows(acl, "notevil.com"));
    }

    #[test]
    fn ip_literals_are_denied_when_asked() {
        let acl = r#"{"allow":["*"],"allow_ip_literals":false}"#;
        assert!(!allows(acl, "1.2.3.4"));
        assert!(!allows(acl, "1.2.3.4:80"));
        assert!(!allows(acl, "[::1]:80"));
        assert!(allows(acl, "1.2.3.4.example.org"));
        assert!(allows(r#"{"allow":["*"],"allow_ip_literals":"no"}"#, "1.2.3.4"));
    }

    #[test]
    fn without_an_allow_list_nobody_may() {
        assert!(!allows("{}", "good.org"));
        assert!(!allows(r#"{"allow":"*"}"#, "good.org"));
        assert!(allows(r#"{"allow":[1,"good.*"]}"#, "good.org"));
        assert!(allows(r#"{"allow":["g??d.org"]}"#, "good.org"));
    }
}
