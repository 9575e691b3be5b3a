use std::{collections::BTreeSet, net::SocketAddr, path::Path};

use rand::SeedableRng;
use ruma::{owned_server_name, server_name, user_id};
use toml::de::DeTable;

use super::*;

const EXAMPLE: &str = include_str!("../../../hearth.example.toml");

fn variables(pairs: &[(&str, &str)]) -> Variables {
    Variables::from_environment(pairs.iter().map(|(name, value)| (name.into(), value.into()))).unwrap()
}

/// What a `hearth.toml` of that content and those variables make.
fn read(text: &str, pairs: &[(&str, &str)]) -> Result<Config, String> {
    Config::read(Path::new("hearth.toml"), text, &variables(pairs)).map_err(|error| error.to_string())
}

/// The example with every setting switched on: a line of prose has a space after `#`, a setting has none.
fn uncommented_example() -> String {
    let lines = EXAMPLE.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase()) => rest,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The fields that serde reads a configuration from.
fn all_settings() -> BTreeSet<String> {
    struct Fields<'a>(&'a mut BTreeSet<String>);

    impl<'de> serde::Deserializer<'de> for Fields<'_> {
        type Error = serde::de::value::Error;

        fn deserialize_any<V: serde::de::Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
            Err(serde::de::Error::custom("only asked for its fields"))
        }

        fn deserialize_struct<V: serde::de::Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            visitor: V,
        ) -> Result<V::Value, Self::Error> {
            self.0.extend(fields.iter().map(|field| (*field).to_owned()));
            self.deserialize_any(visitor)
        }

        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
            newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }

    let mut fields = BTreeSet::new();
    _ = Config::deserialize(Fields(&mut fields));
    fields
}

#[test]
fn the_example_is_complete_and_shows_the_defaults() {
    let text = uncommented_example();
    let named: BTreeSet<String> =
        DeTable::parse(&text).unwrap().get_ref().keys().map(|key| key.get_ref().to_string()).collect();
    assert_eq!(named, all_settings());
    assert_eq!(read(&text, &[]), Ok(Config::new(owned_server_name!("localhost"))));
    // As it is shipped, it can be served too.
    assert_eq!(read(EXAMPLE, &[]), Ok(Config::new(owned_server_name!("localhost"))));
}

