//! Mails to users: what is in them, and the links by which whoever has the address says yes or no. How they are sent is
//! the server's.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::future::BoxFuture;
use hearth_users::Pusher;
use hmac::{Hmac, KeyInit as _, Mac as _};
use ruma::{OwnedUserId, UserId};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// The paths of the links.
pub const CONFIRM: &str = "/_hearth/mail/confirm";
pub const UNSUBSCRIBE: &str = "/_hearth/mail/unsubscribe";

/// The kind of pushers that are told by mail, and the app id that they have.
pub const EMAIL: &str = "email";
pub const EMAIL_APP: &str = "m.email";

/// A mail to one person.
#[derive(Clone, PartialEq, Debug)]
pub struct Mail {
    pub to: String,
    pub subject: String,
    pub text: String,
    /// The same as HTML.
    pub html: String,
    /// Where a single request ends mails like this (RFC 8058).
    pub unsubscribe: Option<String>,
}

/// Sends mails.
pub trait Mailer: Send + Sync {
    /// Returns when the mail server has the mail.
    ///
    /// # Errors
    /// Why it does not have it; it is tried again later.
    fn send(&self, mail: Mail) -> BoxFuture<'_, Result<(), NotSent>>;
}

/// Why a mail was not sent.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum NotSent {
    /// Others may be.
    #[error("the mail server does not take this mail: {0}")]
    Refused(String),
    #[error("the mail server is away: {0}")]
    Unreachable(String),
}

/// What mails are made of.
#[derive(Clone)]
pub struct Mails {
    pub mailer: Arc<dyn Mailer>,
    /// Where clients reach this server, without a slash at its end.
    pub base_url: String,
    /// How long something is unread before it is told.
    pub delay: Duration,
    /// What links are signed with.
    pub secret: String,
}

/// What is unread in a room.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct UnreadRoom {
    pub name: String,
    /// The newest of it: who said what.
    pub lines: Vec<(String, String)>,
    /// How much more there is.
    pub more: usize,
}

/// A pusher as a link names it.
#[derive(Serialize, Deserialize)]
struct Named {
    user: OwnedUserId,
    app_id: String,
    pushkey: String,
}

impl Mails {
    /// Asks whoever has an address whether a user may have mails sent there.
    pub(crate) fn confirmation(&self, user: &UserId, pusher: &Pusher, token: &str) -> Mail {
        let link =
            format!("{}{CONFIRM}?pusher={}&token={token}", self.base_url, named(user, &pusher.pushkey));
        let text = format!(
            "{user} wants to be told at this address what they have not read.\n\n\
             If that is you, say so within a day at\n{link}\n\nElse there is nothing to do: no more comes.\n"
        );
        let html = page(&format!(
            "<p>{0} wants to be told at this address what they have not read.</p>\
             <p>If that is you, <a href=\"{1}\">say so</a> within a day. Else there is nothing to do: no more comes.</p>",
            escaped(user.as_str()),
            escaped(&link),
        ));
        let subject = "Mails about what you have not read".to_owned();
        Mail { to: pusher.pushkey.clone(), subject, text, html, unsubscribe: None }
    }

    /// Tells a user what they have not read.
    pub(crate) fn digest(&self, user: &UserId, address: &str, count: usize, rooms: &[UnreadRoom]) -> Mail {
        let unsubscribe = self.unsubscribe_link(user, address);
        let subject = match count {
            1 => "One message that you have not read".to_owned(),
            count => format!("{count} messages that you have not read"),
        };
        let (mut text, mut html) = (format!("{subject}, {user}.\n"), format!("<p>{}</p>", escaped(&subject)));
        for UnreadRoom { name, lines, more } in rooms {
            text.push_str(&format!("\n{name}\n"));
            html.push_str(&format!("<h3>{}</h3><ul>", escaped(name)));
            for (who, what) in lines {
                text.push_str(&format!("  {who}: {what}\n"));
                html.push_str(&format!("<li><b>{}</b>: {}</li>", escaped(who), escaped(what)));
            }
            if *more > 0 {
                text.push_str(&format!("  and {more} more\n"));
                html.push_str(&format!("<li>and {more} more</li>"));
            }
            html.push_str("</ul>");
        }
        text.push_str(&format!("\nRead them: {}/\nNo more mails like this: {unsubscribe}\n", self.base_url));
        html.push_str(&format!(
            "<p><a href=\"{}/\">Read them</a>, or have <a href=\"{}\">no more mails like this</a>.</p>",
            escaped(&self.base_url),
            escaped(&unsubscribe),
        ));
        let unsubscribe = Some(unsubscribe);
        Mail { to: address.to_owned(), subject, text, html: page(&html), unsubscribe }
    }

