//! What is set, as administrators are told it: without secrets.

use hearth_client_api::Setting;
use hearth_turn::PublicAddress;
use serde_json::{Value, json};

use super::{CallsListener, CaptchaKind, Config, Registration, Secret};

/// The names of all fields with their values. A field that is added is told too, or this does not compile.
macro_rules! values {
    ($config:expr; $($field:ident: $value:expr,)*) => {{
        let Config { $($field),* } = $config;
        [$((stringify!($field), json!($value))),*]
    }};
}

impl Config {
    /// All settings in force.
    pub fn told(&self) -> Vec<Setting> {
        let usual = values(&Config::new(self.server_name.clone()));
        let settings = values(self).into_iter().zip(usual);
        settings
            .map(|((name, value), (_, usual))| Setting { name, is_usual: value == usual, value })
            .collect()
    }
}

fn values(config: &Config) -> Vec<(&'static str, Value)> {
    values! { config;
        server_name: server_name,
        data: data,
        listen: listen,
        listen_metrics: listen_metrics,
        appservices: appservices,
        public_url: public_url,
        listen_federation: listen_federation,
        tls_cert: tls_cert,
        tls_key: tls_key,
        listen_turn: listen_turn,
        listen_turn_tls: listen_turn_tls,
        public_address: public_address.iter().map(address).collect::<Vec<_>>(),
        turn_ports: format!("{}-{}", turn_ports.start(), turn_ports.end()),
        turn_user_mbit: turn_user_mbit,
        turn_uris: turn_uris,
        turn_secret: secret(turn_secret),
        listen_calls: match listen_calls {
            CallsListener::Auto => "auto".to_owned(),
            CallsListener::Off => "off".to_owned(),
            CallsListener::At(address) => address.to_string(),
        },
        calls_secret: secret(calls_secret),
        public_federation: public_federation,
        trusted_ca: trusted_ca,
        allow_private_networks: allow_private_networks,
        notaries: notaries,
        registration: match registration {
            Registration::Open => "open",
            Registration::Token(_) => "token:…",
            Registration::Tokens => "tokens",
            Registration::Off => "off",
        },
        registration_shared_secret: secret(registration_shared_secret),
        jwt_secret: secret(jwt_secret),
        jwt_audience: jwt_audience,
        jwt_issuer: jwt_issuer,
        smtp: smtp.as_ref().map(ToString::to_string),
        smtp_user: smtp_user,
        smtp_password: secret(smtp_password),
        mail_from: mail_from.as_ref().map(ToString::to_string),
        mail_delay_minutes: mail_delay_minutes,
        captcha: captcha.map(|captcha| match captcha {
            CaptchaKind::ProofOfWork(bits) => format!("proof-of-work:{bits}"),
            CaptchaKind::Recaptcha => "recaptcha".to_owned(),
            CaptchaKind::Hcaptcha => "hcaptcha".to_owned(),
            CaptchaKind::Turnstile => "turnstile".to_owned(),
        }),
        captcha_site_key: captcha_site_key,
        captcha_secret: secret(captcha_secret),
        terms: terms,
        approve_registrations: approve_registrations,
        rate_limits: rate_limits,
        rates: rates.to_string(),
        trusted_proxies: trusted_proxies.to_string(),
        max_connections: max_connections,
        max_upload_mib: max_upload_mib,
        media_quota_mib: media_quota_mib,
        media_copies_mib: media_copies_mib,
        retention_days: retention_days,
        retention_by_room: retention_by_room,
        media_days: media_days,
        media_copies_days: media_copies_days,
        server_notices: server_notices,
        legacy_media: legacy_media,
        url_previews: url_previews,
        find_all_users: find_all_users,
        message_search: message_search,
        rtc_livekit: rtc_livekit,
        default_room_version: default_room_version,
        durability: durability,
        memory_mib: memory_mib,
        commit_log_mib: commit_log_mib,
        log: log,
        otlp: otlp,
        // It has a key in it.
        error_reports: error_reports.as_ref().map(|_| "…"),
        log_format: log_format,
    }
    .into()
}

/// That there is one.
fn secret(secret: &Option<Secret>) -> Option<&'static str> {
    secret.as_ref().map(|_| "…")
}

fn address(address: &PublicAddress) -> String {
    match address {
        PublicAddress::Is(address) => address.to_string(),
        PublicAddress::AskedOf(server) => format!("stun:{server}"),
    }
}

#[cfg(test)]
mod tests {
    use ruma::owned_server_name;

    use super::*;

    #[test]
    fn secrets_are_not_told_and_what_was_changed_is_marked() {
        let hidden = || Some(Secret::new("hidden"));
        let config = Config {
            registration: Registration::Token(Secret::new("hidden")),
            registration_shared_secret: hidden(),
            jwt_secret: hidden(),
            turn_secret: hidden(),
            calls_secret: hidden(),
            captcha_secret: hidden(),
            smtp_password: hidden(),
            max_upload_mib: 7,
            ..Config::new(owned_server_name!("example.org"))
        };
        let told = config.told();
        assert!(!format!("{told:?}").contains("hidden"));
        let setting = |name: &str| told.iter().find(|setting| setting.name == name).unwrap();
        assert_eq!(
            (&setting("max_upload_mib").value, setting("max_upload_mib").is_usual),
            (&json!(7), false)
        );
        assert_eq!((&setting("jwt_secret").value, setting("jwt_secret").is_usual), (&json!("…"), false));
        assert!(setting("server_name").is_usual && setting("rates").is_usual);
        let changed: Vec<_> =
            told.iter().filter(|setting| !setting.is_usual).map(|setting| setting.name).collect();
        let secrets = [
            "turn_secret",
            "calls_secret",
            "registration",
            "registration_shared_secret",
            "jwt_secret",
            "smtp_password",
            "captcha_secret",
        ];
        assert_eq!(changed, [&secrets[..], &["max_upload_mib"]].concat());
    }
}
