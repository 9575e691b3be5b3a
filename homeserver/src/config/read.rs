use std::{collections::BTreeMap, ffi::OsString, fs, io, net::SocketAddr, path::Path};

use serde::Deserialize as _;
use toml::de::{DeTable, DeValue};

use super::{
    CaptchaKind, Config, ConfigError, DEFAULT_FILE, Place, is_loopback,
    text::{Setting, Settings},
};

const PREFIX: &str = "HEARTH_";

/// The `HEARTH_*` variables of an environment.
#[derive(Debug, Clone, Default)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Takes Hearth's variables out of an environment, such as `std::env::vars_os()`.
    pub fn from_environment(
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        let mut variables = BTreeMap::new();
        for (name, value) in environment {
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
            let value = value
                .into_string()
                .map_err(|_| Place::Variable(name.to_owned()).error("the value is not UTF-8"))?;
            variables.insert(name.to_owned(), value);
        }
        Ok(Self(variables))
    }

    /// Whether they name the server, and so can stand without a file.
    pub(super) fn name_the_server(&self) -> bool {
        self.0.contains_key("HEARTH_SERVER_NAME")
    }
}

impl Config {
    /// Reads the file, and the variables over it. Relative paths of the file start from the file's folder, those
    /// of a variable from the working directory.
    ///
    /// `given` is the file of the command line, which must exist. Without it, `hearth.toml` in `folder` (the
    /// working directory: an empty path) is read if it exists; the variables alone are enough too.
    pub fn open(given: Option<&Path>, folder: &Path, variables: &Variables) -> Result<Self, ConfigError> {
        let file = given.map_or_else(|| folder.join(DEFAULT_FILE), Path::to_owned);
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if given.is_none() && error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(ConfigError::File { file, source }),
        };
        Self::read(&file, &text, variables)
    }

    /// Reads the content `text` of `file`, and the variables over it.
    pub(super) fn read(file: &Path, text: &str, variables: &Variables) -> Result<Self, ConfigError> {
        let of_variables = in_variables(variables)?;
        let mut settings = in_file(file, text)?;
        settings.retain(|setting| place_of(&of_variables, &setting.key).is_none());
        settings.extend(of_variables);
        let mut config = Self::deserialize(Settings(&settings))?;
        if place_of(&settings, "server_name").is_none() {
            return Err(ConfigError::NoServerName { file: file.to_owned() });
        }
        config.check_tls(&settings)?;
        config.check_turn(&settings)?;
        config.check_captcha(&settings)?;
        config.check_mail(&settings)?;
        config.check_server_notices(&settings)?;

        let folder = file.parent().unwrap_or(Path::new(""));
        let Self { data, tls_cert, tls_key, trusted_ca, terms, .. } = &mut config;
        for (key, path) in [
            ("data", Some(data)),
            ("tls_cert", tls_cert.as_mut()),
            ("tls_key", tls_key.as_mut()),
            ("trusted_ca", trusted_ca.as_mut()),
            ("terms", terms.as_mut()),
        ] {
            if let Some(path) = path
                && !matches!(place_of(&settings, key), Some(Place::Variable(_)))
            {
                *path = folder.join(&*path);
            }
        }
        if !matches!(place_of(&settings, "appservices"), Some(Place::Variable(_))) {
            config.appservices.iter_mut().for_each(|file| *file = folder.join(&*file));
        }
        Ok(config)
    }

    /// A certificate needs its key; and a listener that others reach needs a certificate that they can trust.
    fn check_tls(&self, settings: &[Setting]) -> Result<(), ConfigError> {
        let others = |address: &Option<SocketAddr>| address.is_some_and(|address| !is_loopback(&address));
        let (key, problem) = match (&self.tls_cert, &self.tls_key) {
            (Some(_), None) => ("tls_cert", "tls_key, the key of this certificate, is missing"),
            (None, Some(_)) => ("tls_key", "tls_cert, the certificate of this key, is missing"),
            (None, None) if others(&self.listen_federation) => ("listen_federation", NEEDS_CERTIFICATE),
            (None, None) if others(&self.listen_turn_tls) => ("listen_turn_tls", NEEDS_CERTIFICATE),
            _ => return Ok(()),
        };
        place_of(settings, key).map_or(Ok(()), |place| Err(place.clone().error(problem)))
    }

    /// Relays are this server's or others', and each needs what they are made of.
    fn check_turn(&self, settings: &[Setting]) -> Result<(), ConfigError> {
        let are_others = !self.turn_uris.is_empty();
        let (key, problem) = match (self.listen_turn.is_some(), are_others, self.turn_secret.is_some()) {
            (true, true, _) => ("turn_uris", "with listen_turn this server is the TURN server itself"),
            (_, true, false) => {
                ("turn_uris", "turn_secret, which these servers share with this one, is missing")
            }
            (_, false, true) => ("turn_secret", "turn_uris, the servers that share it, are missing"),
            (false, ..) if self.listen_turn_tls.is_some() => {
                ("listen_turn_tls", "listen_turn, which turns the TURN server on, is missing")
            }
            _ => return Ok(()),
        };
        place_of(settings, key).map_or(Ok(()), |place| Err(place.clone().error(problem)))
    }
}