    fn unsubscribe_link(&self, user: &UserId, address: &str) -> String {
        let pusher = named(user, address);
        let signature = self.mac(&pusher).map(|mac| URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));
        let signature = signature.unwrap_or_default();
        format!("{}{UNSUBSCRIBE}?pusher={pusher}&signature={signature}", self.base_url)
    }

    /// Whose pusher a link ends, and its address: if this server made the link.
    pub fn unsubscribed(&self, pusher: &str, signature: &str) -> Option<(OwnedUserId, String)> {
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        self.mac(pusher)?.verify_slice(&signature).ok()?;
        of_name(pusher)
    }

    fn mac(&self, pusher: &str) -> Option<Hmac<Sha256>> {
        // Any key will do for HMAC.
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).ok()?;
        mac.update(b"unsubscribe\0");
        mac.update(pusher.as_bytes());
        Some(mac)
    }
}

/// The user and the address that a link names. What it proves is something else's to say.
pub fn of_name(pusher: &str) -> Option<(OwnedUserId, String)> {
    let json = URL_SAFE_NO_PAD.decode(pusher).ok()?;
    let Named { user, app_id, pushkey } = serde_json::from_slice(&json).ok()?;
    (app_id == EMAIL_APP).then_some((user, pushkey))
}

fn named(user: &UserId, address: &str) -> String {
    let named = Named { user: user.to_owned(), app_id: EMAIL_APP.to_owned(), pushkey: address.to_owned() };
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&named).unwrap_or_default())
}

fn page(body: &str) -> String {
    format!("<!DOCTYPE html><html><body>{body}</body></html>")
}

/// A text as it stands in HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::*;

    struct Nobody;

    impl Mailer for Nobody {
        fn send(&self, _: Mail) -> BoxFuture<'_, Result<(), NotSent>> {
            Box::pin(async { Err(NotSent::Unreachable("nobody is there".to_owned())) })
        }
    }

    #[test]
    fn a_digest_has_what_is_unread_as_text_and_as_html_and_a_link_that_ends_it() {
        let mails = Mails {
            mailer: Arc::new(Nobody),
            base_url: "https://hearth.example".to_owned(),
            delay: Duration::from_secs(60),
            secret: "s".to_owned(),
        };
        let room = UnreadRoom {
            name: "<Tavern>".to_owned(),
            lines: vec![("Bob & Co".to_owned(), "<script>alert(1)</script>".to_owned())],
            more: 2,
        };
        let mail = mails.digest(user_id!("@alice:hearth.example"), "a@b.example", 3, &[room]);
        assert_eq!(mail.subject, "3 messages that you have not read");
        assert!(
            mail.text.contains("<Tavern>\n  Bob & Co: <script>alert(1)</script>\n  and 2 more"),
            "{}",
            mail.text
        );
        assert!(mail.html.contains("<b>Bob &amp; Co</b>: &lt;script&gt;"), "{}", mail.html);
        let link = mail.unsubscribe.unwrap();
        let (_, query) = link.split_once("?pusher=").unwrap();
        let (pusher, signature) = query.split_once("&signature=").unwrap();
        let whose = mails.unsubscribed(pusher, signature).unwrap();
        assert_eq!(whose, (user_id!("@alice:hearth.example").to_owned(), "a@b.example".to_owned()));
        let other = Mails { secret: "t".to_owned(), ..mails };
        assert!(other.unsubscribed(pusher, signature).is_none() && other.unsubscribed("x", "y").is_none());
    }
}
