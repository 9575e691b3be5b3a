//! What a setting's text may be, beyond what its type says.

use std::{ops::RangeInclusive, path::PathBuf};

use hearth_turn::PublicAddress;
use ruma::RoomVersionId;
use serde::{Deserialize, Deserializer, de::Error};
use tracing_subscriber::EnvFilter;

use super::{CallsListener, CaptchaKind, Registration, Secret};

/// A number from `LEAST` to `MOST`.
pub(super) fn within<'de, D: Deserializer<'de>, const LEAST: u32, const MOST: u32>(
    deserializer: D,
) -> Result<u32, D::Error> {
    let number = u32::deserialize(deserializer)?;
    match (LEAST..=MOST).contains(&number) {
        true => Ok(number),
        false => Err(D::Error::custom(format!("not from {LEAST} to {MOST}"))),
    }
}

pub(super) fn folder<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    let folder = PathBuf::deserialize(deserializer)?;
    match folder.as_os_str().is_empty() {
        true => Err(D::Error::custom("the data folder must have a name")),
        false => Ok(folder),
    }
}

pub(super) fn room_version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RoomVersionId, D::Error> {
    let version = RoomVersionId::deserialize(deserializer)?;
    match version.rules() {
        Some(_) => Ok(version),
        None => Err(D::Error::custom("not a known room version")),
    }
}

pub(super) fn base_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let url = Option::<String>::deserialize(deserializer)?;
    url.map(|url| {
        base(&url).ok_or_else(|| D::Error::custom("not a URL such as `https://matrix.example.org`"))
    })
    .transpose()
}

pub(super) fn urls<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let urls = Vec::<String>::deserialize(deserializer)?;
    let base = |url: String| base(&url).ok_or_else(|| D::Error::custom(format!("`{url}` is not a URL")));
    urls.into_iter().map(base).collect()
}

pub(super) fn public_addresses<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<PublicAddress>, D::Error> {
    let addresses = Vec::<String>::deserialize(deserializer)?;
    addresses.iter().map(|address| address.parse().map_err(D::Error::custom)).collect()
}

/// The first port and the last, such as `50000-50999`.
pub(super) fn ports<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RangeInclusive<u16>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let ports = text.split_once('-').and_then(|(first, last)| {
        let (first, last): (u16, u16) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        (0 < first && first <= last).then_some(first..=last)
    });
    ports.ok_or_else(|| D::Error::custom("not the first port and the last, such as `50000-50999`"))
}

/// A URL to which paths are added, without a slash at its end.
fn base(text: &str) -> Option<String> {
    let uri: http::Uri = text.parse().ok()?;
    let is_base =
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some() && uri.query().is_none();
    is_base.then(|| text.trim_end_matches('/').to_owned())
}

pub(super) fn log_filter<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    EnvFilter::try_new(&text).map_err(|error| D::Error::custom(format!("not a log filter: {error}")))?;
    Ok(text)
}

impl TryFrom<String> for CallsListener {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        match text.as_str() {
            "auto" => Ok(Self::Auto),
            "off" => Ok(Self::Off),
            address => match address.parse() {
                Ok(address) => Ok(Self::At(address)),
                Err(_) => Err("must be `auto`, `off` or an address such as `0.0.0.0:7882`"),
            },
        }
    }
}

impl TryFrom<String> for CaptchaKind {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        /// Some tenths of a second of a phone.
        const USUAL_BITS: u32 = 18;
        match text.as_str() {
            "recaptcha" => Ok(Self::Recaptcha),
            "hcaptcha" => Ok(Self::Hcaptcha),
            "turnstile" => Ok(Self::Turnstile),
            "proof-of-work" => Ok(Self::ProofOfWork(USUAL_BITS)),
            text => {
                let bits = text.strip_prefix("proof-of-work:").and_then(|bits| bits.parse().ok());
                let bits = bits.filter(|bits| (1..=28).contains(bits)).map(Self::ProofOfWork);
                bits.ok_or("must be `proof-of-work`, `proof-of-work:` and 1 to 28, `recaptcha`, `hcaptcha` or `turnstile`")
            }
        }
    }
}

impl TryFrom<String> for Registration {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        match text.as_str() {
            "open" => Ok(Self::Open),
            "off" => Ok(Self::Off),
            "tokens" => Ok(Self::Tokens),
            text => match text.strip_prefix("token:") {
                Some("") => Err("the token after `token:` is missing"),
                Some(token) => Ok(Self::Token(Secret::new(token))),
                None => Err("must be `open`, `off`, `tokens` or `token:` and a token"),
            },
        }
    }
}