impl Config {
    /// Mails are from somebody, and have links.
    fn check_mail(&self, settings: &[Setting]) -> Result<(), ConfigError> {
        match place_of(settings, "smtp") {
            Some(place) if self.smtp.is_some() && (self.mail_from.is_none() || self.public_url.is_none()) => {
                Err(place.clone().error("mail_from and public_url, which mails need, are missing"))
            }
            _ => Ok(()),
        }
    }

    /// Notices come from somebody whom there can be.
    fn check_server_notices(&self, settings: &[Setting]) -> Result<(), ConfigError> {
        match place_of(settings, "server_notices") {
            Some(place) if self.server_notices.is_some() && self.notices_user().is_none() => Err(place
                .clone()
                .error("server_notices must be a name of a user here, of a-z, 0-9 and . _ = - / +, such as `notices`")),
            _ => Ok(()),
        }
    }

    /// The captcha of a service needs an account there.
    fn check_captcha(&self, settings: &[Setting]) -> Result<(), ConfigError> {
        let is_of_service = !matches!(self.captcha, None | Some(CaptchaKind::ProofOfWork(_)));
        let has_account = self.captcha_site_key.is_some() && self.captcha_secret.is_some();
        match place_of(settings, "captcha") {
            Some(place) if is_of_service && !has_account => Err(place
                .clone()
                .error("captcha_site_key and captcha_secret, which its service gives, are missing")),
            _ => Ok(()),
        }
    }
}

const NEEDS_CERTIFICATE: &str = "beyond loopback, tls_cert and tls_key are needed";

/// Where something is set, if it is.
fn place_of<'a>(settings: &'a [Setting], key: &str) -> Option<&'a Place> {
    settings.iter().find(|setting| setting.key == key).map(|setting| &setting.place)
}

/// What the file sets, in the order of its lines.
fn in_file(file: &Path, text: &str) -> Result<Vec<Setting>, ConfigError> {
    let place = |offset| Place::of_offset(file, text, offset);
    let table = DeTable::parse(text)
        .map_err(|error| place(error.span().map_or(0, |span| span.start)).error(error.message()))?;
    let mut entries: Vec<_> = table.get_ref().iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    let setting = |(key, value): (&toml::Spanned<std::borrow::Cow<'_, str>>, &toml::Spanned<DeValue<'_>>)| {
        let place = place(key.span().start);
        let key = key.get_ref().to_string();
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.to_string(),
            DeValue::Boolean(truth) => truth.to_string(),
            DeValue::Array(parts) => match parts_of(parts) {
                Some(text) => text,
                None => return Err(place.error(format!("{key} must be a list of strings without commas"))),
            },
            _ => return Err(place.error(format!("{key} must be a string or a whole number"))),
        };
        Ok(Setting { key, text, place })
    };
    entries.into_iter().map(setting).collect()
}

/// A list as a variable has it, with commas between.
fn parts_of(list: &[toml::Spanned<DeValue<'_>>]) -> Option<String> {
    let part = |part: &toml::Spanned<DeValue<'_>>| match part.get_ref() {
        DeValue::String(text) if !text.contains(',') => Some(text.to_string()),
        _ => None,
    };
    Some(list.iter().map(part).collect::<Option<Vec<_>>>()?.join(","))
}

/// What the variables set.
fn in_variables(variables: &Variables) -> Result<Vec<Setting>, ConfigError> {
    let setting = |(name, text): (&String, &String)| {
        let place = Place::Variable(name.clone());
        // `HEARTH_Data` is as unknown as `HEARTH_DOTA`.
        match name.strip_prefix(PREFIX).filter(|key| !key.contains(|c: char| c.is_lowercase())) {
            Some(key) => Ok(Setting { key: key.to_lowercase(), text: text.clone(), place }),
            None => Err(place.error("there is no setting of this name")),
        }
    };
    variables.0.iter().map(setting).collect()
}