#[test]
fn every_setting_can_be_given_by_a_variable_alone() {
    let config = read(
        "",
        &[
            ("HEARTH_SERVER_NAME", "hearth.example"),
            ("HEARTH_DATA", "/srv/hearth"),
            ("HEARTH_LISTEN", "[::1]:1"),
            ("HEARTH_LISTEN_METRICS", ""),
            ("HEARTH_PUBLIC_URL", "https://matrix.hearth.example/"),
            ("HEARTH_LISTEN_FEDERATION", "0.0.0.0:8448"),
            ("HEARTH_TLS_CERT", "cert.pem"),
            ("HEARTH_TLS_KEY", "key.pem"),
            ("HEARTH_LISTEN_TURN", "0.0.0.0:3478"),
            ("HEARTH_LISTEN_TURN_TLS", "0.0.0.0:5349"),
            ("HEARTH_PUBLIC_ADDRESS", "198.51.100.7, stun:stun.example"),
            ("HEARTH_TURN_PORTS", "50000-50999"),
            ("HEARTH_TURN_USER_MBIT", "20"),
            ("HEARTH_TURN_URIS", ""),
            ("HEARTH_TURN_SECRET", ""),
            ("HEARTH_LISTEN_CALLS", "0.0.0.0:7882"),
            ("HEARTH_CALLS_SECRET", "calls"),
            ("HEARTH_PUBLIC_FEDERATION", "matrix.hearth.example:443"),
            ("HEARTH_TRUSTED_CA", "ca.pem"),
            ("HEARTH_ALLOW_PRIVATE_NETWORKS", "on"),
            ("HEARTH_NOTARIES", "a.example, b.example:8448"),
            ("HEARTH_REGISTRATION", "token:let me in"),
            ("HEARTH_CAPTCHA", "turnstile"),
            ("HEARTH_CAPTCHA_SITE_KEY", "site"),
            ("HEARTH_CAPTCHA_SECRET", "secret"),
            ("HEARTH_TERMS", "terms.json"),
            ("HEARTH_APPROVE_REGISTRATIONS", "on"),
            ("HEARTH_REGISTRATION_SHARED_SECRET", "shared"),
            ("HEARTH_JWT_SECRET", "jwt"),
            ("HEARTH_JWT_AUDIENCE", "hearth"),
            ("HEARTH_JWT_ISSUER", "club"),
            ("HEARTH_SMTP", "smtps://mail.example.org"),
            ("HEARTH_SMTP_USER", "hearth"),
            ("HEARTH_SMTP_PASSWORD", "secret"),
            ("HEARTH_MAIL_FROM", "hearth@example.org"),
            ("HEARTH_MAIL_DELAY_MINUTES", "5"),
            ("HEARTH_RATE_LIMITS", "off"),
            ("HEARTH_RATES", "login 1/2"),
            ("HEARTH_TRUSTED_PROXIES", "10.0.0.0/8"),
            ("HEARTH_MAX_CONNECTIONS", "100"),
            ("HEARTH_APPSERVICES", "irc.yaml, /etc/xmpp.yaml"),
            ("HEARTH_MAX_UPLOAD_MIB", "7"),
            ("HEARTH_MEDIA_QUOTA_MIB", "9"),
            ("HEARTH_MEDIA_COPIES_MIB", "11"),
            ("HEARTH_RETENTION_DAYS", "365"),
            ("HEARTH_RETENTION_BY_ROOM", "on"),
            ("HEARTH_MEDIA_DAYS", "100"),
            ("HEARTH_MEDIA_COPIES_DAYS", "30"),
            ("HEARTH_SERVER_NOTICES", "notices"),
            ("HEARTH_LEGACY_MEDIA", "on"),
            ("HEARTH_URL_PREVIEWS", "off"),
            ("HEARTH_FIND_ALL_USERS", "on"),
            ("HEARTH_MESSAGE_SEARCH", "off"),
            ("HEARTH_RTC_LIVEKIT", "https://a.example/jwt/, http://b.example"),
            ("HEARTH_DEFAULT_ROOM_VERSION", "11"),
            ("HEARTH_DURABILITY", "async"),
            ("HEARTH_MEMORY_MIB", "64"),
            ("HEARTH_COMMIT_LOG_MIB", "32"),
            ("HEARTH_OTLP", "http://127.0.0.1:4318/"),
            ("HEARTH_ERROR_REPORTS", "https://key@sentry.example.org/7"),
            ("HEARTH_LOG_FORMAT", "json"),
            ("HEARTH_LOG", "hearth=debug,warn"),
        ],
    );
    // Written out, so that a new field of `Config` without a setting does not compile here.
    let expected = Config {
        server_name: owned_server_name!("hearth.example"),
        data: PathBuf::from("/srv/hearth"),
        listen: "[::1]:1".parse().unwrap(),
        listen_metrics: None,
        appservices: vec![PathBuf::from("irc.yaml"), PathBuf::from("/etc/xmpp.yaml")],
        public_url: Some("https://matrix.hearth.example".to_owned()),
        listen_federation: Some("0.0.0.0:8448".parse().unwrap()),
        tls_cert: Some(PathBuf::from("cert.pem")),
        tls_key: Some(PathBuf::from("key.pem")),
        listen_turn: Some("0.0.0.0:3478".parse().unwrap()),
        listen_turn_tls: Some("0.0.0.0:5349".parse().unwrap()),
        public_address: vec!["198.51.100.7".parse().unwrap(), "stun:stun.example".parse().unwrap()],
        turn_ports: 50_000..=50_999,
        turn_user_mbit: 20,
        turn_uris: Vec::new(),
        turn_secret: None,
        listen_calls: CallsListener::At("0.0.0.0:7882".parse().unwrap()),
        calls_secret: Some(Secret::new("calls")),
        public_federation: Some(owned_server_name!("matrix.hearth.example:443")),
        trusted_ca: Some(PathBuf::from("ca.pem")),
        allow_private_networks: true,
        notaries: vec![owned_server_name!("a.example"), owned_server_name!("b.example:8448")],
        registration: Registration::Token(Secret::new("let me in")),
        captcha: Some(CaptchaKind::Turnstile),
        captcha_site_key: Some("site".to_owned()),
        captcha_secret: Some(Secret::new("secret")),
        terms: Some(PathBuf::from("terms.json")),
        approve_registrations: true,
        registration_shared_secret: Some(Secret::new("shared")),
        jwt_secret: Some(Secret::new("jwt")),
        jwt_audience: Some("hearth".to_owned()),
        jwt_issuer: Some("club".to_owned()),
        smtp: Some("smtps://mail.example.org".to_owned().try_into().unwrap()),
        smtp_user: Some("hearth".to_owned()),
        smtp_password: Some(Secret::new("secret")),
        mail_from: Some("hearth@example.org".to_owned().try_into().unwrap()),
        mail_delay_minutes: 5,
        rate_limits: false,
        rates: "login 1/2".to_owned().try_into().unwrap(),
        trusted_proxies: "10.0.0.0/8".to_owned().try_into().unwrap(),
        max_connections: Some(100),
        max_upload_mib: 7,
        media_quota_mib: 9,
        media_copies_mib: 11,
        retention_days: Some(365),
        retention_by_room: true,
        media_days: Some(100),
        media_copies_days: Some(30),
        server_notices: Some("notices".to_owned()),
        legacy_media: true,
        url_previews: false,
        find_all_users: true,
        message_search: false,
        rtc_livekit: vec!["https://a.example/jwt".to_owned(), "http://b.example".to_owned()],
        default_room_version: RoomVersionId::V11,
        durability: Durability::Async,
        memory_mib: 64,
        commit_log_mib: 32,
        otlp: Some("http://127.0.0.1:4318".to_owned()),
        error_reports: Some("https://key@sentry.example.org/7".to_owned().try_into().unwrap()),
        log_format: LogFormat::Json,
        log: "hearth=debug,warn".to_owned(),
    };
    assert_eq!(config, Ok(expected));
}

