//! Sending mails by SMTP.

use std::{fmt, net::IpAddr, path::Path, time::Duration};

use futures::future::BoxFuture;
use hearth_push::mail::{Mail, Mailer, NotSent};
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
    },
};
use serde::Deserialize;
use tokio::sync::Semaphore;

use crate::{ask::Failure, config::Config};

/// How long the mail server may take for each step.
const PATIENCE: Duration = Duration::from_secs(20);
/// How many mails are handed to it at once: mail servers turn away who comes with more.
const AT_ONCE: usize = 4;

/// A mail server: `smtps://mail.example.org`, with TLS from the beginning, or `smtp://…`, with STARTTLS. On loopback
/// `smtp://` does without.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct SmtpServer {
    host: String,
    port: u16,
    tls: bool,
}

impl TryFrom<String> for SmtpServer {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        const WRONG: &str =
            "not a mail server such as `smtps://mail.example.org` or `smtp://mail.example.org:587`";
        let uri: http::Uri = text.parse().map_err(|_| WRONG)?;
        let (tls, usual) = match uri.scheme_str() {
            Some("smtps") => (true, 465),
            Some("smtp") => (false, 587),
            _ => return Err(WRONG),
        };
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or(WRONG)?;
        if !["", "/"].contains(&uri.path()) || uri.query().is_some() {
            return Err(WRONG);
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        Ok(Self { host, port: authority.port_u16().unwrap_or(usual), tls })
    }
}

impl fmt::Display for SmtpServer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, tls } = self;
        let scheme = if *tls { "smtps" } else { "smtp" };
        match host.contains(':') {
            true => write!(out, "{scheme}://[{host}]:{port}"),
            false => write!(out, "{scheme}://{host}:{port}"),
        }
    }
}

impl SmtpServer {
    fn is_on_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

/// The way to a mail server.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    places: Semaphore,
}

impl Smtp {
    /// By the settings; `None` where they name no mail server.
    ///
    /// # Errors
    /// If the certificate authorities of the settings cannot be read.
    pub fn of(config: &Config) -> Result<Option<Self>, Failure> {
        let (Some(server), Some(from)) = (&config.smtp, &config.mail_from) else { return Ok(None) };
        let tls = || tls_parameters(&server.host, config.trusted_ca.as_deref());
        let tls = match server.tls {
            true => Tls::Wrapper(tls()?),
            false if server.is_on_loopback() => Tls::None,
            false => Tls::Required(tls()?),
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
            .port(server.port)
            .tls(tls)
            .timeout(Some(PATIENCE));
        if let (Some(user), Some(password)) = (&config.smtp_user, &config.smtp_password) {
            transport = transport.credentials(Credentials::new(user.clone(), password.expose().to_owned()));
        }
        Ok(Some(Self { transport: transport.build(), from: from.0.clone(), places: Semaphore::new(AT_ONCE) }))
    }
}

fn tls_parameters(host: &str, trusted_ca: Option<&Path>) -> Result<TlsParameters, Failure> {
    let mut parameters = TlsParameters::builder(host.to_owned());
    if let Some(file) = trusted_ca {
        parameters = parameters.add_root_certificate(Certificate::from_pem(&std::fs::read(file)?)?);
    }
    Ok(parameters.build()?)
}

impl Mailer for Smtp {
    fn send(&self, mail: Mail) -> BoxFuture<'_, Result<(), NotSent>> {
        Box::pin(async move {
            let message =
                message(self.from.clone(), mail).map_err(|error| NotSent::Refused(error.to_string()))?;
            let _place = self.places.acquire().await;
            match self.transport.send(message).await {
                Ok(_) => Ok(()),
                // It has answered: 4xx and 5xx are of this mail.
                Err(error) if error.is_transient() || error.is_permanent() => {
                    Err(NotSent::Refused(error.to_string()))
                }
                Err(error) => Err(NotSent::Unreachable(error.to_string())),
            }
        })
    }
}

fn message(from: Mailbox, mail: Mail) -> Result<Message, Failure> {
    let Mail { to, subject, text, html, unsubscribe } = mail;
    let message = Message::builder().from(from).to(to.parse()?).subject(subject);
    let mut message = message.multipart(MultiPart::alternative_plain_html(text, html))?;
    let headers = message.headers_mut();
    let mut set = |name: &'static str, value: String| {
        let name = HeaderName::new_from_ascii_str(name);
        headers.insert_raw(HeaderValue::dangerous_new_pre_encoded(name, value.clone(), value));
    };
    // No program answers it that is away.
    set("Auto-Submitted", "auto-generated".to_owned());
    if let Some(link) = unsubscribe {
        set("List-Unsubscribe", format!("<{link}>"));
        set("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned());
    }
    Ok(message)
}

/// Who mails are from: `Hearth <hearth@example.org>`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct MailFrom(Mailbox);

impl TryFrom<String> for MailFrom {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        text.parse().map(Self).map_err(|_| "not an address such as `Hearth <hearth@example.org>`")
    }
}

impl fmt::Display for MailFrom {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_server_is_a_host_and_how_it_is_spoken_to() {
        let server = |text: &str| SmtpServer::try_from(text.to_owned());
        let SmtpServer { host, port, tls } = server("smtps://mail.example.org").unwrap();
        assert_eq!((host.as_str(), port, tls), ("mail.example.org", 465, true));
        assert_eq!(server("smtp://mail.example.org").unwrap().port, 587);
        assert!(server("smtp://[::1]:25").unwrap().is_on_loopback());
        assert_eq!(server("smtp://[::1]:25").unwrap().to_string(), "smtp://[::1]:25");
        for wrong in ["mail.example.org", "http://mail.example.org", "smtp://a@b", "smtp://a/b", ""] {
            assert!(server(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_mail_is_text_and_html_with_a_link_that_ends_it() {
        let mail = Mail {
            to: "alice@example.org".to_owned(),
            subject: "Überraschung".to_owned(),
            text: "text".to_owned(),
            html: "<p>html</p>".to_owned(),
            unsubscribe: Some("https://h.example/u".to_owned()),
        };
        let from = MailFrom::try_from("Hearth <hearth@example.org>".to_owned()).unwrap().0;
        let written = String::from_utf8(message(from.clone(), mail.clone()).unwrap().formatted()).unwrap();
        assert!(written.contains("List-Unsubscribe: <https://h.example/u>\r\n"), "{written}");
        assert!(written.contains("multipart/alternative") && written.contains("<p>html</p>"), "{written}");
        assert!(!written.contains("Überraschung"), "headers are ASCII");
        // Nobody gets headers of their own in by an address.
        let evil = Mail { to: "a@b.example\r\nBcc: c@d.example".to_owned(), ..mail };
        assert!(message(from, evil).is_err());
    }
}
