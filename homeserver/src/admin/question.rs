//! What a command asks of the server.

use std::time::Duration;

use hearth_appservices::encoded;
use hearth_storage::{Clock as _, SystemClock};
use ruma::{MxcUri, ServerName, UserId};
use serde_json::{Value, json};

use super::cli::{Bans, Media, Peers, Reports, Rooms, Switch, Tokens, Users, What};
use crate::ask::{self, Failure};

/// A request, and what of its answer is shown.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) body: Option<Value>,
    /// A list of the answer, and what of each of its entries; without it, all of the answer.
    pub(super) shown: Option<(&'static str, &'static [&'static str])>,
}

const SYNAPSE: &str = "/_synapse/admin";
const HEARTH: &str = "/_hearth/admin";
/// How many entries of a list are asked for.
const MANY: u32 = 1000;

impl Question {
    /// What a command asks of a server of that name.
    pub(super) fn of(what: &What, server: &ServerName) -> Result<Self, Failure> {
        Ok(match what {
            What::Users(users) => of_users(users, server)?,
            What::Rooms(rooms) => of_rooms(rooms, server)?,
            What::Tokens(tokens) => of_tokens(tokens),
            What::Media(media) => of_media(media)?,
            What::Reports(reports) => of_reports(reports),
            What::Peers(peers) => of_peers(peers),
            What::Bans(bans) => of_bans(bans),
            What::Appservices => get(format!("{HEARTH}/v1/appservices"))
                .list("appservices", &["id", "url", "sender", "changes_behind"]),
            What::Readers => get(format!("{HEARTH}/v1/readers"))
                .list("readers", &["name", "position", "changes_behind", "bytes_behind"]),
            What::Tasks => get(format!("{SYNAPSE}/v1/scheduled_tasks?limit={MANY}"))
                .list("scheduled_tasks", &["id", "action", "status", "resource_id", "error"]),
            What::Audit { limit } => get(format!("{HEARTH}/v1/audit_log?limit={limit}"))
                .list("entries", &["at", "who", "status", "request", "body"]),
        })
    }

    fn list(self, list: &'static str, columns: &'static [&'static str]) -> Self {
        Self { shown: Some((list, columns)), ..self }
    }
}

fn get(path: String) -> Question {
    Question { method: "GET", path, body: None, shown: None }
}

fn ask(method: &'static str, path: String, body: Value) -> Question {
    Question { method, path, body: Some(body), shown: None }
}

fn of_users(users: &Users, server: &ServerName) -> Result<Question, Failure> {
    let id = |user: &str| user_id(user, server);
    Ok(match users {
        Users::List { search, unapproved } => {
            let search =
                search.as_deref().map_or_else(String::new, |term| format!("&name={}", encoded(term)));
            let waiting = if *unapproved { "&approved=false" } else { "" };
            get(format!("{SYNAPSE}/v2/users?limit={MANY}{search}{waiting}"))
                .list("users", &["name", "displayname", "admin", "locked", "suspended", "shadow_banned"])
        }
        Users::Show { user } => get(format!("{SYNAPSE}/v2/users/{}", id(user)?)),
        Users::Devices { user } => get(format!("{SYNAPSE}/v2/users/{}/devices", id(user)?))
            .list("devices", &["device_id", "display_name", "last_seen_ip", "last_seen_ts"]),
        Users::Rooms { user } => get(format!("{SYNAPSE}/v1/users/{}/memberships", id(user)?)),
        Users::Media { user } => get(format!("{SYNAPSE}/v1/users/{}/media?limit={MANY}", id(user)?))
            .list("media", &["media_id", "media_type", "media_length", "upload_name", "quarantined_by"]),
        Users::Password { user } => ask(
            "POST",
            format!("{SYNAPSE}/v1/reset_password/{}", id(user)?),
            json!({ "new_password": ask::password()? }),
        ),
        Users::Promote(Switch { user, off }) => {
            ask("PUT", format!("{SYNAPSE}/v1/users/{}/admin", id(user)?), json!({ "admin": !off }))
        }
        Users::Approve(Switch { user, off }) => {
            ask("PUT", format!("{SYNAPSE}/v2/users/{}", id(user)?), json!({ "approved": !off }))
        }
        Users::Lock(Switch { user, off }) => {
            ask("PUT", format!("{SYNAPSE}/v2/users/{}", id(user)?), json!({ "locked": !off }))
        }
        Users::Suspend(Switch { user, off }) => {
            ask("PUT", format!("{SYNAPSE}/v1/suspend/{}", id(user)?), json!({ "suspend": !off }))
        }
        Users::ShadowBan(Switch { user, off }) => {
            let method = if *off { "DELETE" } else { "POST" };
            ask(method, format!("{SYNAPSE}/v1/users/{}/shadow_ban", id(user)?), json!({}))
        }
        Users::Redact { user } => {
            ask("POST", format!("{SYNAPSE}/v1/user/{}/redact", id(user)?), json!({ "rooms": [] }))
        }
        Users::Deactivate { user, erase } => {
            ask("POST", format!("{SYNAPSE}/v1/deactivate/{}", id(user)?), json!({ "erase": erase }))
        }
    })
}

fn of_rooms(rooms: &Rooms, server: &ServerName) -> Result<Question, Failure> {
    let v1 = |room: &str, rest: &str| format!("{SYNAPSE}/v1/rooms/{}{rest}", encoded(room));
    Ok(match rooms {
        Rooms::List { search } => {
            let term = |term: &String| format!("&search_term={}", encoded(term));
            let search = search.as_ref().map_or_else(String::new, term);
            get(format!("{SYNAPSE}/v1/rooms?limit={MANY}{search}")).list(
                "rooms",
                &["room_id", "name", "canonical_alias", "joined_members", "joined_local_members", "version"],
            )
        }
        Rooms::Show { room } => get(v1(room, "")),
        Rooms::Members { room } => get(v1(room, "/members")),
        Rooms::Block { room, off } => ask("PUT", v1(room, "/block"), json!({ "block": !off })),
        Rooms::MakeAdmin { room, user } => {
            let user = full_user_id(user, server)?;
            ask("POST", v1(room, "/make_room_admin"), json!({ "user_id": user }))
        }
        Rooms::Purge { room, keep_days, own_too } => {
            let kept = Duration::from_secs(u64::from(*keep_days) * 24 * 60 * 60).as_millis() as u64;
            let until = SystemClock.now_ms().saturating_sub(kept);
            let body = json!({ "purge_up_to_ts": until, "delete_local_events": own_too });
            ask("POST", format!("{SYNAPSE}/v1/purge_history/{}", encoded(room)), body)
        }
        Rooms::Delete { room, block } => {
            ask("DELETE", format!("{SYNAPSE}/v2/rooms/{}", encoded(room)), json!({ "block": block }))
        }
    })
}

fn of_tokens(tokens: &Tokens) -> Question {
    let path = format!("{SYNAPSE}/v1/registration_tokens");
    match tokens {
        Tokens::List => get(format!("{path}?limit={MANY}"))
            .list("registration_tokens", &["token", "uses_allowed", "completed", "expiry_time"]),
        Tokens::Add { token, uses } => {
            let mut body = json!({ "uses_allowed": uses });
            if let Some(token) = token {
                body["token"] = token.as_str().into();
            }
            ask("POST", format!("{path}/new"), body)
        }
        Tokens::Delete { token } => ask("DELETE", format!("{path}/{}", encoded(token)), json!({})),
    }
}

fn of_media(media: &Media) -> Result<Question, Failure> {
    let place = |uri: &str| {
        let (server, id) = <&MxcUri>::from(uri).parts().map_err(|_| format!("`{uri}` is no mxc://… URI"))?;
        Ok::<_, Failure>(format!("{}/{}", encoded(server.as_str()), encoded(id)))
    };
    Ok(match media {
        Media::Show { uri } => get(format!("{SYNAPSE}/v1/media/{}", place(uri)?)),
        Media::Quarantine { uri, off } => {
            let way = if *off { "unquarantine" } else { "quarantine" };
            ask("POST", format!("{SYNAPSE}/v1/media/{way}/{}", place(uri)?), json!({}))
        }
        Media::Delete { uri } => ask("DELETE", format!("{SYNAPSE}/v1/media/{}", place(uri)?), json!({})),
        Media::Usage => {
            get(format!("{SYNAPSE}/v1/statistics/users/media?limit={MANY}&order_by=media_length&dir=b"))
                .list("users", &["user_id", "media_count", "media_length"])
        }
    })
}

fn of_reports(reports: &Reports) -> Question {
    let path = format!("{SYNAPSE}/v1/event_reports");
    match reports {
        Reports::List => get(format!("{path}?limit={MANY}"))
            .list("event_reports", &["id", "user_id", "sender", "room_id", "event_id", "reason"]),
        Reports::Show { report } => get(format!("{path}/{}", encoded(report))),
        Reports::Delete { report } => ask("DELETE", format!("{path}/{}", encoded(report)), json!({})),
    }
}

fn of_peers(peers: &Peers) -> Question {
    let path = format!("{SYNAPSE}/v1/federation/destinations");
    match peers {
        Peers::List => get(format!("{path}?limit={MANY}"))
            .list("destinations", &["destination", "failure_ts", "retry_interval"]),
        Peers::Show { server } => get(format!("{HEARTH}/v1/federation/{}", encoded(server))),
        Peers::Reset { server } => {
            ask("POST", format!("{path}/{}/reset_connection", encoded(server)), json!({}))
        }
    }
}

fn of_bans(bans: &Bans) -> Question {
    let place = |kind: &str, glob: &str| format!("{HEARTH}/v1/bans/{kind}/{}", encoded(glob));
    match bans {
        Bans::List => get(format!("{HEARTH}/v1/bans")).list("bans", &["kind", "glob", "reason", "by", "at"]),
        Bans::Add { kind, glob, reason } => ask("PUT", place(kind, glob), json!({ "reason": reason })),
        Bans::Lift { kind, glob } => ask("DELETE", place(kind, glob), json!({})),
    }
}

/// The id of a user who may be named by it or by their name alone, as it stands in a path.
fn user_id(user: &str, server: &ServerName) -> Result<String, Failure> {
    Ok(encoded(full_user_id(user, server)?.as_str()))
}

fn full_user_id(user: &str, server: &ServerName) -> Result<ruma::OwnedUserId, Failure> {
    UserId::parse_with_server_name(user, server).map_err(|_| format!("`{user}` is no user").into())
}

#[cfg(test)]
mod tests {
    use ruma::server_name;

    use super::*;

    fn of(what: What) -> Question {
        Question::of(&what, server_name!("example.org")).unwrap()
    }

    #[test]
    fn names_stand_in_paths_as_they_must() {
        let show = of(What::Users(Users::Show { user: "alice".to_owned() }));
        assert_eq!(show.path, "/_synapse/admin/v2/users/%40alice%3Aexample.org");
        let whole = of(What::Users(Users::Show { user: "@bob:other.org".to_owned() }));
        assert_eq!(whole.path, "/_synapse/admin/v2/users/%40bob%3Aother.org");
        let block = of(What::Rooms(Rooms::Block { room: "!a/b:c".to_owned(), off: true }));
        assert_eq!(block.path, "/_synapse/admin/v1/rooms/%21a%2Fb%3Ac/block");
        assert_eq!(block.body, Some(json!({ "block": false })));
        let media = of(What::Media(Media::Delete { uri: "mxc://a.org/x".to_owned() }));
        assert_eq!((media.method, media.path.as_str()), ("DELETE", "/_synapse/admin/v1/media/a.org/x"));
        let wrong = What::Media(Media::Delete { uri: "x".to_owned() });
        assert!(Question::of(&wrong, server_name!("example.org")).is_err());
    }
}
