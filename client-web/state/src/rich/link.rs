//! Where a link leads, and what is shown of that.

use url::Url;

use super::{Node, words};

/// The address of a link, if it is one that may be followed.
pub(super) fn safe_link(address: &str) -> Option<String> {
    let scheme = address.split_once(':')?.0;
    let allowed = ["https", "http", "mailto", "magnet", "matrix"];
    let is_allowed = allowed.iter().any(|allowed| scheme.eq_ignore_ascii_case(allowed));
    let is_clean = !address.chars().any(|c| c.is_control() || c.is_whitespace());
    (is_allowed && is_clean && Url::parse(address).is_ok()).then(|| address.to_owned())
}

/// Whom or what a link names, if it is one of Matrix's: `https://matrix.to/#/@id` or `matrix:u/id`.
pub(super) fn mentioned(address: &str) -> Option<String> {
    let id = match address.strip_prefix("https://matrix.to/#/") {
        Some(rest) => {
            let id = rest.split(['?', '/']).next()?;
            id.replace("%40", "@")
                .replace("%3A", ":")
                .replace("%3a", ":")
                .replace("%21", "!")
                .replace("%23", "#")
        }
        None => {
            let rest = address.strip_prefix("matrix:")?.split('?').next()?;
            match rest.split('/').collect::<Vec<_>>()[..] {
                ["u", id] => format!("@{id}"),
                ["r", id] => format!("#{id}"),
                ["roomid", id] => format!("!{id}"),
                _ => return None,
            }
        }
    };
    (id.starts_with(['@', '!', '#']) && id.len() > 1).then_some(id)
}

/// A link with its words. Whoever reads the address of one place and is led to another is warned by seeing the other.
pub(super) fn link(text: Vec<Node>, to: String) -> Vec<Node> {
    match real_address(&to) {
        Some((host, address))
            if named_host(&words(&text)).is_some_and(|named| named != without_www(&host)) =>
        {
            let words = Node::Words(format!(" ({address})"));
            [text, vec![Node::Link { text: vec![words], to }]].concat()
        }
        _ => vec![Node::Link { text, to }],
    }
}

/// The host of an address, and the address without a name before the host, both as a browser takes them: letters that
/// only look like others are told apart ("Punycode", RFC 3492).
fn real_address(address: &str) -> Option<(String, String)> {
    let mut url = Url::parse(address).ok().filter(|url| url.scheme().starts_with("http"))?;
    let _ = url.set_username("").and_then(|()| url.set_password(None));
    Some((url.host_str()?.to_owned(), url.to_string()))
}

/// What words name as a host, as it is read; nothing where they are no address. `README.md` is taken for one as well:
/// it costs a file's name no more than its address behind it.
fn named_host(words: &str) -> Option<String> {
    let words = words.trim().to_lowercase();
    let (is_address, rest) = match words.split_once("://") {
        Some((_, rest)) => (true, rest),
        None => (false, words.as_str()),
    };
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let ends_as_host = |(_, end): (&str, &str)| end.len() > 1 && end.chars().all(char::is_alphabetic);
    let is_host = !host.contains(char::is_whitespace) && host.rsplit_once('.').is_some_and(ends_as_host);
    (is_address || is_host).then(|| without_www(host).to_owned())
}

fn without_www(host: &str) -> &str {
    host.strip_prefix("www.").unwrap_or(host)
}