#[test]
fn notices_come_from_a_user_of_this_server() {
    let read = |name: &str| read(&format!("server_name = 'a.example'\nserver_notices = '{name}'"), &[]);
    let user = read("notices").unwrap().notices_user();
    assert_eq!(user.as_deref(), Some(user_id!("@notices:a.example")));
    assert_eq!(read("").unwrap().notices_user(), None);
    for wrong in ["Server Notices", "@notices:a.example", "not:ices", "Notices"] {
        let told = read(wrong).unwrap_err();
        assert!(told.starts_with("hearth.toml:2: server_notices must be a name"), "{told}");
    }
    let long = "n".repeat(250);
    assert!(read(&long).is_err());
}

#[test]
fn a_captcha_is_a_proof_of_work_or_that_of_a_service_with_an_account_there() {
    let read = |captcha: &str| read(&format!("server_name = 'a.example'\ncaptcha = '{captcha}'"), &[]);
    assert_eq!(read("proof-of-work").unwrap().captcha, Some(CaptchaKind::ProofOfWork(18)));
    assert_eq!(read("proof-of-work:22").unwrap().captcha, Some(CaptchaKind::ProofOfWork(22)));
    assert_eq!(read("").unwrap().captcha, None);
    for wrong in ["proof-of-work:0", "proof-of-work:29", "on"] {
        assert!(read(wrong).unwrap_err().contains(":2: captcha"), "{wrong}");
    }
    assert!(read("hcaptcha").unwrap_err().contains("captcha_secret"));
}

#[test]
fn registration_files_are_a_list() {
    let read = |list: &str| read(&format!("server_name = 'a.example'\nappservices = {list}"), &[]);
    let files = read("['irc.yaml', '/etc/xmpp.yaml']").unwrap().appservices;
    assert_eq!(files, [PathBuf::from("irc.yaml"), PathBuf::from("/etc/xmpp.yaml")]);
    assert!(read("[]").unwrap().appservices.is_empty());
    assert!(read("[1]").is_err() && read("['a,b']").is_err());
}

#[test]
fn a_variable_wins_over_the_file() {
    let text = "server_name = 'a.example'\nmemory_mib = 100\nregistration = 'open'";
    let config = read(text, &[("HEARTH_MEMORY_MIB", "200")]).unwrap();
    assert_eq!(config.server_name, server_name!("a.example"));
    assert_eq!(config.memory_mib, 200);
    assert_eq!(config.registration, Registration::Open);
}

#[test]
fn relative_paths_of_a_file_start_from_its_folder() {
    let text = "server_name = 'a.example'\ntrusted_ca = 'ca.pem'";
    let none = Variables::default();
    let config = Config::read(Path::new("/etc/hearth/hearth.toml"), text, &none).unwrap();
    assert_eq!(config.trusted_ca.as_deref(), Some(Path::new("/etc/hearth/ca.pem")));
    assert_eq!(config.data, Path::new("/etc/hearth/data"));
    let config = read(text, &[("HEARTH_DATA", "here")]).unwrap();
    assert_eq!(config.data, Path::new("here"));
}

