//! Which class of rate limits each endpoint has that other servers ask.

use hearth_http::limits::Class;

/// The endpoints that cost more than others, by the beginning of the handler's path in this crate.
const COSTLY: &[(&str, Class)] = &[
    ("server::directory::public_rooms", Class::ServerRoom),
    // They ask other servers for their keys, and need no signature.
    ("server::discovery::keys::get_remote_server_keys", Class::Remote),
    ("server::event::auth", Class::ServerRoom),
    ("server::event::backfill", Class::ServerRoom),
    ("server::event::missing", Class::ServerRoom),
    ("server::event::state", Class::ServerRoom),
    ("server::event::timestamp", Class::ServerRoom),
    ("server::membership::invite", Class::ServerRoom),
    ("server::membership::make_join", Class::ServerRoom),
    ("server::membership::make_knock", Class::ServerRoom),
    ("server::membership::send_join", Class::ServerRoom),
    ("server::membership::send_knock", Class::ServerRoom),
    ("server::space", Class::ServerRoom),
];

/// The class of the endpoint that a handler serves.
pub(crate) fn class(handler: &str) -> Class {
    let found = COSTLY.iter().find(|(path, _)| handler.starts_with(path));
    found.map_or(Class::Server, |(_, class)| *class)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::served;

    #[test]
    fn every_row_is_of_an_endpoint() {
        for (path, _) in COSTLY {
            assert!(served().iter().any(|one| one.handler.starts_with(path)), "{path}");
        }
    }
}
