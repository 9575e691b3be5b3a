use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
};

use ruma::{OwnedServerName, RoomVersionId, ServerName};
use tracing_subscriber::EnvFilter;

use super::{Config, Durability, Registration, Secret};

/// One setting: its name, and how its text is read into a configuration.
///
/// A text comes from a variable or from a string, a number or a boolean of the file; the path is the folder
/// that relative paths start from. The error says what is wrong with the text, not where it stands.
pub(super) struct Setting {
    pub(super) key: &'static str,
    pub(super) set: fn(&mut Config, &str, &Path) -> Result<(), String>,
}

impl Setting {
    /// The setting of that key, or of that variable without its prefix in lower case.
    pub(super) fn named(key: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.key == key)
    }
}

/// All settings, in the order of `hearth.example.toml`.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "server_name",
        set: |config, text, _| {
            config.server_name = server_name(text)?;
            Ok(())
        },
    },
    Setting {
        key: "data",
        set: |config, text, folder| {
            config.data = path(text, folder).ok_or("the data folder must have a name")?;
            Ok(())
        },
    },
    Setting {
        key: "listen",
        set: |config, text, _| {
            config.listen = address(text)?;
            Ok(())
        },
    },
    Setting {
        key: "public_url",
        set: |config, text, _| {
            config.public_url = optional(text).map(base_url).transpose()?;
            Ok(())
        },
    },
    Setting {
        key: "listen_federation",
        set: |config, text, _| {
            config.listen_federation = optional(text).map(address).transpose()?;
            Ok(())
        },
    },
    Setting {
        key: "tls_cert",
        set: |config, text, folder| {
            config.tls_cert = path(text, folder);
            Ok(())
        },
    },
    Setting {
        key: "tls_key",
        set: |config, text, folder| {
            config.tls_key = path(text, folder);
            Ok(())
        },
    },
    Setting {
        key: "public_federation",
        set: |config, text, _| {
            config.public_federation = optional(text).map(server_name).transpose()?;
            Ok(())
        },
    },
    Setting {
        key: "trusted_ca",
        set: |config, text, folder| {
            config.trusted_ca = path(text, folder);
            Ok(())
        },
    },
    Setting {
        key: "allow_private_networks",
        set: |config, text, _| {
            config.allow_private_networks = switch(text)?;
            Ok(())
        },
    },
    Setting {
        key: "notaries",
        set: |config, text, _| {
            let names = optional(text).map(|text| text.split(',').map(str::trim).map(server_name));
            config.notaries = names.into_iter().flatten().collect::<Result<_, _>>()?;
            Ok(())
        },
    },
    Setting {
        key: "registration",
        set: |config, text, _| {
            config.registration = registration(text)?;
            Ok(())
        },
    },
    Setting {
        key: "registration_shared_secret",
        set: |config, text, _| {
            config.registration_shared_secret = optional(text).map(Secret::new);
            Ok(())
        },
    },
    Setting {
        key: "jwt_secret",
        set: |config, text, _| {
            config.jwt_secret = optional(text).map(Secret::new);
            Ok(())
        },
    },
    Setting {
        key: "rate_limits",
        set: |config, text, _| {
            config.rate_limits = switch(text)?;
            Ok(())
        },
    },
    Setting {
        key: "max_upload_mib",
        set: |config, text, _| {
            config.max_upload_mib = number(text, 1, 4096)?;
            Ok(())
        },
    },
    Setting {
        key: "media_quota_mib",
        set: |config, text, _| {
            config.media_quota_mib = number(text, 1, u32::MAX)?;
            Ok(())
        },
    },
    Setting {
        key: "media_copies_mib",
        set: |config, text, _| {
            config.media_copies_mib = number(text, 1, u32::MAX)?;
            Ok(())
        },
    },
    Setting {
        key: "legacy_media",
        set: |config, text, _| {
            config.legacy_media = switch(text)?;
            Ok(())
        },
    },
    Setting {
        key: "default_room_version",
        set: |config, text, _| {
            config.default_room_version = room_version(text)?;
            Ok(())
        },
    },
    Setting {
        key: "durability",
        set: |config, text, _| {
            config.durability = match text {
                "sync" => Durability::Sync,
                "async" => Durability::Async,
                _ => return Err(format!("`{text}` must be `sync` or `async`")),
            };
            Ok(())
        },
    },
    Setting {
        key: "memory_mib",
        set: |config, text, _| {
            config.memory_mib = number(text, 64, 1 << 20)?;
            Ok(())
        },
    },
    Setting {
        key: "log",
        set: |config, text, _| {
            EnvFilter::try_new(text).map_err(|error| format!("`{text}` is not a log filter: {error}"))?;
            config.log = text.to_owned();
            Ok(())
        },
    },
];

/// A setting that can be absent is so when its text is empty.
fn optional(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn server_name(text: &str) -> Result<OwnedServerName, String> {
    ServerName::parse(text).map_err(|_| format!("`{text}` is not a server name such as `example.org`"))
}

fn path(text: &str, folder: &Path) -> Option<PathBuf> {
    optional(text).map(|text| folder.join(text))
}

fn address(text: &str) -> Result<SocketAddr, String> {
    SocketAddr::from_str(text).map_err(|_| format!("`{text}` is not an address such as `127.0.0.1:8008`"))
}

fn switch(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(format!("`{text}` must be `on` or `off`")),
    }
}

fn number(text: &str, least: u32, most: u32) -> Result<u32, String> {
    text.parse()
        .ok()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("`{text}` is not a whole number from {least} to {most}"))
}

fn registration(text: &str) -> Result<Registration, String> {
    match text {
        "open" => Ok(Registration::Open),
        "off" => Ok(Registration::Off),
        // What was set is not repeated: it may be the token.
        _ => match text.strip_prefix("token:") {
            Some("") => Err("the token after `token:` is missing".to_owned()),
            Some(token) => Ok(Registration::Token(Secret::new(token))),
            None => Err("must be `open`, `off` or `token:` and a token".to_owned()),
        },
    }
}

fn room_version(text: &str) -> Result<RoomVersionId, String> {
    RoomVersionId::try_from(text)
        .ok()
        .filter(|version| version.rules().is_some())
        .ok_or_else(|| format!("`{text}` is not a known room version"))
}

fn base_url(text: &str) -> Result<String, String> {
    let is_base = |uri: &http::Uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some() && uri.query().is_none()
    };
    match text.parse() {
        Ok(uri) if is_base(&uri) => Ok(text.trim_end_matches('/').to_owned()),
        _ => Err(format!("`{text}` is not a URL such as `https://matrix.example.org`")),
    }
}