#[test]
fn a_mistake_is_one_line_that_says_what_and_where() {
    let cases = [
        ("server_name = 'a.example'\n\ncolour = 'red'", "hearth.toml:3: there is no setting `colour`"),
        (
            "rate_limits = true\nserver_name = 'a.example'",
            "hearth.toml:1: rate_limits: `true`: must be `on` or `off`",
        ),
        ("memory_mib = 12.5", "hearth.toml:1: memory_mib must be a string or a whole number"),
        ("memory_mib = 1", "hearth.toml:1: memory_mib: `1`: not from 64 to 1048576"),
        (
            "server_name = 'a b'",
            "hearth.toml:1: server_name: `a b`: server name is not a valid IP address or domain name",
        ),
        (
            "data = \"\"\"\nx\n\"\"\"\nlisten = 'nine'",
            "hearth.toml:4: listen: `nine`: invalid socket address syntax",
        ),
        (
            "registration = 'secret'",
            "hearth.toml:1: registration: must be `open`, `off`, `tokens` or `token:` and a token",
        ),
        ("registration = 'token:'", "hearth.toml:1: registration: the token after `token:` is missing"),
        ("default_room_version = 99", "hearth.toml:1: default_room_version: `99`: not a known room version"),
        (
            "public_url = 'example.org'",
            "hearth.toml:1: public_url: `example.org`: not a URL such as `https://matrix.example.org`",
        ),
        (
            "notaries = 'a.example,'",
            "hearth.toml:1: notaries: `a.example,`: server name is not a valid IP address or domain name",
        ),
        (
            "rtc_livekit = 'https://a.example, b.example'",
            "hearth.toml:1: rtc_livekit: `https://a.example, b.example`: `b.example` is not a URL",
        ),
        (
            "turn_ports = '9-8'",
            "hearth.toml:1: turn_ports: `9-8`: not the first port and the last, such as `50000-50999`",
        ),
        (
            "public_address = 'example.org'",
            "hearth.toml:1: public_address: `example.org`: not an IP address, nor `stun:` and a server",
        ),
        (
            "server_name = 'a.example'\nturn_uris = 'turn:a'",
            "hearth.toml:2: turn_secret, which these servers share with this one, is missing",
        ),
        (
            "server_name = 'a.example'\nturn_secret = 's'",
            "hearth.toml:2: turn_uris, the servers that share it, are missing",
        ),
        (
            "server_name = 'a.example'\nlisten_turn = '0.0.0.0:3478'\nturn_uris = 'turn:a'",
            "hearth.toml:3: with listen_turn this server is the TURN server itself",
        ),
        (
            "server_name = 'a.example'\nlisten_turn_tls = '127.0.0.1:5349'",
            "hearth.toml:2: listen_turn, which turns the TURN server on, is missing",
        ),
        (
            "server_name = 'a.example'\nlisten_turn_tls = '0.0.0.0:5349'",
            "hearth.toml:2: beyond loopback, tls_cert and tls_key are needed",
        ),
        ("data = ''", "hearth.toml:1: data: ``: the data folder must have a name"),
        ("data = 'x'", "hearth.toml: server_name is missing (or the variable HEARTH_SERVER_NAME)"),
        (
            "server_name = 'a.example'\ntls_key = 'x'",
            "hearth.toml:2: tls_cert, the certificate of this key, is missing",
        ),
        (
            "server_name = 'a.example'\ntls_cert = 'x'",
            "hearth.toml:2: tls_key, the key of this certificate, is missing",
        ),
        (
            "server_name = 'a.example'\nlisten_federation = '0.0.0.0:8448'",
            "hearth.toml:2: beyond loopback, tls_cert and tls_key are needed",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text, &[]).unwrap_err(), expected);
    }
    for text in ["data = 'x'\nserver_name = 'a", "server_name = 'a.example'\nlog = 'a'\nlog = 'b'", "= \n"] {
        let error = read(text, &[]).unwrap_err();
        assert!(error.starts_with("hearth.toml:") && error.lines().count() == 1, "{error}");
    }
    let error = read("server_name = 'a.example'\nlog = 'a'\nlog = 'b'", &[]).unwrap_err();
    assert!(error.starts_with("hearth.toml:3: "), "{error}");
    let error = read("log = '''a=\nb'''", &[]).unwrap_err();
    assert!(error.starts_with("hearth.toml:1: log: ") && error.lines().count() == 1, "{error}");
}

