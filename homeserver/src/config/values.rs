//! What a setting's text may be, beyond what its type says.

use std::path::PathBuf;

use ruma::RoomVersionId;
use serde::{Deserialize, Deserializer, de::Error};
use tracing_subscriber::EnvFilter;

use super::{Registration, Secret};

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
    let is_base = |uri: &http::Uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some() && uri.query().is_none()
    };
    match Option::<String>::deserialize(deserializer)? {
        Some(text) if text.parse().is_ok_and(|uri| is_base(&uri)) => {
            Ok(Some(text.trim_end_matches('/').to_owned()))
        }
        Some(_) => Err(D::Error::custom("not a URL such as `https://matrix.example.org`")),
        None => Ok(None),
    }
}

pub(super) fn log_filter<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    EnvFilter::try_new(&text).map_err(|error| D::Error::custom(format!("not a log filter: {error}")))?;
    Ok(text)
}

impl TryFrom<String> for Registration {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        match text.as_str() {
            "open" => Ok(Self::Open),
            "off" => Ok(Self::Off),
            text => match text.strip_prefix("token:") {
                Some("") => Err("the token after `token:` is missing"),
                Some(token) => Ok(Self::Token(Secret::new(token))),
                None => Err("must be `open`, `off` or `token:` and a token"),
            },
        }
    }
}
