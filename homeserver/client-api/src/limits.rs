//! Which class of rate limits each endpoint has.

use hearth_http::limits::Class;

/// The classes, by the beginning of the handler's path in this crate; the longest that fits is right.
const CLASSES: &[(&str, Class)] = &[
    ("account::deactivate", Class::Login),
    ("account::password", Class::Login),
    ("account::register::get_username_availability", Class::Other),
    ("account::register::register", Class::Register),
    ("account::registration_token", Class::Register),
    // Whoever knows the secret is not limited: its handlers count those who do not.
    ("account::shared_secret", Class::Other),
    ("account::third_party_ids", Class::Other),
    ("account::whoami", Class::Other),
    ("account_data", Class::Store),
    ("admin", Class::Other),
    ("appservice", Class::Other),
    ("backup", Class::Store),
    ("delayed_event::send", Class::Message),
    ("delayed_event", Class::Delayed),
    ("device", Class::Store),
    ("directory::alias::get_room_id_by_alias", Class::Remote),
    ("directory::alias", Class::Message),
    ("directory::public_rooms", Class::Remote),
    ("directory::users", Class::Room),
    ("directory::visibility", Class::Other),
    ("discovery", Class::Other),
    ("filter", Class::Store),
    ("hearth_admin", Class::Other),
    ("keys", Class::Keys),
    ("media", Class::Media),
    ("media::preview", Class::Remote),
    ("membership::ban", Class::Message),
    ("membership::forget", Class::Message),
    ("membership::invite", Class::Invite),
    ("membership::join", Class::Join),
    ("membership::joined", Class::Room),
    ("membership::kick", Class::Message),
    ("membership::knock", Class::Join),
    ("membership::leave", Class::Message),
    ("membership::members", Class::Room),
    ("membership::mutual_rooms", Class::Room),
    ("message", Class::Room),
    ("openid", Class::Other),
    ("presence", Class::Other),
    ("profile::get", Class::Remote),
    // Every room of the user gets an event.
    ("profile::set", Class::Message),
    ("push", Class::Store),
    ("push::mail", Class::Login),
    ("read", Class::Message),
    ("relations", Class::Room),
    ("relations::subscription", Class::Store),
    ("relations::subscriptions", Class::Store),
    ("room::aliases", Class::Room),
    ("room::create", Class::CreateRoom),
    ("room::initial_sync", Class::InitialSync),
    ("room::report", Class::Report),
    ("room::summary", Class::Remote),
    ("room::upgrade", Class::CreateRoom),
    ("rtc", Class::Other),
    // Other servers are asked who somebody is.
    ("rtc::service", Class::Remote),
    ("session::login::login", Class::Login),
    ("session::login_token", Class::Login),
    ("session::login_types", Class::Other),
    ("session::logout", Class::Other),
    ("session::refresh", Class::Other),
    ("space", Class::Room),
    ("state::get", Class::Room),
    ("state", Class::Message),
    ("sync::events::get_one_event", Class::Room),
    ("sync::initial_sync", Class::InitialSync),
    // The handler counts those from the beginning once more.
    ("sync", Class::Sync),
    ("synapse_admin", Class::Other),
    ("thirdparty", Class::Other),
    ("to_device", Class::Message),
    ("uia::fallback", Class::Register),
    ("voip", Class::Other),
    #[cfg(test)]
    ("endpoint_tests", Class::Other),
];

/// The class of the endpoint that a handler serves.
///
/// # Panics
///
/// When the table has none: every endpoint costs something.
pub(crate) fn class(handler: &str) -> Class {
    let fits =
        |path: &str| handler.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
    let found = CLASSES.iter().filter(|(path, _)| fits(path)).max_by_key(|(path, _)| path.len());
    let Some((_, class)) = found else { panic!("{handler} has no class of rate limits") };
    *class
}