#[test]
fn a_mistake_in_a_variable_names_it() {
    let named = ("HEARTH_SERVER_NAME", "a.example");
    let cases = [
        (("HEARTH_COLOUR", "red"), "HEARTH_COLOUR: there is no setting `colour`"),
        (("HEARTH_Data", "x"), "HEARTH_Data: there is no setting of this name"),
        (("HEARTH_DURABILITY", ""), "HEARTH_DURABILITY: ``: unknown variant ``, expected `sync` or `async`"),
        (
            ("HEARTH_LISTEN_FEDERATION", "1.2.3.4:5"),
            "HEARTH_LISTEN_FEDERATION: beyond loopback, tls_cert and tls_key are needed",
        ),
    ];
    for (wrong, expected) in cases {
        assert_eq!(read("", &[named, wrong]).unwrap_err(), expected);
    }
    // A variable that is there but empty takes an optional setting of the file away.
    let config = read("server_name = 'a.example'\njwt_secret = 'x'", &[("HEARTH_JWT_SECRET", "")]).unwrap();
    assert_eq!(config.jwt_secret, None);
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf8_is_refused_and_others_are_not_read() {
    use std::os::unix::ffi::OsStringExt;
    let broken = || std::ffi::OsString::from_vec(vec![0xff]);
    let error = Variables::from_environment([("HEARTH_DATA".into(), broken())]).unwrap_err();
    assert_eq!(error.to_string(), "HEARTH_DATA: the value is not UTF-8");
    assert!(Variables::from_environment([("PATH".into(), broken()), (broken(), "x".into())]).is_ok());
}

#[test]
fn loopback_is_what_only_this_machine_reaches() {
    let is = |text: &str| is_loopback(&text.parse::<SocketAddr>().unwrap());
    assert!(is("127.0.0.1:1") && is("127.8.8.8:1") && is("[::1]:1") && is("[::ffff:127.0.0.1]:1"));
    assert!(!is("0.0.0.0:1") && !is("[::]:1") && !is("10.0.0.1:1") && !is("[::ffff:10.0.0.1]:1"));
}

#[test]
fn the_certificate_is_self_made_only_where_none_is_given() {
    let text = "server_name = 'a.example'\nlisten_federation = '127.0.0.1:8448'";
    assert_eq!(read(text, &[]).unwrap().tls(), TlsSource::SelfMade);
    let given = read(text, &[("HEARTH_TLS_CERT", "c"), ("HEARTH_TLS_KEY", "k")]).unwrap();
    assert_eq!(given.tls(), TlsSource::Files { cert: PathBuf::from("c"), key: PathBuf::from("k") });
}

#[test]
fn the_memory_budget_is_never_exceeded() {
    for (mib, message_search) in [(64, true), (64, false), (512, true), (1 << 20, true)] {
        let budget = MemoryBudget::split(mib, message_search);
        let MemoryBudget { storage, rooms, sync, evaluated, users, servers, search } = budget;
        assert_eq!(storage + rooms + sync + evaluated + users + servers + search, (mib as usize) << 20);
    }
}

#[test]
fn secrets_are_not_in_the_log() {
    let config = read(
        "server_name = 'a.example'\nregistration = 'token:hush'\njwt_secret = 'hush'\n\
         turn_uris = 'turn:a'\nturn_secret = 'hush'",
        &[],
    );
    assert!(!format!("{:?}", config.unwrap()).contains("hush"));
}

#[test]
fn the_first_start_writes_a_file_that_can_be_served() {
    let folder = tempfile::tempdir().unwrap();
    let none = Variables::default();
    let file = folder.path().join(DEFAULT_FILE);
    assert!(Config::is_first_start(None, folder.path(), &none));
    assert!(!Config::is_first_start(Some(&file), folder.path(), &none));
    assert!(!Config::is_first_start(None, folder.path(), &variables(&[("HEARTH_SERVER_NAME", "a.example")])));
    let missing = Config::open(None, folder.path(), &none).unwrap_err();
    assert!(matches!(missing, ConfigError::NoServerName { .. }));
    assert!(matches!(Config::open(Some(&file), folder.path(), &none), Err(ConfigError::File { .. })));

    let mut randomness = rand_chacha::ChaCha20Rng::seed_from_u64(3);
    Config::create_default(&file, &mut randomness).unwrap();
    assert!(!Config::is_first_start(None, folder.path(), &none));
    let config = Config::open(None, folder.path(), &none).unwrap();
    assert_eq!(config.registration_shared_secret.as_ref().map(|secret| secret.expose().len()), Some(40));
    let expected = Config {
        data: folder.path().join("data"),
        registration_shared_secret: config.registration_shared_secret.clone(),
        ..Config::new(owned_server_name!("localhost"))
    };
    assert_eq!(config, expected);
    assert!(Config::create_default(&file, &mut randomness).is_err(), "a file is never overwritten");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
