//! Who may use which endpoint: the whole API, asked by everyone who may not.

use axum::body::Body;
use http::Method;
use serde_json::{Value, json};

use crate::{
    endpoint_table_tests::table,
    room::testing::{CLIENT, Cast, FORBIDDEN, NOT_FOUND, OK, Outcome},
    testing::{User, error},
};

/// What those who are not in the room get: who never was, who left, and who is banned. In the path and the body
/// `{then}` is an event of when the last two were members, `{now}` one of after, `{bob}` a member.
type RoomRow = (&'static str, &'static str, &'static str, [Outcome; 3]);

/// Reading is for members, and for former ones as far as they were there; everything else is for members.
const MEMBERS: [Outcome; 3] = [FORBIDDEN; 3];
const FORMER_MEMBERS: [Outcome; 3] = [FORBIDDEN, OK, OK];
/// Nothing is said of an event that one may not see.
const HIDDEN: [Outcome; 3] = [NOT_FOUND; 3];
const ANYONE: [Outcome; 3] = [OK; 3];

/// Every endpoint that names a room, of a room that one must be invited to.
#[rustfmt::skip]
const ROOMS: &[RoomRow] = &[
    // Reading.
    ("GET", "/v3/rooms/{roomId}/messages?dir=b", "", FORMER_MEMBERS),
    ("GET", "/v3/rooms/{roomId}/event/{then}", "", [NOT_FOUND, OK, OK]),
    ("GET", "/v3/rooms/{roomId}/event/{now}", "", HIDDEN),
    ("GET", "/v3/rooms/{roomId}/context/{then}", "", FORMER_MEMBERS),
    ("GET", "/v3/rooms/{roomId}/context/{now}", "", [FORBIDDEN, NOT_FOUND, NOT_FOUND]),
    ("GET", "/v1/rooms/{roomId}/timestamp_to_event?ts=0&dir=f", "", FORMER_MEMBERS),
    ("GET", "/v1/rooms/{roomId}/relations/{then}", "", [NOT_FOUND, OK, OK]),
    ("GET", "/v1/rooms/{roomId}/relations/{now}", "", HIDDEN),
    ("GET", "/v1/rooms/{roomId}/relations/{now}/m.thread", "", HIDDEN),
    ("GET", "/v1/rooms/{roomId}/relations/{now}/m.thread/m.room.message", "", HIDDEN),
    ("GET", "/v1/rooms/{roomId}/threads", "", FORMER_MEMBERS),
    ("GET", "/v3/rooms/{roomId}/state", "", FORMER_MEMBERS),
    ("GET", "/v3/rooms/{roomId}/state/m.room.name/", "", FORMER_MEMBERS),
    ("GET", "/v3/rooms/{roomId}/members", "", FORMER_MEMBERS),
    ("GET", "/v3/rooms/{roomId}/joined_members", "", MEMBERS),
    ("GET", "/v3/rooms/{roomId}/initialSync", "", FORMER_MEMBERS),
    ("GET", "/v3/rooms/{roomId}/aliases", "", MEMBERS),
    ("GET", "/v1/rooms/{roomId}/hierarchy", "", MEMBERS),
    ("GET", "/v1/room_summary/{roomId}", "", HIDDEN),
    ("GET", "/v3/directory/list/room/{roomId}", "", ANYONE),

    // Writing.
    ("PUT", "/v3/rooms/{roomId}/send/m.room.message/x", r#"{"msgtype":"m.text","body":"x"}"#, MEMBERS),
    ("PUT", "/v3/rooms/{roomId}/state/m.room.name/", r#"{"name":"x"}"#, MEMBERS),
    ("PUT", "/v3/rooms/{roomId}/redact/{then}/x", "{}", MEMBERS),
    ("POST", "/v3/rooms/{roomId}/receipt/m.read/{then}", "{}", MEMBERS),
    ("POST", "/v3/rooms/{roomId}/read_markers", r#"{"m.read":"{then}"}"#, MEMBERS),
    ("PUT", "/v3/rooms/{roomId}/typing/{self}", r#"{"typing":true,"timeout":1}"#, MEMBERS),
    ("POST", "/v3/rooms/{roomId}/upgrade", r#"{"new_version":"12"}"#, MEMBERS),
    ("PUT", "/v3/directory/list/room/{roomId}", r#"{"visibility":"public"}"#, MEMBERS),
    (
        "PUT",
        "/v3/directory/list/appservice/irc/{roomId}",
        r#"{"visibility":"public"}"#,
        [(401, "M_UNKNOWN_TOKEN"); 3],
    ),
    ("POST", "/v3/rooms/{roomId}/report", r#"{"reason":"x"}"#, ANYONE),
    ("POST", "/v3/rooms/{roomId}/report/{then}", r#"{"reason":"x"}"#, HIDDEN),

    // Membership.
    ("POST", "/v3/rooms/{roomId}/invite", r#"{"user_id":"@x:localhost:8008"}"#, MEMBERS),
    ("POST", "/v3/rooms/{roomId}/kick", r#"{"user_id":"{bob}"}"#, MEMBERS),
    ("POST", "/v3/rooms/{roomId}/ban", r#"{"user_id":"{bob}"}"#, MEMBERS),
    ("POST", "/v3/rooms/{roomId}/unban", r#"{"user_id":"{banned}"}"#, MEMBERS),
    ("POST", "/v3/rooms/{roomId}/join", "{}", MEMBERS),
    ("POST", "/v3/join/{roomId}", "{}", MEMBERS),
    ("POST", "/v3/knock/{roomId}", "{}", MEMBERS),

    // What a user keeps of a room for themself, and no one for another.
    ("GET", "/v3/user/{bob}/rooms/{roomId}/account_data/x", "", MEMBERS),
    ("PUT", "/v3/user/{bob}/rooms/{roomId}/account_data/x", "{}", MEMBERS),
    ("GET", "/v3/user/{bob}/rooms/{roomId}/tags", "", MEMBERS),
    ("PUT", "/v3/user/{bob}/rooms/{roomId}/tags/x", "{}", MEMBERS),
    ("DELETE", "/v3/user/{bob}/rooms/{roomId}/tags/x", "{}", MEMBERS),
    ("GET", "/v3/room_keys/keys/{roomId}?version=1", "", HIDDEN),
    ("PUT", "/v3/room_keys/keys/{roomId}?version=1", r#"{"sessions":{}}"#, HIDDEN),
    ("DELETE", "/v3/room_keys/keys/{roomId}?version=1", "", HIDDEN),
    ("GET", "/v3/room_keys/keys/{roomId}/x?version=1", "", HIDDEN),
    ("PUT", "/v3/room_keys/keys/{roomId}/x?version=1", KEY, HIDDEN),
    ("DELETE", "/v3/room_keys/keys/{roomId}/x?version=1", "", HIDDEN),

    // Going: the last, as it changes something.
    ("POST", "/v3/rooms/{roomId}/leave", "{}", [FORBIDDEN, OK, FORBIDDEN]),
    ("POST", "/v3/rooms/{roomId}/forget", "{}", FORMER_MEMBERS),
];

const KEY: &str = r#"{"first_message_index":0,"forwarded_count":0,"is_verified":false,"session_data":{"ephemeral":"x","ciphertext":"x","mac":"x"}}"#;

/// Endpoints that act for a user, or on one, whom another user names.
#[rustfmt::skip]
const OTHERS: &[(&str, &str, &str, Outcome)] = &[
    ("GET", "/v3/user/{bob}/account_data/x", "", FORBIDDEN),
    ("PUT", "/v3/user/{bob}/account_data/x", "{}", FORBIDDEN),
    ("POST", "/v3/user/{bob}/filter", "{}", FORBIDDEN),
    ("GET", "/v3/user/{bob}/filter/0", "", FORBIDDEN),
    ("POST", "/v3/user/{bob}/openid/request_token", "{}", FORBIDDEN),
    ("GET", "/v3/presence/{bob}/status", "", FORBIDDEN),
    ("PUT", "/v3/presence/{bob}/status", r#"{"presence":"online"}"#, FORBIDDEN),
    ("PUT", "/v3/profile/{bob}/displayname", r#"{"displayname":"x"}"#, FORBIDDEN),
    ("DELETE", "/v3/profile/{bob}/displayname", "", FORBIDDEN),
    ("GET", "/v3/admin/whois/{bob}", "", FORBIDDEN),
    ("GET", "/v1/admin/suspend/{bob}", "", FORBIDDEN),
    ("PUT", "/v1/admin/suspend/{bob}", r#"{"suspended":true}"#, FORBIDDEN),
    ("GET", "/v1/admin/lock/{bob}", "", FORBIDDEN),
    ("PUT", "/v1/admin/lock/{bob}", r#"{"locked":true}"#, FORBIDDEN),
    ("GET", "/v3/devices/{device}", "", NOT_FOUND),
    ("PUT", "/v3/devices/{device}", "{}", NOT_FOUND),
];

/// What answers to who has no token: an endpoint for everyone, or one that wants another proof.
#[rustfmt::skip]
const OPEN: &[&str] = &[
    "GET /.well-known/matrix/client",
    "GET /.well-known/matrix/support",
    "GET /_matrix/client/versions",
    "GET /_matrix/client/v3/login",
    "POST /_matrix/client/v3/login",
    "POST /_matrix/client/v3/refresh",
    "POST /_matrix/client/v3/register",
    "GET /_matrix/client/v3/register/available",
    "GET /_matrix/client/v1/register/m.login.registration_token/validity",
    "GET /_matrix/client/v3/directory/room/{roomAlias}",
    "GET /_matrix/client/v3/directory/list/room/{roomId}",
    "GET /_matrix/client/v3/publicRooms",
    "GET /_matrix/client/v3/profile/{userId}",
    "GET /_matrix/client/v3/profile/{userId}/{keyName}",
    "GET /_matrix/client/v1/room_summary/{roomIdOrAlias}",
    // Without a token one would prove oneself by an e-mail.
    "POST /_matrix/client/v3/account/password",
    // Closed by a setting.
    "GET /_matrix/media/v3/download/{serverName}/{mediaId}",
    "GET /_matrix/media/v3/download/{serverName}/{mediaId}/{fileName}",
    "GET /_matrix/media/v3/thumbnail/{serverName}/{mediaId}",
];

impl Cast {
    /// Asks for one row of a table.
    async fn asks(&self, who: &User, method: &str, path: &str, body: &str) -> (u16, Value) {
        let path = format!("/_matrix/client{path}");
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.server.ask(method, &path, Some(who), Body::from(body.to_owned())).await
    }

    /// An event of when everyone but the stranger was in the room, and one of after.
    async fn events(&self) -> (String, String) {
        let path = format!("{CLIENT}/rooms/{}/messages?dir=f&limit=100", self.room);
        let (_, messages) = self.server.get(&path, Some(&self.alice)).await;
        let all = messages["chunk"].as_array().unwrap();
        let joined = json!({ "type": "m.room.member", "state_key": self.banned.id, "membership": "join" });
        let then = all.iter().find(|event| {
            event["type"] == joined["type"]
                && event["state_key"] == joined["state_key"]
                && event["content"]["membership"] == joined["membership"]
        });
        let id = |event: &Value| event["event_id"].as_str().unwrap().to_owned();
        (id(then.unwrap()), self.server.say(&self.alice, &self.room, "now").await)
    }
}

#[tokio::test]
async fn who_is_not_in_a_room() {
    let cast = Cast::new().await;
    let (then, now) = cast.events().await;
    let mut wrong = Vec::new();
    for (method, path, body, wanted) in ROOMS {
        let askers = [("stranger", &cast.stranger), ("former", &cast.former), ("banned", &cast.banned)];
        for ((name, who), wanted) in askers.into_iter().zip(wanted) {
            let fill = |text: &str| {
                text.replace("{roomId}", &cast.room)
                    .replace("{then}", &then)
                    .replace("{now}", &now)
                    .replace("{bob}", cast.bob.id.as_str())
                    .replace("{banned}", cast.banned.id.as_str())
                    .replace("{self}", who.id.as_str())
            };
            let answer = cast.asks(who, method, &fill(path), &fill(body)).await;
            if error(&answer) != *wanted {
                wrong.push(format!("{name}: {method} {path}: {answer:?}, not {wanted:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn who_is_another_user() {
    let cast = Cast::new().await;
    for (method, path, body, wanted) in OTHERS {
        let path = path.replace("{bob}", cast.bob.id.as_str()).replace("{device}", cast.bob.device.as_str());
        let answer = cast.asks(&cast.stranger, method, &path, body).await;
        assert_eq!(error(&answer), *wanted, "{method} {path}");
    }
}

#[tokio::test]
async fn who_has_no_token_or_one_that_is_no_longer_good() {
    let cast = Cast::new().await;
    let mut wrong = Vec::new();
    for row in table().iter().filter(|row| !row.handler.is_empty()) {
        let name = format!("{} {}", row.method, row.path);
        let open = OPEN.contains(&name.as_str());
        for (who, refusal) in
            [(None, (401, "M_MISSING_TOKEN")), (Some(&cast.logged_out), (401, "M_UNKNOWN_TOKEN"))]
        {
            let method = Method::from_bytes(row.method.as_bytes()).unwrap();
            let answer = cast.server.ask(method, &row.path.replace(['{', '}'], ""), who, Body::empty()).await;
            let refused = error(&answer) == refusal;
            // What is open may ignore a token that is no good, or refuse it.
            let right = if open { who.is_some() || !refused } else { refused };
            if !right {
                wrong.push(format!("{name}: {answer:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for open in OPEN {
        assert!(table().iter().any(|row| format!("{} {}", row.method, row.path) == *open), "{open}");
    }
}

/// The tables above leave out nothing that is served.
#[test]
fn every_endpoint_of_a_room_or_a_user_is_in_a_table() {
    let segments = |path: &str| -> Vec<String> {
        let path = path.split('?').next().unwrap_or_default();
        let of = |segment: &str| segment.trim_matches(['{', '}']).replace("roomIdOrAlias", "roomId");
        path.split('/').map(of).collect()
    };
    let tested: Vec<(&str, Vec<String>)> = ROOMS
        .iter()
        .map(|(method, path, ..)| (*method, segments(&format!("/_matrix/client{path}"))))
        .chain(OTHERS.iter().map(|(method, path, ..)| (*method, segments(&format!("/_matrix/client{path}")))))
        .collect();
    // Of another user one may ask for these.
    let public = |path: &str| path.starts_with("/_matrix/client/v3/profile/") || path.ends_with("/report");
    for row in table().iter().filter(|row| !row.handler.is_empty()) {
        let of_room = row.path.contains("{roomId");
        let of_user = row.path.contains("{userId}") && !(public(row.path) && row.method != "PUT");
        if !of_room && !of_user {
            continue;
        }
        let variables: Vec<bool> = row.path.split('/').map(|segment| segment.starts_with('{')).collect();
        let wanted = segments(row.path);
        let covers = |(method, path): &(&str, Vec<String>)| {
            let same = |at: usize| variables[at] || path[at] == wanted[at];
            *method == row.method && path.len() == wanted.len() && (0..wanted.len()).all(same)
        };
        assert!(tested.iter().any(covers), "no table asks for {} {}", row.method, row.path);
    }
}
