use std::{collections::BTreeMap, ffi::OsString, fs, io, path::Path};

use ruma::owned_server_name;
use toml::de::{DeTable, DeValue};

use super::{Config, ConfigError, DEFAULT_FILE, Place, is_loopback, settings::Setting};

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
        let mut reader =
            Reader { config: Self::new(owned_server_name!("localhost")), places: BTreeMap::new() };
        reader.read_file(file, text)?;
        reader.read_variables(variables)?;
        if !reader.places.contains_key("server_name") {
            return Err(ConfigError::NoServerName { file: file.to_owned() });
        }
        reader.check_tls()?;
        Ok(reader.config)
    }
}

/// A configuration in the making, and where each of its settings was set last.
struct Reader {
    config: Config,
    places: BTreeMap<&'static str, Place>,
}

impl Reader {
    fn read_file(&mut self, file: &Path, text: &str) -> Result<(), ConfigError> {
        let folder = file.parent().map(Path::to_owned).unwrap_or_default();
        self.config.data = folder.join(&self.config.data);
        let place = |offset| Place::of_offset(file, text, offset);
        let table = DeTable::parse(text)
            .map_err(|error| place(error.span().map_or(0, |span| span.start)).error(error.message()))?;
        // In the order of the lines, so that the first mistake is the one that is told.
        let mut entries: Vec<_> = table.get_ref().iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in entries {
            let place = place(key.span().start);
            let key = key.get_ref();
            let Some(setting) = Setting::named(key) else {
                return Err(place.error(format!("there is no setting `{key}`")));
            };
            let value = match value.get_ref() {
                DeValue::String(text) => text.to_string(),
                DeValue::Integer(number) => number.to_string(),
                DeValue::Boolean(truth) => truth.to_string(),
                _ => return Err(place.error(format!("{key} must be a string or a whole number"))),
            };
            self.set(setting, &value, &folder, place)?;
        }
        Ok(())
    }

    fn read_variables(&mut self, variables: &Variables) -> Result<(), ConfigError> {
        for (name, value) in &variables.0 {
            let place = Place::Variable(name.clone());
            // `HEARTH_Data` is as unknown as `HEARTH_DOTA`.
            let key = name.strip_prefix(PREFIX).filter(|key| !key.contains(|c: char| c.is_lowercase()));
            let Some(setting) = key.and_then(|key| Setting::named(&key.to_lowercase())) else {
                return Err(place.error("there is no setting of this name"));
            };
            self.set(setting, value, Path::new(""), place)?;
        }
        Ok(())
    }

    fn set(
        &mut self,
        setting: &'static Setting,
        text: &str,
        folder: &Path,
        place: Place,
    ) -> Result<(), ConfigError> {
        if let Err(problem) = (setting.set)(&mut self.config, text, folder) {
            let problem = match &place {
                Place::Line { .. } => format!("{}: {problem}", setting.key),
                Place::Variable(_) => problem,
            };
            return Err(place.error(problem));
        }
        self.places.insert(setting.key, place);
        Ok(())
    }

    /// A certificate needs its key; and a listener that others reach needs a certificate that they can trust.
    fn check_tls(&self) -> Result<(), ConfigError> {
        let Config { tls_cert, tls_key, listen_federation, .. } = &self.config;
        let (key, problem) = match (tls_cert, tls_key, listen_federation) {
            (Some(_), None, _) => ("tls_cert", "tls_key, the key of this certificate, is missing"),
            (None, Some(_), _) => ("tls_key", "tls_cert, the certificate of this key, is missing"),
            (None, None, Some(address)) if !is_loopback(address) => {
                ("listen_federation", "beyond loopback, tls_cert and tls_key are needed")
            }
            _ => return Ok(()),
        };
        match self.places.get(key) {
            Some(place) => Err(place.clone().error(problem)),
            None => Ok(()),
        }
    }
}
